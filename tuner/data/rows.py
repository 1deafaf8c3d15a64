"""Rows on their way from a source's split to a training: texts with label names, and where each came from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Rows:
    """Rows of one split of a source; three sequences of one length.

    Attributes:
        origin: the source's name of that split.
        values: label names.
        row_ids: positions in the source's split; below 0 those of `data.extra_source`, from -1 down.
    """

    origin: str
    texts: Sequence[str]
    values: Sequence[str]
    row_ids: Sequence[int]

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, positions: Sequence[int]) -> "Rows":
        """The rows at these positions, in their order."""
        taken = (tuple([column[i] for i in positions]) for column in (self.texts, self.values, self.row_ids))
        return Rows(self.origin, *taken)

    def with_texts(self, texts: Sequence[str]) -> "Rows":
        """The same rows with other texts."""
        return replace(self, texts=texts)


def row_name(origin: str, row_id: int) -> str:
    """A row's stable id: `train/17` is row 17 of the source's split train, counted from 0; `extra/0` one of the extra source."""
    return f"{origin}/{row_id}" if row_id >= 0 else f"extra/{-1 - row_id}"
