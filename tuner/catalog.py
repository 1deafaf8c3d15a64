"""What Tuner offers by name: presets, base models, data sets, the library's own choices.

Data only. Opening the app reads this module and asks the network nothing.
"""

import ast
import functools
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SAMPLE_TWEETS = "sample:tweets"
SAMPLE_MINILM = "sample:minilm"


@dataclass(frozen=True)
class Offer:
    """One base model or data set in a picker: what to type, and one line that helps to choose."""

    name: str
    summary: str


@dataclass(frozen=True)
class Preset:
    """A named set of settings.

    Attributes:
        when: when to take it, one line.
        measured: time and score where they were measured, with the machine; empty if never.
        settings: section → field → value, laid under whatever the person gives.
    """

    name: str
    title: str
    when: str
    measured: str
    settings: dict[str, dict[str, Any]]


# `quick` was chosen by measurement on sample:tweets and sample:minilm (see benchmarks/README.md).
PRESETS: dict[str, Preset] = {
    "quick": Preset(
        name="quick",
        title="Quick",
        when="A first good model in a minute or two on a laptop.",
        measured="Measured on 2 CPU cores: 78 s, test accuracy 0.82, macro recall 0.77.",
        settings={
            "data": {"source": SAMPLE_TWEETS, "max_train_samples": 8_000},
            "model": {"name": SAMPLE_MINILM, "hidden_dropout_prob": 0.0},
            "training": {
                "learning_rate": 1e-4,
                "lr_scheduler_type": "cosine",
                "num_train_epochs": 1,
                "per_device_train_batch_size": 32,
                "per_device_eval_batch_size": 128,
            },
        },
    ),
    "seven-steps": Preset(
        name="seven-steps",
        title="Seven steps",
        when="The classroom recipe, step by step: GPT-2, 1,000 rows, batch 1 × 4. Slow on purpose.",
        measured="",
        settings={
            "data": {
                "source": "mteb/tweet_sentiment_extraction",
                "max_train_samples": 1_000,
                "max_eval_samples": 1_000,
                # The recipe evaluates on the test rows; nothing is chosen by them (eval_strategy no).
                "validation_split": "test",
                "seed": 42,
            },
            "model": {"name": "gpt2", "pad_to_max_length": True},
            "training": {
                "learning_rate": 5e-5,
                "num_train_epochs": 3,
                "warmup_steps": 0,
                "weight_decay": 0.0,
                "per_device_train_batch_size": 1,
                "per_device_eval_batch_size": 1,
                "gradient_accumulation_steps": 4,
                "train_sampling_strategy": "random",
                "precision": "fp32",
                "eval_strategy": "no",
                "save_strategy": "epoch",
                "metric_for_best_model": "accuracy",
            },
        },
    ),
}
DEFAULT_PRESET = "quick"

BASE_MODELS: tuple[Offer, ...] = (
    Offer(SAMPLE_MINILM, "MiniLM, 22.7 M parameters, English, shipped with Tuner: no download"),
    Offer("gpt2", "GPT-2, 124 M parameters, English, reads left to right"),
    Offer("google-bert/bert-base-uncased", "BERT base, 110 M parameters, English, lower case"),
    Offer("FacebookAI/roberta-base", "RoBERTa base, 125 M parameters, English"),
    Offer("distilbert/distilbert-base-uncased", "DistilBERT, 66 M parameters, English, 40 % smaller than BERT"),
    Offer("answerdotai/ModernBERT-base", "ModernBERT base, 149 M parameters, English, texts up to 8,192 tokens"),
    Offer("cardiffnlp/twitter-roberta-base", "RoBERTa base pretrained on tweets, 125 M parameters, English"),
)

DATASETS: tuple[Offer, ...] = (
    Offer(SAMPLE_TWEETS, "26,514 tweets, negative · neutral · positive, shipped with Tuner: no download"),
    Offer("mteb/tweet_sentiment_extraction", "31,015 tweets, negative · neutral · positive"),
    Offer("stanfordnlp/imdb", "50,000 film reviews, negative · positive"),
    Offer("fancyzhx/ag_news", "127,600 news lines, four topics"),
)

# Encoders and decoders whose sequence-classification heads pool one position and that ship as
# safetensors; anything else is refused before any of its files but config.json is read.
MODEL_TYPES: tuple[str, ...] = (
    "albert",
    "bert",
    "deberta",
    "deberta-v2",
    "distilbert",
    "electra",
    "gpt2",
    "mobilebert",
    "modernbert",
    "mpnet",
    "roberta",
    "xlm-roberta",
)

# Schedulers that would need further arguments (lr_scheduler_kwargs) to run at all.
_SCHEDULERS_WITH_ARGUMENTS = {
    "cosine_with_min_lr",
    "cosine_warmup_with_min_lr",
    "greedy",
    "reduce_lr_on_plateau",
    "warmup_stable_decay",
}
# Optimizers that torch and transformers bring themselves; the others need further packages.
_OPTIMIZERS_INCLUDED = {"adamw_torch_fused", "adamw_torch", "adafactor", "adagrad", "rmsprop", "sgd"}


@functools.cache
def library_choices(module: str, enum: str) -> tuple[str, ...]:
    """The string values of an enum of transformers, read from its source.

    Importing the module would load torch (2.5 s, 470 MB), which neither the app's start nor
    `--help` may do.

    Args:
        module: file name inside the transformers package, without `.py`.
        enum: class name in that file.

    Raises:
        LookupError: the installed transformers has no such enum.
    """
    spec = importlib.util.find_spec("transformers")
    if spec is None or not spec.submodule_search_locations:
        raise LookupError("transformers is not installed")
    tree = ast.parse((Path(spec.submodule_search_locations[0]) / f"{module}.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == enum:
            values = (item.value for item in node.body if isinstance(item, ast.Assign))
            return tuple(value.value for value in values if isinstance(value, ast.Constant))
    raise LookupError(f"transformers.{module} has no {enum}")


def schedulers() -> list[str]:
    """Learning-rate schedulers of transformers that run without further arguments."""
    return [name for name in library_choices("trainer_utils", "SchedulerType") if name not in _SCHEDULERS_WITH_ARGUMENTS]


def optimizers() -> list[str]:
    """Optimizers of transformers that run with the packages Tuner installs."""
    return [name for name in library_choices("training_args", "OptimizerNames") if name in _OPTIMIZERS_INCLUDED]
