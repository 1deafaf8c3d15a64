"""Base models of four unlike layers, and what every changed model must do: answer, learn, load without us."""

import pytest
import torch
import transformers

from tests import tiny
from tuner.structure import add_lora, count_parameters, plain
from tuner.structure.anatomy import layers_name

OTHERS = ("albert", "deberta", "deberta-v2", "electra", "mobilebert", "mpnet", "xlm-roberta")
EVERY = (*tiny.ARCHITECTURES, *OTHERS)
LAYERS, WIDTH = 4, 64
TEXTS = ["what great", "i hate this awful boring film so much today", "the city was wonderful today"]
_WIDE = {"hidden_size": 32, "num_hidden_layers": LAYERS, "num_attention_heads": 2, "intermediate_size": WIDTH}
_MORE = {
    "albert": {"embedding_size": 16},
    "deberta": {"relative_attention": True, "pos_att_type": ["c2p", "p2c"], "type_vocab_size": 0},
    "deberta-v2": {"relative_attention": True, "pos_att_type": ["c2p", "p2c"], "position_buckets": 8, "conv_kernel_size": 3},
    "electra": {"embedding_size": 16},
    "mobilebert": {"embedding_size": 16, "intra_bottleneck_size": 16, "num_feedforward_networks": 2},
    "modernbert": {"local_attention": 4, "global_attn_every_n_layers": 3},
}


def config_of(kind, tokenizer):
    settings = {**_WIDE, **_MORE.get(kind, {})}
    if kind == "gpt2":
        settings = {"n_embd": 32, "n_layer": LAYERS, "n_head": 2, "n_inner": WIDTH}
    if kind == "distilbert":
        settings = {"dim": 32, "n_layers": LAYERS, "n_heads": 2, "hidden_dim": WIDTH}
    ids = {name: getattr(tokenizer, name) for name in ("pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id")}
    return transformers.AutoConfig.for_model(
        kind, vocab_size=len(tokenizer), max_position_embeddings=tiny.LIMIT + 2, **settings, **ids
    )


def save_four_layers(folder):
    """Architecture → a pretrained-looking base model of four unlike layers, without a head, in a folder of that name."""
    for kind in EVERY:
        tokenizer = tiny._tokenizer(kind if kind in tiny.ARCHITECTURES else "bert")
        torch.manual_seed(3)
        model = transformers.AutoModel.from_config(config_of(kind, tokenizer))
        with torch.no_grad():
            for parameter in model.parameters():  # norms and biases are all alike at first
                parameter.add_(torch.randn_like(parameter) * 0.1)
            padding = model.get_input_embeddings().padding_idx
            if padding is not None:  # MobileBERT looks at the tokens beside each one
                model.get_input_embeddings().weight[padding] = 0
        model.save_pretrained(folder / kind)
        tokenizer.save_pretrained(folder / kind)


def logits_of(model, tokenizer, texts=TEXTS):
    with torch.no_grad():
        return model.eval()(**tokenizer(texts, padding=True, return_tensors="pt")).logits


def step_on(model, tokenizer, optimizer=None):
    """One real step: loss, gradients, AdamW."""
    batch = tokenizer(TEXTS, padding=True, return_tensors="pt")
    optimizer = optimizer or torch.optim.AdamW((p for p in model.parameters() if p.requires_grad), lr=1e-2)
    loss = model.train()(**batch, labels=torch.tensor([1, 0, 1])).loss
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


def assert_loads_plainly(model, tokenizer, folder):
    """Saved, it answers the same by `AutoModel…`; an offered architecture by a plain pipeline, too, with its label names."""
    expected = logits_of(model, tokenizer)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    loaded = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
    torch.testing.assert_close(logits_of(loaded, tokenizer), expected, atol=1e-5, rtol=0)
    assert count_parameters(loaded)[0] == count_parameters(model)[0]
    if model.config.model_type in OTHERS:
        return
    answers = transformers.pipeline("text-classification", model=str(folder), top_k=None)(TEXTS)
    for answer, row in zip(answers, expected.softmax(-1), strict=True):
        assert {a["label"]: a["score"] for a in answer} == pytest.approx(
            dict(zip(("neg", "pos"), row.tolist(), strict=True)), abs=1e-5
        )


def layer_weights(model, index):
    """Weights of a layer but for the norm that ModernBERT's first layer does without, and the matrix its gain goes into."""
    stack = layers_name(model)
    weights = {n.removeprefix(f"{stack}{index}."): t for n, t in model.state_dict().items() if n.startswith(f"{stack}{index}.")}
    return {name: tensor for name, tensor in weights.items() if not name.startswith(("attn_norm", "attn.Wqkv"))}


def trained_weights(trainer):
    return {name: tensor.clone() for name, tensor in plain(trainer.model).state_dict().items()}


def lora(model):
    return add_lora(model, 4, 8, 0.1, seed=1)


def moved_lora(model):
    """As after a training: LoRA's second matrix starts at zero, with which it changes nothing."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * 0.2)
    return model


class StopAt(transformers.TrainerCallback):
    def __init__(self, step):
        self.step = step

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == self.step:
            control.should_training_stop = control.should_save = True


def still(model):
    """Names of the weights that are not trained."""
    return {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
