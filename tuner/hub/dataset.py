"""Labelled rows as a data set on the Hub: files of JSON lines and a card. Nothing of who judged, when and on what goes along."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence

from tuner import feedback, patterns
from tuner.data.findings import WHO
from tuner.errors import SourceError
from tuner.hub.client import Client
from tuner.hub.commit import Pushed, push_files

Rows = Sequence[tuple[str, str]]
# Split → rows.
Splits = Mapping[str, Rows]
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_MOST_LABELS = 50
JUDGED = """The labels were given or confirmed by people who saw a model's answer, or the text alone. Such rows are no random
sample: they are good to train with, and say little about how often a model is right."""


def dataset_findings(rows: Rows | Splits | str) -> dict[str, int]:
    """Kind of personal data → texts that hold it, of those that do: what to look at before a push.

    Args:
        rows: as for `push_dataset`.

    Raises:
        SourceError: there is no such feedback.
    """
    texts = [text for pairs in _splits(rows).values() for text, _ in pairs]
    found = patterns.personal(patterns.strings(texts))
    return {kind: len(positions) for kind, positions in found.items() if len(positions)}


def findings_in_words(found: Mapping[str, int]) -> str:
    """ "2 texts with an e-mail address, 1 text with a phone number"."""
    return ", ".join(f"{count:,} text{'' if count == 1 else 's'} with {WHO[kind]}" for kind, count in found.items())


def push_dataset(
    rows: Rows | Splits | str,
    repo_id: str,
    *,
    token: str | bool | None,
    private: bool = True,
    message: str = "",
    title: str = "",
    about: str = JUDGED,
    endpoint: str | None = None,
) -> Pushed:
    """Puts rows on the Hub as a data set, a file for each split, with a card; the same rows again make no new commit.

    Look at `dataset_findings` first: nothing is masked here.

    Args:
        rows: (text, label) pairs, or the name of feedback: one split, `train.jsonl`; or split → pairs.
        token: the person's who pushes; it is kept nowhere.
        private: as it is made; a data set that is public already is refused then.
        message: of the commit; empty: how many rows it holds.
        title: of the card; empty: the repository's name.
        about: where the rows and their labels come from: Markdown for the card, in which nothing is escaped any more.
        endpoint: as for `Client`.

    Raises:
        SourceError: there are no rows.
        SettingsError: no name of a repository.
        NetworkError: no token, no right to write, or the Hub cannot be reached; a push can be repeated.
    """
    splits = {split: pairs for split, pairs in _splits(rows).items() if pairs}
    if not splits:
        raise SourceError("There is no row to push.", "Label some texts first.")
    client = Client(token, endpoint)
    repo = client.writable(repo_id, "dataset", private)
    files = {f"{split}.jsonl": _lines(pairs) for split, pairs in splits.items()}
    files["README.md"] = _card(splits, title or repo_id.partition("/")[2], about).encode()
    return push_files(client, repo, files, message or f"{sum(map(len, splits.values())):,} labelled rows")


def _splits(rows: Rows | Splits | str) -> dict[str, list[tuple[str, str]]]:
    if isinstance(rows, str):
        return {"train": [(row.text, row.label) for row in feedback.rows(rows)]}
    return {split: list(pairs) for split, pairs in (rows if isinstance(rows, Mapping) else {"train": rows}).items()}


def _lines(pairs: Rows) -> bytes:
    return "".join(json.dumps({"text": text, "label": label}, ensure_ascii=False) + "\n" for text, label in pairs).encode()


def _card(splits: Splits, title: str, about_rows: str) -> str:
    """What the data set is, made of the rows alone. The licence is the person's to choose."""
    from huggingface_hub import DatasetCardData

    pairs = [pair for rows in splits.values() for pair in rows]
    counts = Counter(label for _, label in pairs)
    columns = {split: Counter(label for _, label in rows) for split, rows in splits.items()} if len(splits) > 1 else {}
    about = DatasetCardData(
        pretty_name=title,
        task_categories=["text-classification"],
        size_categories=[next((name for most, name in _SIZES if len(pairs) < most), "n>1M")],
        tags=["tuner"],
        configs=[{"config_name": "default", "data_files": _data_files(splits)}],
    )
    table = "\n".join(
        " | ".join(["", _cell(label), *(f"{part[label]:,}" for part in (*columns.values(), counts)), ""]).strip()
        for label, _ in counts.most_common(_MOST_LABELS)
    )
    more = f"\n\n{len(counts) - _MOST_LABELS:,} more labels have fewer rows." if len(counts) > _MOST_LABELS else ""
    return f"""---
{about.to_yaml()}
---

# {_cell(title)}

{len(pairs):,} texts, each with one label, for text classification: columns `text` and `label`, {_count(splits)}.

| label |{"".join(f" {split} |" for split in columns)} rows |
|---|---|{"---|" * len(columns)}
{table}{more}

{about_rows}

Nobody named a licence yet. Add one to the front matter (`license:`) before others use these rows.
"""


def _count(splits: Splits) -> str:
    return f"{len(splits)} splits" if len(splits) > 1 else "one split"


def _data_files(splits: Splits) -> str | list[dict[str, str]]:
    """As the Hub's own loader reads it."""
    return [{"split": split, "path": f"{split}.jsonl"} for split in splits] if len(splits) > 1 else f"{next(iter(splits))}.jsonl"


def _cell(text: str) -> str:
    """A text inside a table of Markdown, as it is."""
    plain = " ".join(text.split())[:100]
    return "".join(f"\\{char}" if char in r"\`*_{}[]<>()#+-.!|~&$" else char for char in plain)
