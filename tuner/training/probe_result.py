"""What a probe found, ranked, and in sentences that say what it can and cannot foretell."""

import statistics

from pydantic import BaseModel, ConfigDict, computed_field

FORETELLS = (
    "It shows whose features, as pretrained, already tell your labels apart; models that lie far apart here usually keep "
    "their order when they are trained."
)
CANNOT = (
    "It cannot tell how well a model ends up: training changes the features, and models such as GPT-2, whose averaged "
    "features are poor, can still train well. Differences below the spread mean nothing, and it says nothing of more rows or "
    "longer training."
)


class ProbeRow(BaseModel):
    """One candidate or baseline.

    Attributes:
        model: as the person named it; a baseline's name.
        accuracy, macro_f1, macro_recall: out of fold, over all rows; None where it could not be examined.
        fold_macro_f1: macro F1 of each fold.
        seconds_per_1000: of embedding alone, for 1,000 of these texts.
        memory_mb: the most memory that weights and embedding took, in MB (10⁶ bytes).
        parameters: without a head.
        max_length: tokens kept of each text.
        problem: why it could not be examined, with the cure; empty if it was.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    accuracy: float | None = None
    macro_f1: float | None = None
    macro_recall: float | None = None
    fold_macro_f1: list[float] = []
    seconds_per_1000: float | None = None
    memory_mb: float | None = None
    parameters: int | None = None
    max_length: int | None = None
    problem: str = ""

    @computed_field
    def spread(self) -> float | None:
        """Standard deviation of macro F1 over the folds."""
        return statistics.stdev(self.fold_macro_f1) if len(self.fold_macro_f1) > 1 else None

    @property
    def standard_error(self) -> float:
        """Of macro F1: spread ÷ √folds (folds share training rows, so that it is rather too small)."""
        return (self.spread or 0.0) / max(1, len(self.fold_macro_f1)) ** 0.5


class ProbeResult(BaseModel):
    """A probe's outcome.

    Attributes:
        models: the candidates, the highest macro F1 first, those that could not be examined last.
        baselines: word counts with logistic regression, and the most frequent label, on the same folds.
        rows: training rows drawn.
        says: what it found, what it can foretell and what it cannot.
    """

    model_config = ConfigDict(frozen=True)

    source: str
    rows: int
    folds: int
    seed: int
    models: list[ProbeRow]
    baselines: list[ProbeRow]
    best: str | None
    tied: list[str]
    says: list[str]


def ranked(rows: list[ProbeRow]) -> list[ProbeRow]:
    """By macro F1, highest first; those without one last, in their order."""
    return sorted(rows, key=lambda row: -1.0 if row.macro_f1 is None else row.macro_f1, reverse=True)


def tied_with_best(rows: list[ProbeRow]) -> list[str]:
    """Models that come after the best one by no more than one standard error (the larger of the two).

    Args:
        rows: as `ranked` gives them.
    """
    best, *others = rows
    return [row.model for row in others if row.macro_f1 is not None and not clearly_better(best, row)]


def clearly_better(one: ProbeRow, other: ProbeRow) -> bool:
    """Whether `one`'s macro F1 is higher by more than one standard error."""
    return (one.macro_f1 or 0.0) - (other.macro_f1 or 0.0) > max(one.standard_error, other.standard_error)


def make_result(source: str, rows: int, folds: int, seed: int, models: list[ProbeRow], baselines: list[ProbeRow]) -> ProbeResult:
    """The rows ranked and put in words.

    Args:
        rows, folds, seed: what the scores were measured on.
    """
    models = ranked(models)
    examined = models[0].macro_f1 is not None
    tied = tied_with_best(models) if examined else []
    return ProbeResult(
        source=source,
        rows=rows,
        folds=folds,
        seed=seed,
        models=models,
        baselines=baselines,
        best=models[0].model if examined else None,
        tied=tied,
        says=[_finding(models, baselines, tied, rows, folds), FORETELLS, CANNOT],
    )


def _finding(models: list[ProbeRow], baselines: list[ProbeRow], tied: list[str], rows: int, folds: int) -> str:
    best = models[0]
    if best.macro_f1 is None:
        return "No candidate could be examined; the table says why."
    said = f"{best.model}: macro F1 {best.macro_f1:.3f} ± {best.spread or 0:.3f} over {folds} folds of {rows:,} rows"
    if tied:
        said += f"; {', '.join(tied)} {'is' if len(tied) == 1 else 'are'} within one standard error of it: a tie."
    elif sum(row.macro_f1 is not None for row in models) > 1:
        said += ", more than one standard error above the others."
    else:
        said += "."
    even = [row for row in baselines if row.macro_f1 is not None and not clearly_better(best, row)]
    if even:
        said += f" As it is, it does no better than {' or '.join(row.model for row in even)}."
    return said
