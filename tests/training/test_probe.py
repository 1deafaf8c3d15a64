"""One candidate of the base-model probe."""

import json

import numpy as np
import pytest

from tests import tiny
from tuner import modeling
from tuner.config import ModelConfig
from tuner.errors import ModelError, SettingsError
from tuner.training import probe
from tuner.training.probe import Task, examine, out_of_fold


@pytest.fixture
def task(tiny_models):
    def make(architecture="bert", rows=60, **changes):
        pairs = tiny.labelled_rows(rows)
        return Task(
            **{
                "name": architecture,
                "model": str(tiny_models[architecture]),
                "revision": None,
                "max_length": None,
                "precision": "fp32",
                "seed": 42,
                "folds": 5,
                "texts": [text for text, _ in pairs],
                "labels": [int(label == "pos") for _, label in pairs],
                "counted": [text for text, _ in pairs],
                **changes,
            }
        )

    return make


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_a_keyword_that_decides_the_label_is_found_by_every_architecture(architecture, task):
    assert examine(task(architecture, rows=120)).macro_f1 > 0.7  # the most frequent label alone: 0.33


def test_the_same_rows_and_seed_give_the_same_scores(task):
    measured = {"seconds_per_1000", "memory_mb"}
    assert examine(task()).model_dump(exclude=measured) == examine(task()).model_dump(exclude=measured)


def test_another_seed_makes_other_folds(task):
    assert examine(task()).fold_macro_f1 != examine(task(seed=1)).fold_macro_f1


def test_time_memory_parameters_and_length_stand_beside_the_score(task, tiny_models):
    done = []
    row = examine(task(), done.append)
    encoder = modeling.load_encoder(modeling.find_base_model(str(tiny_models["bert"])))
    assert row.parameters == sum(parameter.numel() for parameter in encoder.parameters())
    assert 0 < row.seconds_per_1000 < 60
    assert 0 <= row.memory_mb < 2_000
    assert row.max_length == 16  # the longest row has 13 tokens
    assert done[-1] == 60


def test_the_asked_max_length_cuts(task):
    assert examine(task(max_length=4)).macro_f1 < examine(task()).macro_f1


def test_a_max_length_over_the_model_s_limit_is_refused(task):
    with pytest.raises(SettingsError, match="over the limit"):
        examine(task(max_length=tiny.LIMIT + 1))


def test_scores_are_out_of_fold():
    """Features that say nothing let a model remember each of its own rows, and guess the others."""
    from sklearn.neighbors import KNeighborsClassifier

    features, labels = np.random.default_rng(0).normal(size=(400, 3)), np.arange(400) % 2
    scores = out_of_fold(KNeighborsClassifier(1), features, labels, folds=5, seed=0)
    assert KNeighborsClassifier(1).fit(features, labels).score(features, labels) == 1
    assert 0.35 < scores["accuracy"] < 0.65
    assert len(scores["fold_macro_f1"]) == 5


def test_embeddings_of_no_numbers_are_a_sentence(task, tmp_path, tiny_models):
    encoder = modeling.load_encoder(modeling.find_base_model(str(tiny_models["bert"])))
    encoder.embeddings.word_embeddings.weight.data[:] = float("nan")
    encoder.save_pretrained(tmp_path)
    for file in tiny_models["bert"].glob("tokenizer*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(ModelError, match="hold NaN"):
        examine(task(model=str(tmp_path)))


def test_the_child_says_how_far_it_is_and_what_it_found(task, write, capsys):
    import dataclasses

    assert probe.main(str(write("task", json.dumps(dataclasses.asdict(task()))))) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert said[0] == {"done": 60}
    assert said[-1]["macro_f1"] == examine(task()).macro_f1


def test_the_child_says_cause_and_cure(task, write, capsys):
    import dataclasses

    assert probe.main(str(write("task", json.dumps(dataclasses.asdict(task(model="nothing here")))))) == 2
    assert json.loads(capsys.readouterr().out)["cause"] == "'nothing here' is no base model."


def test_the_sample_says_where_everybody_finds_it():
    base = modeling.find_base_model(ModelConfig().name)
    assert base.origin == ("sentence-transformers/all-MiniLM-L6-v2", "1110a243fdf4706b3f48f1d95db1a4f5529b4d41")
