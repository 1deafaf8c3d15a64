"""What a person should know of a data set before training on it: DataProfile.

One object behind the Data tab, `preview --json`, the API and the model card.
"""

from collections import Counter
from typing import Any

import numpy as np
from pydantic import BaseModel as Model
from pydantic import ConfigDict, PrivateAttr

from tuner import patterns
from tuner.config import RunConfig, check_settings
from tuner.data import findings
from tuner.data.browsing import rows_page
from tuner.data.findings import Finding, Look, Positions
from tuner.data.labelled import LabelledData, Split, load_labelled
from tuner.modeling import BaseModel, choose_max_length, count_tokens, find_base_model

SAMPLE_ROWS = 10
MOST_TOKENISED = 5_000
_BINS = 24
_QUANTILES = (0.5, 0.9, 0.99, 1.0)


class SplitProfile(Model):
    """Rows and labels of one split.

    Attributes:
        origin: the split of the source its rows come from.
        label_shares: share of its rows, 0 … 1.
        label_shift: total variation distance of the label shares from those of train, 0 (equal) … 1.
    """

    model_config = ConfigDict(frozen=True)

    rows: int
    origin: str
    label_counts: dict[str, int]
    label_shares: dict[str, float]
    label_shift: float


class LengthProfile(Model):
    """Lengths of texts.

    Attributes:
        quantiles: "50 %" → length.
        histogram: (first length of the bin, last, rows).
    """

    model_config = ConfigDict(frozen=True)

    quantiles: dict[str, int]
    histogram: list[tuple[int, int, int]]


class TokenProfile(LengthProfile):
    """Token lengths under the base model's tokenizer, special tokens included.

    Attributes:
        rows: training rows counted; a sample (the first 5,000, which stand in random order) where there are more.
        max_length: where texts will be cut.
        recommended: the shortest multiple of 8 that 99.5 % of the counted texts fit in, within the limit.
        limit: the model's own limit.
        share_cut: share of the counted rows longer than `max_length`.
    """

    model: str
    rows: int
    sampled: bool
    max_length: int
    recommended: int
    limit: int
    share_cut: float


class DataProfile(Model):
    """A source as a training would see it, after the fixes of its settings.

    Attributes:
        columns: all columns of the source.
        missing: "empty_text", "missing_label" → split of the source → rows left out for it.
        characters: lengths of all texts in characters.
        scripts, traits: share of all texts that hold a sign of the script, a link, a handle, … (0 … 1).
        notes: one sentence for everything that was left out, mended or made.
        findings: what is wrong with the rows, the gravest first.
        sample: ten rows of the split asked for, texts cut at 300 characters.
    """

    model_config = ConfigDict(frozen=True)

    source: str
    revision: str | None
    fingerprint: str
    columns: list[str]
    text_column: list[str]
    text_reason: str
    label_column: str
    label_reason: str
    labels: list[str]
    splits: dict[str, SplitProfile]
    missing: dict[str, dict[str, int]]
    characters: LengthProfile
    tokens: TokenProfile
    scripts: dict[str, float]
    traits: dict[str, float]
    notes: list[str]
    findings: list[Finding]
    sample: list[dict[str, Any]]
    _positions: dict[str, Positions] = PrivateAttr(default_factory=dict)

    def rows_of(self, finding: str) -> Positions:
        """Role → positions of a finding's rows; empty for rows that were left out."""
        return self._positions.get(finding, {})


