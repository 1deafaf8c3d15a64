"""The model card: a run's README.md on the Hub, from its report, settings, environment and data.

Metadata is written by huggingface_hub's own classes; every name that a person gave is escaped in the text (`escape.inert`).
"""

import json
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner import environment
from tuner.config import RunConfig
from tuner.errors import RunError, SettingsError, SourceError, TunerError
from tuner.evaluation.bootstrap import in_words
from tuner.evaluation.report import EvaluationReport
from tuner.evaluation.slices import searched, worst_slices
from tuner.hub import public, words
from tuner.hub.escape import inert
from tuner.hub_read import HUB_ID
from tuner.inference import load_answering
from tuner.runs import Run

if TYPE_CHECKING:
    import jinja2
    from huggingface_hub import EvalResult, ModelCardData

    from tuner.data.profiling import DataProfile

# Score → its name among the Hub's metrics, and how it was averaged.
_METRICS: dict[str, tuple[str, dict[str, str]]] = {
    "accuracy": ("accuracy", {}),
    "macro_f1": ("f1", {"average": "macro"}),
    "weighted_f1": ("f1", {"average": "weighted"}),
    "macro_recall": ("recall", {"average": "macro"}),
    "matthews_corrcoef": ("matthews_correlation", {}),
    "roc_auc": ("roc_auc", {"average": "macro", "multi_class": "ovr"}),
    "average_precision": ("average_precision", {"average": "macro"}),
    "log_loss": ("log_loss", {}),
    "brier_score": ("brier_score", {}),
    "ece": ("expected_calibration_error", {"bins": "15"}),
}


def model_card(run: Run, repo_id: str | None = None) -> str:
    """The whole README.md, front matter included; the same run gives the same text.

    Reads the run's data again, for the number of rows and what is wrong with them (8 s for 26,000 rows; then it is
    remembered); where that cannot be, the card says so.

    Args:
        repo_id: the repository it is written for; None names none in the snippet.

    Raises:
        RunError: the run has no model, or cannot be read.
        SettingsError: `repo_id` is none.
    """
    if repo_id and not HUB_ID.fullmatch(repo_id):
        raise SettingsError([f"repo_id = '{repo_id[:120]}': must be owner/name."], "Correct it; nothing was sent.")
    if not run.has_model:
        raise RunError(f"Run {run.id} has no model yet, so there is nothing to describe.", "Wait until it is completed.")
    from huggingface_hub import ModelCard

    report = run.report
    report = public.public_report(report, run.config) if report else None
    front = metadata(run, report, repo_id).to_yaml()
    return str(ModelCard(f"---\n{front}\n---\n\n{_template().render(_context(run, report, repo_id)).strip()}\n"))


def metadata(run: Run, report: EvaluationReport | None, repo_id: str | None = None) -> "ModelCardData":
    """What the Hub reads of a card. Folders, uploads and corrections are never named."""
    from huggingface_hub import ModelCardData

    config = run.config
    base, data = public.base_of(config), public.hub_data(config.data)
    results = _eval_results(report, run) if report else None
    return ModelCardData(
        language="en" if words.is_english(config.data) else None,
        license=words.licence_id(base),
        library_name="transformers",
        pipeline_tag="text-classification",
        tags=["text-classification", "tuner"],
        base_model=base.hub_id,
        datasets=[data] if data else None,
        metrics=list(dict.fromkeys(result.metric_type for result in results)) if results else None,
        model_name=_title(run, repo_id),
        eval_results=results,
    )


