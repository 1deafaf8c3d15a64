"""What may be told of a run to everybody: no path, no private table's name or further columns, no text of the data."""

from dataclasses import dataclass

from tuner import runs
from tuner.catalog import SAMPLE_TWEETS, BaseModelOffer, offered_model
from tuner.config import DataConfig, RunConfig
from tuner.data.hub_sets import id_in
from tuner.data.sources import kind_of
from tuner.errors import TunerError
from tuner.evaluation.report import EvaluationReport
from tuner.hub.scan import path_in, secret_in
from tuner.hub_read import HUB_ID
from tuner.modeling import hub_origin
from tuner.runs import RUN_PREFIX

PRIVATE = "a private table"
# Second sources that others have no way to.
UNNAMED = ("corrections by people", "a second private table")
# What stands in config.yaml for what is not told; a reader puts a source or a model of their own there.
YOUR_TABLE, YOUR_MODEL = "YOUR-TABLE.csv", "YOUR-BASE-MODEL"


@dataclass(frozen=True)
class Base:
    """What a run began with.

    Attributes:
        hub_id: where anybody finds it; None where it is a local folder.
        offer: what Tuner knows of it; None for others than those of the catalogue.
        further: whether another run had trained it before.
    """

    hub_id: str | None
    revision: str | None
    offer: BaseModelOffer | None
    further: bool = False


def hub_data(data: DataConfig) -> str | None:
    """The Hub id of the data set; None for any other source."""
    try:
        return id_in(data.source) if kind_of(data.source) == "hub" else None
    except TunerError:
        return None


def source_name(data: DataConfig) -> str:
    """The source as it may be named: a Hub id, `sample:tweets`, or "a private table"."""
    return data.source if data.source == SAMPLE_TWEETS else hub_data(data) or PRIVATE


def is_private(data: DataConfig) -> bool:
    """Whether others have no way to the rows: a file, an upload, corrections."""
    return source_name(data) == PRIVATE


def extra_name(source: str | None) -> str:
    """A second source of training rows as it may be named, its commit on the Hub included; empty for none."""
    if not source:
        return ""
    if source.startswith("feedback:"):
        return "corrections by people"
    name, _, revision = source.rpartition("@")
    if HUB_ID.fullmatch(name):
        return f"{name} at revision {revision[:12]}"
    return source_name(DataConfig(source=source)).replace("a private", "a second private")


def extra_of(data: DataConfig) -> str:
    """`extra_name` of the run's second source."""
    return extra_name(getattr(data, "extra_source", None))


def base_of(config: RunConfig) -> Base:
    """The base model, followed through the runs that were trained further."""
    name, revision, further = config.model.name, config.model.revision, False
    for _ in range(100):  # a run cannot stand on itself, but its file could say so
        if not name.startswith(RUN_PREFIX):
            break
        further = True
        try:
            before = runs.get(name.removeprefix(RUN_PREFIX)).config.model
        except TunerError:
            return Base(None, None, None, further)
        name, revision = before.name, before.revision
    origin = hub_origin(name, revision)
    return Base(*(origin or (None, None)), offered_model(name), further)


def public_settings(config: RunConfig) -> RunConfig:
    """The settings without the run's name, and without what only this machine has: paths, a private table's columns."""
    data: dict[str, object] = {}
    if is_private(config.data):
        data |= {"source": YOUR_TABLE, "fingerprint": None, "text_column": None, "label_column": None, "label_map": None}
    if extra_of(config.data) in UNNAMED:
        data |= {"extra_source": None, "fingerprint": None}
    model = {} if hub_origin(config.model.name) else {"name": YOUR_MODEL, "fingerprint": None}
    return config.with_changes({"name": "", "data": data, "model": model})


def public_yaml(config: RunConfig) -> str:
    """`config.yaml` as it is sent: `public_settings`, with a line for what a reader must fill in."""
    settings = public_settings(config)
    lines = []
    if settings.data.source == YOUR_TABLE:
        lines.append(f"# data.source: {YOUR_TABLE} stands for a private table that is not named here.")
    if (extra := extra_of(config.data)) in UNNAMED:
        lines.append(f"# {extra[0].upper()}{extra[1:]} taught the model, too; data.extra_source is left out here.")
    if settings.model.name == YOUR_MODEL:
        lines.append(f"# model.name: {YOUR_MODEL} stands for a model that lies on one machine alone.")
    return "\n".join([*lines, settings.to_yaml()])


def public_report(report: EvaluationReport, config: RunConfig) -> EvaluationReport:
    """The report without texts of the data and local paths; of private data without its further columns, too."""
    hidden = ("column", "search") if is_private(config.data) else ()
    behaviour = [  # an invariance test's texts are rows of the data
        result.model_copy(update={"failures": []}) if result.kind == "INV" else result for result in report.behaviour
    ]
    return report.model_copy(
        update={
            "source": source_name(config.data),
            "slices": [part for part in report.slices if part.kind not in hidden],
            "baselines": [baseline for baseline in report.baselines if baseline.kind != "model"],
            "behaviour": behaviour,
            "notes": [note for note in report.notes if not _tells_too_much(note, config)],
        }
    )


def local_names(config: RunConfig) -> list[str]:
    """What names this machine's own data and models, to be looked for before anything is sent."""
    names = [config.data.source] if is_private(config.data) else []
    if extra_of(config.data) in UNNAMED:
        names.append(config.data.extra_source)
    if not hub_origin(config.model.name) and not config.model.name.startswith(RUN_PREFIX):
        names.append(config.model.name)
    return names


def _tells_too_much(note: str, config: RunConfig) -> bool:
    return bool(secret_in(note) or path_in(note, local_names(config)))