def profile(config: RunConfig, data: LabelledData | None = None, split: str = "train") -> DataProfile:
    """Reads the config's data and describes it, token lengths by the config's base model.

    Args:
        data: what `load_labelled(config.data)` gave, where the caller has it.
        split: "train", "validation" or "test"; the one `sample` shows rows of.

    Raises:
        SettingsError: this is no RunConfig.
        SourceError, ModelError, NetworkError: as `load_labelled` and `find_base_model`.
    """
    check_settings(config)
    data = data or load_labelled(config.data)
    model = find_base_model(config.model.name, config.model.revision)
    counts = token_counts(model, data.splits["train"])
    tokens = _tokens(config, model, counts, len(data.splits["train"]))
    look = Look(config, data, np.asarray(counts), tokens.max_length, tokens.recommended, model.limit)
    texts = {role: patterns.strings(part.texts) for role, part in data.splits.items()}
    described = DataProfile(
        source=data.source,
        revision=data.revision,
        fingerprint=data.fingerprint,
        columns=list(data.columns),
        text_column=list(data.text.names),
        text_reason=data.text.reason,
        label_column=data.label.names[0],
        label_reason=data.label.reason,
        labels=list(data.labels),
        splits=_splits(data),
        missing={reason: dict(data.left_out[reason].counts) for reason in ("empty_text", "missing_label")},
        characters=_lengths([len(text) for part in data.splits.values() for text in part.texts]),
        tokens=tokens,
        scripts={name: share for name, share in _shares(texts, patterns.SCRIPTS).items() if share},
        traits=_shares(texts, patterns.TRAITS),
        notes=list(data.notes),
        findings=findings.find(look),
        sample=rows_page(data, split, 0, SAMPLE_ROWS),
    )
    described._positions.update(look.positions)
    return described


def token_counts(model: BaseModel, train: Split) -> list[int]:
    """Tokens of the training texts; of the first 5,000 where there are more (they stand in random order)."""
    return count_tokens(model, list(train.texts[:MOST_TOKENISED]))


def max_length_for(model: BaseModel, wanted: int | None, train: Split) -> int:
    """Tokens kept of each text: as many as wanted, else what the training texts need.

    Raises:
        SettingsError: the wanted ones are over the model's limit.
    """
    return choose_max_length(model, wanted, token_counts(model, train) if wanted is None else [])


def _splits(data: LabelledData) -> dict[str, SplitProfile]:
    shares, profiles = {}, {}
    for role, part in data.splits.items():
        counts = data.counts(role)
        shares[role] = {name: count / max(1, len(part)) for name, count in counts.items()}
        shift = sum(abs(shares[role][name] - shares["train"][name]) for name in data.labels) / 2
        profiles[role] = SplitProfile(
            rows=len(part), origin=part.origin, label_counts=counts, label_shares=shares[role], label_shift=shift
        )
    return profiles


def _shares(texts: dict[str, Any], searched: dict[str, str]) -> dict[str, float]:
    """Name of a pattern → share of all texts that hold it."""
    found: Counter[str] = Counter()
    for part in texts.values():
        found.update({name: int(hits.sum()) for name, hits in patterns.matches(part, searched).items()})
    total = max(1, sum(len(part) for part in texts.values()))
    return {name: found[name] / total for name in searched}


def _tokens(config: RunConfig, model: BaseModel, counts: list[int], total: int) -> TokenProfile:
    max_length = choose_max_length(model, config.model.max_length, counts)
    lengths = _lengths(counts)
    return TokenProfile(
        model=config.model.name,
        rows=len(counts),
        sampled=total > len(counts),
        max_length=max_length,
        recommended=choose_max_length(model, None, counts),
        limit=model.limit,
        share_cut=sum(count > max_length for count in counts) / len(counts),
        quantiles=lengths.quantiles,
        histogram=lengths.histogram,
    )


def _lengths(counts: list[int]) -> LengthProfile:
    """Quantiles, and at most 24 bins of equal whole width; lengths beyond the 99th percentile share the last one."""
    ordered = np.sort(np.asarray(counts))
    at = {q: int(ordered[min(len(ordered) - 1, int(q * len(ordered)))]) for q in _QUANTILES}
    width = max(1, -(-(at[0.99] + 1) // _BINS))
    last = at[0.99] // width
    rows = np.bincount(np.minimum(ordered // width, last), minlength=last + 1)
    bins = [(i * width, at[1.0] if i == last else (i + 1) * width - 1, int(count)) for i, count in enumerate(rows)]
    return LengthProfile(quantiles={f"{q:.0%}": length for q, length in at.items()}, histogram=bins)
