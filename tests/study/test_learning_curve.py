"""Learning curves: what is planned, what is trained, and what is said of it."""

import json
import shlex

import pytest

import tuner
from tests.study.test_studies import best_of_events
from tests.test_cli import as_options, call
from tuner import runs
from tuner.cli import _parser
from tuner.data.labelled import load_labelled
from tuner.errors import SettingsError
from tuner.launch.study import prepared
from tuner.study import worker
from tuner.study.plan import StudyConfig, changes_of, plan_of
from tuner.study.proposals import propose
from tuner.study.results import StudyResult, TrialRow, results
from tuner.study.words import outcome_in_words, table, trial_in_words
from tuner.ui import study_panel

CURVE = {"kind": "learning-curve"}


def settings_of(plan, config, available=1_000):
    rows = []
    for number in range(plan.planned):
        rows.append(TrialRow(number=number + 1, settings={}, state="complete", seconds=1.0))
        yield propose(plan, config, rows[:-1], available).settings


def test_the_usual_shares_are_tried_once():
    plan = StudyConfig(**CURVE)
    assert (plan.shares, plan.repeats, plan.planned) == ([0.1, 0.25, 0.5, 1.0], 1, 4)
    assert StudyConfig.from_yaml(plan.to_yaml()) == plan


def test_shares_are_sorted_and_each_tried_once():
    assert StudyConfig(**CURVE, shares=[1, 0.5, 0.5]).shares == [0.5, 1.0]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"shares": [0.5]}, "at least 2 items"),
        ({"shares": [0, 1]}, "greater than 0"),
        ({"shares": [0.5, 2]}, "less than or equal to 1"),
        ({"shares": "half"}, "valid list"),
        ({"repeats": 0}, "greater than or equal to 1"),
        ({"seeds": 3}, "seeds = 3: belongs to repeats, not to a learning curve"),
        ({"n_trials": 3}, "n_trials = 3: belongs to a search, not to a learning curve"),
    ],
)
def test_plans_that_cannot_be_honoured_are_refused(given, said):
    with pytest.raises(SettingsError, match=said):
        StudyConfig(**CURVE, **given)


def test_other_studies_have_no_shares():
    with pytest.raises(SettingsError, match=r"shares = .* belongs to a learning curve, not to repeats"):
        StudyConfig(kind="repeat", seeds=2, shares=[0.5, 1])


def test_a_draw_is_trained_whole_before_the_next(study_config):
    settings = list(settings_of(StudyConfig(**CURVE, shares=[0.25, 1.0], repeats=2), study_config()))
    assert [each["data.max_train_samples"] for each in settings] == [250, 1_000, 250, 1_000]
    assert [each["training.seed"] for each in settings] == [42, 42, 43, 43]
    assert [each["data.train_samples_seed"] for each in settings] == [42, 42, 43, 43]


@pytest.mark.parametrize(
    ("more", "said"),
    [({"max_steps": 5}, "same epochs"), ({"data": {"max_train_samples": 9, "train_samples_seed": 1}}, "draws itself")],
)
def test_settings_it_cannot_honour_are_refused(more, said, study_config):
    with pytest.raises(SettingsError, match=said):
        prepared(study_config(**more), StudyConfig(**CURVE))


@pytest.mark.slow
def test_every_part_is_a_run_on_so_many_rows_for_the_same_epochs(study_here, study_config, train_here):
    result = study_here(study_config(), shares=[0.25, 0.5, 1.0], **CURVE)
    whole = load_labelled(result.config.data)
    total = len(whole.splits["train"])
    assert [(row.rows, row.share) for row in result.rows] == [(round(total * share), share) for share in (0.25, 0.5, 1.0)]
    assert {row.scored for row in result.rows} == {len(whole.splits["validation"])}
    for row in result.rows:
        assert len(row.evaluations) == 2
        run = train_here(
            result.config.with_changes({**changes_of(row.settings), "name": ""}).with_changes({"data": {"fingerprint": None}})
        )
        assert row.metrics["macro_f1"] == best_of_events(run)
        assert load_labelled(run.config.data).splits["validation"] == whole.splits["validation"]


