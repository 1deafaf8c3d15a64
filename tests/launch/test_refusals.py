"""All that speaks against settings is told at once, whoever says it."""

import pytest

from tuner.config import RunConfig
from tuner.errors import ModelError, SettingsError
from tuner.launch.refusals import ANY_MACHINE, told_at_once
from tuner.person import Person, acting


def problems(check=None, machine=None, **settings):
    with pytest.raises(SettingsError) as refused, told_at_once(check, machine):
        RunConfig(**settings)
    return refused.value.problems


WRONG = {"training": {"learning_rate": 9}}
RATE = "training.learning_rate = 9: must be"


def test_the_base_model_and_the_data_are_asked_about_what_is_right(tiny_models, csv):
    rate, layers, column = problems(
        data={"source": str(csv()), "label_column": "mood"},
        model={"name": str(tiny_models["bert"]), "num_hidden_layers": 99},
        **WRONG,
    )
    assert rate.startswith(RATE)
    assert layers.startswith("model.num_hidden_layers = 99: ")
    assert "There is no column 'mood'" in column


def test_beside_a_contradiction_too(tiny_models):
    clash, layers = problems(model={"name": str(tiny_models["bert"]), "freeze_layers": 99, "lora_alpha": 4})
    assert "model.lora_alpha = 4.0: not with model.lora empty" in clash
    assert layers.startswith("model.freeze_layers = 99: ")


def test_a_wrong_section_is_not_asked_about_at_its_defaults(csv):
    """The sample has no column "review", and it was not the sample that was meant."""
    given = {"source": str(csv()), "text_column": "review", "test_size": -1}
    (said,) = problems(data=given, model={"name": "sample:minilm"})
    assert said.startswith("data.test_size = -1: ")


def test_what_may_not_be_asked_is_not(tiny_models):
    def refuse(config):
        raise ModelError("Not here.", "")

    rate, said = problems(refuse, model={"name": str(tiny_models["bert"]), "num_hidden_layers": 99}, **WRONG)
    assert (rate.startswith(RATE), said) == (True, "Not here.")


def test_who_may_not_train_makes_nothing_be_read(tiny_models):
    with acting(Person("", None, local=False)):
        rate, said = problems(model={"name": str(tiny_models["bert"]), "num_hidden_layers": 99}, **WRONG)
    assert (rate.startswith(RATE), "99" in said) == (True, False)


def test_another_machine_may_have_what_this_one_lacks():
    given = {"training": {"learning_rate": 9, "precision": "fp16"}}
    assert (len(problems(**given)), len(problems(machine=ANY_MACHINE, **given))) == (2, 1)


def test_settings_that_are_right_are_not_looked_at_here():
    with told_at_once():
        assert RunConfig(model={"name": "nobody/nothing"}).model.name == "nobody/nothing"
