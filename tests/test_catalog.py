"""What is offered by name."""

import importlib

import pytest

from tuner import catalog, modeling
from tuner.config import RunConfig
from tuner.data.sources import kind_of


@pytest.mark.parametrize(("module", "enum"), [("trainer_utils", "SchedulerType"), ("training_args", "OptimizerNames")])
def test_choices_read_from_the_source_are_those_of_the_library(module, enum):
    real = getattr(importlib.import_module(f"transformers.{module}"), enum)
    assert catalog.library_choices(module, enum) == tuple(member.value for member in real)


def test_an_enum_that_is_gone_is_told():
    with pytest.raises(LookupError, match="no Nope"):
        catalog.library_choices("trainer_utils", "Nope")


def test_every_scheduler_and_optimizer_offered_is_accepted():
    for name in catalog.schedulers():
        assert RunConfig(training={"lr_scheduler_type": name}).training.lr_scheduler_type == name
    for name in catalog.optimizers():
        assert RunConfig(training={"optim": name}).training.optim == name


@pytest.mark.slow
@pytest.mark.parametrize("name", catalog.schedulers())
def test_every_scheduler_offered_trains(name, train_here, tiny_config):
    assert train_here(tiny_config(lr_scheduler_type=name, max_steps=3)).status.state == "completed"


@pytest.mark.slow
@pytest.mark.parametrize("name", catalog.optimizers())
def test_every_optimizer_offered_trains(name, train_here, tiny_config):
    assert train_here(tiny_config(optim=name, max_steps=3)).status.state == "completed"


def test_every_offered_model_has_a_name_that_can_be_looked_up():
    for offer in catalog.BASE_MODELS[1:]:
        assert modeling.HUB_ID.fullmatch(modeling._ONE_WORD_NAMES.get(offer.name, offer.name))


def test_every_offered_data_set_is_a_source():
    assert [kind_of(offer.name) for offer in catalog.DATASETS] == ["sample", "hub", "hub", "hub"]


def test_the_default_preset_exists():
    assert catalog.DEFAULT_PRESET in catalog.PRESETS
    assert all(name == preset.name for name, preset in catalog.PRESETS.items())
