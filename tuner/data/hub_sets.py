"""Hub data sets: checked, pinned to a commit and loaded; scripts of repositories never run."""

import contextlib

from tuner.data.raw import RawData
from tuner.errors import NetworkError, SourceError
from tuner.hub_read import dataset_info, fetch_file, gated


def load_hub(source: str, config: str | None, revision: str | None) -> RawData:
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
