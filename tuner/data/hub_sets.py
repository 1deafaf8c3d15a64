"""Hub data sets: checked, pinned to a commit and loaded; scripts of repositories never run.

A set that is too large for the machine is not downloaded: its first rows are streamed, and a note says so.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tuner.data.raw import RawData
from tuner.errors import NetworkError, SourceError
from tuner.hub_read import HUB_ID, dataset_info, fetch_file, gated, token, within_deadline

if TYPE_CHECKING:
    from datasets import Dataset, DatasetBuilder, IterableDataset

# What is read of a set too large to download: rows of each split, and bytes of all splits together (10 kB a row).
MOST_STREAMED_ROWS = 100_000
MOST_STREAMED_BYTES = 10**9
# Which files make which split takes about ten questions; the Hub has answered one when it is asked these.
_LAYOUT_SECONDS = 20.0
_BATCH = 1_000
_HUB_HOSTS = {"huggingface.co", "www.huggingface.co", "hf.co"}
# A data set's page and what lies below it, unless it is of another revision: that belongs into data.revision.
_PAGE = re.compile(r"/datasets/(?P<id>[^/]+/[^/]+)(/(viewer|tree/main|blob/main|discussions)(/.*)?)?/?")


@dataclass(frozen=True)
class HubChoices:
    """What of a data set can be chosen.

    Attributes:
        configs: configuration → names of its splits, in the data set's order.
        default: the configuration taken when none is named; None where one must be.
        revision: the commit this holds for.
    """

    configs: dict[str, tuple[str, ...]]
    default: str | None
    revision: str


def id_in(text: str) -> str | None:
    """The Hub id `owner/name` that a text is, or whose page it is the address of; None where it is neither. Asks nobody.

    Raises:
        SourceError: an address of anything else.
    """
    text = text.strip()
    if "://" not in text:
        return text if HUB_ID.fullmatch(text) else None
    endpoint = urlsplit(os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
    with contextlib.suppress(ValueError):  # brackets that hold no IPv6 address
        address = urlsplit(text)
        if address.scheme in ("http", "https") and (address.hostname in _HUB_HOSTS or address.netloc == endpoint.netloc):
            page = _PAGE.fullmatch(address.path)
            if page and HUB_ID.fullmatch(page["id"]):
                return page["id"]
    raise SourceError(
        f"'{text[:120]}' is not the address of a data set on the Hugging Face Hub.",
        "Give owner/name or https://huggingface.co/datasets/owner/name; other addresses are never opened.",
    )


def most_bytes() -> int:
    """Data files above this are not downloaded: half of the machine's memory.

    Of all its memory: what is free at a moment would give the worker other rows than the preview.
    """
    import psutil

    total = psutil.virtual_memory().total
    with contextlib.suppress(OSError, ValueError):  # a container's part of it; "max" is no number
        total = min(total, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return total // 2


def choices(source: str, revision: str | None = None) -> HubChoices:
    """The configurations and splits of a Hub data set; its data files stay where they are.

    Raises:
        SourceError: no such data set or revision, no access, or nothing in it that can be read.
        NetworkError: the Hub does not answer within 5 s.
    """
    source = _require_id(source)
    info = _find(source, revision)
    with _readable(source, info):
        return _choices(source, info.sha)


def load_hub(source: str, config: str | None, revision: str | None) -> RawData:
    """Every split of a configuration, or the first rows of every split where it is too large.

    Raises:
        SourceError: as `choices`; no such configuration, or none named where one must be.
        NetworkError: the Hub does not answer within 5 s, or breaks off later.
    """
    source = _require_id(source)
    info = _find(source, revision)
    with _readable(source, info):
        builder = _builder(source, config, info.sha)
        size = _size(builder, source, info.sha)
        if size > most_bytes():
            splits, note = _first_rows(builder, size)
            return RawData(source, splits, info.sha, info.sha, (note,))
        builder.download_and_prepare()
        return RawData(source, dict(builder.as_dataset()), info.sha, info.sha)


def _require_id(source: str) -> str:
    found = id_in(source)
    if found is None:
        raise SourceError(f"'{source[:120]}' is no name of a Hub data set.", "Give owner/name.")
    return found


def _find(source: str, revision: str | None) -> Any:  # noqa: ANN401
    """The Hub's description of a data set whose files may be asked for."""
    info = dataset_info(source, revision)  # before `datasets` is imported: a refusal comes 1 s sooner
    script = f"{source.rpartition('/')[2]}.py"
    files = {sibling.rfilename for sibling in info.siblings or []}
    if script in files:
        raise SourceError(
            f"The Hub data set {source} is a Python script ({script}).",
            "Code from repositories is not run; take a data set of CSV, JSON or Parquet files.",
        )
    first = next((name for name in ("README.md", ".gitattributes") if name in files), None)
    if first:  # `datasets` begins with README.md; nearly every repository has one of them, and here the deadline is short
        fetch_file(source, first, info.sha, SourceError)
    return info


