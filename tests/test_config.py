"""The settings object."""

import math
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError

import tuner
from tuner import catalog
from tuner.config import RunConfig, TrainingConfig, fields, merge, parse_assignments
from tuner.errors import SettingsError
from tuner.sections.data import Fix


def problems(**settings):
    with pytest.raises(SettingsError) as refusal:
        RunConfig(**settings)
    return refusal.value.problems


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"training": {"learnig_rate": 1}}, "training.learnig_rate is not a setting; known here: learning_rate"),
        ({"modle": {}}, "modle is not a setting; known here: preset"),
        ({"data": {"sorce": 1}}, "data.sorce is not a setting; known here: source"),
    ],
)
def test_unknown_keys_are_refused_with_those_there_are(settings, named):
    assert problems(**settings)[0].startswith(named)


def test_a_path_stands_as_its_text():
    config = RunConfig(data={"source": Path("rows.csv")}, model={"name": Path("my") / "model"})
    assert (config.data.source, config.model.name) == ("rows.csv", "my/model")


@pytest.mark.parametrize("given", [{"data": {}}, "rows.csv", None])
def test_what_is_no_settings_object_is_refused_by_all_that_take_one(given, tmp_path):
    """Once it ended in an AttributeError."""
    for ask in (tuner.train, tuner.profile, lambda it: tuner.probe(it, "x"), lambda it: tuner.write_script(it, tmp_path)):
        with pytest.raises(SettingsError, match=r"is no RunConfig\. Give tuner\.RunConfig"):
            ask(given)


def test_all_mistakes_are_told_at_once():
    found = problems(training={"learning_rate": 5, "seed": -1}, model={"max_length": 1}, data={"nope": 1})
    assert len(found) == 4


def test_a_mistake_names_field_value_and_bound():
    assert problems(training={"learning_rate": 5}) == ["training.learning_rate = 5: must be 1e-07 to 0.1."]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"model": {"intermediate_size": "abc"}}, "= 'abc': must be a whole number, 1 to 1,000,000."),
        ({"training": {"per_device_train_batch_size": 2.5}}, "= 2.5: must be a whole number, 1 to 4,096."),
        ({"training": {"num_train_epochs": math.nan}}, "= nan: must be a number, above 0, at most 1,000."),
        ({"augmentation": {"copies": 99}}, "= 99: must be 1 to 20."),
    ],
)
def test_a_number_is_told_both_ends_of_its_range(settings, told):
    """Once one of them, and to who typed a word none."""
    assert problems(**settings)[0].endswith(told)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("learning_rate", 0),
        ("num_train_epochs", 0),
        ("per_device_train_batch_size", 0),
        ("per_device_train_batch_size", 2.5),
        ("label_smoothing_factor", 1),
        ("max_steps", 0),
        ("max_steps", -2),
        ("save_total_limit", 1),
        ("seed", 2**32),
        ("logging_steps", 1.5),
        ("warmup_steps", -1),
        ("early_stopping_patience", 0),
    ],
)
def test_values_out_of_bounds_are_refused(field, value):
    assert problems(training={field: value})[0].startswith(f"training.{field} = {value}")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("field", ["learning_rate", "weight_decay", "warmup_steps", "num_train_epochs", "max_grad_norm"])
def test_nan_and_infinity_are_refused(field, value):
    assert problems(training={field: value})


