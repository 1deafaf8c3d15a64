"""From the name of a source to its raw splits, columns untouched.

A source is `sample:tweets`, a file path, `upload:ID` or a Hub id `owner/name`. Nothing else is
ever opened: `load_dataset` would take the word `text` for a reader of the working directory.
"""

import contextlib
import functools
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tuner import runs
from tuner.catalog import SAMPLE_TWEETS
from tuner.data import tweets
from tuner.errors import NetworkError, SourceError
from tuner.hub_read import HUB_ID, dataset_info, fetch_file, gated

if TYPE_CHECKING:
    from datasets import Dataset

FILE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".json", ".parquet")
MOST_FILE_BYTES = 2 * 2**30
_PARSE_SECONDS = 300
# Part of a parsed file's cache key: a new parser must not serve what the old one read.
_PARSER_VERSION = 1


@dataclass(frozen=True)
class RawData:
    """A source's splits with their columns as they came.

    Attributes:
        splits: split name → `datasets.Dataset`.
        revision: the commit of a Hub data set, pinned; None for other sources.
        identity: SHA-256 of the bytes it was read from, or the Hub commit.
    """

    source: str
    splits: "dict[str, Dataset]"
    revision: str | None
    identity: str


def kind_of(source: str) -> Literal["sample", "upload", "file", "hub"]:
    """What a source's name means.

    Raises:
        SourceError: it means nothing.
    """
    name = source.strip()
    if name == SAMPLE_TWEETS:
        return "sample"
    if re.fullmatch(r"upload:[0-9a-f]{32}", name):
        return "upload"
    if Path(name).suffix.lower() in FILE_SUFFIXES or Path(name).expanduser().is_file():
        return "file"
    if HUB_ID.fullmatch(name):
        return "hub"
    raise SourceError(
        f"'{name[:120]}' is no source of examples.",
        f"Give {SAMPLE_TWEETS}, a file ({' '.join(FILE_SUFFIXES)}), or a Hub data set as owner/name.",
    )


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
        return _load_hub(source, config, revision)
    path = uploaded_file(source) if kind == "upload" else Path(source).expanduser()
    return _load_file(source, path)


def store_upload(path: Path) -> str:
    """Moves a file a browser sent into `$TUNER_HOME/uploads`; returns its source name `upload:ID`.

    Raises:
        SourceError: the ending is none of a table's, or the file is too large.
    """
    _check_file(path)
    digest = _sha256(path)[:32]
    folder = runs.home() / "uploads" / digest
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(dir=folder.parent))
        shutil.copyfile(path, staging / path.name)
        with contextlib.suppress(OSError):  # the same file came twice at once
            staging.rename(folder)
    return f"upload:{digest}"


def uploaded_file(source: str) -> Path:
    """The stored file of `upload:ID`.

    Raises:
        SourceError: it is not there any more.
    """
    folder = runs.home() / "uploads" / source.removeprefix("upload:")
    file = next(iter(sorted(folder.iterdir())), None) if folder.is_dir() else None
    if file is None:
        raise SourceError("The uploaded file is not there any more.", "Upload it again.")
    return file


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise SourceError(f"There is no file {path}.", "Check the path.")
    if path.suffix.lower() not in FILE_SUFFIXES:
        raise SourceError(
            f"{path.name} has the ending '{path.suffix}'.", f"Files that can be read end in {' '.join(FILE_SUFFIXES)}."
        )
    if path.stat().st_size > MOST_FILE_BYTES:
        raise SourceError(f"{path.name} is larger than {MOST_FILE_BYTES >> 30} GiB.", "Give a smaller file.")


@functools.lru_cache(maxsize=1)
def _load_sample() -> RawData:
    from datasets import Dataset

    path = tweets.corpus_path()
    splits = {name: Dataset.from_dict(rows) for name, rows in tweets.load_splits(path).items()}
    return RawData(SAMPLE_TWEETS, splits, None, _sha256(path))


def _load_file(source: str, path: Path) -> RawData:
    from datasets import Dataset

    _check_file(path)
    digest = _sha256(path)
    folder = runs.home() / "cache" / "tables"
    table = folder / f"{digest}{path.suffix.lower()}.{_PARSER_VERSION}.arrow"
    if not table.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        _parse_apart(path, table)
    return RawData(source, {"train": Dataset.from_file(str(table))}, None, digest)


