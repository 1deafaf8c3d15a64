"""The classroom recipe from end to end: data set and GPT-2 of the Hub, as `train --preset seven-steps` runs it."""

import json
from pathlib import Path

import pytest
import yaml

from tests import tiny

LABELS = ["negative", "neutral", "positive"]


@pytest.fixture
def served(hub, files, tiny_models):
    """The commits of the data set and the base model."""
    rows = [
        {"id": f"{i:08x}", "text": text, "label": LABELS.index(label), "label_text": label}
        for i, (text, label) in enumerate(tiny.labelled_rows(100, tuple(LABELS)))
    ]
    parts = {"train.jsonl": rows[:60], "test.jsonl": rows[60:]}
    folder = files("tweet_sentiment", {name: "\n".join(map(json.dumps, part)) for name, part in parts.items()})
    assert "pad_token" not in json.loads((tiny_models["gpt2"] / "tokenizer_config.json").read_text())
    data = hub.add("dataset", "mteb/tweet_sentiment_extraction", folder)
    return data, hub.add("model", "openai-community/gpt2", tiny_models["gpt2"])


@pytest.mark.slow
def test_the_seven_steps(served, hub, tuner):
    outcome = tuner("train", "--preset", "seven-steps", "--set", "training.num_train_epochs=1", "--json").json
    folder = Path(outcome["folder"])
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert outcome["state"] == "completed"

    # 1 data set and 2 base model, pinned
    assert (config["data"]["revision"], config["model"]["revision"]) == served
    # 3 padded to the model's full length, so that every step is as long as the next
    assert (config["model"]["max_length"], config["model"]["pad_to_max_length"]) == (tiny.LIMIT, True)
    # 4 label names from the column beside the numbers
    model = json.loads((folder / "model" / "config.json").read_text())
    assert [model["id2label"][str(i)] for i in range(3)] == LABELS
    # 5 batch 1 × 4: 60 rows are 15 steps
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    assert config["training"]["per_device_train_batch_size"] * config["training"]["gradient_accumulation_steps"] == 4
    assert max(event.get("step", 0) for event in events) == 15
    # 6 the evaluation counts right answers, over all 40 test rows
    report = json.loads((folder / "report.json").read_text())
    assert report["n"] == 40
    assert outcome["metrics"]["eval_accuracy"] == pytest.approx(outcome["metrics"]["accuracy"])

    # 7 the folder is an ordinary model
    from transformers import pipeline

    answers = pipeline("text-classification", model=str(folder / "model"), top_k=None)(["i love this song"])[0]
    assert sorted(answer["label"] for answer in answers) == LABELS
    assert not [request for request in hub.requests if request.authorization]
