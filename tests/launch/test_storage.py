"""Checkpoints on a Space, against what is left of a person's storage."""

import pytest

from tuner import runs
from tuner.access import Person, acting
from tuner.errors import AccessError, SettingsError
from tuner.launch.estimate import estimate
from tuner.launch.local import prepare

SAVED = {"eval_strategy": "steps", "eval_steps": 1, "save_strategy": "steps", "save_steps": 1}


@pytest.fixture
def config(tiny_config, monkeypatch):
    """Settings that keep ten checkpoints of a person who has storage for four, one of them while it is written."""
    config = tiny_config(**SAVED, save_total_limit=10)
    three, four = (estimate(config.with_changes({"training": {"save_total_limit": n}})).disk for n in (3, 4))
    monkeypatch.setenv("TUNER_MAX_GIGABYTES", str((three + four) / 2e9))
    with acting(Person("anna", "hf_anna")):
        yield config


def fewer(config, kept):
    return config.with_changes({"training": {"save_total_limit": kept}})


def test_more_checkpoints_than_fit_are_refused_with_how_many_would(config):
    """Once a single run with a thousand checkpoints filled the disk of everybody."""
    with pytest.raises(SettingsError, match=r"save_total_limit = 10: the checkpoints take about .* are left here; give 2 to 3"):
        prepare(config)
    assert prepare(fewer(config, 3)).training.save_total_limit == 3


def test_a_model_that_does_not_fit_is_refused(config, monkeypatch):
    monkeypatch.setenv("TUNER_MAX_GIGABYTES", "0.0001")
    for settings in (config, fewer(config, 2)):
        with pytest.raises(AccessError, match="checkpoints and the model take about"):
            prepare(settings)


def test_a_run_that_waits_is_as_large_as_it_will_be(config):
    first = runs.create(prepare(fewer(config, 3)), "anna")
    with pytest.raises(AccessError):
        prepare(fewer(config, 2))
    runs.write_status(first, state="stopped")
    prepare(fewer(config, 2))


def test_who_has_no_limit_keeps_as_many_as_they_like(config):
    with acting(Person("chief", "hf_chief", owner=True)):
        assert prepare(config).training.save_total_limit == 10
