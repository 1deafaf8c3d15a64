"""Base models of the Hub: what is refused before any weights come."""

import json
import shutil

import pytest

from tests.tiny import LIMIT
from tuner import catalog


@pytest.fixture
def serve(hub, tiny_models, tmp_path):
    """Serves a tiny BERT as owner/model after `change(folder)`; returns its commit."""

    def serve_model(change=lambda folder: None, fault=""):
        folder = tmp_path / "served"
        shutil.copytree(tiny_models["bert"], folder)
        change(folder)
        return hub.add("model", "owner/model", folder, fault)

    return serve_model


def fetched(hub):
    """Files that were downloaded, not merely asked about."""
    return {
        request.path.rpartition("/")[2] for request in hub.requests if request.method == "GET" and "/resolve/" in request.path
    }


def changed_config(**changes):
    def change(folder):
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return change


def only_a_pickle(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


REFUSED = {
    "only a pickle": (only_a_pickle, "has no safetensors weights", set()),
    "code of its own": (changed_config(auto_map={"AutoModel": "evil.Model"}), "needs code of its own", {"config.json"}),
    "unknown type": (changed_config(model_type="llama"), "is of type 'llama'", {"config.json"}),
    "torn config": (lambda folder: (folder / "config.json").write_text("{oops"), "is damaged", {"config.json"}),
    "no config": (lambda folder: (folder / "config.json").unlink(), "has no config.json", set()),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_model_that_cannot_be_trained_is_refused_before_any_weights_come(case, serve, hub, tuner, csv):
    change, cause, files = REFUSED[case]
    serve(change)
    answer = tuner("train", "--data", csv(), "--model", "owner/model")
    assert answer.code == 2
    assert cause in answer.err
    assert len(answer.err.strip().splitlines()) == 2
    assert fetched(hub) == files
    assert tuner("runs", "--json").json == []


def test_tokens_are_counted_without_the_weights(serve, hub, tuner, csv):
    serve()
    assert tuner("preview", csv(), "--model", "owner/model", "--json").json["tokens"]["limit"] == LIMIT
    assert fetched(hub) == {"config.json", "tokenizer.json"}


def test_an_unknown_revision_is_refused(serve, tuner, csv):
    serve()
    answer = tuner("train", "--data", csv(), "--model", "owner/model", "--set", "model.revision=v9")
    assert answer.code == 2
    assert "'owner/model' has no such revision" in answer.err


def test_an_offered_model_whose_main_has_no_safetensors_is_asked_for_at_the_commit_that_has(hub, python):
    offer = next(offer for offer in catalog.BASE_MODELS if offer.revision)
    asked = f"""
        from tuner import modeling
        try:
            modeling.find_base_model({offer.name!r})
        except TunerError as error:
            print(json.dumps(str(error)))
    """
    python(asked)
    assert any(f"/{offer.name}/revision/{offer.revision}" in request.path for request in hub.requests)