@pytest.mark.parametrize(("field", "value"), [("lr_scheduler_type", "steep"), ("optim", "adamw_bnb_8bit"), ("precision", "int4")])
def test_unknown_choices_are_refused_with_those_there_are(field, value):
    assert "must be" in problems(training={field: value})[0]


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        (
            {"eval_strategy": "steps", "save_strategy": "steps", "save_steps": 5},
            "eval_strategy = 'steps': not with training.eval_steps empty",
        ),
        (
            {"eval_strategy": "steps", "save_strategy": "steps", "eval_steps": 5},
            "save_strategy = 'steps': not with training.save_steps empty",
        ),
        ({"eval_strategy": "steps", "eval_steps": 5}, "save_strategy = 'epoch': not with training.eval_strategy = 'steps'"),
        (
            {"eval_strategy": "steps", "save_strategy": "steps", "eval_steps": 4, "save_steps": 6},
            "save_steps = 6: not with training.eval_steps = 4; give a multiple of eval_steps, such as 8",
        ),
        (
            {"eval_strategy": "no", "early_stopping_patience": 2},
            "early_stopping_patience = 2: not with training.eval_strategy = 'no'",
        ),
    ],
)
def test_contradictions_are_refused(settings, cause):
    (problem,) = problems(training=settings)
    assert problem.startswith(f"training.{cause}")


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (
            {"training": {"learning_rate": 9, "eval_strategy": "no", "early_stopping_patience": 2}},
            ["training.learning_rate", "training.early_stopping_patience"],
        ),
        ({"model": {"max_length": 1, "lora_alpha": 3}}, ["model.max_length", "model.lora_alpha"]),
        ({"data": {"nope": 1, "fold": 2}, "model": {"lora_alpha": 3}}, ["data.nope", "data.fold", "model.lora_alpha"]),
        ({"model": [], "data": {"fold": 2}}, ["model", "data.fold"]),
        (
            {"model": {"seed": 1, "lora": 2}, "training": {"adversarial_epsilon": 1}},
            ["model.seed", "training.adversarial_epsilon"],
        ),
    ],
)
def test_a_wrong_field_hides_no_contradiction(settings, named):
    assert [problem.split()[0] for problem in problems(**settings)] == named


@pytest.mark.parametrize(
    "settings",
    [
        {"training": {"eval_strategy": "steps", "eval_steps": 0, "save_strategy": "no"}},
        {"training": {"eval_strategy": "sometimes", "save_strategy": "steps", "save_steps": 5}},
        {"training": {"num_processes": 0, "fsdp": True}},
        {"model": {"lora": 0, "lora_alpha": 3}},
        {"data": {"num_folds": 1, "fold": 3}},
    ],
)
def test_a_wrong_field_contradicts_nothing(settings):
    assert len(problems(**settings)) == 1


def test_steps_between_validations_that_never_come_contradict_nothing():
    RunConfig(training={"eval_steps": 4, "save_steps": 6})


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        ({"validation_split": "dev", "validation_size": 5}, "validation_split names the rows that validation_size or num_folds"),
        ({"validation_split": "dev", "num_folds": 3}, "validation_split names the rows that validation_size or num_folds"),
        ({"test_split": "test", "test_size": 0.1}, "test_split names the rows that test_size would cut"),
        ({"num_folds": 3, "validation_size": 0.1}, "num_folds and validation_size both cut"),
        ({"num_folds": 3, "fold": 3}, "data.fold = 3: not with data.num_folds = 3; the first fold is 0: give 0 to 2"),
    ],
)
def test_rows_that_are_named_and_cut_are_refused(settings, cause):
    assert cause in problems(data=settings)[0]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("validation_size", 0),
        ("test_size", -1),
        ("test_size", 1.5),
        ("validation_size", math.nan),
        ("num_folds", 1),
        ("num_folds", 21),
        ("fold", -1),
        ("fixes", ["drop_all"]),
        ("fixes", "drop_leaked"),
        ("overlay", "../../etc/x"),
        ("overlay", "0123456789AB"),
        ("text_separator", "x" * 21),
    ],
)
def test_data_settings_out_of_bounds_are_refused(field, value):
    assert problems(data={field: value})[0].startswith(f"data.{field}")


@pytest.mark.parametrize("value", ["equal", {"pos": 0}, {"pos": -1}, {"pos": math.inf}, {"pos": "much"}, [1, 2]])
def test_class_weights_are_balanced_or_positive_numbers(value):
    assert problems(training={"class_weights": value})[0].startswith("training.class_weights")


