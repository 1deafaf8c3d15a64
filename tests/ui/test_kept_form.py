"""The settings that a browser kept."""

import pytest

from tuner import catalog
from tuner.config import RunConfig
from tuner.ui.context import Context
from tuner.ui.kept_form import kept, restored

TRAINING = {"learning_rate": 3e-4, "num_train_epochs": 4}


def test_settings_come_back():
    config = RunConfig(name="mine", training=TRAINING, model={"lora": 4}, data={"test_size": 0.25})
    assert restored(Context(), kept(config, "mine")) == config


@pytest.mark.parametrize("settings", ["", "no: settings", "training: [", "training:\n  learning_rate: 99\n"])
def test_what_is_none_is_as_on_the_first_day(settings):
    assert restored(Context(), settings) == RunConfig()


@pytest.mark.parametrize("source", ["upload:0123456789abcdef", "/gone/rows.csv"])
def test_data_that_cannot_be_read_any_more_takes_nothing_else_with_it(source):
    """A login that had ended once took the whole form."""
    config = RunConfig(data={"source": source, "text_column": "review"}, model={"lora": 4}, training=TRAINING)
    found = restored(Context(local=False), kept(config, ""))
    assert (found.data, found.model, found.training) == (RunConfig().data, config.model, config.training)


def test_a_model_that_is_gone_takes_nothing_else_with_it():
    config = RunConfig(model={"name": "run:20200101-000000-abcdef", "lora": 4}, training=TRAINING)
    found = restored(Context(), kept(config, ""))
    assert (found.model.name, found.model.lora, found.training) == (catalog.SAMPLE_MINILM, 4, config.training)
