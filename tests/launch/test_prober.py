"""Several candidates, each in a child process of its own."""

import json
from collections import Counter

import numpy as np
import pytest

import tuner
from tests import tiny
from tuner import children
from tuner.cli import main
from tuner.errors import RunError, SettingsError, SourceError
from tuner.launch.prober import draw, probe


@pytest.mark.slow
def test_candidates_are_ranked_beside_baselines_and_a_broken_one_is_a_row(tiny_config, tiny_models, tmp_path, csv):
    config, told = tiny_config("bert", source=csv(120)), []
    names = [str(tmp_path / "gone"), str(tiny_models["gpt2"]), str(tiny_models["bert"]), f" {tiny_models['bert']} "]
    found = tuner.probe(config, names, lambda *progress: told.append(progress))
    assert {row.model for row in found.models[:2]} == set(names[1:3])
    assert found.models[0].macro_f1 >= found.models[1].macro_f1 > 0.6
    assert "There is no folder" in found.models[2].problem
    assert [row.model for row in found.baselines] == ["word counts", "the most frequent label"]
    assert found.baselines[1].macro_f1 == pytest.approx(1 / 3, abs=0.01)
    assert (found.best, found.folds) == (found.models[0].model, 5)
    assert told[0] == (0, 3 * found.rows, names[0])
    assert told[-1] == (3 * found.rows, 3 * found.rows, names[2])


@pytest.mark.slow
def test_the_command_prints_one_document(tiny_config, csv, capsys):
    config = tiny_config("bert", source=csv(60))
    options = ["--data", config.data.source, "--set", "training.precision=fp32", "--models", config.model.name, "--json"]
    assert main(["probe", *options]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"models", "baselines", "rows", "folds", "seed", "best", "tied", "says"} <= set(found)
    assert {"macro_f1", "accuracy", "macro_recall", "spread", "seconds_per_1000", "memory_mb", "parameters"} <= set(
        found["models"][0]
    )


@pytest.mark.slow
def test_the_command_prints_a_table_and_sentences(tiny_config, csv, capsys, tmp_path):
    config = tiny_config("bert", source=csv(60))
    assert main(["probe", "--data", config.data.source, "--models", config.model.name, str(tmp_path / "gone")]) == 0
    out = capsys.readouterr().out
    assert "macro F1" in out
    assert "word counts" in out
    assert "There is no folder" in out
    assert "It cannot tell how well a model ends up" in out


def test_a_child_that_dies_is_a_row(tiny_config, monkeypatch, csv):
    from tuner.data.labelled import load_labelled

    config = tiny_config("bert", source=csv(60))
    data = load_labelled(config.data)  # parses the table, which takes a child process, too
    monkeypatch.setattr("tuner.launch.prober.load_labelled", lambda config: data)
    monkeypatch.setattr(children.sys, "executable", "/bin/false")
    assert "ended without an answer" in probe(config, [config.model.name]).models[0].problem


@pytest.mark.parametrize(
    ("models", "sentence"),
    [
        ([], "models: none is named"),
        (["", "  "], "models: none is named"),
        ([f"owner/m{i}" for i in range(11)], "models: 11 are named; a probe takes at most 10"),
        (["x" * 1025], "has 1,025 characters; at most 1,024"),
    ],
)
def test_models_that_cannot_be_compared_are_refused(models, sentence, tiny_config):
    with pytest.raises(SettingsError, match=sentence):
        probe(tiny_config("bert"), models)


def test_all_mistakes_are_said_at_once(tiny_config, write):
    source = write("few.csv", "text,label\n" + "".join(f"text {i},{'pos' if i % 2 else 'neg'}\n" for i in range(9)))
    config = tiny_config("bert", source=source, data={"validation_size": 2, "test_size": 2})
    with pytest.raises(SettingsError) as refused:
        probe(config, ["x" * 1025] + [f"owner/m{i}" for i in range(10)])
    assert len(refused.value.problems) == 3
    assert "5 different training rows; a probe needs at least 10" in refused.value.problems[2]


def test_a_label_of_one_different_text_is_refused_by_name(tiny_config, write):
    lines = [f"{text},{label}" for text, label in tiny.labelled_rows(40)]
    source = write("rare.csv", "\n".join(["text,label", *lines, "just once,rare", "Just  once,rare"]) + "\n")
    config = tiny_config("bert", source=source)
    with pytest.raises(SettingsError, match="one different training row with the label 'rare'"):
        probe(config, [config.model.name])


def test_it_waits_for_no_run_but_says_which_is_going_on(tiny_config, queued):
    queued(tiny_config("bert"))
    with pytest.raises(RunError, match="is being trained"):
        probe(tiny_config("bert"), ["sample:minilm"])


def test_data_that_cannot_be_read_is_told(tiny_config):
    with pytest.raises(SourceError, match="no column 'gone'"):
        probe(tiny_config("bert", data={"label_column": "gone"}), ["sample:minilm"])


def test_rows_are_drawn_in_the_shares_of_their_labels_with_some_of_each():
    labels = np.repeat([0, 1, 2], [8_000, 1_992, 8])
    drawn = draw(labels, 1_000, seed=7)
    counts = Counter(labels[drawn].tolist())
    assert len(drawn) == len(set(drawn.tolist())) == 1_000
    assert counts[0] == round(995 * 8_000 / 9_992)
    assert counts[2] == 5


def test_the_same_seed_draws_the_same_rows_and_another_others():
    labels = np.arange(5_000) % 3
    assert (draw(labels, 1_000, seed=7) == draw(labels, 1_000, seed=7)).all()
    assert (draw(labels, 1_000, seed=7) != draw(labels, 1_000, seed=8)).any()


def test_many_labels_get_two_rows_each():
    labels = np.arange(4_000) % 400
    assert min(Counter(labels[draw(labels, 1_000, seed=0)].tolist()).values()) >= 2


def test_few_rows_are_all_taken():
    assert draw(np.arange(12) % 2, 1_000, seed=0).tolist() == list(range(12))
