"""What a study may vary, and what is refused before anything is trained."""

import re

import pytest

from tuner.errors import SettingsError
from tuner.launch.study import prepared
from tuner.study.plan import Choices, Range, StudyConfig, flags_of, parse_over


def search(space, **more):
    return StudyConfig(**{"kind": "search", "space": space, "n_trials": 5, **more})


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("training.learning_rate=1e-5..2e-4:log", Range(low=1e-5, high=2e-4, log=True)),
        ("training.weight_decay = 0 .. 0.1", Range(low=0, high=0.1)),
        ("training.num_train_epochs=1,2,3", Choices(choices=[1, 2, 3])),
        ("model.lora=null,8", Choices(choices=[None, 8])),
        ("training.lr_scheduler_type=linear,cosine", Choices(choices=["linear", "cosine"])),
        ('training.class_weights=[null, "balanced"]', Choices(choices=[None, "balanced"])),
        ("training.learning_rate=1e-4", Choices(choices=[1e-4])),
    ],
)
def test_a_space_is_read_from_text_and_written_back(text, part):
    space = parse_over([text])
    assert list(search(space).space.values()) == [part]
    path = next(iter(space))
    assert search(parse_over([f"{path}={part}"])).space[path] == part


def test_texts_that_are_no_space_are_told_all_at_once():
    with pytest.raises(SettingsError) as caught:
        parse_over(["training.learning_rate", "=1,2", "x=a..b", "training.weight_decay=[1", f"x={'[' * 5_000}"])
    assert len(caught.value.problems) == 5


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({"training.rate": {"low": 0, "high": 1}}, "space.training.rate: is not a setting"),
        ({"training.learning_rate": {"low": 1e-4, "high": 9}}, "training.learning_rate = 9.0: must be 1e-07 to 0.1"),
        ({"training.learning_rate": {"low": 1e-3, "high": 1e-4}}, "low 0.001 must be below high 0.0001"),
        ({"training.weight_decay": {"low": 0, "high": 0.1, "log": True}}, "low 0 must be above 0 for a log range"),
        ({"training.weight_decay": {"low": 0, "high": 0.1, "steps": 3}}, "steps is not known here; known are low, high, log"),
        ({"training.num_train_epochs": {"choices": []}}, "choices = []: List should have at least 1 item"),
        ({"training.num_train_epochs": {"choices": [1, -1]}}, "training.num_train_epochs = -1: must be above 0, at most 1,000"),
        ({"training.lr_scheduler_type": {"choices": ["nope"]}}, "must be one of linear"),
        ({"training.lr_scheduler_type": {"low": 1, "high": 2}}, "takes no numbers"),
        ({"training.per_device_train_batch_size": {"low": 1, "high": 2.5}}, "takes whole numbers"),
        ({"training.warmup_steps": {"low": 0.5, "high": 20}}, "not all values of it can be used"),
        ({"data.max_train_samples": {"choices": [1, 2]}}, "the data decides what is measured"),
        ({"training.seed": {"choices": [1, 2]}}, "the best seed is luck"),
        ({"model.name": {"choices": ["a", "b"]}}, "the same base model"),
        ({"model.fingerprint": {"choices": ["a", "b"]}}, "the same base model"),
    ],
)
def test_what_cannot_be_varied_is_refused_with_field_and_range(space, said):
    with pytest.raises(SettingsError, match=re.escape(said)) as caught:
        search(space)
    assert len(caught.value.problems) == 1


def test_all_mistakes_are_told_at_once():
    space = {"training.learning_rate": {"low": 1, "high": 0.1}, "nope.x": {"choices": [1]}, "data.seed": {"choices": [1]}}
    with pytest.raises(SettingsError) as caught:
        StudyConfig(kind="search", space=space, trials=3, seeds=2)
    said = "\n".join(caught.value.problems)
    assert all(word in said for word in ("low 1", "nope.x", "data.seed", "trials is not known", "seeds = 2", "budget"))


