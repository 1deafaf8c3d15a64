"""The library's trackers get the curves, within the run's folder."""

import importlib.util

import pytest

from tuner import runs
from tuner.config import RunConfig
from tuner.errors import SettingsError
from tuner.launch.local import prepare
from tuner.launch.study import prepared
from tuner.study import worker
from tuner.study.plan import StudyConfig
from tuner.training.build import training_arguments


def test_a_tracker_that_is_not_installed_is_refused_before_the_start(monkeypatch, tiny_config):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "wandb" else found(name, *rest))
    with pytest.raises(SettingsError, match=r"report_to = 'wandb': the package is not installed; run `pip install wandb`"):
        prepare(tiny_config(report_to=["wandb"]))


def test_an_unknown_tracker_is_refused():
    with pytest.raises(SettingsError, match=r"training\.report_to"):
        RunConfig(training={"report_to": ["clipboard"]})


def test_no_space_is_made_of_a_tracked_run(tmp_path):
    assert training_arguments(RunConfig().training, tmp_path, "cpu").trackio_static_space_id is False


@pytest.fixture
def own_environment(monkeypatch):
    """What a worker sets in this process is taken back."""
    for name in ("TENSORBOARD_LOGGING_DIR", "TRACKIO_DIR", "WANDB_DIR", "WANDB_MODE"):
        monkeypatch.setenv(name, "x")


@pytest.mark.slow
@pytest.mark.usefixtures("own_environment")
def test_every_trial_of_a_study_has_curves_of_its_own(tiny_config):
    """Once they were written among a trial's checkpoints and went with them."""
    config = tiny_config(report_to=["tensorboard"], max_steps=2)
    run = runs.create(prepared(config, StudyConfig(kind="repeat", seeds=2)), kind="repeat", plan="kind: repeat\nseeds: 2\n")
    worker.main(run.id)
    assert {path.parts[-3] for path in run.folder.glob("trackers/**/events.out*")} == {"trial-1", "trial-2"}


@pytest.mark.slow
@pytest.mark.usefixtures("own_environment")
def test_tensorboard_gets_loss_rate_and_validation_scores(train_here, tiny_config):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = train_here(tiny_config(report_to=["tensorboard"], eval_strategy="steps", eval_steps=2))
    found = EventAccumulator(str(run.folder / "trackers" / "tensorboard"))
    found.Reload()
    assert {"train/loss", "train/learning_rate", "eval/accuracy"} <= set(found.Tags()["scalars"])
    assert len(found.Scalars("train/loss")) == 4
