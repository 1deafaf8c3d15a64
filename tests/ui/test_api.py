"""The endpoints, called by somebody else's client."""

import json
import time

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from tuner import runs
from tuner.config import RunConfig
from tuner.errors import SettingsError
from tuner.runs import LIVING
from tuner.ui import api


@pytest.fixture(scope="module")
def client(server):
    return Client(server, verbose=False)


@pytest.fixture(scope="module")
def settings(tiny_models, tmp_path_factory):
    from tests import tiny

    path = tmp_path_factory.mktemp("data") / "rows.csv"
    rows = [f"{text},{label}" for text, label in tiny.labelled_rows(60, ("neg", "pos"))]
    path.write_text("\n".join(["text,label", *rows]))
    training = {
        "max_steps": 3,
        "per_device_train_batch_size": 4,
        "eval_strategy": "no",
        "save_strategy": "no",
        "precision": "fp32",
    }
    return {
        "data": {"source": str(path)},
        "model": {"name": str(tiny_models["bert"])},
        "training": training,
        "name": "by a client",
    }


@pytest.fixture(scope="module")
def run_id(client, settings):
    """A run that a client started and waited for."""
    run = client.predict(settings, api_name="/start_run")["run_id"]
    for _ in range(240):
        if client.predict(run, api_name="/run_status")["state"] not in LIVING:
            return run
        time.sleep(0.5)
    raise AssertionError(client.predict(run, api_name="/run_status"))


@pytest.mark.slow
def test_a_started_run_completes_and_says_so(client, run_id):
    status = client.predict(run_id, api_name="/run_status")
    assert (status["state"], status["step"], status["max_steps"]) == ("completed", 3, 3)
    assert {"message", "metrics"} <= set(status)


@pytest.mark.slow
def test_events_go_on_from_an_offset(client, run_id):
    first = client.predict(run_id, 0, api_name="/run_events")
    assert first["events"]
    assert client.predict(run_id, first["offset"], api_name="/run_events") == {"events": [], "offset": first["offset"]}


@pytest.mark.slow
def test_a_run_predicts(client, run_id):
    (answer,) = client.predict(run_id, ["i love this film"], api_name="/predict")
    assert set(answer) == {"text", "label", "probabilities"}
    assert set(answer["probabilities"]) == {"neg", "pos"}


@pytest.mark.slow
@pytest.mark.parametrize("session", [{}, {"session_hash": "somebody"}])
def test_one_post_gets_the_same_answer(client, run_id, session):
    question = {"data": [run_id, ["i love this film"]], **session}
    answered = httpx.post(f"{client.src}gradio_api/run/predict", json=question, timeout=60).json()["data"][0]
    assert answered == client.predict(run_id, ["i love this film"], api_name="/predict")


@pytest.mark.slow
def test_a_run_explains(client, run_id):
    found = client.predict(run_id, "i love this film", "pos", api_name="/explain")
    assert (found["label"], found["method"], found["unit"]) == ("pos", "leave_one_out", "probability points")
    assert [word["text"] for word in found["words"]] == ["i", "love", "this", "film"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("asked", "why"), [(["", "pos"], "nothing to see"), (["fine", "POS"], "no label"), (["fine", "pos", "x"], "no method")]
)
def test_what_cannot_be_explained_is_said(client, run_id, asked, why):
    with pytest.raises(AppError, match=why):
        client.predict(run_id, *asked, api_name="/explain")


@pytest.mark.slow
def test_two_models_are_compared(client, run_id, settings, server_home):
    folder = str(server_home / "runs" / run_id / "model")
    found = client.predict([run_id, folder], settings["data"]["source"], "test", api_name="/compare")
    assert found["comparisons"][0]["differences"][0]["difference"] == 0
    assert found["disagreements"] == 0


@pytest.mark.slow
def test_a_run_is_evaluated_on_another_source(client, run_id, settings):
    report = client.predict(run_id, settings["data"]["source"], "validation", api_name="/evaluate")
    assert report["split"] == "validation"
    assert report["n"] == sum(map(sum, report["confusion_matrix"]))