@pytest.mark.parametrize("given", [{}, {"seeds": 1}, {"folds": 21}, {"seeds": 3, "folds": 3}, {"seeds": 3, "n_trials": 2}])
def test_repeats_are_over_seeds_or_folds(given):
    with pytest.raises(SettingsError):
        StudyConfig(kind="repeat", **given)


def test_a_plan_survives_its_file():
    plan = search({"training.learning_rate": {"low": 1e-5, "high": 1e-4, "log": True}, "model.lora": {"choices": [None, 4]}})
    assert StudyConfig.from_yaml(plan.to_yaml()) == plan


def test_choices_alone_are_not_tried_twice():
    space = {"training.num_train_epochs": {"choices": [1, 2]}, "model.lora": {"choices": [None, 4, 8]}}
    assert [search(space, n_trials=n).planned for n in (4, 50)] == [4, 6]
    assert search(space, n_trials=None, minutes=1).planned == 6


def test_settings_become_flags():
    assert flags_of({"training.learning_rate": 2e-5, "model.lora": None, "training.eval_strategy": "no"}) == [
        "training.learning_rate=2e-05",
        "model.lora=null",
        'training.eval_strategy="no"',
    ]


@pytest.mark.parametrize("space", [{"model.lora_alpha": {"choices": [8, 16]}}, {"model.lora_dropout": {"choices": [0.1, 0.2]}}])
def test_what_contradicts_another_setting_is_left_to_the_trial(space):
    """Another setting of the study's may make it right."""
    search(space)


@pytest.mark.parametrize(
    ("fixed", "space", "said"),
    [
        (
            {"adversarial_epsilon": 1.0},
            {"model.lora": [4, 8]},
            "space: training.adversarial_epsilon = 1.0: not with model.lora = ",
        ),
        ({"max_steps": 3}, {"training.num_train_epochs": [1, 2]}, "space: training.num_train_epochs does nothing in any trial: "),
        ({}, {"model.lora_dropout": [0.1, 0.2]}, "space: model.lora_dropout does nothing in any trial: with model.lora empty"),
    ],
)
def test_a_search_that_no_trial_can_honour_is_refused_before_it_starts(fixed, space, said, study_config):
    """Once these ran until the last trial had failed, or called the first of equal trials the best."""
    plan = search({path: {"choices": values} for path, values in space.items()})
    with pytest.raises(SettingsError) as caught:
        prepared(study_config(**fixed), plan)
    assert caught.value.problems[0].startswith(said)


@pytest.mark.parametrize(
    ("path", "values", "said"),
    [
        ("training.num_processes", [1, 2], "a study trains in one process"),
        ("training.save_total_limit", [2, 3], "it changes no score"),
    ],
)
def test_what_is_not_worth_varying_starts_no_search_and_is_read_where_one_varied_it(path, values, said, study_config):
    """Once the results of a search of before were not shown: its plan was called damaged."""
    plan = search({path: {"choices": values}})
    with pytest.raises(SettingsError, match=said):
        prepared(study_config(), plan)
    assert StudyConfig.from_yaml(plan.to_yaml()) == plan


def test_settings_that_need_each_other_are_searched_together(study_config):
    plan = search({"model.lora_dropout": {"low": 0, "high": 0.2}, "model.lora": {"choices": [None, 4]}})
    prepared(study_config(), plan)


@pytest.mark.parametrize("path", ["training.focal_gamma", "training.label_smoothing_factor"])
def test_a_search_by_the_loss_does_not_vary_what_the_loss_is(path, study_config):
    """Once focal loss won every such search: it makes the number smaller, whatever the model."""
    space = {path: {"choices": [0, 0.5]}}
    prepared(study_config(), search(space, metric="log_loss"))
    with pytest.raises(SettingsError, match=f"metric = 'loss': with {path} in the space .* give log_loss"):
        prepared(study_config(metric_for_best_model="loss"), search(space))