@pytest.mark.parametrize(
    ("typed", "labels"),
    [
        ("{0: 2, 1: 1}", ["0", "1"]),
        ("{1.0: 2, -1: 1}", ["1", "-1"]),
        ("{yes: 2, NO: 1}", ["yes", "NO"]),
        ("{true: 2, False: 1}", ["True", "False"]),
        ('{"true": 2, "1.0": 1}', ["true", "1.0"]),
    ],
)
def test_labels_that_yaml_takes_for_numbers_or_booleans_are_named_as_the_data_shows_them(typed, labels):
    """Once they were refused with what pydantic calls its kinds of values."""
    assert list(RunConfig(**parse_assignments([f"training.class_weights={typed}"])).training.class_weights) == labels
    assert (
        list(RunConfig.from_yaml(f"data: {{label_map: {typed.replace('2', 'a').replace(': 1', ': b')}}}").data.label_map)
        == labels
    )
    assert list(TrainingConfig(class_weights=typed).class_weights) == labels


@pytest.mark.parametrize(("typed", "names"), [("{a: no, b: Yes}", ["no", "Yes"]), ("{a: 1.50, b: null}", ["1.50", None])])
def test_new_names_of_labels_are_taken_as_they_are_written(typed, names):
    """`no` and `1` were once refused, as a truth value and a number."""
    assert list(RunConfig(**parse_assignments([f"data.label_map={typed}"])).data.label_map.values()) == names
    assert list(RunConfig.from_yaml(f"data: {{label_map: {typed}}}").data.label_map.values()) == names


def test_labels_of_python_are_named_as_the_data_shows_them():
    assert RunConfig(data={"label_map": {0: "a", True: "b", 2.0: "c"}}).data.label_map == {"0": "a", "True": "b", "2": "c"}
    assert "the label '1' is given twice" in problems(data={"label_map": {1: "a", "1": "b"}})[0]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"training": {"class_weights": {"neg": 0}}}, ["training.class_weights.neg = 0: must be greater than 0."]),
        ({"training": {"class_weights": '{"neg": 0}'}}, ["training.class_weights.neg = 0: must be greater than 0."]),
        ({"training": {"class_weights": {0: 0}}}, ["training.class_weights.0 = 0: must be greater than 0."]),
        ({"training": {"class_weights": {"int": 0}}}, ["training.class_weights.int = 0: must be greater than 0."]),
        ({"training": {"class_weights": "equal"}}, ["training.class_weights = 'equal': must be 'balanced' or a mapping."]),
        (
            {"training": {"lr_scheduler_kwargs": {"power": math.nan}}},
            ["training.lr_scheduler_kwargs.power = nan: must be a finite number, a valid string or a valid boolean."],
        ),
        ({"data": {"text_column": 3}}, ["data.text_column = 3: must be a valid string or a valid list."]),
        ({"data": {"text_column": ["a", 3]}}, ["data.text_column.1 = 3: must be a valid string."]),
    ],
)
def test_a_mistake_in_a_setting_of_several_kinds_is_one_sentence(settings, told):
    """Once one for each kind, with what pydantic calls it."""
    assert problems(**settings) == told


def test_fixes_have_one_order_whatever_order_they_were_clicked_in():
    """So that the same fixes make the same rows."""
    fixes = RunConfig(data={"fixes": ["drop_leaked", "mask_phone", "drop_leaked", "mask_email"]}).data.fixes
    assert fixes == ["mask_email", "mask_phone", "drop_leaked"]


@pytest.mark.parametrize("preset", catalog.PRESETS)
def test_a_preset_fills_what_is_not_given(preset):
    config = RunConfig(preset=preset)
    for section, values in catalog.PRESETS[preset].settings.items():
        given = getattr(config, section).model_dump()
        assert {field: given[field] for field in values} == values


