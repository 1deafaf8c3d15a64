"""search and repeat, as a person or a script calls them."""

import json
import re
import shlex

import pytest

from tests.test_cli import as_options, call
from tuner import runs
from tuner.cli import _parser
from tuner.commands.common import config_from
from tuner.errors import RunError
from tuner.launch.estimate import estimate
from tuner.study.plan import StudyConfig, parse_over, plan_of
from tuner.ui import study_panel

BATCH = "training.per_device_train_batch_size"
NEVER = ["--set", 'training.eval_strategy="no"', "--set", 'training.save_strategy="no"']


@pytest.mark.slow
def test_search_prints_its_trials_and_the_flags_of_the_best(capsys, study_config):
    over = ["--over", "training.learning_rate=1e-4..1e-2:log"]
    code, out, err = call(capsys, "search", *as_options(study_config(num_train_epochs=1)), *over, "--trials", 2)
    assert code == 0
    assert re.search(r"^2( ★)? .*learning_rate", out, re.MULTILINE)
    assert "   1  learning_rate" in err
    flags = shlex.split(out.rpartition("The best settings: ")[2])
    best = json.loads(call(capsys, "show", "latest", "--json")[1])["best"]
    assert flags == ["--set", f"training.learning_rate={best['settings']['training.learning_rate']}"]
    assert "The plan:" in call(capsys, "show", "latest")[1]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["search", "--over", f"{BATCH}=2,4096", "--trials", "2"], "The largest trial of the search: It"),
        (["repeat", "--set", f"{BATCH}=4096", "--seeds", "2"], "error: It"),
    ],
)  # fmt: skip
def test_a_study_is_doubted_for_the_memory_of_its_largest_trial(command, said, capsys, study_config, monkeypatch):
    """Once only runs were: a batch that the machine could not hold ended a search hours later."""
    small = estimate(study_config(per_device_train_batch_size=2)).memory
    monkeypatch.setattr("tuner.launch.estimate.free_memory", lambda: small + 100_000)
    code, _, err = call(capsys, command[0], *as_options(study_config()), *command[1:])
    assert (code, runs.list_runs()) == (2, [])
    assert f"{said} needs at least" in err


@pytest.mark.slow
def test_repeat_json_is_one_document(capsys, study_config):
    code, out, _ = call(capsys, "repeat", "--json", *as_options(study_config(num_train_epochs=1)), "--folds", 2)
    answer = json.loads(out)
    assert code == 0
    assert len(answer["repeats"]) == 2
    assert {"run_id", "state", "folder", "mean", "std"} <= set(answer)


def test_mistakes_in_settings_and_plan_are_told_at_once(capsys):
    code, _, err = call(capsys, "search", "--set", "training.weight_decay=7", "--over", "training.learning_rate=1..2")
    assert code == 2
    assert all(word in err for word in ("weight_decay = 7", "learning_rate = 1.0", "budget"))
    assert runs.list_runs() == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--over", "model.num_hidden_layers=1,3", "--trials", "3"], "3"),
        (["--over", "model.lora=2,4", "--trials", "3", *NEVER], "pruning compares validations"),
        (["--over", "model.lora=2,4", "--trials", "3", "--metric", "nope"], "metric = 'nope'"),
    ],
)  # fmt: skip
def test_what_would_fail_in_every_trial_is_told_before(arguments, said, capsys, study_config):
    code, _, err = call(capsys, "search", *as_options(study_config()), *arguments)
    assert code == 2
    assert said in err
    assert runs.list_runs() == []


def test_folds_with_a_validation_split_are_refused(capsys, study_config):
    code, _, err = call(capsys, "repeat", *as_options(study_config()), "--set", "data.validation_split=v", "--folds", 3)
    assert code == 2
    assert "validation_split names the rows" in err


@pytest.mark.parametrize(("minutes", "learning_rates"), [(2.5, "1e-5..2e-4:log"), (99999.75, "1.23456789e-5..2e-4")])
def test_the_command_line_on_the_page_makes_the_same_study(minutes, learning_rates, queued_study, study_config):
    space = parse_over([f"training.learning_rate={learning_rates}", "training.max_steps=1..1234567", "model.lora=null,8"])
    run = queued_study(study_config(), space=space, n_trials=10_000, minutes=minutes, pruning=False)
    options = _parser().parse_args(shlex.split(study_panel.command_line(run).replace("\\\n", ""))[3:])
    plan = StudyConfig(
        kind="search",
        space=parse_over(options.over),
        n_trials=options.trials,
        minutes=options.minutes,
        pruning=not options.no_pruning,
    )
    assert plan == plan_of(run)
    assert config_from(options).training == run.config.training


def test_values_a_person_wrote_are_kept_when_another_setting_is_chosen():
    """Also a line of a setting that is not offered; one of a setting that was offered and is no longer chosen goes."""
    before = "training.learning_rate=1,2\ntraining.optim=adamw_torch,adafactor\ntraining.weight_decay=0,0.1"
    lines = study_panel._lines(["training.learning_rate", "model.lora"], before)
    assert lines.splitlines() == [
        "training.learning_rate=1,2", "model.lora=null,8,16", "training.optim=adamw_torch,adafactor",
    ]  # fmt: skip


def test_what_is_usual_can_be_searched():
    space = parse_over([f"{path}={values}" for path, values in study_panel.USUAL.items()])
    assert StudyConfig(kind="search", space=space, n_trials=1)


def test_a_study_whose_plan_is_damaged_is_said_to_be(queued_study, study_config):
    run = queued_study(study_config(), kind="repeat", seeds=3)
    (run.folder / "study.yaml").write_text("kind: nonsense")
    with pytest.raises(RunError, match=r"study\.yaml is missing or damaged .*kind"):
        plan_of(run)
