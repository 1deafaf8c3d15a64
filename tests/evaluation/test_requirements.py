"""Pass marks."""

import numpy as np
import pytest

from tuner.errors import SettingsError
from tuner.evaluation.behaviour import BehaviourResult
from tuner.evaluation.report import make_report
from tuner.evaluation.requirements import check, parse

ABOUT = {"model": "m", "source": "s", "split": "test", "data_fingerprint": "d", "rows_fingerprint": "r"}


def report(**more):
    return make_report(np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.4, 0.6]]), [0, 1, 1, 1], ("no", "yes"), **ABOUT, **more)


@pytest.mark.parametrize(
    ("mark", "passed"),
    [
        ("accuracy>=0.75", True),
        ("accuracy>0.75", False),
        (" log_loss < 2 ", True),
        ("recall/yes>=0.7", False),
        ("ece<=1e0", True),
    ],
)
def test_a_mark_is_held_against_the_number_it_names(mark, passed):
    assert [found.passed for found in check(report(), [mark])] == [passed]


def test_a_behaviour_test_can_be_required():
    result = BehaviourResult(
        name="negation", kind="MFT", description="", passed=3, n=4, rate=0.75, interval=(0.3, 0.95), failures=[], skipped=""
    )
    assert not check(report(behaviour=[result]), ["negation>=0.8"])[0].passed


def test_a_behaviour_test_that_was_not_run_does_not_pass():
    result = BehaviourResult(
        name="negation", kind="MFT", description="", passed=0, n=0, rate=None, interval=None, failures=[], skipped="no sentiment"
    )
    found = check(report(behaviour=[result]), ["negation>=0"])[0]
    assert not found.passed
    assert "was not run" in str(found)


@pytest.mark.parametrize("label", ["sehr göd", "a=b", "<b>", "x>y"])
def test_a_mark_on_a_label_may_hold_any_name(label):
    found = make_report(np.eye(2), [0, 1], ("no", label), **ABOUT)
    assert check(found, [f"recall/{label}>=1"])[0].passed


def test_marks_that_cannot_be_read_are_told_all_at_once():
    with pytest.raises(SettingsError) as error:
        parse(["accuracy", "accuracy=>1", "macro_f1>=0.7"])
    assert len(error.value.problems) == 2


def test_a_mark_on_nothing_known_names_what_is():
    with pytest.raises(SettingsError, match="'acuracy': the report has no such number; it has accuracy, "):
        check(report(), ["acuracy>=0.5"])