def test_what_is_given_lies_over_the_preset():
    config = RunConfig(preset="seven-steps", training={"num_train_epochs": 1})
    assert (config.training.num_train_epochs, config.training.gradient_accumulation_steps) == (1, 4)


def test_an_unknown_preset_is_refused():
    assert "must be one of quick" in problems(preset="fast")[0]


def test_settings_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        RunConfig().training.seed = 1


def test_yaml_gives_an_equal_config_back():
    config = RunConfig(
        name="Käse",
        data={"label_map": {"a": None, "yes": "no"}, "text_column": ["a", "b"], "text_separator": "\n \t", "test_size": 0.25}
        | {"num_folds": 5, "fold": 4, "fixes": list(get_args(Fix)), "overlay": "123456789012"},
        training={"learning_rate": 1e-5, "class_weights": {"no": 1.5, "1": 2}},
    )
    assert RunConfig.from_yaml(config.to_yaml()) == config


def test_an_empty_yaml_gives_the_defaults():
    assert RunConfig.from_yaml("") == RunConfig()


@pytest.mark.parametrize("text", ["- a\n- b", "just text", "a: [", "1: {"])
def test_what_is_no_settings_file_is_refused(text):
    with pytest.raises(SettingsError, match="settings file"):
        RunConfig.from_yaml(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-4", 1e-4), ("3", 3), ("null", None), ("true", True), ("cosine", "cosine"), ("[a, b]", ["a", "b"]), ("a=b", "a=b")],
)
def test_assignments_hold_yaml_values(text, value):
    assert parse_assignments([f"training.x={text}"]) == {"training": {"x": value}}


@pytest.mark.parametrize("given", ["{min_lr: 1e-5}", '{"min_lr": 1e-5}'])
def test_numbers_in_a_mapping_may_have_an_exponent_and_no_dot(given):
    """YAML 1.1 reads such a number as text, and it was refused as a word."""
    typed = ["training.lr_scheduler_type=cosine_with_min_lr", f"training.lr_scheduler_kwargs={given}"]
    read = RunConfig(**parse_assignments(typed)).training
    assert read.lr_scheduler_kwargs == {"min_lr": 1e-5}
    boxed = TrainingConfig(lr_scheduler_type=read.lr_scheduler_type, lr_scheduler_kwargs=given)
    assert boxed.lr_scheduler_kwargs == {"min_lr": 1e-5}


@pytest.mark.parametrize("value", ["[" * 5_000, "!!int x", "!!timestamp x", "!!bool x", "9" * 5_000, f"0x{'f' * 5_000}"])
def test_yaml_that_cannot_be_read_is_a_sentence(value):
    """Once what the library raised for these beside its own errors went through."""
    for read in (
        lambda: RunConfig(**parse_assignments([f"training.seed={value}"])),
        lambda: RunConfig.from_yaml(f"training: {{seed: {value}}}"),
        lambda: RunConfig(training={"class_weights": f"{{pos: {value}}}"}),
    ):
        with pytest.raises(SettingsError) as refusal:
            read()
        assert len(str(refusal.value)) < 600


@pytest.mark.parametrize("text", ["training: {seed: 1}\ntraining: {seed: 2}", "{data: {}, training: {label: 1,\nlabel: 2}}"])
def test_a_key_given_twice_is_refused_by_name(text):
    """Once the last one was taken, and the others dropped silently."""
    with pytest.raises(SettingsError, match=r"'(training|label)' is given twice, again in line 2"):
        RunConfig.from_yaml(text)


def test_a_short_text_that_names_billions_of_parts_is_refused_at_once():
    """Once all of them were written out for the sentence that refuses them, which took all memory."""
    lists = [f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]" for before, name in pairwise("abcdefghijklmn")]
    with pytest.raises(SettingsError, match=r"class_weights\.b = \[\['x'\], \['x'\]"):
        RunConfig(training={"class_weights": f"{{a: &a [x], {', '.join(lists)}}}"})