@pytest.mark.slow
def test_a_stopped_curve_goes_on_as_if_it_had_not_been(queued_study, study_here, study_config, monkeypatch):
    whole = study_here(study_config(), shares=[0.5, 1.0], repeats=2, **CURVE)
    run = queued_study(study_config(), shares=[0.5, 1.0], repeats=2, **CURVE)
    original = worker.add_row

    def add_and_stop(run, row):
        original(run, row)
        if row.number == 2:
            runs.request_stop(run)

    monkeypatch.setattr(worker, "add_row", add_and_stop)
    worker.main(run.id)
    assert (run.status.state, len(results(run).rows)) == ("stopped", 2)
    monkeypatch.setattr(worker, "add_row", original)
    runs.requeue(run)
    worker.main(run.id)
    assert run.status.state == "completed"
    assert [row.metrics for row in results(run).rows] == [row.metrics for row in whole.rows]


@pytest.mark.slow
def test_the_command_says_whether_more_labels_would_help(capsys, study_config):
    config = study_config(num_train_epochs=1)
    code, out, err = call(capsys, "learning-curve", *as_options(config), "--shares", 0.25, 0.5, 1)
    assert code == 0
    assert "More labels would" in out
    assert "rows (25%)" in err
    answer = json.loads(call(capsys, "show", "latest", "--json")[1])
    assert [point["rows"] for point in answer["points"]] == [12, 24, 49]
    assert answer["outlook"]["says"] in runs.get("latest").status.message
    assert answer["metrics"]["eval_macro_f1"] == answer["points"][-1]["scores"]["macro_f1"]


@pytest.mark.slow
def test_the_package_draws_a_curve(study_config):
    result = tuner.learning_curve(study_config(num_train_epochs=1), shares=[0.5, 1.0])
    assert (result.state, len(result.points), result.best) == ("completed", 2, None)
    assert "how the curve bends" in result.outlook.says


@pytest.fixture
def drawn(queued_study, study_config):
    """A curve with these rows of (training rows, share, score): `drawn([(24, 0.5, 0.6)])`."""

    def make(found, **more):
        run = queued_study(study_config(), **{"shares": [0.5, 1.0], **CURVE, **more})
        for number, (rows, share, value) in enumerate(found, 1):
            metrics = {"accuracy": value, "macro_f1": value, "macro_recall": value, "loss": 1 - value} if value else {}
            state = "complete" if value else "failed"
            row = TrialRow(
                number=number, settings={}, state=state, metrics=metrics, seconds=1, rows=rows, share=share, scored=100
            )
            worker.add_row(run, row)
        return run

    return make


def test_words_tell_of_the_parts_so_far(drawn):
    found = results(drawn([(24, 0.5, 0.6)]))
    assert trial_in_words(found, 2, 3, 9) == "Trial 2 of 2, step 3 of 9: macro F1 0.600 from 24 rows so far"
    assert trial_in_words(results(drawn([])), 2, 0, 0) == "Trial 1 of 2"


def test_words_tell_of_parts_that_failed(drawn):
    said = outcome_in_words(results(drawn([(24, 0.5, None), (48, 1.0, 0.7)])), 2)
    assert said.startswith("macro F1 0.700 from 48 rows")
    assert said.endswith("1 failed and is left out. No model was kept.")


def test_the_table_has_a_line_a_training_and_the_means_of_repeats(drawn):
    found = results(drawn([(24, 0.5, 0.6), (48, 1.0, 0.7), (24, 0.5, 0.62), (48, 1.0, 0.72)], repeats=2))
    header, lines = table(found)
    assert header[:4] == ["rows", "share", "accuracy", "macro F1"]
    assert [line[:2] for line in lines[:2]] == [["24", "50%"], ["48", "100%"]]
    assert [line[:3] for line in lines[4:]] == [["24", "mean of 2", "0.610 ± 0.014"], ["48", "mean of 2", "0.710 ± 0.014"]]
    assert all(len(line) == len(header) for line in lines)


def test_the_page_draws_scores_over_rows(drawn):
    run = drawn([(24, 0.5, 0.6), (48, 1.0, 0.7)])
    assert [(point["step"], point["eval_macro_f1"]) for point in study_panel.points_of(run)] == [(24, 0.6), (48, 0.7)]
    assert study_panel.axis_of(run) == (48, "training rows")
    assert study_panel.view_of(run)[0].label.startswith("Learning curve")


def test_the_command_line_on_the_page_makes_the_same_curve(drawn):
    run = drawn([], repeats=3, shares=[0.12345678, 0.5, 1.0])
    options = _parser().parse_args(shlex.split(study_panel.command_line(run).replace("\\\n", ""))[3:])
    assert StudyConfig(**CURVE, shares=options.shares, repeats=options.repeats) == plan_of(run)
    assert isinstance(results(run), StudyResult)
