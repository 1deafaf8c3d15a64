"""Behaviour tests, run on classifiers whose behaviour is known."""

import re

import numpy as np
import pytest

from tests import tiny
from tuner.evaluation.behaviour import SHIPPED, BehaviourResult, Suite, run_behaviour
from tuner.evaluation.wilson import share_interval
from tuner.inference import load_classifier

LABELS = ("negative", "neutral", "positive")
TEXTS = [text for text, _ in tiny.labelled_rows(120, ("neg", "neu", "pos"))]
GOOD = re.compile(
    r"great|excellent|wonderful|fantastic|amazing|lovely|brilliant|superb|perfect|delightful|love|enjoy|like|adore", re.I
)
BAD = re.compile(r"terrible|awful|horrible|dreadful|disappointing|lousy|bad|appalling|hate|dislike|despise", re.I)


def by_words(texts):
    """A classifier that counts words and knows no negation."""
    sums = np.array([len(GOOD.findall(text)) - 2 * len(BAD.findall(text)) for text in texts])
    return np.stack([(sums < 0) * 0.8 + 0.1, (sums == 0) * 0.8 + 0.1, (sums > 0) * 0.8 + 0.1], axis=1) / 1.1


def by_length(texts):
    """A classifier that any added sign sends to another label."""
    return np.eye(3)[[len(text) % 3 for text in texts]]


def run(predict, labels=LABELS, texts=TEXTS, tests=None):
    return {result.name: result for result in run_behaviour(predict, labels, texts, tests)}


def one(test, predict, labels=LABELS, texts=TEXTS, **lists):
    suite = Suite.model_validate({"lists": lists, "tests": {"x": {"description": "d", **test}}})
    return run(predict, labels, texts, suite)["x"]


def constant(*row):
    return lambda texts: np.tile(row, (len(texts), 1))


def test_a_classifier_of_words_knows_vocabulary_and_no_negation():
    found = run(by_words)
    assert found["vocabulary"].rate == 1
    assert found["negation"].rate < 0.3
    assert found["negation_of_neutral"].rate == 1
    assert found["case"].rate == 1
    assert found["names"].rate == 1


def test_a_classifier_of_lengths_fails_what_must_not_move_it():
    found = run(by_length)
    assert found["typos"].rate == 1  # the length stays
    assert found["urls_handles"].rate < 0.7
    assert found["punctuation"].rate == 0


def test_all_texts_are_scored_in_one_call_each_once():
    calls = []

    def predict(texts):
        calls.append(list(texts))
        return by_words(texts)

    run(predict)
    assert len(calls) == 1
    assert 500 < len(calls[0]) == len(set(calls[0])) <= 1_500


def test_results_stand_in_the_order_of_the_suite_with_rate_and_interval():
    found = run(by_words)
    assert tuple(found) == SHIPPED
    for result in found.values():
        assert result.rate == result.passed / result.n
        assert result.interval == share_interval(result.passed, result.n)
        assert len(result.failures) == min(10, result.n - result.passed)
        assert BehaviourResult.model_validate_json(result.model_dump_json()) == result


def test_the_same_texts_and_seed_give_the_same_cases():
    assert run(by_words) == run(by_words)
    assert run_behaviour(by_words, LABELS, TEXTS, seed=1) != run_behaviour(by_words, LABELS, TEXTS, seed=2)


def test_tests_of_feelings_are_skipped_where_labels_are_no_feelings():
    found = run(lambda texts: by_words(texts), ("sports", "politics", "science"))
    feelings = {name for name, result in found.items() if result.skipped}
    assert feelings == {"vocabulary", "negation", "negation_of_neutral", "negation_between", "intensifiers", "temporal"}
    assert (
        found["negation"].skipped == "The classifier has no label positive or negative; its labels are sports, politics, science."
    )
    assert (found["negation"].n, found["negation"].rate, found["negation"].interval) == (0, None, None)


@pytest.mark.parametrize("labels", [("NEG", "Neu", "POS"), ("Negative", "Neutral", "Positive")])
def test_labels_are_matched_without_capitals_and_by_abbreviation(labels):
    assert run(by_words, labels)["vocabulary"].rate == 1


def test_without_a_neutral_label_neutral_sentences_are_left_out():
    def two(texts):
        found = by_words(texts)[:, [0, 2]]
        return found / found.sum(axis=1, keepdims=True)

    found = run(two, ("neg", "pos"))
    assert "neutral" in found["negation_of_neutral"].skipped
    assert found["vocabulary"].rate == 1


def test_no_texts_leave_the_tests_that_bring_their_own():
    found = run(by_words, texts=[])
    skipped = {name for name, result in found.items() if result.skipped}
    assert skipped == {"typos", "case", "punctuation", "urls_handles"}
    assert found["typos"].skipped == "None of the texts can be changed in this way."


def test_english_sentences_are_skipped_for_texts_in_another_language():
    found = run(by_words, texts=[f"das Wetter wird um {i} Uhr besser" for i in range(40)])
    assert "do not look English" in found["negation"].skipped
    assert found["typos"].n == 40


