"""What every reader of a source hands on: its splits as they came."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasets import Dataset


@dataclass(frozen=True)
class RawData:
    """A source's splits with their columns as they came.

    Attributes:
        splits: split name → `datasets.Dataset`.
        revision: the commit of a Hub data set, pinned; None for other sources.
        identity: SHA-256 of the bytes it was read from, or the Hub commit.
        notes: one sentence for everything the reader changed, left out or did not look at.
    """

    source: str
    splits: "dict[str, Dataset]"
    revision: str | None
    identity: str
    notes: tuple[str, ...] = ()
