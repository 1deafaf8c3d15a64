"""What augmentation takes out of a base model: its vocabulary's whole words, its embedding table, its masked-word head."""

from pathlib import Path
from typing import TYPE_CHECKING

from tuner import modeling
from tuner.errors import ModelError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# What marks a token's place in its word: its beginning in byte-level BPE (GPT-2, RoBERTa, ModernBERT) and in SentencePiece
# (XLM-R, DeBERTa), its inside in WordPiece. The most frequent one tells which it is: each may stand in the others' vocabularies.
_BPE, _SENTENCE_PIECE, _WORD_PIECE = _MARKS = ("Ġ", "▁", "##")
# Layers that a masked-word head has and a bare encoder has not, in the offered architectures.
_HEADS = (
    "cls.predictions.transform.",
    "lm_head.dense.",
    "vocab_transform.",
    "head.dense.",
    "predictions.dense.",
    "lm_predictions.",
    "generator_predictions.",
)


def whole_words(tokenizer: "PreTrainedTokenizerBase") -> dict[str, int]:
    """Word → id of the token that is the whole word, letters alone, in small letters."""
    vocabulary = tokenizer.get_vocab()
    special = set(tokenizer.all_special_ids)
    kind = max(_MARKS, key=lambda mark: sum(token.startswith(mark) for token in vocabulary))
    mark = "" if kind == _WORD_PIECE else kind
    found = {}
    for token, index in vocabulary.items():
        # A token of byte-level BPE spells letters outside ASCII in signs of its own: only the tokenizer can read them.
        word = tokenizer.convert_tokens_to_string([token]).strip() if mark == _BPE else token.removeprefix(mark)
        if token.startswith(mark) and index not in special and word.isalpha() and word == word.lower():
            found[word] = index
    return found


def embeddings(base: modeling.BaseModel) -> "torch.Tensor":
    """The table of input embeddings, tokens × width, float32.

    Raises:
        ModelError: the weights cannot be read.
    """
    from transformers import AutoModel

    with modeling.translated(base.name):
        model = AutoModel.from_pretrained(base.location, **modeling.weights_safely(base))
    return model.get_input_embeddings().weight.detach()


def has_masked_head(base: modeling.BaseModel) -> bool:
    """Whether the checkpoint holds a head that names masked words; looks at names alone, loads nothing."""
    named = [str(name) for name in base.config.get("architectures") or []]
    if any(name.endswith("ForMaskedLM") or name == "BertForPreTraining" for name in named):
        return True
    # sample:minilm and other sentence encoders name the bare model; some such checkpoints hold the head none the less.
    return any(name.startswith(_HEADS) for name in _weight_names(base))


def load_masked(base: modeling.BaseModel) -> "PreTrainedModel":
    """The base model with its pretrained masked-word head, ready to predict.

    Raises:
        ModelError: it has none, or its weights cannot be read.
    """
    from transformers import AutoModelForMaskedLM

    refuse_without_head(base)
    with modeling.translated(base.name):
        model, report = AutoModelForMaskedLM.from_pretrained(
            base.location, output_loading_info=True, **modeling.weights_safely(base)
        )
    missing = sorted(name for name in report["missing_keys"] if name.startswith(_HEADS))
    if missing:  # config.json may promise a head that the weights do not hold; it would guess at random
        raise _no_head(base, f"its weights lack {missing[0]}")
    return model.eval()


def refuse_without_head(base: modeling.BaseModel, rate: float | None = None) -> None:
    """Says early what `load_masked` would say.

    Args:
        rate: of words to be masked, to be named as the setting it is.

    Raises:
        ModelError: the model has no masked-word head.
    """
    if not has_masked_head(base):
        heads = ", ".join(map(str, base.config.get("architectures") or [])) or "no head named"
        error = _no_head(base, heads)
        raise error if rate is None else ModelError(f"augmentation.masked = {rate:g}: {error.cause}", error.cure)


def _no_head(base: modeling.BaseModel, why: str) -> ModelError:
    return ModelError(
        f"'{base.name}' cannot fill in masked words: it has no masked-word head ({why}).",
        "Set augmentation.masked to 0, or take a base model with one, such as google-bert/bert-base-uncased.",
    )


def _weight_names(base: modeling.BaseModel) -> list[str]:
    """Names of a local checkpoint's tensors; none for a model on the Hub, whose weights are not fetched for this."""
    from safetensors import safe_open

    names: list[str] = []
    folder = Path(base.location)
    with modeling.translated(base.name):
        for path in sorted(folder.glob("*.safetensors")) if folder.is_dir() else []:
            with safe_open(path, "np") as file:
                names += file.keys()
    return names