def test_a_date_is_text():
    assert RunConfig.from_yaml("name: 2020-13-45").name == "2020-13-45"


def test_bad_assignments_are_told_together():
    with pytest.raises(SettingsError) as refusal:
        parse_assignments(["seed=1", "training.seed", "training.seed=[", "training.seed=2"])
    assert len(refusal.value.problems) == 3


def test_changes_are_validated_again():
    with pytest.raises(SettingsError, match=r"training\.seed"):
        RunConfig().with_changes({"training": {"seed": -1}})


def test_changes_keep_everything_else():
    config = RunConfig(preset="seven-steps", name="mine")
    changed = config.with_changes({"training": {"seed": 5}})
    assert changed.training.model_dump() == {**config.training.model_dump(), "seed": 5}
    assert (changed.name, changed.data, changed.model) == (config.name, config.data, config.model)


def test_merge_replaces_a_field_as_a_whole():
    merged = merge({"data": {"label_map": {"a": "b"}, "seed": 1}}, {"data": {"label_map": {"c": "d"}}})
    assert merged == {"data": {"label_map": {"c": "d"}, "seed": 1}}


def test_a_name_loses_control_and_direction_signs():
    assert RunConfig(name="a\u202eb\nc\x1b[0m").name == "abc[0m"


def test_every_setting_has_help_and_a_group():
    assert all(info.description and info.json_schema_extra["group"] for _, _, info in fields())


def test_the_best_checkpoint_is_kept_only_where_both_happen():
    assert TrainingConfig().keeps_best
    assert not TrainingConfig(eval_strategy="no").keeps_best


@pytest.mark.parametrize("name", ["123456789012", "12345e678901", "000000000000"])
def test_an_overlay_s_name_is_text_also_where_it_looks_like_a_number(name):
    """Once the command line read it as a number and refused it."""
    assert RunConfig(**parse_assignments([f"data.overlay={name}"])).data.overlay == name


@pytest.mark.parametrize("value", ["", "null"])
def test_a_text_setting_is_emptied_by_null(value):
    assert parse_assignments([f"data.overlay={value}"]) == {"data": {"overlay": None}}


@pytest.mark.parametrize(
    ("typed", "value"),
    [("123", "123"), ('"123"', "123"), ("'1e3'", "1e3"), ("no", "no"), ("[2023, b]", ["2023", "b"]), ("null", None)],
)
def test_a_column_is_named_by_text_also_where_it_looks_like_a_number(typed, value):
    assert RunConfig(**parse_assignments([f"data.text_column={typed}"])).data.text_column == value


def test_no_is_a_word_where_words_are_chosen_from():
    assert parse_assignments(["training.eval_strategy=no"]) == {"training": {"eval_strategy": "no"}}


def test_quotes_around_a_text_keep_it_text():
    assert parse_assignments(['data.label_column="123"']) == {"data": {"label_column": "123"}}


def test_a_fold_without_folds_is_refused():
    with pytest.raises(SettingsError, match=r"data\.fold = 2: not with data\.num_folds empty; give num_folds above 2"):
        RunConfig(data={"fold": 2})


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        (
            {"num_processes": 3, "per_device_train_batch_size": 32},
            "train_batch_size = 32: not with training.num_processes = 3; the batch is parted among the processes: give 30 or 33",
        ),
        (
            {"num_processes": 8, "per_device_train_batch_size": 4},
            "train_batch_size = 4: not with training.num_processes = 8; the batch is parted among the processes: give 8",
        ),
        ({"fsdp": True}, "fsdp = True: not with training.num_processes = 1; it parts the model among processes: give 2 to 64"),
    ],
)
def test_processes_that_cannot_share_are_refused(settings, cause):
    assert cause in problems(training=settings)[0]


@pytest.mark.parametrize("processes", [0, 65])
def test_processes_have_bounds(processes):
    assert problems(training={"num_processes": processes})[0].startswith(f"training.num_processes = {processes}")