def _eval_results(report: EvaluationReport, run: Run) -> "list[EvalResult]":
    from huggingface_hub import EvalResult

    data = run.config.data
    where = {
        "task_type": "text-classification",
        "task_name": "Text classification",
        "dataset_type": public.hub_data(data) or ("private" if public.is_private(data) else data.source),
        "dataset_name": public.source_name(data),
        "dataset_config": data.config,
        "dataset_split": report.split,
        "dataset_revision": data.revision if public.hub_data(data) else None,
    }
    found = []
    for name, value, interval in words.numbers(report):
        kind, how = _METRICS.get(name, (name, {}))
        more = {"interval_95": list(interval)} if interval and interval[0] < interval[1] else {}
        found.append(
            EvalResult(
                **where,
                metric_type=kind,
                metric_name=words.metric_name(name),
                metric_value=value,
                metric_args={**how, **more, "n": report.n},
            )
        )
    return found


def _title(run: Run, repo_id: str | None) -> str:
    """The repository's name, else the run's; never one made of a table's file name."""
    return repo_id.rpartition("/")[2] if repo_id else run.config.name or "Text classifier"


def _context(run: Run, report: EvaluationReport | None, repo_id: str | None) -> dict[str, Any]:
    labels, max_length = _labels(run), _max_length(run)
    answering = load_answering(run.model_folder)
    profile = _profile(run)
    base = public.base_of(run.config)
    context = {
        "title": _title(run, repo_id),
        "labels": labels,
        "max_length": f"{max_length:,}" if max_length else "512",
        "base": words.base(base),
        "data": words.data(run.config, profile, report),
        "snippet": words.snippet(repo_id, answering),
        "model_literal": words.literal(repo_id),
        "temperature": answering.temperature,
        "answering": answering,
        "threshold": answering.threshold,
        "unfinished": words.unfinished(run.status),
        "settings": words.settings(run.config),
        "effort": words.effort(run),
        "environment": environment.in_words(run.environment),
        "language": words.language(run.config, base),
        "imbalance": words.imbalance(run.config, profile),
        "personal": profile and any(finding.key.startswith("personal_") for finding in profile.findings),
        "licence": words.licence(base),
        "fairness": words.fairness(report),
        "report": report,
    }
    return context | (_results(report) if report else {})


def _results(report: EvaluationReport) -> dict[str, Any]:
    tested = [result for result in report.behaviour if not result.skipped]
    failed = sorted((result for result in tested if result.passed < result.n), key=lambda result: result.rate)
    worst = worst_slices(report.slices)
    return {
        "numbers": [(words.metric_name(name), value, interval) for name, value, interval in words.numbers(report)],
        "per_class": list(report.per_class.items())[: words.MOST_LABELS],
        "more_labels": max(0, len(report.per_class) - words.MOST_LABELS),
        "worst": worst,
        "searched": searched(report.slices, worst),
        "failed": failed,
        "passed": len(tested) - len(failed),
        "skipped": len(report.behaviour) - len(tested),
    }


def _labels(run: Run) -> list[str]:
    names = _json(run.model_folder / "config.json").get("id2label") or {}
    return [str(names[key]) for key in sorted(names, key=int)]


def _max_length(run: Run) -> int | None:
    found = _json(run.model_folder / "tokenizer_config.json").get("model_max_length")
    return int(found) if found and found < 10**6 else None


def _json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise RunError(f"{path.name} of the trained model is missing or damaged.", "Train the run again.") from None


def _profile(run: Run) -> "DataProfile | None":
    """What the Data tab shows of the run's rows; None where they cannot be read (any more), or are others by now."""
    try:
        return _profile_of(run.config.to_yaml())
    except TunerError:
        return None


@lru_cache(maxsize=8)
def _profile_of(settings: str) -> "DataProfile":
    from tuner.data.profiling import profile

    config = RunConfig.from_yaml(settings)
    found = profile(config)
    if config.data.fingerprint not in (None, found.fingerprint):
        raise SourceError("The data has changed since the run was made.")  # raised, so that it is not remembered
    return found


@cache
def _template() -> "jinja2.Template":
    import jinja2

    made = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined, finalize=inert)
    made.filters |= {"around": words.with_interval, "in_words": in_words}
    return made.from_string((Path(__file__).parent / "card.md").read_text(encoding="utf-8"))
