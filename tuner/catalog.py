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
# So many labelled rows the preset few-shot is made for.
FEW_ROWS = 1_000


@dataclass(frozen=True)
class Offer:
    """One data set in a picker: what to type, and one line that helps to choose."""

    name: str
    summary: str


@dataclass(frozen=True)
class BaseModelOffer:
    """One base model in the picker, with what its card and config.json say.

    Attributes:
        name: what to type.
        parameters: without a head, counted from its config.json.
        pretraining: the text it was made from.
        max_length: most tokens it can read, special tokens included.
        licence: SPDX name, or "none stated" where its card names none.
        take_when: completes "Take this when …".
        revision: the commit that holds its safetensors, where the Hub's `main` has none.
    """

    name: str
    title: str
    parameters: int
    languages: str
    pretraining: str
    max_length: int
    licence: str
    take_when: str
    revision: str | None = None

    @property
    def size(self) -> str:
        """Its parameters in words: "22.7 M parameters"."""
        return f"{self.parameters / 1e6:.3g} M parameters"

    @property
    def summary(self) -> str:
        """One line that helps to choose."""
        return f"{self.title}, {self.size}, {self.languages}, up to {self.max_length:,} tokens"


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
        measured="78 s on 2 CPU cores: accuracy 0.81, macro recall 0.75.",
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
    "best": Preset(
        name="best",
        title="Best",
        when="When the score counts: all rows, twice, with adversarial training, and mean pooling for encoders of sentences.",
        measured="12 min on 2 CPU cores: accuracy 0.84, macro recall 0.80.",
        settings={
            "data": {"source": SAMPLE_TWEETS},
            "model": {"name": SAMPLE_MINILM, "hidden_dropout_prob": 0.1, "mean_pooling": True},
            "training": {
                "learning_rate": 1.5e-4,
                "lr_scheduler_type": "cosine",
                "label_smoothing_factor": 0.1,
                "adversarial_epsilon": 1.0,
                "num_train_epochs": 2,
                "per_device_train_batch_size": 32,
                "per_device_eval_batch_size": 128,
            },
        },
    ),
    "lora": Preset(
        name="lora",
        title="LoRA",
        when="Trains small matrices beside a frozen model: for base models whose training would not fit into memory.",
        measured="97 s on 1 CPU core (quick: 147 s): accuracy 0.81, macro recall 0.75.",
        settings={
            "data": {"source": SAMPLE_TWEETS, "max_train_samples": 8_000},
            "model": {"name": SAMPLE_MINILM, "hidden_dropout_prob": 0.0, "lora": 16, "lora_dropout": 0.0},
            "training": {
                # Low-rank matrices start at zero and take about ten times the rate of whole ones (Hu et al. 2021, table 11).
                "learning_rate": 1e-3,
                "lr_scheduler_type": "cosine",
                "num_train_epochs": 1,
                "per_device_train_batch_size": 32,
                "per_device_eval_batch_size": 128,
            },
        },
    ),
    "few-shot": Preset(
        name="few-shot",
        title="Few-shot",
        when=f"For up to {FEW_ROWS:,} labelled rows: many epochs of small batches, the lower layers slower, the best epoch kept.",
        measured="306 s on 1 CPU core with 1,000 tweets: accuracy 0.76, macro recall 0.72.",
        settings={
            "data": {"source": SAMPLE_TWEETS, "max_train_samples": FEW_ROWS},
            "model": {"name": SAMPLE_MINILM},
            "training": {
                "learning_rate": 2e-4,
                "layerwise_lr_decay": 0.9,
                "label_smoothing_factor": 0.1,
                "num_train_epochs": 8,
                "early_stopping_patience": 4,
                "per_device_train_batch_size": 16,
                "per_device_eval_batch_size": 128,
                "metric_for_best_model": "macro_recall",
            },
        },
    ),
    "seven-steps": Preset(
        name="seven-steps",
        title="Seven steps",
        when="The classroom recipe, step by step: GPT-2, 1,000 rows, batch 1 × 4. Slow on purpose.",
        measured="On the sample (MiniLM, not GPT-2) about 25 min on 2 CPU cores: accuracy 0.779, macro recall 0.698 (one seed).",
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

_BOOKS_AND_WIKIPEDIA = "English Wikipedia and 11,038 unpublished books (BookCorpus)"

BASE_MODELS: tuple[BaseModelOffer, ...] = (
    BaseModelOffer(
        name=SAMPLE_MINILM,
        title="MiniLM",
        parameters=22_713_216,
        languages="English",
        # sentence-transformers/all-MiniLM-L6-v2
        pretraining="distilled from BERT, then 1.17 billion pairs of sentences that belong together",
        max_length=512,
        licence="Apache-2.0",
        take_when="you start, or have a laptop or few rows: shipped with Tuner, no download.",
    ),
    BaseModelOffer(
        name="gpt2",
        title="GPT-2",
        parameters=124_439_808,
        languages="English",
        pretraining="WebText: 40 GB of pages that Reddit posts link to",
        max_length=1_024,
        licence="MIT",
        take_when="you follow the seven steps, or need a decoder: it reads left to right; encoders usually classify better.",
    ),
    BaseModelOffer(
        name="google-bert/bert-base-uncased",
        title="BERT base",
        parameters=109_482_240,
        languages="English, lower case",
        pretraining=_BOOKS_AND_WIKIPEDIA,
        max_length=512,
        licence="Apache-2.0",
        take_when="you want the model that others compare with, and case carries no meaning.",
    ),
    BaseModelOffer(
        name="FacebookAI/roberta-base",
        title="RoBERTa base",
        parameters=124_645_632,
        languages="English",
        pretraining="160 GB of books, Wikipedia, news, web pages and stories",
        max_length=512,
        licence="MIT",
        take_when="scores matter more than minutes, texts are English and have up to some 350 words.",
    ),
    BaseModelOffer(
        name="distilbert/distilbert-base-uncased",
        title="DistilBERT",
        parameters=66_362_880,
        languages="English, lower case",
        pretraining=f"distilled from BERT base on the same text: {_BOOKS_AND_WIKIPEDIA}",
        max_length=512,
        licence="Apache-2.0",
        take_when="BERT is too slow: half its layers and, as its authors measured, 97 % of its score on GLUE.",
    ),
    BaseModelOffer(
        name="answerdotai/ModernBERT-base",
        title="ModernBERT base",
        parameters=149_014_272,
        languages="English and code",
        pretraining="2 trillion tokens: English web pages, scientific papers and code",
        max_length=8_192,
        licence="Apache-2.0",
        take_when="texts are long (up to some 6,000 words) or hold code; best on a GPU.",
    ),
    BaseModelOffer(
        name="cardiffnlp/twitter-roberta-base",
        title="Twitter-RoBERTa base",
        parameters=124_645_632,
        languages="English",
        pretraining="RoBERTa base, trained further on 58 million tweets",
        max_length=512,
        licence="none stated",
        take_when="texts are tweets or posts, and a model without a stated licence is fine for you.",
        # `main` holds a pickle alone; the Hub's own bot converted it in pull request 1.
        revision="27f71810be1c539f1d796ed011703af7a7945e83",
    ),
    BaseModelOffer(
        name="answerdotai/ModernBERT-large",
        title="ModernBERT large",
        parameters=394_781_696,
        languages="English and code",
        pretraining="2 trillion tokens: English web pages, scientific papers and code",
        max_length=8_192,
        licence="Apache-2.0",
        take_when="you have a GPU and time, and a few points more are worth both.",
    ),
    BaseModelOffer(
        name="distilbert/distilbert-base-multilingual-cased",
        title="Multilingual DistilBERT",
        parameters=134_734_080,
        languages="104 languages",
        pretraining="distilled from multilingual BERT on Wikipedia in 104 languages",
        max_length=512,
        licence="Apache-2.0",
        take_when="texts are in another language than English, or in several, and time is short.",
    ),
    BaseModelOffer(
        name="FacebookAI/xlm-roberta-base",
        title="XLM-RoBERTa base",
        parameters=278_043_648,
        languages="100 languages",
        pretraining="2.5 TB of web pages (CommonCrawl) in 100 languages",
        max_length=512,
        licence="MIT",
        take_when="texts are in another language than English, or in several, and scores matter most.",
    ),
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

# What a person may give the library's schedulers in `lr_scheduler_kwargs`; held against their signatures by a test. Whether
# a metric should rise or fall is known, and is not asked.
_ON_A_PLATEAU = ("factor", "patience", "threshold", "threshold_mode", "cooldown", "min_lr", "eps")
SCHEDULER_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "cosine": ("num_cycles",),
    "cosine_with_restarts": ("num_cycles",),
    "polynomial": ("lr_end", "power"),
    "inverse_sqrt": ("timescale",),
    "cosine_with_min_lr": ("min_lr", "min_lr_rate", "num_cycles"),
    "cosine_warmup_with_min_lr": ("min_lr", "min_lr_rate", "num_cycles", "warmup_lr_rate"),
    "warmup_stable_decay": ("num_decay_steps", "num_stable_steps", "warmup_type", "decay_type", "min_lr_ratio", "num_cycles"),
    "reduce_lr_on_plateau": _ON_A_PLATEAU,
    "greedy": (*_ON_A_PLATEAU, "max_lr", "warmup", "smooth", "window_size", "reset_start"),
}
# Those of the arguments that are words.
SCHEDULER_WORDS = ("warmup_type", "decay_type", "threshold_mode")
# What each argument may be, in pydantic's words. Beyond it the library ends the run, or its rate never falls, rises or is none.
_RATIO = {"ge": 0, "le": 1}
_STEPS = {"multiple_of": 1, "ge": 0, "le": 10**9}
SCHEDULER_BOUNDS: dict[str, dict[str, Any]] = {
    "num_cycles": {"gt": 0, "le": 1_000},
    "lr_end": {"ge": 0},
    "power": {"gt": 0, "le": 1_000},
    "timescale": {"gt": 0, "le": 10**9},
    "min_lr": {"ge": 0},
    "max_lr": {"gt": 0, "le": 1},
    "min_lr_rate": _RATIO,
    "min_lr_ratio": _RATIO,
    "warmup_lr_rate": _RATIO,
    "num_decay_steps": _STEPS | {"ge": 1},
    "num_stable_steps": _STEPS,
    "warmup_type": {"in": ("linear", "cosine", "1-sqrt")},
    "decay_type": {"in": ("linear", "cosine", "1-sqrt")},
    "factor": {"gt": 0, "lt": 1},
    "patience": _STEPS,
    "threshold": {"ge": 0, "le": 10**6},
    "threshold_mode": {"in": ("rel", "abs")},
    "cooldown": _STEPS,
    "eps": {"ge": 0, "le": 1},
    "warmup": _STEPS,
    "smooth": {"in": (True, False)},
    "window_size": _STEPS | {"ge": 1},
    "reset_start": _STEPS,
}
# Schedulers that look at `metric_for_best_model` after each validation.
FOLLOW_THE_METRIC = ("greedy", "reduce_lr_on_plateau")
# Optimizers that torch and transformers bring themselves; the others need further packages.
_OPTIMIZERS_INCLUDED = {"adamw_torch_fused", "adamw_torch", "adafactor", "adagrad", "rmsprop", "sgd"}


def offered_model(name: str) -> BaseModelOffer | None:
    """The offered base model of this name; None for any other."""
    return next((offer for offer in BASE_MODELS if offer.name == name), None)


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
    """Learning-rate schedulers of transformers."""
    return list(library_choices("trainer_utils", "SchedulerType"))


def optimizers() -> list[str]:
    """Optimizers of transformers that run with the packages Tuner installs."""
    return [name for name in library_choices("training_args", "OptimizerNames") if name in _OPTIMIZERS_INCLUDED]