def _parse_apart(path: Path, table: Path) -> None:
    """Runs `tuner.data.ingest` in a child process with no secrets and a deadline."""
    part = table.with_suffix(f".{os.getpid()}.part")
    package_root = str(Path(__file__).resolve().parents[2])
    command = [sys.executable, "-m", "tuner.data.ingest", str(path.absolute()), str(part)]
    try:
        done = subprocess.run(
            command,
            cwd=table.parent,
            env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": package_root, "PYTHONUTF8": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PARSE_SECONDS,
            check=False,
        )
        if done.returncode == 0:
            part.replace(table)
            return
    except subprocess.TimeoutExpired:
        raise SourceError(f"{path.name} could not be read within {_PARSE_SECONDS} s.", "Split it into smaller files.") from None
    finally:
        part.unlink(missing_ok=True)
    if done.returncode == 3:
        refusal = json.loads(done.stdout)
        raise SourceError(refusal["cause"], refusal["cure"])
    if "MemoryError" in done.stderr or "ArrowMemoryError" in done.stderr:
        raise SourceError(f"{path.name} needs more memory than a file may take.", "Split it into smaller files.")
    raise SourceError(f"{path.name} makes its reader crash.", "The file is damaged or hostile; do not use it.")


def _load_hub(source: str, config: str | None, revision: str | None) -> RawData:
    info = dataset_info(source, revision)  # before `datasets` is imported: a refusal comes 1 s sooner
    script = f"{source.rpartition('/')[2]}.py"
    files = {sibling.rfilename for sibling in info.siblings or []}
    if script in files:
        raise SourceError(
            f"The Hub data set {source} is a Python script ({script}).",
            "Code from repositories is not run; take a data set of CSV, JSON or Parquet files.",
        )
    if "README.md" in files:  # what `load_dataset` asks for first, without a deadline
        fetch_file(source, "README.md", info.sha, SourceError)
    import datasets
    from datasets.data_files import EmptyDatasetError
    from huggingface_hub.errors import GatedRepoError, HTTPError, LocalEntryNotFoundError

    datasets.disable_progress_bars()
    datasets.logging.set_verbosity(datasets.logging.CRITICAL)  # what it logs as an error it raises as well
    unreadable = (ValueError, RuntimeError, OSError, datasets.exceptions.DatasetsError)
    try:
        loaded = datasets.load_dataset(source, config, revision=info.sha)
    except datasets.exceptions.DatasetNotFoundError as error:
        if info.gated:
            raise gated(source, SourceError) from None
        raise SourceError(f"The Hub data set {source} cannot be opened ({error}).", "Check its name and your access.") from None
    except GatedRepoError:
        raise gated(source, SourceError) from None
    except (datasets.exceptions.DataFilesNotFoundError, EmptyDatasetError):
        raise SourceError(
            f"The Hub data set {source} holds no data file that can be read.", "Take one of CSV, JSON or Parquet files."
        ) from None
    except (ConnectionError, HTTPError, LocalEntryNotFoundError) as error:
        reason = " ".join(str(error).split())[:300]
        raise NetworkError(f"The Hub broke off while {source} was loaded ({reason}).", "Try again.") from None
    except unreadable as error:
        with contextlib.suppress(*unreadable, HTTPError):
            _check_config(source, config, info.sha)
        reason = " ".join(str(error.__cause__ or error).split())[:300]
        raise SourceError(
            f"The Hub data set {source} cannot be read ({reason}).", "Its files are damaged or differ in columns; take another."
        ) from None
    return RawData(source, dict(loaded), info.sha, info.sha)


def _check_config(source: str, config: str | None, commit: str) -> None:
    """Refuses a configuration the data set does not have, or none where one must be named."""
    import datasets

    names = datasets.get_dataset_config_names(source, revision=commit)
    cure = f"Set data.config to one of {', '.join(names[:50])}."
    if config is not None and config not in names:
        cure = "Leave data.config empty." if names == ["default"] else cure
        raise SourceError(f"The Hub data set {source} has no configuration '{config[:80]}'.", cure)
    if config is None and len(names) > 1 and datasets.get_dataset_default_config_name(source, revision=commit) is None:
        raise SourceError(f"The Hub data set {source} has {len(names)} configurations, and none of them is its default.", cure)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
