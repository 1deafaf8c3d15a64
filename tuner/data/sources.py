"""From the name of a source to its raw splits, columns untouched.

A source is `sample:tweets`, the path of a file or folder, `upload:ID`, `feedback:NAME` (its first N judgements:
`feedback:NAME@N`) or a Hub id `owner/name`. Nothing else is ever opened: `load_dataset` would take the word `text` for a
reader of the working directory.
"""

import functools
import hashlib
import json
import re
from pathlib import Path
from typing import Literal

from tuner import feedback
from tuner.catalog import SAMPLE_TWEETS
from tuner.data import tweets
from tuner.data.files import FILE_SUFFIXES, load_file, sha256, uploaded_path
from tuner.data.hub_sets import id_in, load_hub
from tuner.data.raw import RawData
from tuner.errors import SourceError
from tuner.hub_read import HUB_ID


def kind_of(source: str) -> Literal["sample", "upload", "feedback", "file", "hub"]:
    """What a source's name means.

    Raises:
        SourceError: it means nothing.
    """
    name = source.strip()
    if name == SAMPLE_TWEETS:
        return "sample"
    if re.fullmatch(r"upload:[0-9a-f]{32}", name):
        return "upload"
    if feedback.named(name):
        return "feedback"
    if "://" in name:  # before the endings: an address may end in .csv
        id_in(name)
        return "hub"
    if _is_path(name):
        return "file"
    if HUB_ID.fullmatch(name):
        return "hub"
    raise SourceError(
        f"'{name[:120]}' is no source of examples.",
        f"Give {SAMPLE_TWEETS}, a file ({' '.join(FILE_SUFFIXES)}), a folder, feedback:NAME, or a Hub data set as owner/name.",
    )


def _is_path(name: str) -> bool:
    """A table's ending, a file that is there, or a folder that is there and cannot be meant as a Hub id."""
    if Path(name).suffix.lower() in FILE_SUFFIXES:
        return True
    try:
        path = Path(name).expanduser()
        return path.is_file() or (bool(name) and path.is_dir() and not HUB_ID.fullmatch(name))
    except (OSError, RuntimeError):  # a name no file system takes; a home nobody has
        return False


def load_raw(source: str, config: str | None = None, revision: str | None = None) -> RawData:
    """Reads every split of a source.

    Args:
        source: see `kind_of`.
        config: configuration of a Hub data set that has several.
        revision: commit, branch or tag of a Hub data set.

    Raises:
        SourceError: there is no such source, or it cannot be read.
        NetworkError: a Hub data set, and the Hub does not answer within 5 s.
    """
    source = source.strip()
    kind = kind_of(source)
    if kind != "hub" and (config or revision):
        raise SourceError(f"data.config and data.revision belong to Hub data sets, and '{source}' is none.", "Leave both empty.")
    if kind == "sample":
        return _load_sample()
    if kind == "hub":
        return load_hub(source, config, revision)
    if kind == "feedback":
        return _load_feedback(source)
    path = uploaded_path(source) if kind == "upload" else Path(source).expanduser()
    return load_file(source, path)


@functools.lru_cache(maxsize=1)
def _load_sample() -> RawData:
    from datasets import Dataset

    path = tweets.corpus_path()
    splits = {name: Dataset.from_dict(rows) for name, rows in tweets.load_splits(path).items()}
    return RawData(SAMPLE_TWEETS, splits, None, sha256(path))


def _load_feedback(source: str) -> RawData:
    """One split with a row for each text that was judged."""
    from datasets import Dataset

    name, judgements = feedback.named(source) or ("", None)
    rows = feedback.rows(name, judgements)
    table = {"text": [row.text for row in rows], "label": [row.label for row in rows]}
    identity = hashlib.sha256(json.dumps(table).encode()).hexdigest()
    return RawData(source, {"train": Dataset.from_dict(table)}, None, identity)
