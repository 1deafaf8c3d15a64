"""predict --explain: the words behind an answer."""

import argparse
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tuner.errors import SettingsError
from tuner.explain import METHODS, Explanation
from tuner.words import signed

if TYPE_CHECKING:
    from tuner.inference import Classifier

_MOST_WORDS = 30
# What a terminal would obey instead of showing.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def add_options(predict: argparse.ArgumentParser) -> None:
    """Adds --explain and what goes with it."""
    predict.add_argument("--explain", action="store_true", help="show every word's part in the label, the strongest first")
    predict.add_argument("--method", choices=list(METHODS), help="how --explain finds out (default: leave_one_out)")
    predict.add_argument("--explain-label", metavar="LABEL", help="the label --explain speaks of (default: the predicted one)")


def check_options(options: argparse.Namespace) -> None:
    """Refuses what does not go together.

    Raises:
        SettingsError: --explain with --input or --output, or its options without it.
    """
    if options.explain and (options.input or options.output):
        raise SettingsError(["--explain does not go with --input and --output."], "Give the texts after the model.")
    if not options.explain and (options.method or options.explain_label):
        raise SettingsError(["--method and --explain-label need --explain."], "Add --explain.")


def explanations(options: argparse.Namespace, classifier: "Classifier", texts: Sequence[str]) -> list[Explanation | None]:
    """One for each text; None each where none were asked for."""
    if not options.explain:
        return [None] * len(texts)
    from tuner.explain import explain

    return [explain(classifier, text, options.explain_label, options.method or "leave_one_out") for text in texts]


def print_words(explanation: Explanation) -> None:
    """Signed parts and words, aligned, the strongest first; at most 30."""
    print(f"  {explanation.label} ({explanation.unit}): {explanation.about}")
    ranked = sorted(explanation.words, key=lambda word: -abs(word.score))
    for word in ranked[:_MOST_WORDS]:
        print(f"  {signed(word.score):>7} {_CONTROL.sub('?', word.text[:80])}")
    if len(ranked) > _MOST_WORDS:
        print(f"  and {len(ranked) - _MOST_WORDS} weaker words")
    if explanation.delta is not None:
        print(f"  convergence delta {explanation.delta:.1%}")
    if explanation.warning:
        print(f"  {explanation.warning}")
