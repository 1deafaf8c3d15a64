"""What is offered by name."""

import importlib
import json

import pytest

from tuner import catalog, modeling
from tuner.config import RunConfig
from tuner.data.sources import kind_of


@pytest.mark.parametrize(("module", "enum"), [("trainer_utils", "SchedulerType"), ("training_args", "OptimizerNames")])
def test_choices_read_from_the_source_are_those_of_the_library(module, enum):
    real = getattr(importlib.import_module(f"transformers.{module}"), enum)
    assert catalog.library_choices(module, enum) == tuple(member.value for member in real)


# Schedulers that cannot run without further settings.
_VALIDATED = {"eval_strategy": "steps", "eval_steps": 1}
NEEDED = {
    "warmup_stable_decay": {"lr_scheduler_kwargs": {"num_decay_steps": 1}},
    "reduce_lr_on_plateau": {**_VALIDATED, "save_strategy": "no"},
    "greedy": {**_VALIDATED, "save_strategy": "no"},
}


def test_an_enum_that_is_gone_is_told():
    with pytest.raises(LookupError, match="no Nope"):
        catalog.library_choices("trainer_utils", "Nope")


def test_every_scheduler_and_optimizer_offered_is_accepted():
    for name in catalog.schedulers():
        assert RunConfig(training={"lr_scheduler_type": name, **NEEDED.get(name, {})}).training.lr_scheduler_type == name
    for name in catalog.optimizers():
        assert RunConfig(training={"optim": name}).training.optim == name


@pytest.mark.slow
@pytest.mark.parametrize("name", catalog.schedulers())
def test_every_scheduler_offered_trains(name, train_here, tiny_config):
    run = train_here(tiny_config(lr_scheduler_type=name, max_steps=3, **NEEDED.get(name, {})))
    assert run.status.state == "completed"


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


def test_every_offered_model_has_all_its_facts():
    for offer in catalog.BASE_MODELS:
        assert all([offer.title, offer.languages, offer.pretraining, offer.licence, offer.take_when]), offer.name
        assert 10**7 < offer.parameters < 10**9
        assert offer.max_length in (512, 1_024, 8_192)
        assert offer.summary.startswith(f"{offer.title}, {offer.parameters / 1e6:.3g} M parameters, ")
    assert len({offer.name for offer in catalog.BASE_MODELS}) == len(catalog.BASE_MODELS)


def test_the_sample_s_facts_are_those_of_its_weights():
    offer, base = catalog.offered_model("sample:minilm"), modeling.find_base_model("sample:minilm")
    assert offer.parameters == sum(parameter.numel() for parameter in modeling.load_encoder(base).parameters())
    assert offer.max_length == base.limit


def test_a_model_that_is_not_offered_has_no_offer():
    assert catalog.offered_model("owner/other") is None


def test_the_command_lists_them(capsys):
    from tuner.cli import main

    assert main(["models", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [model["name"] for model in listed] == [offer.name for offer in catalog.BASE_MODELS]
    assert {"title", "parameters", "languages", "pretraining", "max_length", "licence", "take_when"} <= set(listed[0])
    assert main(["models"]) == 0
    assert "Take it when" in capsys.readouterr().out
