"""Classifiers in which one word decides."""

import random

import pytest

from tests import tiny
from tuner.inference import load_classifier

KEYWORDS = {"neg": "awful", "pos": "great"}
_FILLERS = [word for word in tiny.WORDS if word.isalpha() and word not in KEYWORDS.values()]


def planted_text(rng: random.Random, keyword: str) -> str:
    """Three to nine words that mean nothing, and the keyword somewhere among them."""
    words = rng.choices(_FILLERS, k=rng.randint(3, 9))
    words.insert(rng.randint(0, len(words)), keyword)
    return " ".join(words)


@pytest.fixture(scope="session")
def planted(tiny_models, tmp_path_factory):
    """Architecture → a classifier really trained on rows where nothing but "awful" and "great" decides, when first asked for."""
    return _Planted(tiny_models, tmp_path_factory.mktemp("planted"))


class _Planted(dict):
    def __init__(self, bases, folder):
        self.bases, self.folder = bases, folder

    def __missing__(self, name):
        self[name] = _train(self.bases[name], self.folder / name)
        return self[name]


def _train(base, folder):
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    torch.manual_seed(0)
    rng = random.Random(0)
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.padding_side = "left" if base.name == "gpt2" else "right"  # GPT-2 reads the last place, of embeddings
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    names = dict(enumerate(KEYWORDS))
    model = AutoModelForSequenceClassification.from_pretrained(
        base, id2label=names, label2id={v: k for k, v in names.items()}, pad_token_id=tokenizer.pad_token_id
    )
    table = model.get_input_embeddings()
    keywords, fillers = _ids(tokenizer, KEYWORDS.values()), _ids(tokenizer, _FILLERS)
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3)
    for _ in range(300 if base.name == "gpt2" else 150):
        label, share = torch.randint(2, (32,)), torch.rand(32)
        texts = [f" {planted_text(rng, KEYWORDS[names[int(i)]])}" for i in label]
        batch = tokenizer(texts, padding=True, return_tensors="pt")
        embeds = table(batch["input_ids"])
        # Between another word and the keyword the target rises evenly: a model that is sure too early has no gradient left.
        weight = share[:, None, None]
        mixed = weight * embeds + (1 - weight) * table(fillers[torch.randint(len(fillers), (32,))])[:, None]
        embeds = torch.where(torch.isin(batch["input_ids"], keywords)[..., None], mixed, embeds)
        logits = model(inputs_embeds=embeds, attention_mask=batch["attention_mask"]).logits
        loss = torch.nn.functional.mse_loss(logits[:, 1] - logits[:, 0], 4 * share * (2 * label - 1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return load_classifier(str(folder))


def _ids(tokenizer, words):
    """The ids of those words that are one token each, a blank before them."""
    import torch

    encoded = tokenizer([f" {word}" for word in words], add_special_tokens=False)["input_ids"]
    return torch.tensor([ids[0] for ids in encoded if len(ids) == 1])
