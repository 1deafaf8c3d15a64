"""What a person should know of a data set before training on it: DataProfile.

One object behind the Data tab, `preview --json` and the API.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel as Model
from pydantic import ConfigDict

from tuner.config import RunConfig
from tuner.data.labelled import LabelledData, Split, load_labelled
from tuner.modeling import BaseModel, choose_max_length, count_tokens, find_base_model

SAMPLE_ROWS = 10
_MOST_TOKENISED = 5_000
_BINS = 24
_QUANTILES = (0.5, 0.9, 0.99, 1.0)


class SplitProfile(Model):
    """Rows and label counts of one split."""

    model_config = ConfigDict(frozen=True)

    rows: int
    label_counts: dict[str, int]


class TokenProfile(Model):
    """Token lengths under the base model's tokenizer, special tokens included.

    Attributes:
        rows: training rows counted; a sample where there are more than 5,000.
        max_length: where texts will be cut.
        limit: the model's own limit.
        share_cut: share of the counted rows longer than `max_length`.
        quantiles: "50 %" → tokens.
        histogram: (first token count of the bin, last, rows).
    """

    model_config = ConfigDict(frozen=True)

    model: str
    rows: int
    sampled: bool
    max_length: int
    limit: int
    share_cut: float
    quantiles: dict[str, int]
    histogram: list[tuple[int, int, int]]


class DataProfile(Model):
    """A source as a training would see it.

    Attributes:
        notes: one sentence for everything that was left out or made.
        sample: ten rows of the split asked for, texts cut at 300 characters.
        warnings: what will probably hurt, one sentence each.
    """

    model_config = ConfigDict(frozen=True)

    source: str
    revision: str | None
    fingerprint: str
    text_column: list[str]
    text_reason: str
    label_column: str
    label_reason: str
    labels: list[str]
    splits: dict[str, SplitProfile]
    tokens: TokenProfile
    notes: list[str]
    warnings: list[str]
    sample: list[dict[str, Any]]


def profile(config: RunConfig, data: LabelledData | None = None, split: str = "train") -> DataProfile:
    """Reads the config's data and describes it, token lengths by the config's base model.

    Args:
        data: what `load_labelled(config.data)` gave, where the caller has it.
        split: "train", "validation" or "test"; the one `sample` shows rows of.

    Raises:
        SourceError, ModelError, NetworkError: as `load_labelled` and `find_base_model`.
    """
    data = data or load_labelled(config.data)
    return DataProfile(
        source=data.source,
        revision=data.revision,
        fingerprint=data.fingerprint,
        text_column=list(data.text.names),
        text_reason=data.text.reason,
        label_column=data.label.names[0],
        label_reason=data.label.reason,
        labels=list(data.labels),
        splits={name: SplitProfile(rows=len(split), label_counts=data.counts(name)) for name, split in data.splits.items()},
        tokens=_tokens(config, data.splits["train"]),
        notes=list(data.notes),
        warnings=_warnings(data),
        sample=rows_page(data, split, 0, SAMPLE_ROWS),
    )


def rows_page(
    data: LabelledData, split: str, start: int, count: int, label: str | None = None, search: str = ""
) -> list[dict[str, Any]]:
    """Rows `start`… of a split as {"row", "label", "text"}, texts cut at 300 characters for showing."""
    part = data.splits[split]
    chosen = matching(data, split, label, search)[start : start + count]
    return [{"row": part.row_ids[i], "label": data.labels[part.labels[i]], "text": _cut(part.texts[i])} for i in chosen]


def matching(data: LabelledData, split: str, label: str | None = None, search: str = "") -> Sequence[int]:
    """Positions of the split's rows with this label (None: any) whose text contains `search`, case ignored."""
    part = data.splits[split]
    if not label and not search:
        return range(len(part))
    wanted = data.labels.index(label) if label else None
    needle = search.lower()
    return [i for i, text in enumerate(part.texts) if (wanted is None or part.labels[i] == wanted) and needle in text.lower()]


def token_counts(model: BaseModel, train: Split) -> list[int]:
    """Tokens of the training texts; of the first 5,000 where there are more (they stand in random order)."""
    return count_tokens(model, list(train.texts[:_MOST_TOKENISED]))


def _cut(text: str, most: int = 300) -> str:
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"


def _tokens(config: RunConfig, train: Split) -> TokenProfile:
    model = find_base_model(config.model.name, config.model.revision)
    counts = token_counts(model, train)
    max_length = choose_max_length(model, config.model.max_length, counts)
    ordered = sorted(counts)
    return TokenProfile(
        model=config.model.name,
        rows=len(counts),
        sampled=len(train) > len(counts),
        max_length=max_length,
        limit=model.limit,
        share_cut=sum(count > max_length for count in counts) / len(counts),
        quantiles={f"{q:.0%}": ordered[min(len(ordered) - 1, int(q * len(ordered)))] for q in _QUANTILES},
        histogram=_histogram(counts),
    )


def _histogram(counts: list[int]) -> list[tuple[int, int, int]]:
    """At most 24 bins of equal whole width; lengths beyond the 99th percentile share the last one."""
    ordered = sorted(counts)
    top = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
    width = max(1, -(-(top + 1) // _BINS))
    bins = [0] * (top // width + 1)
    for count in counts:
        bins[min(count // width, len(bins) - 1)] += 1
    last = len(bins) - 1
    return [(i * width, ordered[-1] if i == last else (i + 1) * width - 1, rows) for i, rows in enumerate(bins)]


def _warnings(data: LabelledData) -> list[str]:
    found = []
    counts = data.counts("train")
    for name, count in counts.items():
        if count < 10:
            found.append(
                f"Label '{name[:80]}' has {count} training rows: too few to be learnt. Add rows, or merge it by data.label_map."
            )
    if max(counts.values()) > 0.9 * sum(counts.values()):
        name = max(counts, key=lambda label: counts[label])
        found.append(f"'{name[:80]}' is more than 90 % of the training rows: watch macro F1, not accuracy.")
    leaked = len(set(data.splits["train"].texts) & set(data.splits["test"].texts))
    if leaked:
        found.append(f"{leaked:,} test texts also stand in the training rows: the score will look too good.")
    return found
