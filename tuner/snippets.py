"""The same model from another program: snippets of code, filled in."""

import json
import shlex

_PYTHON = """from transformers import pipeline

classifier = pipeline("text-classification", {model})
print(classifier({text}, top_k=None, truncation=True, max_length={max_length}))"""
_PYTHON_WITH_TEMPERATURE = """import torch
from transformers import pipeline

classifier = pipeline("text-classification", {model})
logits = classifier({text}, top_k=None, truncation=True, max_length={max_length}, function_to_apply="none")
# {temperature} is the temperature that was fitted on validation rows: without it the answers are too sure, or not sure enough.
shares = (torch.tensor([row["score"] for row in logits]) / {temperature}).softmax(0)
print({{row["label"]: share for row, share in zip(logits, shares.tolist())}})"""
_CLIENT = """from gradio_client import Client

client = Client({url})
print(client.predict({name}, [{text}], api_name="/predict"))
print(client.predict({name}, {text}, api_name="/explain"))"""
_CURL = """curl -s {url}/gradio_api/run/predict -H "Content-Type: application/json" \\
    -d {body}"""
_CURL_WITH_QUEUE = """EVENT=$(curl -s {url}/gradio_api/call/predict -H "Content-Type: application/json" \\
    -d {body} | cut -d '"' -f 4)
curl -s -N {url}/gradio_api/call/predict/$EVENT"""


def snippets(
    name: str, text: str, *, location: str, max_length: int, temperature: float, url: str, queued: bool
) -> dict[str, str]:
    """ "python", "gradio_client", "curl" and "cli" → code that classifies `text`.

    Args:
        name: the model as Tuner's endpoints and commands take it.
        location: the model as transformers takes it: a folder, or a Hub id.
        max_length: tokens it reads.
        temperature: what its logits are divided by; the snippet with transformers alone does so too.
        url: where the app is, without a slash at its end.
        queued: whether a question waits there for its turn, and the answer is fetched.
    """
    body = json.dumps({"data": [name, [text]]}, ensure_ascii=False)
    python = _PYTHON if temperature == 1 else _PYTHON_WITH_TEMPERATURE
    words = shlex.join([name, text])
    return {
        "python": python.format(model=repr(location), text=repr(text), max_length=max_length, temperature=round(temperature, 6)),
        "gradio_client": _CLIENT.format(url=repr(url), name=repr(name), text=repr(text)),
        "curl": (_CURL_WITH_QUEUE if queued else _CURL).format(url=url, body=shlex.quote(body)),
        # After "--" a text may begin with a dash.
        "cli": f"python -m tuner predict --explain -- {words}"
        if text.startswith("-")
        else f"python -m tuner predict {words} --explain",
    }
