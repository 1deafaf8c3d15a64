"""Altered copies in whole runs: of training rows alone, the same again, and refused in time."""

import json

import pytest

from tuner import augmentation, modeling
from tuner.augmentation import STRATEGIES, with_copies
from tuner.config import AugmentationConfig
from tuner.data.labelled import load_labelled
from tuner.errors import ModelError
from tuner.launch.local import prepare

RATES = {name: 0.5 for name in STRATEGIES if name not in ("synonyms", "neighbours")}


@pytest.fixture
def made(tiny_config, csv):
    """(data, data with copies) for settings of the section."""

    def make(architecture="bert", **settings):
        config = tiny_config(architecture, source=csv(60)).with_changes({"augmentation": settings})
        data = load_labelled(config.data)
        return data, with_copies(config, data, modeling.find_base_model(config.model.name))

    return make


def test_every_field_is_read():
    assert set(AugmentationConfig.model_fields) == {*STRATEGIES, "copies", "seed"}


@pytest.mark.parametrize("strategy", RATES)
def test_a_rate_adds_altered_copies_to_train_alone(strategy, made):
    data, more = made(**{strategy: 0.5})
    rows = len(data.splits["train"])
    assert len(more.splits["train"]) > rows
    assert more.splits["train"].texts[:rows] == data.splits["train"].texts
    assert set(more.splits["train"].texts[rows:]).isdisjoint(data.splits["train"].texts)
    assert (more.splits["validation"], more.splits["test"]) == (data.splits["validation"], data.splits["test"])


def test_copies_have_the_label_and_the_id_of_their_row(made):
    data, more = made(swap=0.5)
    label = dict(zip(data.splits["train"].row_ids, data.splits["train"].labels, strict=True))
    assert all(label[row] == given for row, given in zip(more.splits["train"].row_ids, more.splits["train"].labels, strict=True))


def test_more_copies_are_more_rows(made):
    assert len(made(typos=0.5, copies=3)[1].splits["train"]) > len(made(typos=0.5)[1].splits["train"])


def test_the_seed_decides_the_copies(made):
    texts = [made(typos=0.5, seed=seed)[1].splits["train"].texts for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]


def test_the_fingerprint_stays_that_of_the_rows(made):
    data, more = made(swap=0.5)
    assert more.fingerprint == data.fingerprint
    assert "altered copies were added" in more.notes[-1]


def test_without_rates_the_data_stays_as_it_is(made):
    data, more = made()
    assert more is data


def test_a_run_trains_on_the_copies(tiny_config, csv, train_here):
    """60 rows are 49 to train on; a copy of each makes more steps of an epoch."""
    config = tiny_config("bert", source=csv(60), max_steps=-1, num_train_epochs=1)
    steps = [train_here(c).status.max_steps for c in (config, config.with_changes({"augmentation": {"swap": 0.5}}))]
    assert steps[1] >= 1.9 * steps[0]


def test_masked_words_need_a_head_that_fills_them(tiny_config):
    with pytest.raises(ModelError, match="mask"):
        prepare(tiny_config("gpt2").with_changes({"augmentation": {"masked": 0.1}}))


def test_the_command_line_shows_examples(csv, tiny_models, capsys):
    from tuner.cli import main

    options = ["--model", str(tiny_models["bert"]), "--set", "augmentation.swap=0.3", "--json"]
    assert main(["preview", str(csv(60)), *options]) == 0
    shown = json.loads(capsys.readouterr().out)["augmented"]
    assert shown
    assert all(row["text"] != row["altered"] and row["strategies"] == ["swap"] for row in shown)


def test_the_preview_is_what_the_run_gets(made):
    data, more = made(swap=0.5)
    config = AugmentationConfig(swap=0.5)
    shown = augmentation.preview(data.splits["train"].texts, config, None, config.seed)
    assert {altered for _, altered, _ in shown} <= set(more.splits["train"].texts)
