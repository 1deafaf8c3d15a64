"""One POST to /predict, past Gradio: the same rights, and nothing of the page's is kept from it."""

import asyncio
import json

import httpx
import pytest

from tests.hub.conftest import environment, hf_home, hub, trained, tuner  # noqa: F401 (fixtures)
from tests.ui.test_people import anna_s, request_of, space  # noqa: F401 (fixtures)
from tuner.ui.context import Context
from tuner.ui.questions import PATH, Questions


async def gradio(scope, receive, send):
    """Stands for Gradio: gives back what came."""
    message = await receive()
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": message["body"]})


def post(body, name="", context=None, path=PATH):
    """What somebody's POST is answered with; bytes as they are, else as JSON."""
    questions = Questions(gradio, context or Context(local=False))

    async def app(scope, receive, send):
        await questions(scope | request_of(name).request.scope, receive, send)

    async def ask():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
            return await client.post(path, content=body if isinstance(body, bytes) else json.dumps(body))

    return asyncio.run(ask())


def test_a_run_answers_who_may_see_it(anna_s):  # noqa: F811
    answered = post({"data": [anna_s.id, ["the film was great"]]}, "anna")
    assert answered.status_code == 200
    assert answered.json()["data"][0][0]["text"] == "the film was great"


@pytest.mark.parametrize("name", ["ben", ""])
def test_nobody_learns_of_a_run_of_somebody_else(anna_s, name):  # noqa: F811
    answered = post({"data": [anna_s.id, ["the film was great"]]}, name)
    assert answered.status_code == 500
    assert answered.json()["error"].startswith(f"There is no run '{anna_s.id}'")


@pytest.mark.parametrize("texts", [[], "a text", [1], [""], None])
def test_what_cannot_be_answered_is_said_in_a_sentence(anna_s, texts):  # noqa: F811
    answered = post({"data": [anna_s.id, texts]}, "anna")
    assert answered.status_code == 500
    assert answered.json()["error"].endswith(".")


PASSED_ON = {
    "a function of the page": {"data": ["a", ["b"]], "fn_index": 7, "session_hash": "x"},
    "no JSON": b"{",
    "JSON without a bottom": b"[" * 100_000,
    "bytes that are no text": b"\xff\xfe{}",
    "a list": [],
    "a value too many": {"data": ["a", ["b"], 3]},
    "no values": {},
    "values that are no list": {"data": "ab"},
    "a token that is none": {"data": ["a", ["b"]], "oauth_token": 7},
}


@pytest.mark.parametrize("body", PASSED_ON.values(), ids=PASSED_ON)
def test_everything_else_reaches_gradio_as_it_came(body):
    answered = post(body)
    assert (answered.status_code, answered.content) == (299, body if isinstance(body, bytes) else json.dumps(body).encode())


def test_other_paths_reach_gradio():
    assert post({"data": ["a", ["b"]]}, path="/gradio_api/run/explain").status_code == 299
