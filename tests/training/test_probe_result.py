"""What a probe found, ranked and in words."""

import pytest

from tuner.training.probe_result import ProbeRow, clearly_better, make_result


def row(name, macro_f1, folds):
    return ProbeRow(model=name, accuracy=macro_f1, macro_f1=macro_f1, macro_recall=macro_f1, fold_macro_f1=folds)


# Spread 0.02, standard error 0.02 ÷ √4 = 0.01.
def around(name, macro_f1):
    step = 0.02 * (3 / 4) ** 0.5
    return row(name, macro_f1, [macro_f1 - step, macro_f1 - step, macro_f1 + step, macro_f1 + step])


BROKEN = ProbeRow(model="broken", problem="It is not on the Hub.")


def result(*models, baselines=()):
    return make_result("rows.csv", 500, 4, 42, list(models), list(baselines))


def test_spread_and_standard_error_are_those_of_the_folds():
    assert around("a", 0.7).spread == pytest.approx(0.02)
    assert around("a", 0.7).standard_error == pytest.approx(0.01)


def test_the_highest_macro_f1_comes_first_and_what_failed_last():
    found = result(around("low", 0.5), BROKEN, around("high", 0.8))
    assert [row.model for row in found.models] == ["high", "low", "broken"]
    assert found.best == "high"


def test_within_one_standard_error_is_a_tie_in_words():
    found = result(around("a", 0.700), around("b", 0.695), around("c", 0.5))
    assert found.tied == ["b"]
    assert "b is within one standard error of it: a tie." in found.says[0]


def test_no_tie_is_said_too():
    found = result(around("a", 0.70), around("b", 0.68))
    assert found.tied == []
    assert "more than one standard error above the others" in found.says[0]


def test_one_candidate_alone_is_above_nobody():
    assert result(around("a", 0.7), BROKEN).says[0] == "a: macro F1 0.700 ± 0.020 over 4 folds of 500 rows."


def test_the_larger_standard_error_of_the_two_decides():
    shaky = row("shaky", 0.66, [0.4, 0.9, 0.4, 0.94])
    assert not clearly_better(around("a", 0.7), shaky)


def test_a_baseline_that_does_as_well_is_told():
    found = result(around("a", 0.7), baselines=[around("word counts", 0.71), around("the most frequent label", 0.2)])
    assert found.says[0].endswith("As it is, it does no better than word counts.")


def test_what_it_can_and_cannot_foretell_is_always_said():
    says = " ".join(result(BROKEN).says)
    assert "usually keep their order" in says
    assert "Differences below the spread mean nothing" in says
    assert result(BROKEN).best is None
