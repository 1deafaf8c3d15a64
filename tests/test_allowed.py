"""What a setting may be, read off the setting itself."""

import pytest

from tuner.allowed import allowed
from tuner.config import RunConfig, fields
from tuner.errors import SettingsError

INFO = {f"{section}.{field}": (field, info) for section, field, info in fields()}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("training.learning_rate", "1e-07 to 0.1"),
        ("training.label_smoothing_factor", "at least 0, below 1"),
        ("training.num_train_epochs", "above 0, at most 1,000"),
        ("model.lora", "1 to 1,024"),
        ("training.eval_strategy", "epoch, steps, no"),
        ("training.report_to", "tensorboard, trackio, wandb"),
        ("model.layer_selection", "first, last, spread"),
        ("data.source", ""),
        ("model.keep_head", ""),
    ],
)
def test_names_and_bounds_in_words(name, words):
    assert allowed(*INFO[name]) == words


@pytest.mark.parametrize(("name", "beyond"), [("training.weight_decay", 1.5), ("augmentation.copies", 21), ("model.lora", 0)])
def test_what_lies_beyond_is_refused(name, beyond):
    section, field = name.split(".")
    with pytest.raises(SettingsError, match=field):
        RunConfig(**{section: {field: beyond}})
