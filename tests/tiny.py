"""Tiny real things: models of two layers and 32 numbers, their tokenizers, and rows that can be learnt."""

import itertools
from pathlib import Path

ARCHITECTURES = ("gpt2", "bert", "roberta", "distilbert", "modernbert")
# Tokens a text may have; RoBERTa counts its positions from 2.
LIMIT = 64
_OPINIONS = {
    "neg": ("awful", "boring", "broken", "hate", "terrible", "worst"),
    "neu": ("average", "fine", "normal", "okay", "plain", "usual"),
    "pos": ("brilliant", "great", "happy", "love", "superb", "wonderful"),
}
_SUBJECTS = ("film", "phone", "song", "weather", "train", "city", "book", "game", "coffee", "cat")
_FRAMES = ("the {} was {} today", "i think this {} is {}", "a {} so {} again", "what {} , really {} !", "my {} is {} as always")
WORDS = sorted(
    {word for words in (*_OPINIONS.values(), _SUBJECTS) for word in words} | set(" ".join(_FRAMES).replace("{}", "").split())
)


def labelled_rows(count: int, labels: tuple[str, ...] = ("neg", "pos")) -> list[tuple[str, str]]:
    """(text, label) pairs, all different, labels in turn; a keyword decides the label."""
    pools = []
    for label, words in zip(
        labels, _OPINIONS.values() if len(labels) == 3 else (_OPINIONS["neg"], _OPINIONS["pos"]), strict=True
    ):
        texts = (frame.format(subject, word) for frame, word, subject in itertools.product(_FRAMES, words, _SUBJECTS))
        pools.append([(text, label) for text in texts])
    step = 7  # neighbours in the list differ in more than the last word; 7 divides no pool of 300
    turns = itertools.cycle(pools)
    return [
        (f"{text} {i}".replace(",", ""), label) for i, (text, label) in ((i, next(turns)[i * step % 300]) for i in range(count))
    ]


def save_model(architecture: str, folder: Path) -> Path:
    """Writes a pretrained-looking model with its tokenizer into `folder`."""
    import torch
    import transformers

    tokenizer = _tokenizer(architecture)
    torch.manual_seed(0)
    config, cls = _config(architecture, len(tokenizer), tokenizer)
    getattr(transformers, cls)(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def save_classifier(base: Path, folder: Path) -> Path:
    """Writes a classifier "neg", "pos" that has learnt 300 of the labelled rows, from a model that `save_model` wrote."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(base)
    names = {0: "neg", 1: "pos"}
    ids = {name: i for i, name in names.items()}
    model = AutoModelForSequenceClassification.from_pretrained(base, id2label=names, label2id=ids)
    optimizer, rows = torch.optim.AdamW(model.parameters(), 3e-3), labelled_rows(300)
    for start in [*range(0, 300, 30)] * 3:
        texts, labels = zip(*rows[start : start + 30], strict=True)
        batch = tokenizer(list(texts), padding=True, return_tensors="pt")
        model(**batch, labels=torch.tensor([ids[label] for label in labels])).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _config(architecture: str, size: int, tokenizer) -> tuple:
    import transformers as tf

    wide = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    if architecture == "gpt2":
        ends = {"bos_token_id": tokenizer.eos_token_id, "eos_token_id": tokenizer.eos_token_id}
        return tf.GPT2Config(vocab_size=size, n_positions=LIMIT, n_embd=32, n_layer=2, n_head=2, **ends), "GPT2LMHeadModel"
    ids = {"pad_token_id": tokenizer.pad_token_id, "vocab_size": size}
    if architecture == "bert":
        return tf.BertConfig(max_position_embeddings=LIMIT, **wide, **ids), "BertForMaskedLM"
    if architecture == "roberta":
        ids |= {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
        return tf.RobertaConfig(max_position_embeddings=LIMIT + 2, type_vocab_size=1, **wide, **ids), "RobertaForMaskedLM"
    if architecture == "distilbert":
        return tf.DistilBertConfig(max_position_embeddings=LIMIT, dim=32, n_layers=2, n_heads=2, hidden_dim=64, **ids), (
            "DistilBertForMaskedLM"
        )
    ends = {"cls_token_id": tokenizer.cls_token_id, "sep_token_id": tokenizer.sep_token_id}
    ends |= {"bos_token_id": tokenizer.cls_token_id, "eos_token_id": tokenizer.sep_token_id}
    local = {"local_attention": 8, "global_attn_every_n_layers": 2, "max_position_embeddings": LIMIT}
    return tf.ModernBertConfig(**wide, **local, **ids, **ends), "ModernBertForMaskedLM"


def _tokenizer(architecture: str):
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    text = [" ".join(WORDS), " ".join(f" {word}" for word in WORDS)]
    if architecture in ("bert", "distilbert"):
        names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
        specials = list(names.values())
        letters = "abcdefghijklmnopqrstuvwxyz0123456789"
        words = [*specials, *WORDS, *letters, *(f"##{letter}" for letter in letters)]
        made = Tokenizer(models.WordPiece({w: i for i, w in enumerate(dict.fromkeys(words))}, unk_token="[UNK]"))
        made.normalizer = normalizers.BertNormalizer()
        made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        made.decoder = decoders.WordPiece()
        first, last = "[CLS]", "[SEP]"
    else:
        names = {
            "gpt2": {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"},
            "roberta": {
                "bos_token": "<s>",
                "pad_token": "<pad>",
                "eos_token": "</s>",
                "unk_token": "<unk>",
                "mask_token": "<mask>",
            }
            | {"cls_token": "<s>", "sep_token": "</s>"},
            "modernbert": {
                "unk_token": "[UNK]",
                "cls_token": "[CLS]",
                "sep_token": "[SEP]",
                "pad_token": "[PAD]",
                "mask_token": "[MASK]",
            },
        }[architecture]
        made = Tokenizer(models.BPE())
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        made.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        specials = list(dict.fromkeys(names.values()))
        made.train_from_iterator(text, trainers.BpeTrainer(vocab_size=400, special_tokens=specials, initial_alphabet=alphabet))
        first, last = names.get("cls_token"), names.get("sep_token")
    if first:
        ids = [(token, made.token_to_id(token)) for token in (first, last)]
        made.post_processor = processors.TemplateProcessing(single=f"{first} $A {last}", special_tokens=ids)
    return PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=LIMIT, **names)