def test_where_every_test_is_skipped_nothing_is_predicted():
    def predict(texts):
        raise AssertionError("there is nothing to predict")

    suite = {"kind": "MFT", "needs": ["urgent"], "cases": [{"expect": ["urgent"], "templates": ["now"]}]}
    assert one(suite, predict).skipped


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_probabilities_that_are_no_numbers_are_refused(bad):
    with pytest.raises(ValueError, match="NaN or infinite probabilities for"):
        run(constant(0.5, bad, 0.5))


def test_probabilities_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="shape"):
        run(constant(0.5, 0.5))


def test_a_failure_names_text_expectation_answer_and_probability():
    test = {"kind": "MFT", "cases": [{"expect": ["positive", "neutral"], "templates": ["not bad"]}]}
    (failure,) = one(test, constant(0.7, 0.2, 0.1)).failures
    expected = {"text": "not bad", "other": "", "expected": "positive or neutral", "predicted": "negative", "probability": 0.7}
    assert failure.model_dump() == expected


def test_failures_are_the_clearest_first():
    test = {"kind": "MFT", "cases": [{"expect": ["positive"], "templates": ["{word}"]}]}
    words = ["a" * i for i in range(1, 21)]
    found = one(test, lambda texts: np.array([[len(t) / 20, 1 - len(t) / 20, 0] for t in texts]), word=words)
    assert found.n == 20
    shown = [failure.probability for failure in found.failures]
    assert len(shown) == 10
    assert shown == sorted(shown, reverse=True)


@pytest.mark.parametrize(
    ("must_not", "after", "passed"),
    [("fall", 0.49, 1), ("fall", 0.47, 0), ("fall", 0.9, 1), ("rise", 0.51, 1), ("rise", 0.53, 0), ("rise", 0.1, 1)],
)
def test_a_probability_may_move_against_the_direction_by_two_points(must_not, after, passed):
    case = {"label": "positive", "must_not": must_not, "template": "good", "changed": ["very good"]}

    def predict(texts):
        return np.array([[1 - p, 0, p] for p in (after if "very" in text else 0.5 for text in texts)])

    found = one({"kind": "DIR", "cases": [case]}, predict)
    assert (found.passed, found.n) == (passed, 1)
    if not passed:
        word = "at least" if must_not == "fall" else "at most"
        assert found.failures[0].expected == f"positive {word} 0.50"
        assert found.failures[0].probability == pytest.approx(after)


GROUPS = {"kind": "INV", "change": "groups", "lists": ["who"], "templates": ["I am {group}."], "tolerance": 0.1}


@pytest.mark.parametrize(("odd", "passed"), [(0.75, 1), (0.65, 0), (0.2, 0)])
def test_groups_are_treated_alike_when_label_and_probability_stay(odd, passed):
    def predict(texts):
        return np.array([[1 - p, 0, p] for p in (odd if "tall" in text else 0.8 for text in texts)])

    found = one(GROUPS, predict, who=["old", "young", "tall"])
    assert (found.passed, found.n) == (passed, 1)
    if not passed:
        (failure,) = found.failures
        assert (failure.text, failure.other) == ("I am old.", "I am tall.")
        assert failure.expected == "positive, within 0.10 of 0.80"
        assert failure.predicted == ("positive" if odd > 0.5 else "negative")


def test_a_group_with_another_label_is_shown_though_a_third_has_a_lower_probability():
    answers = {"old": (0.31, 0.35, 0.34), "young": (0.3, 0.3, 0.4), "tall": (0.33, 0.33, 0.34)}
    found = one(GROUPS, lambda texts: np.array([answers[text[5:-1]] for text in texts]), who=list(answers))
    assert (found.failures[0].other, found.failures[0].predicted) == ("I am old.", "neutral")


def test_a_change_without_tolerance_may_move_the_probability():
    found = one(
        {"kind": "INV", "change": "case"},
        lambda texts: np.array([[0.4, 0, 0.6] if t.isupper() else [0.1, 0, 0.9] for t in texts]),
    )
    assert (found.rate, found.n) == (1, 60)


def test_given_texts_come_before_templates():
    test = {"kind": "INV", "change": "swap", "lists": ["name"], "templates": ["{name} went home."], "most": 40}
    names = ["Anna", "Mary", "Lisa"] + [f"N{i}" for i in range(40)]
    enough = one(test, by_length, texts=[f"Anna saw it {i} times" for i in range(25)], name=names)
    few = one(test, by_length, texts=[f"Anna saw it {i} times" for i in range(5)], name=names)
    assert (enough.n, few.n) == (25, 30)


def test_long_texts_are_not_scored_again():
    found = one({"kind": "INV", "change": "case"}, by_length, texts=["long " * 100, "short"])
    assert found.n == 1


def test_a_real_classifier_is_tested(train_here, tiny_config, csv):
    classifier = load_classifier(train_here(tiny_config(source=csv(rows=60, labels=("neg", "neu", "pos")), max_steps=2)))
    found = run(lambda texts: classifier.score(texts, "fp32"), classifier.labels)
    assert all(result.n for result in found.values())
