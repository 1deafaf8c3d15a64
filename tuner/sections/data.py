"""Section `data`: which rows, and which of their columns."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, field_validator

from tuner import catalog
from tuner.sections.base import Contradiction, Section, Seed, by_label, setting

# In the order they are applied: masks first, since texts may be equal only after them.
Fix = Literal[
    "mask_email",
    "mask_account",
    "mask_card",
    "mask_phone",
    "mask_handle",
    "drop_conflicting",
    "drop_duplicates",
    "drop_leaked",
    "drop_near_duplicates",
]
Count = Annotated[int, Field(ge=1, le=100_000_000)]
HeldOut = Annotated[float, Field(gt=0, le=100_000_000)]


class DataConfig(Section):
    """Which rows, and which of their columns."""

    source: str = setting(
        catalog.SAMPLE_TWEETS,
        "where the examples come from: sample:tweets, a file, feedback:NAME, or a Hub data set owner/name",
        group="Source",
        min_length=1,
        max_length=1024,
    )
    config: str | None = setting(None, "configuration of a Hub data set that has several", group="Source")
    revision: str | None = setting(None, "commit, branch or tag of a Hub data set; pinned in the run", group="Source")
    train_split: str | None = setting(None, "split to train on; empty: the one named train, else the first", group="Splits")
    validation_split: str | None = setting(
        None, "split to validate on while training; empty: found by name, else cut from train", group="Splits"
    )
    test_split: str | None = setting(
        None, "split for the final report; empty: found by name, else cut from train", group="Splits"
    )
    text_column: str | list[str] | None = setting(
        None, "column that holds the text (a list of several is joined); empty: guessed", group="Columns"
    )
    text_separator: str = setting("\n\n", "what stands between the parts of a joined text", group="Columns", max_length=20)
    label_column: str | None = setting(None, "column that holds the label; empty: guessed", group="Columns")
    label_map: dict[str, str | None] | None = setting(
        None, "new name for a label; the same name twice merges, null leaves the rows out", group="Columns"
    )
    max_train_samples: Count | None = setting(
        None, "training rows: at most this many, drawn at random; empty: all", group="Data", common=True
    )
    train_samples_seed: Seed | None = setting(
        None,
        "draws max_train_samples by this seed in the shares of the labels, fewer rows out of more; empty: the first rows in the "
        "order of the data's seed",
        group="Data",
    )
    max_eval_samples: Count | None = setting(None, "validation and test rows: at most this many each; empty: all", group="Data")
    validation_size: HeldOut | None = setting(
        None, "validation rows to cut from train: a count, or a share below 1; empty: a tenth, at most 2,000", group="Splits"
    )
    test_size: HeldOut | None = setting(
        None, "test rows to cut from train: a count, or a share below 1; empty: a tenth, at most 2,000", group="Splits"
    )
    num_folds: Annotated[int, Field(ge=2, le=20)] | None = setting(
        None, "folds (for small data): one of so many equal parts of train validates; empty: no folds", group="Splits"
    )
    fold: int = setting(0, "which of the folds validates, counted from 0", group="Splits", ge=0, le=19)
    fixes: list[Fix] = setting(
        [],
        "mends applied to the rows, in this order: repeats, contradictions and leaks dropped; personal data masked",
        group="Data",
    )
    overlay: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")] | None = setting(
        None, "decisions on suspicious labels to apply: the name the Data tab gave them", group="Data"
    )
    extra_source: Annotated[str, Field(min_length=1, max_length=1024)] | None = setting(
        None, "extra source: further training rows, e.g. feedback:NAME; never used for validation or test; empty: none",
        group="Data",
    )  # fmt: skip
    seed: Seed = setting(42, "seed for drawing and splitting rows", group="Data")
    fingerprint: str | None = setting(
        None, "SHA-256 of the rows a run was made for; filled in at the start, and other rows are refused", group="Data"
    )

    @field_validator("label_map", mode="before")
    @classmethod
    def _names_by_label(cls, value: Any) -> Any:  # noqa: ANN401
        return by_label(value)

    @field_validator("validation_size", "test_size")
    @classmethod
    def _count_or_share(cls, value: float | None) -> float | None:
        if value is not None and value >= 1 and value != int(value):
            raise ValueError("must be a whole number of rows, or a share of the rows below 1")
        return value

    @field_validator("fixes")
    @classmethod
    def _each_fix_once(cls, value: list[Fix]) -> list[Fix]:
        """In their own order, whatever order they were clicked in: the same fixes make the same rows."""
        return [fix for fix in get_args(Fix) if fix in value]

    def contradictions(self) -> Iterator[Contradiction]:
        """Rows that are both named and cut, and settings that do nothing without another."""
        cuts = tuple(name for name in ("validation_size", "num_folds") if getattr(self, name))
        if self.validation_split and cuts:
            allowed = "validation_split names the rows that validation_size or num_folds would cut: empty one of them"
            yield Contradiction("validation_split", cuts, allowed)
        if self.test_split and self.test_size:
            allowed = "test_split names the rows that test_size would cut: empty one of them"
            yield Contradiction("test_split", ("test_size",), allowed)
        if self.num_folds and self.validation_size:
            allowed = "num_folds and validation_size both cut the validation rows: empty one of them"
            yield Contradiction("num_folds", ("validation_size",), allowed)
        if self.train_samples_seed is not None and self.max_train_samples is None:
            allowed = "train_samples_seed draws max_train_samples rows: give 1 to 100,000,000 of them, or empty it"
            yield Contradiction("train_samples_seed", ("max_train_samples",), allowed)
        if self.fold and not self.num_folds:
            yield Contradiction("fold", ("num_folds",), f"give num_folds above {self.fold} and at most 20, or set fold to 0")
        if self.num_folds and self.fold >= self.num_folds:
            yield Contradiction("fold", ("num_folds",), f"the first fold is 0: give 0 to {self.num_folds - 1}")
