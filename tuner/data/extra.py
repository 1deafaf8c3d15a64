"""Further training rows from a second source, `data.extra_source`: what people corrected, above all. No other split gets any."""

from pathlib import Path

import numpy as np

from tuner import feedback
from tuner.config import DataConfig
from tuner.data.columns import find_label_column, find_text_columns
from tuner.data.fixes import apply_fixes
from tuner.data.hub_sets import id_in
from tuner.data.reading import Reader
from tuner.data.repeats import repeat_keys
from tuner.data.rows import Rows
from tuner.data.sources import kind_of, load_raw
from tuner.errors import SourceError
from tuner.hub_read import HUB_ID
from tuner.words import listed


def name_and_revision(source: str) -> tuple[str, str | None]:
    """`owner/name@commit` as the two it names; every other source as it is, without a revision."""
    name, _, revision = source.strip().rpartition("@")
    return (name, revision) if revision and HUB_ID.fullmatch(name) else (source.strip(), None)


def pinned_source(source: str) -> str:
    """A source's name that means the same from every folder, and the same judgements when feedback has grown.

    Raises:
        SourceError: it means nothing, or there is no such feedback.
    """
    kind = kind_of(source)
    if kind == "file":
        return str(Path(source).expanduser().absolute())
    return id_in(source) or source if kind == "hub" else feedback.pinned(source)  # of the Hub, a page's address may be given


def with_extra(
    parts: dict[str, Rows], labels: tuple[str, ...], config: DataConfig, notes: list[str]
) -> tuple[dict[str, Rows], str | None]:
    """The rows with those of `data.extra_source` behind the training rows, and that source's name, pinned.

    A text of the validation or test rows is left out. One that is trained on already takes the extra row's label. The
    run's masks and label map are laid over them, too; the map not over feedback, which speaks of the model's labels.

    Args:
        labels: the label names of the data; a row with another one is left out.

    Raises:
        SourceError: it cannot be read, or none of its labels is one of the data's.
        NetworkError: it lies on the Hub, and the Hub does not answer.
    """
    if config.extra_source is None:
        return parts, None
    rows, source = _read(config, notes)
    known = [i for i, value in enumerate(rows.values) if value in labels]
    if not known:
        raise SourceError(
            f"No row of the extra source '{source}' has one of the labels {listed(labels, 10)}.",
            "Empty data.extra_source, or give one with the same labels.",
        )
    notes += _counted(len(rows) - len(known), "whose label is none of the data's were left out")
    masks = [fix for fix in config.fixes if fix.startswith("mask_")]
    rows = apply_fixes({"train": rows.take(known)}, masks)[0]["train"]
    return {**parts, "train": _joined(parts, rows, notes)}, source


def _read(config: DataConfig, notes: list[str]) -> tuple[Rows, str]:
    """The labelled rows of the extra source's training split in its own order, row ids from -1 down."""
    given, revision = name_and_revision(config.extra_source or "")
    source = pinned_source(given)
    raw = load_raw(source, revision=revision)
    split = next((name for name in ("train", "training") if name in raw.splits), next(iter(raw.splits)))
    text = find_text_columns(raw.splits[split], None)
    label = find_label_column(raw.splits[split], None, text.names)
    maps = None if kind_of(source) == "feedback" else config.label_map
    found = Reader(raw, text, label, DataConfig(seed=config.seed, label_map=maps))(split)
    order = np.argsort(found.row_ids).tolist()
    rows = found.take(order)
    notes += [f"Extra source: {note}" for note in raw.notes]
    ids = tuple(-1 - row for row in rows.row_ids)
    return Rows(split, rows.texts, rows.values, ids), f"{source}@{raw.revision}" if raw.revision else source


def _joined(parts: dict[str, Rows], extra: Rows, notes: list[str]) -> Rows:
    """The training rows with what is new among the extra ones behind them; of repeats among these the last one counts."""
    train = parts["train"]
    own, held_out, keys = repeat_keys(train.texts, [*parts["validation"].texts, *parts["test"].texts], extra.texts)
    leaks = np.isin(keys, held_out)
    last = {key: place for place, key in enumerate(keys.tolist()) if not leaks[place]}
    values, taken = list(train.values), set()
    for place, key in enumerate(own.tolist()):
        if key in last:
            taken.add(key)
            values[place] = extra.values[last[key]]
    changed = sum(new != old for new, old in zip(values, train.values, strict=True))
    new = extra.take([place for key, place in last.items() if key not in taken])
    notes += _counted(len(new), "were added to the training rows")
    notes += _counted(len(taken), f"have the text of a training row; {changed:,} of these rows got another label by them")
    notes += _counted(int(leaks.sum()), "stand in validation or test, too, and were left out")
    notes += _counted(len(keys) - len(last) - int(leaks.sum()), "repeat another one; the last of them counts")
    joined = ((*one, *other) for one, other in ((train.texts, new.texts), (values, new.values), (train.row_ids, new.row_ids)))
    return Rows(train.origin, *joined)


def _counted(count: int, what: str) -> list[str]:
    return [f"{count:,} extra rows {what}."] if count else []
