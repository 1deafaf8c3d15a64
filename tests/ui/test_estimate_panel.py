"""A measured time is shown for the settings it was measured with, and for no others."""

import re

import pytest

from tuner.config import RunConfig
from tuner.data.files import store_uploads
from tuner.errors import SettingsError
from tuner.hardware import Device
from tuner.ui.context import Context
from tuner.ui.estimate_panel import _key, _line


@pytest.mark.parametrize(
    "changes",
    [
        {"data": {"max_train_samples": 100}},
        {"model": {"max_length": 64}},
        {"augmentation": {"copies": 2}},
        {"training": {"per_device_train_batch_size": 4}},
        {"training": {"adversarial_epsilon": 1.0}},
        {"training": {"weight_averaging": 0.5}},
        {"training": {"max_grad_norm": 0.0}},
        {"training": {"layerwise_lr_decay": 0.9}},
        {"training": {"head_learning_rate": 1e-3}},
    ],
    ids=lambda changes: next(iter(next(iter(changes.values())))),
)
def test_what_changes_a_step_asks_for_a_new_timing(changes):
    assert _key(RunConfig().with_changes(changes)) != _key(RunConfig())


def test_what_changes_only_how_many_steps_there_are_keeps_the_timing():
    longer = {"training": {"num_train_epochs": 9, "learning_rate": 1e-4, "eval_strategy": "no", "gradient_accumulation_steps": 2}}
    assert _key(RunConfig().with_changes(longer)) == _key(RunConfig())


def test_a_base_model_that_is_not_found_hides_nothing_that_the_machine_refuses(monkeypatch):
    monkeypatch.setattr("tuner.training.fitting.describe", lambda: Device("cpu", "1 CPU core", bf16=False))
    config = RunConfig(model={"name": "/nowhere"}, training={"precision": "fp16"})
    with pytest.raises(SettingsError, match=r"training\.precision = 'fp16'.*'/nowhere'"):
        _line(Context(), config, None)


def test_the_line_names_the_data(csv, tiny_models):
    """Once nothing on Train said what it trains on: after a reload that was the sample again."""
    context = Context()
    config = RunConfig(
        data={"source": store_uploads([csv(60, name="shop.csv")])},
        model={"name": str(tiny_models["bert"])},
    )
    assert "shop.csv: Look at the data first" in _line(context, config, None)
    context.data(config.data)
    assert re.search(r">shop\.csv: \d+ steps over \d+ rows", _line(context, config, None))
