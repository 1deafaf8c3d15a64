"""Which column holds the text and which the label: as asked, or guessed with the reason."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuner.errors import SourceError
from tuner.words import listed

if TYPE_CHECKING:
    from datasets import Dataset

_TEXT_NAMES = ("text", "sentence", "tweet", "content", "review", "comment", "body", "message", "document", "question", "title")
_LABEL_NAMES = ("label", "labels", "sentiment", "class", "category", "target", "topic", "intent", "stars", "rating", "score", "y")
_MOST_GUESSED_CLASSES = 50
_ROWS_LOOKED_AT = 1_000


@dataclass(frozen=True)
class Column:
    """A column taken (several for a joined text), and why."""

    names: tuple[str, ...]
    reason: str


def find_text_columns(table: "Dataset", wanted: str | list[str] | None) -> Column:
    """The text column or columns.

    Raises:
        SourceError: the wanted one is not there, or none holds text.
    """
    features = table.features  # a copy of all, each time it is read
    if wanted:
        names = (wanted,) if isinstance(wanted, str) else tuple(wanted)
        for name in names:
            _require(table, name, "text")
            if not _is_text(features[name]):
                raise SourceError(f"Column '{name}' holds {_dtype(features[name])}, not text.", "Choose a column of text.")
        return Column(names, "as chosen")
    candidates = [name for name in table.column_names if _is_text(features[name])]
    named = _first_named(candidates, _TEXT_NAMES)
    if named:
        return Column((named,), f"a text column called '{named}'")
    if not candidates:
        raise SourceError(f"No column holds text; the columns are {_listing(table)}.", "Choose a source with a column of text.")
    # Names of labels may be longer than the texts.
    candidates = [name for name in candidates if name.lower().strip() not in _LABEL_NAMES] or candidates
    head = table.select_columns(candidates)[:_ROWS_LOOKED_AT]
    lengths = {name: sum(len(value or "") for value in values) / max(1, len(values)) for name, values in head.items()}
    longest = max(candidates, key=lambda name: lengths[name])
    return Column((longest,), f"the text column with the longest texts ({lengths[longest]:.0f} characters on average)")


def lacking(wanted: str | list[str] | None, there: Collection[str]) -> list[str]:
    """Those of the wanted columns that are not among the columns `there`."""
    return [name for name in ([wanted] if isinstance(wanted, str) else wanted or []) if name not in there]


def guessed_instead(role: str, lost: Sequence[str], name: str) -> str:
    """Why a column of the source is guessed: what a run was trained with is not there."""
    which = f"columns {', '.join(lost)}" if len(lost) > 1 else f"column '{lost[0]}'"
    return f"The run was trained with the {role} {which}, which {name} does not have."


def find_label_column(table: "Dataset", wanted: str | None, text_columns: tuple[str, ...]) -> Column:
    """The label column.

    Raises:
        SourceError: the wanted one is not there, is the text, or none looks like labels.
    """
    from datasets import ClassLabel

    if wanted:
        _require(table, wanted, "label")
        if wanted in text_columns:
            raise SourceError(f"Column '{wanted}' is both text and label.", "Choose another label column.")
        return Column((wanted,), "as chosen")
    candidates = [name for name in table.column_names if name not in text_columns]
    features = table.features
    classes = next((name for name in candidates if isinstance(features[name], ClassLabel)), None)
    if classes:
        return Column((classes,), f"'{classes}' is declared as a class label")
    named = _first_named(candidates, _LABEL_NAMES)
    if named:
        return Column((named,), f"a column called '{named}'")
    head = table.select_columns(candidates)[:_ROWS_LOOKED_AT]
    counts = {name: len({str(value) for value in values}) for name, values in head.items()}
    most = min(_MOST_GUESSED_CLASSES, max(2, min(len(table), _ROWS_LOOKED_AT) // 2))
    few = [name for name in candidates if 2 <= counts[name] <= most]
    if not few:
        raise SourceError(
            f"No column looks like labels; the columns are {_listing(table)}.", "Name one (data.label_column, --label-column)."
        )
    best = min(few, key=lambda name: counts[name])
    # Without the missing ones, NaN among them, which differs from itself.
    given = {str(value).strip() for value in head[best] if value is not None and value == value} - {""}
    return Column((best,), f"the column with the fewest different values ({len(given)})")


def _require(table: "Dataset", name: str, role: str) -> None:
    if name not in table.column_names:
        raise SourceError(
            f"There is no column '{name[:80]}'; the columns are {_listing(table)}.",
            f"Name one of these as the {role} column (data.{role}_column, --{role}-column).",
        )


def _first_named(candidates: list[str], names: tuple[str, ...]) -> str | None:
    by_lower = {name.lower().strip(): name for name in reversed(candidates)}
    return next((by_lower[name] for name in names if name in by_lower), None)


def _is_text(feature: Any) -> bool:  # noqa: ANN401
    return _dtype(feature) in ("string", "large_string")


def _dtype(feature: Any) -> str:  # noqa: ANN401
    return getattr(feature, "dtype", None) or type(feature).__name__


def _listing(table: "Dataset") -> str:
    return listed([f"'{name[:40]}'" for name in table.column_names], 12)