@pytest.mark.slow
@pytest.mark.parametrize("named", ["body", ["body"]])
def test_the_columns_of_another_source_are_named(client, run_id, named, server_home, tmp_path):
    """Guessed would be the longer text and its neighbour."""
    rows = [{"body": f"the film was {word}", "longer": "nothing of interest to anybody at all", "mark": mark, "kind": "pos"}
            for word, mark in [("good", "pos"), ("bad", "neg")] * 10]  # fmt: skip
    path = tmp_path / "columns.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    report = client.predict(run_id, str(path), "all", named, "mark", api_name="/evaluate")
    assert [scores["support"] for scores in report["per_class"].values()] == [10, 10]
    folder = str(server_home / "runs" / run_id / "model")
    assert client.predict([run_id, folder], str(path), "all", named, "mark", api_name="/compare")["n"] == 20


@pytest.mark.slow
def test_columns_that_are_none_are_refused(client, run_id, settings):
    with pytest.raises(AppError, match="text_column = 5 names no column"):
        client.predict(run_id, settings["data"]["source"], "test", 5, api_name="/evaluate")


@pytest.mark.slow
def test_a_completed_run_is_listed_and_cannot_be_stopped_or_resumed(client, run_id):
    assert run_id in [row["run_id"] for row in client.predict(api_name="/list_runs")]
    for action in ("/stop_run", "/resume_run"):
        with pytest.raises(AppError, match="is completed"):
            client.predict(run_id, api_name=action)


@pytest.mark.slow
def test_a_run_is_deleted(client, settings):
    run = client.predict(settings, api_name="/start_run")["run_id"]
    client.predict(run, api_name="/stop_run")
    while client.predict(run, api_name="/run_status")["state"] in LIVING:
        time.sleep(0.3)
    assert client.predict(run, api_name="/delete_run")["deleted"]
    with pytest.raises(AppError, match="There is no run"):
        client.predict(run, api_name="/run_status")


def test_preview_gives_the_profile(client, settings):
    profile = client.predict(
        settings["data"]["source"], "", "test", "text", "label", settings["model"]["name"], api_name="/preview"
    )
    assert profile["labels"] == ["neg", "pos"]
    assert {row["label"] for row in profile["sample"]} <= {"neg", "pos"}


MISTAKES = {
    "an unknown run": ("/run_status", ["../../etc"]),
    "settings that are a list": ("/start_run", [[1, 2]]),
    "a setting out of range": ("/start_run", [{"training": {"learning_rate": -1}}]),
    "an unknown source": ("/preview", ["text"]),
    "no text": ("/predict", ["x", []]),
    "a text to explain that is a list": ("/explain", ["x", ["a"]]),
    "texts that are numbers": ("/predict", ["x", [1, 2]]),
}


@pytest.mark.parametrize(("endpoint", "arguments"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_gets_a_sentence_and_no_traceback(client, endpoint, arguments):
    with pytest.raises(AppError) as caught:
        client.predict(*arguments, api_name=endpoint)
    assert str(caught.value).endswith(".")
    assert "Traceback" not in str(caught.value)


WRONG_KINDS = {
    "a run that is none": ("run_status", [None], "run_id = None is no text"),
    "a run that is a number": ("stop_run", [5], "run_id = 5 is no text"),
    "an offset in letters": ("run_events", ["latest", "x"], "offset = 'x' is no number from 0"),
    "an offset past every file": ("run_events", ["latest", 1e18], "offset = 1e[+]18 is no number from 0"),
    "an offset below 0": ("run_events", ["latest", -1], "offset = -1 is no number from 0"),
    "no place": ("move_run", ["latest", None], "place = None is no number from 0"),
}


@pytest.mark.parametrize(("endpoint", "arguments", "cause"), WRONG_KINDS.values(), ids=WRONG_KINDS)
def test_an_argument_of_the_wrong_kind_is_named_with_its_value(endpoint, arguments, cause):
    """Once "Something went wrong inside Tuner"."""
    runs.create(RunConfig())
    with pytest.raises(SettingsError, match=cause):
        getattr(api, endpoint)(*arguments)


@pytest.mark.slow
def test_a_client_asks_what_a_run_would_take(client, settings):
    found = client.predict(settings, api_name="/estimate")
    assert (found["steps"], found["timed"], found["doubts"]) == (3, False, [])


@pytest.mark.slow
def test_only_a_queued_run_is_moved(client, run_id):
    with pytest.raises(AppError, match="only a queued run can be moved"):
        client.predict(run_id, 1, api_name="/move_run")
