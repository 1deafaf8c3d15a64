"""The learning-rate finder apart from the app's process."""

import pytest

from tuner import children, runs
from tuner.errors import RunError, RunFailed, SourceError
from tuner.launch import finder
from tuner.launch.local import prepare
from tuner.training import lr_finder


@pytest.mark.slow
def test_the_child_s_curve_is_that_of_the_function_with_progress(tiny_config):
    config, steps = tiny_config("bert"), []
    curve = finder.find_learning_rate(config, lambda step, all_steps: steps.append((step, all_steps)))
    assert curve.rates == pytest.approx(lr_finder.find_learning_rate(config).rates)
    assert curve.losses == pytest.approx(lr_finder.find_learning_rate(config).losses, rel=1e-4)
    assert steps[0] == (1, 60)


def test_it_waits_for_no_run_but_says_which_is_going_on(tiny_config, queued):
    run = queued(tiny_config("bert"))
    with pytest.raises(RunError, match="is being trained"):
        finder.find_learning_rate(tiny_config("bert"))
    assert runs.get(run.id).status.state == "queued"


def test_what_a_training_refuses_is_refused_here(tiny_config):
    with pytest.raises(SourceError, match="no column 'gone'"):
        finder.find_learning_rate(tiny_config("bert", data={"label_column": "gone"}))


def test_a_child_that_dies_is_a_sentence(tiny_config, monkeypatch):
    config = prepare(tiny_config("bert"))  # parses the table, which takes a child process, too
    monkeypatch.setattr(children.sys, "executable", "/bin/false")
    with pytest.raises(RunFailed, match="ended without an answer"):
        finder.find_learning_rate(config)
