"""Pass marks: `macro_f1>=0.7`, `negation>=0.8`. What a build fails on."""

import operator
import re
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from tuner.errors import SettingsError
from tuner.evaluation.report import EvaluationReport

_SIGNS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
_SHAPE = re.compile(r"\s*(?P<name>.+?)\s*(?<!=)(?P<sign>>=|<=|>|<)\s*(?P<value>[-+]?[0-9.]+(?:e[-+]?\d+)?)\s*", re.IGNORECASE)


class Requirement(BaseModel):
    """A pass mark and whether it was reached.

    Attributes:
        text: as it was given.
        value: what the report has; None where a behaviour test was not run (which does not pass).
    """

    model_config = ConfigDict(frozen=True)

    text: str
    name: str
    value: float | None
    passed: bool

    def __str__(self) -> str:
        found = "was not run" if self.value is None else f"is {self.value:.3f}"
        return f"{'passed' if self.passed else 'FAILED'}  {self.text}  ({self.name} {found})"


def parse(texts: Sequence[str]) -> list[tuple[str, str, str, float]]:
    """(text, name, sign, value) of each pass mark; nothing is looked up yet.

    Raises:
        SettingsError: one that cannot be read.
    """
    found, problems = [], []
    for text in texts:
        match = _SHAPE.fullmatch(text)
        if match is None:
            problems.append(
                f"require '{text}': cannot be read; write a name, one of >= > <= <, and a number, e.g. macro_f1>=0.7."
            )
            continue
        try:
            found.append((text, match["name"], match["sign"], float(match["value"])))
        except ValueError:
            problems.append(f"require '{text}': {match['value']} is no number.")
    if problems:
        raise SettingsError(problems)
    return found


def check(report: EvaluationReport, texts: Sequence[str]) -> list[Requirement]:
    """Every pass mark against a report's numbers, its labels' scores (`recall/LABEL`) and its behaviour tests.

    Raises:
        SettingsError: one that cannot be read, or names nothing the report has.
    """
    values = known_values(report)
    parsed = parse(texts)
    unknown = sorted({name for _, name, _, _ in parsed} - values.keys())
    if unknown:
        raise SettingsError([f"require '{name}': the report has no such number; it has {', '.join(values)}." for name in unknown])
    found = []
    for text, name, sign, mark in parsed:
        value = values[name]
        found.append(Requirement(text=text, name=name, value=value, passed=value is not None and _SIGNS[sign](value, mark)))
    return found


def known_values(report: EvaluationReport) -> dict[str, float | None]:
    """Name → value of all a pass mark can be set on; None for a behaviour test that was not run."""
    classes = {
        f"{key}/{label}": getattr(scores, key)
        for label, scores in report.per_class.items()
        for key in ("precision", "recall", "f1")
    }
    return {**report.numbers, **classes, **{result.name: result.rate for result in report.behaviour}}