def _choices(source: str, commit: str) -> HubChoices:
    from datasets.load import dataset_module_factory  # what `get_dataset_split_names` asks again for every configuration

    module = within_deadline(
        lambda: dataset_module_factory(f"hf://datasets/{source}", revision=commit, token=token()), _LAYOUT_SECONDS
    )
    _check_commit(source, module.hash, commit)
    found = module.builder_configs_parameters
    configs = {config.name: tuple(map(str, config.data_files)) for config in found.builder_configs}
    default = next(iter(configs)) if len(configs) == 1 else found.default_config_name
    return HubChoices(configs, default, commit)


def _builder(source: str, config: str | None, commit: str) -> "DatasetBuilder":
    import datasets

    try:
        builder = within_deadline(  # "hf://": without it a folder owner/name in the working directory is read instead
            lambda: datasets.load_dataset_builder(f"hf://datasets/{source}", config, revision=commit, token=token()),
            _LAYOUT_SECONDS,
        )
    except ValueError:
        _check_config(source, config, commit)
        raise
    _check_commit(source, builder.hash, commit)
    return builder


def _check_commit(source: str, found: str | None, commit: str) -> None:
    """Refuses what `datasets` takes from its cache when a question fails: whatever commit was read last."""
    if found != commit:
        raise NetworkError(f"The Hub broke off while {source} was looked at.", "Try again.")


def _check_config(source: str, config: str | None, commit: str) -> None:
    """Refuses a configuration the data set does not have, or none where one must be named."""
    found = _choices(source, commit)
    cure = f"Set data.config to one of {', '.join(list(found.configs)[:50])}."
    if config is not None and config not in found.configs:
        cure = "Leave data.config empty." if list(found.configs) == ["default"] else cure
        raise SourceError(f"The Hub data set {source} has no configuration '{config[:80]}'.", cure)
    if config is None and found.default is None:
        raise SourceError(
            f"The Hub data set {source} has {len(found.configs)} configurations, and none of them is its default.", cure
        )


def _size(builder: "DatasetBuilder", source: str, commit: str) -> int:
    """Bytes of the data files of the builder's configuration."""
    sizes = {sibling.rfilename: sibling.size or 0 for sibling in dataset_info(source, commit, sizes=True).siblings or []}
    files = {file.partition(f"@{commit}/")[2] for split in builder.config.data_files.values() for file in split}
    return sum(sizes.get(file, 0) for file in files)


def _first_rows(builder: "DatasetBuilder", size: int) -> "tuple[dict[str, Dataset], str]":
    """The first rows of every split, the same ones for the same commit, and the note that says how many."""
    streams = builder.as_streaming_dataset()
    most = min(MOST_STREAMED_BYTES, most_bytes()) // len(streams)
    read = {str(name): _head(stream, most) for name, stream in streams.items()}
    splits = {name: rows for name, (rows, _) in read.items()}
    part = f"the first {MOST_STREAMED_ROWS:,} rows of each split"
    if any(cut for _, cut in read.values()):
        part = "the first " + " and ".join(f"{len(rows):,} rows of {name}" for name, rows in splits.items())
    return splits, f"The data set has {_in_words(size)}; {part} were read."


def _head(stream: "IterableDataset", most: int) -> "tuple[Dataset, bool]":
    """The first rows of a split, and whether `most` bytes ended it."""
    import pyarrow as pa
    from datasets import Dataset

    tables: list[pa.Table] = []
    cut = False
    for table in stream.with_format("arrow").take(MOST_STREAMED_ROWS).iter(_BATCH):
        tables.append(table)
        if sum(part.nbytes for part in tables) >= most:
            cut = True
            break
    rows = Dataset(pa.concat_tables(tables, promote_options="permissive"))
    return rows.cast(stream.features) if stream.features else rows, cut


def _in_words(size: int) -> str:
    for unit, name in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size / 1000:.3g} kB"


@contextlib.contextmanager
def _readable(source: str, info: Any) -> Iterator[None]:  # noqa: ANN401
    """What `datasets` raises becomes a TunerError with a cure."""
    import datasets
    import pyarrow as pa
    from datasets.data_files import EmptyDatasetError
    from huggingface_hub.errors import GatedRepoError, HTTPError, LocalEntryNotFoundError

    datasets.disable_progress_bars()
    datasets.logging.set_verbosity(datasets.logging.CRITICAL)  # what it logs as an error it raises as well
    try:
        yield
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
    except (ConnectionError, TimeoutError, HTTPError, LocalEntryNotFoundError) as error:
        reason = " ".join(str(error).split())[:300] or "no answer in time"
        raise NetworkError(f"The Hub broke off while {source} was loaded ({reason}).", "Try again.") from None
    except (ValueError, RuntimeError, OSError, datasets.exceptions.DatasetsError, pa.ArrowException) as error:
        reason = " ".join(str(error.__cause__ or error).split())[:300]
        raise SourceError(
            f"The Hub data set {source} cannot be read ({reason}).", "Its files are damaged or differ in columns; take another."
        ) from None
