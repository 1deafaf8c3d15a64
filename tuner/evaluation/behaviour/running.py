"""Runs behaviour tests: all their texts in one call of `predict`, then a rate for each test."""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from tuner.evaluation.behaviour.cases import Case, make_cases, pool_of
from tuner.evaluation.behaviour.suite import InvarianceTest, MinimumTest, Suite, Test, load_tests
from tuner.evaluation.wilson import Interval, share_interval

SEED = 42
MOST_FAILURES = 10
# The tests of `tests.yaml`, by the names that the command line knows them by.
SHIPPED = (
    "vocabulary", "negation", "negation_of_neutral", "negation_between", "intensifiers", "temporal", "typos", "case",
    "contractions", "punctuation", "urls_handles", "names", "places", "numbers", "identity",
)  # fmt: skip


class Failure(BaseModel):
    """A case that did not pass.

    Attributes:
        text: the text, or the one that was changed.
        other: the changed text; of groups, `text` and `other` are the two that differ most. Empty in an MFT.
        expected: what would have passed, in words.
        predicted: the answer for `other`, or for `text` where there is no other.
        probability: of `predicted`; in a DIR, and where the probability must not move, of the label that `expected` names.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    other: str = ""
    expected: str
    predicted: str
    probability: float


class BehaviourResult(BaseModel):
    """What a test found.

    Attributes:
        rate: share of the cases that passed; None where it was skipped.
        interval: 95 %, Wilson.
        failures: at most 10, the clearest first.
        skipped: why no case was run; empty where some were.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    kind: Literal["MFT", "INV", "DIR"]
    description: str
    passed: int = 0
    n: int = 0
    rate: float | None = None
    interval: Interval | None = None
    failures: list[Failure] = []
    skipped: str = ""


def run_behaviour(
    predict: Callable[[Sequence[str]], np.ndarray],
    labels: Sequence[str],
    texts: Sequence[str],
    tests: Suite | None = None,
    *,
    seed: int = SEED,
) -> list[BehaviourResult]:
    """The results of every test, in the order of the suite; the same for the same arguments.

    Args:
        predict: texts → probabilities (texts × labels); called once, or not at all where every test is skipped.
        texts: of the data that is evaluated; INV tests change a sample of them. May be empty.
        tests: None for the shipped ones.

    Raises:
        ValueError: `predict` gives another shape, or numbers that are not finite.
    """
    suite = tests or load_tests()
    pool = pool_of(texts, seed)
    made = {name: make_cases(name, test, suite, labels, pool, seed) for name, test in suite.tests.items()}
    asked = list(dict.fromkeys(text for cases, _ in made.values() for case in cases for text in case.texts))
    answers = dict(zip(asked, _checked(predict(asked), len(asked), len(labels)), strict=True)) if asked else {}
    return [_result(name, test, *made[name], labels, answers) for name, test in suite.tests.items()]


def _checked(probabilities: np.ndarray, texts: int, labels: int) -> np.ndarray:
    found = np.asarray(probabilities, dtype=np.float64)
    if found.shape != (texts, labels):
        raise ValueError(f"predict gave shape {found.shape} for {texts} texts and {labels} labels")
    if not np.isfinite(found).all():
        bad = int((~np.isfinite(found)).any(axis=1).sum())
        raise ValueError(f"predict gave NaN or infinite probabilities for {bad} of {texts} texts")
    return found


def _result(
    name: str, test: Test, cases: list[Case], reason: str, labels: Sequence[str], answers: dict[str, np.ndarray]
) -> BehaviourResult:
    about = {"name": name, "kind": test.kind, "description": test.description}
    if not cases:
        return BehaviourResult(**about, skipped=reason)
    judged = [_judge(test, case, labels, np.stack([answers[text] for text in case.texts])) for case in cases]
    failed = sorted((found for found in judged if found), key=lambda found: -found[0])
    passed = len(cases) - len(failed)
    return BehaviourResult(
        **about,
        passed=passed,
        n=len(cases),
        rate=passed / len(cases),
        interval=share_interval(passed, len(cases)),
        failures=[failure for _, failure in failed[:MOST_FAILURES]],
    )


def _judge(test: Test, case: Case, labels: Sequence[str], found: np.ndarray) -> tuple[float, Failure] | None:
    """None where the case passes; else how clearly it fails, 0 … 1, and the failure.

    Args:
        found: probabilities, one row for each text of the case.
    """
    if isinstance(test, MinimumTest):
        return _judge_answer(case, labels, found[0])
    if isinstance(test, InvarianceTest):
        return _judge_spread(case, labels, found, test.tolerance)
    label = case.accepted[0]
    before, after = found[:, label].tolist()
    change = before - after if case.must_not == "fall" else after - before
    if change <= test.tolerance:
        return None
    word = "at least" if case.must_not == "fall" else "at most"
    expected = f"{labels[label]} {word} {before:.2f}"
    return change, _failure(case.texts, expected, labels[int(found[1].argmax())], after)


def _judge_answer(case: Case, labels: Sequence[str], found: np.ndarray) -> tuple[float, Failure] | None:
    answer = int(found.argmax())
    if answer in case.accepted:
        return None
    sure = float(found[answer])
    return sure, _failure(case.texts, " or ".join(labels[i] for i in case.accepted), labels[answer], sure)


def _judge_spread(case: Case, labels: Sequence[str], found: np.ndarray, tolerance: float | None) -> tuple[float, Failure] | None:
    """The same label for all texts; with a tolerance, also its probability within that from the lowest to the highest."""
    answers = found.argmax(axis=1)
    if tolerance is None:
        low = int(np.argmax(answers != answers[0]))
        if answers[low] == answers[0]:
            return None
        sure = float(found[low, answers[low]])
        return sure, _failure((case.texts[0], case.texts[low]), labels[answers[0]], labels[answers[low]], sure)
    label = int(np.bincount(answers).argmax())
    usual = found[:, label]
    high = int(np.where(answers == label, usual, -1).argmax())
    # Of texts with another answer, where there are any, the one farthest off.
    low = int(np.where((answers != label) | (answers == label).all(), usual, 2).argmin())
    spread = float(usual[high] - usual[low])
    if answers[low] == label and spread <= tolerance:
        return None
    expected = f"{labels[label]}, within {tolerance:.2f} of {usual[high]:.2f}"
    return spread, _failure((case.texts[high], case.texts[low]), expected, labels[answers[low]], float(usual[low]))


def _failure(texts: tuple[str, ...], expected: str, predicted: str, probability: float) -> Failure:
    other = texts[1] if len(texts) > 1 else ""
    return Failure(text=texts[0], other=other, expected=expected, predicted=predicted, probability=probability)
