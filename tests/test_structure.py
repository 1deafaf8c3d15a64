"""Structure: fewer layers, narrower, frozen, LoRA. Every result is saved, loaded without us, and trained a step."""

import json

import pytest
import torch
import transformers

from tests import tiny
from tuner import modeling
from tuner.config import RunConfig
from tuner.data.labelled import load_labelled
from tuner.errors import ModelError, SettingsError
from tuner.structure import (
    GradualUnfreezing,
    add_lora,
    add_mean_layer,
    count_parameters,
    freeze,
    is_lora,
    keep_layers,
    merge_lora,
    narrow,
    parameters_in_words,
    plain,
    save_adapter,
)
from tuner.structure.anatomy import READ_THE_FIRST_TOKEN, layers_name, parts_of
from tuner.structure.shape import MEAN_WEIGHT, positions_kept
from tuner.training.build import build_trainer
from tuner.training.callbacks import WholeCheckpoints
from tuner.training.checkpoints import newest_whole
from tuner.training.speed import faster_steps

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


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """On a busy machine the threads of such small products wait for each other: 401 s for this file instead of 94."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def four_layers(tmp_path_factory):
    """Architecture → folder of a pretrained-looking base model of four unlike layers, without a head."""
    folder = tmp_path_factory.mktemp("four")
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
    return folder


@pytest.fixture
def load(four_layers):
    def classifier(kind, dropout=None):
        base = modeling.find_base_model(str(four_layers / kind))
        tokenizer = modeling.load_tokenizer(base)
        return modeling.load_for_training(base, tokenizer, ("neg", "pos"), 0, dropout), tokenizer

    return classifier


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


# Layers


@pytest.mark.parametrize(("kind", "which"), [*((kind, "last") for kind in EVERY), ("gpt2", "spread"), ("modernbert", "spread")])
def test_kept_layers_load_plainly_and_train(kind, which, load, tmp_path):
    model, tokenizer = load(kind)
    before = count_parameters(model)[0]
    kept = keep_layers(model, 2, which)
    assert kept.config.num_hidden_layers == 2
    assert count_parameters(kept)[0] < before or kind == "albert"
    step_on(kept, tokenizer)
    assert_loads_plainly(kept, tokenizer, tmp_path)


@pytest.mark.parametrize("kind", [kind for kind in EVERY if kind != "albert"])
def test_kept_layers_keep_their_weights_and_order(kind, load):
    model, _ = load(kind)
    kept = keep_layers(model, 2, "last")
    for new, old in ((0, 2), (1, 3)):
        expected = layer_weights(model, old)
        found = layer_weights(kept, new)
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], expected[name]) for name in found)


@pytest.mark.parametrize("kind", [kind for kind in EVERY if kind not in ("albert", "deberta-v2")])
def test_the_first_layers_answer_as_they_did_inside_the_whole(kind, load):
    model, tokenizer = load(kind)
    kept = keep_layers(model, 2, "first")
    batch = tokenizer(TEXTS, padding=True, return_tensors="pt")
    with torch.no_grad():
        inside = model.eval().base_model(**batch, output_hidden_states=True).hidden_states[2]
        alone = kept.eval().base_model(**batch, output_hidden_states=True).hidden_states
    torch.testing.assert_close(alone[1], model.base_model(**batch, output_hidden_states=True).hidden_states[1])
    if kind not in ("gpt2", "modernbert"):  # their last hidden state is behind the final norm
        torch.testing.assert_close(alone[2], inside)


def test_spread_takes_the_layers_distilbert_took_of_bert():
    assert positions_kept(12, 6, "spread") == [0, 2, 4, 7, 9, 11]
    assert positions_kept(6, 3, "spread") == [0, 3, 5]
    assert positions_kept(6, 1, "spread") == [0]


def test_every_choice_takes_as_many_as_asked_for():
    for present in range(1, 25):
        for count in range(1, present + 1):
            for which in ("first", "last", "spread"):
                chosen = positions_kept(present, count, which)
                assert len(set(chosen)) == count
                assert chosen == sorted(chosen)
                assert set(chosen) <= set(range(present))


def test_a_kept_modernbert_layer_keeps_its_kind_of_attention(load):
    model, _ = load("modernbert")
    assert model.config.layer_types == ["full_attention", "sliding_attention", "sliding_attention", "full_attention"]
    assert keep_layers(model, 2, "last").config.layer_types == ["sliding_attention", "full_attention"]
    only_near = keep_layers(keep_layers(model, 3, "first"), 2, "last")
    assert only_near.config.layer_types == ["sliding_attention"] * 2
    assert [layer.attn.sliding_window for layer in only_near.model.layers] == [3, 3]


def test_only_near_attention_loads_plainly(load, tmp_path):
    model, tokenizer = load("modernbert")
    assert_loads_plainly(keep_layers(keep_layers(model, 3, "first"), 2, "last"), tokenizer, tmp_path)


def test_kept_gpt2_layers_are_numbered_anew(load):
    kept = keep_layers(load("gpt2")[0], 2, "last")
    assert [block.attn.layer_idx for block in kept.transformer.h] == [0, 1]


@pytest.mark.parametrize("count", [0, 5])
def test_a_number_of_layers_that_is_not_there_is_refused(count, load):
    with pytest.raises(SettingsError, match=f"num_hidden_layers = {count}: this base model has 4; give 1 to 4"):
        keep_layers(load("bert")[0], count)


def test_an_albert_of_several_groups_is_refused(load):
    model, _ = load("albert")
    model.config.num_hidden_groups = 2
    with pytest.raises(ModelError, match="2 groups of shared layers"):
        keep_layers(model, 2)


def test_all_layers_kept_is_the_same_model(load):
    model, _ = load("bert")
    assert keep_layers(model, LAYERS) is model
    assert narrow(model, WIDTH) is model


def test_an_unknown_architecture_is_refused():
    model = transformers.AutoModelForSequenceClassification.from_config(
        transformers.XLNetConfig(d_model=8, n_layer=1, n_head=2, d_inner=8, vocab_size=9)
    )
    with pytest.raises(ModelError, match="type 'xlnet' is not known"):
        freeze(model, "embeddings")


def test_the_name_of_the_base_model_stays(load):
    model, _ = load("bert")
    assert keep_layers(model, 2).name_or_path == model.name_or_path != ""


# Width


@pytest.mark.parametrize("kind", EVERY)
def test_a_narrowed_model_loads_plainly_and_trains(kind, load, tmp_path):
    model, tokenizer = load(kind)
    before = count_parameters(model)[0]
    narrowed = narrow(model, 24)
    assert count_parameters(narrowed)[0] < before
    step_on(narrowed, tokenizer)
    assert_loads_plainly(narrowed, tokenizer, tmp_path)


def feed_forward(model, kind):
    """(module into the units, module out of them) of the second layer, or ALBERT's only one."""
    into, out = {"gpt2": ("mlp.c_fc", "mlp.c_proj"), "modernbert": ("mlp.Wi", "mlp.Wo"), "albert": ("ffn", "ffn_output")}.get(
        kind, ("ffn.lin1", "ffn.lin2") if kind == "distilbert" else ("intermediate.dense", "output.dense")
    )
    layer = f"{layers_name(model)}{'0.albert_layers.0' if kind == 'albert' else 1}"
    return model.get_submodule(f"{layer}.{into}"), model.get_submodule(f"{layer}.{out}")


@pytest.mark.parametrize("kind", EVERY)
def test_pruning_units_that_do_nothing_changes_no_answer(kind, load):
    """Half the units of each layer get weights of zero, odd ones here, even ones there: just these must go."""
    model, tokenizer = load(kind)
    for module in (m for m in model.modules() if getattr(m, "weight", None) is not None and m.weight.ndim == 2):
        shape = tuple(module.weight.shape)
        with torch.no_grad():
            if shape == ((WIDTH, 32) if kind != "modernbert" else (2 * WIDTH, 32)) and kind != "gpt2":
                module.weight[1::2] = 0
                if module.bias is not None:
                    module.bias[1::2] = 0
            elif kind == "mobilebert" and shape == (WIDTH, 16):
                module.weight[1::2] = 0
                module.bias[1::2] = 0
            elif kind == "gpt2" and shape == (32, WIDTH):
                module.weight[:, 1::2] = 0
                module.bias[1::2] = 0
            elif kind == "gpt2" and shape == (WIDTH, 32):
                module.weight[1::2] = 0
            elif shape in ((32, WIDTH), (16, WIDTH)):
                module.weight[:, 1::2] = 0
    expected = logits_of(model, tokenizer)
    torch.testing.assert_close(logits_of(narrow(model, WIDTH // 2), tokenizer), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", tiny.ARCHITECTURES)
def test_the_strongest_units_stay_in_their_order(kind, load):
    model, _ = load(kind)
    into, out = feed_forward(model, kind)
    transposed = kind == "gpt2"
    first = into.weight.T if transposed else into.weight
    last = out.weight if transposed else out.weight.T
    squares = first.square().sum(1).view(-1, WIDTH).sum(0) + last.square().sum(1)
    best = sorted(squares.sort(descending=True).indices[:10].tolist())
    _, narrowed = feed_forward(narrow(model, 10), kind)
    assert torch.equal(narrowed.weight if transposed else narrowed.weight.T, last[best])


@pytest.mark.parametrize("width", [0, WIDTH + 1])
def test_a_width_that_is_not_there_is_refused(width, load):
    with pytest.raises(SettingsError, match=f"intermediate_size = {width}: this base model's is 64; give 1 to 64"):
        narrow(load("gpt2")[0], width)


def test_the_width_gpt2_leaves_unsaid_is_four_times_its_hidden_size(load):
    model, _ = load("gpt2")
    model.config.n_inner = None
    with pytest.raises(SettingsError, match="this base model's is 128"):
        narrow(model, 129)


def test_fewer_layers_and_narrower_at_once(load, tmp_path):
    model, tokenizer = load("modernbert")
    assert_loads_plainly(narrow(keep_layers(model, 3, "spread"), 16), tokenizer, tmp_path)


# A layer that starts as the mean


@pytest.mark.parametrize("kind", READ_THE_FIRST_TOKEN)
def test_the_added_layer_starts_as_the_mean_over_all_tokens(kind, load):
    model, tokenizer = load(kind)
    batch = tokenizer(TEXTS, padding=True, return_tensors="pt")
    with torch.no_grad():
        *_, below, top = add_mean_layer(model).eval().base_model(**batch, output_hidden_states=True).hidden_states
    mask = batch["attention_mask"][:, :, None]
    mean = (below * mask).sum(1) / mask.sum(1)
    expected = torch.nn.functional.layer_norm(MEAN_WEIGHT * mean + below[:, 0], mean.shape[-1:])
    torch.testing.assert_close(top[:, 0], expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", READ_THE_FIRST_TOKEN)
def test_the_layers_below_and_the_head_stay_as_they_were(kind, load):
    model, _ = load(kind)
    before = model.state_dict()
    after = add_mean_layer(model).state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    assert all(name.startswith(f"{layers_name(model)}{LAYERS}.") for name in after.keys() - before.keys())


@pytest.mark.parametrize("kind", READ_THE_FIRST_TOKEN)
def test_all_matrices_of_the_added_layer_are_trained_and_it_loads_plainly(kind, load, tmp_path):
    model, tokenizer = load(kind)
    model = add_mean_layer(model)
    before = {name: tensor.clone() for name, tensor in layer_weights(model, LAYERS).items()}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        step_on(model, tokenizer, optimizer)
    after = layer_weights(model, LAYERS)
    # The same number added to all scores of a token changes no attention: a key's bias is never trained, here or elsewhere.
    assert all(not torch.equal(after[name], before[name]) for name in before if name != "attention.self.key.bias")
    assert_loads_plainly(model, tokenizer, tmp_path)


@pytest.mark.parametrize("kind", [kind for kind in EVERY if kind not in READ_THE_FIRST_TOKEN])
def test_no_other_architecture_gets_a_layer_of_the_mean(kind, load):
    with pytest.raises(ModelError, match=f"'{kind}' cannot get a layer of the mean"):
        add_mean_layer(load(kind)[0])


# Freezing


def still(model):
    return {name for name, parameter in model.named_parameters() if not parameter.requires_grad}


@pytest.mark.parametrize("kind", EVERY)
def test_a_frozen_model_trains_its_head_alone_and_loads_plainly(kind, load, tmp_path):
    model, tokenizer = load(kind)
    freeze(model, "all_but_head")
    frozen = {name: model.state_dict()[name].clone() for name in still(model)}
    head = next(name for name, parameter in model.named_parameters() if parameter.requires_grad and parameter.ndim == 2)
    before = model.state_dict()[head].clone()
    step_on(model, tokenizer)
    assert frozen
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in frozen.items())
    assert not torch.equal(model.state_dict()[head], before)
    assert_loads_plainly(model, tokenizer, tmp_path)


@pytest.mark.parametrize("kind", EVERY)
def test_all_but_the_head_leaves_what_is_not_in_the_base_model_and_its_pooler(kind, load):
    model, _ = load(kind)
    freeze(model, "all_but_head")
    base = f"{model.base_model_prefix}."
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert trained == {n for n, _ in model.named_parameters() if not n.startswith(base) or n.startswith(f"{base}pooler.")}


@pytest.mark.parametrize("kind", tiny.ARCHITECTURES)
def test_embeddings_are_frozen_and_nothing_else(kind, load):
    model, _ = load(kind)
    freeze(model, "embeddings")
    prefix = ("transformer.wte", "transformer.wpe") if kind == "gpt2" else f"{model.base_model_prefix}.embeddings."
    assert still(model) == {name for name, _ in model.named_parameters() if name.startswith(prefix)} != set()


@pytest.mark.parametrize("kind", [kind for kind in EVERY if kind != "albert"])
def test_the_first_layers_are_frozen_with_the_embeddings(kind, load):
    model, tokenizer = load(kind)
    freeze(model, "nothing", layers=2)
    stack = layers_name(model)
    assert {name.removeprefix(stack)[0] for name in still(model) if name.startswith(stack)} == {"0", "1"}
    assert not model.get_input_embeddings().weight.requires_grad
    step_on(model, tokenizer)


def test_more_frozen_layers_than_there_are_is_refused(load):
    with pytest.raises(SettingsError, match="freeze_layers = 5: this base model has 4"):
        freeze(load("bert")[0], layers=5)


def test_layers_that_share_weights_cannot_be_frozen_one_by_one(load):
    with pytest.raises(SettingsError, match="share one set of weights"):
        freeze(load("albert")[0], layers=1)


@pytest.mark.parametrize("kind", EVERY)
def test_every_parameter_stands_in_one_part(kind, load):
    model, _ = load(kind)
    parts = parts_of(model)
    found = [id(p) for group in (parts.beneath, parts.head, *parts.layers) for p in group]
    assert sorted(found) == sorted(id(parameter) for parameter in model.parameters())
    assert parts.beneath
    assert parts.head
    assert all(parts.layers)


# LoRA


def moved_lora(model):
    """As after a training: LoRA's second matrix starts at zero, with which it changes nothing."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * 0.2)
    return model


@pytest.mark.parametrize("kind", EVERY)
def test_lora_merges_into_a_plain_model_of_the_same_answers(kind, load, tmp_path):
    model, tokenizer = load(kind)
    untouched = logits_of(model, tokenizer)
    adapted = add_lora(model, 4, 8, 0.1, seed=1)
    torch.testing.assert_close(logits_of(adapted, tokenizer), untouched)
    step_on(adapted, tokenizer)
    expected = logits_of(moved_lora(adapted), tokenizer)
    assert not torch.allclose(expected, untouched, atol=1e-2)
    merged = merge_lora(adapted)
    torch.testing.assert_close(logits_of(merged, tokenizer), expected, atol=1e-5, rtol=0)
    assert not is_lora(merged)
    assert_loads_plainly(merged, tokenizer, tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["id2label"] == {"0": "neg", "1": "pos"}


@pytest.mark.parametrize("kind", EVERY)
def test_lora_trains_its_matrices_in_every_layer_and_the_whole_head(kind, load):
    model, _ = load(kind)
    head = {name for name, p in model.named_parameters() if any(p is q for q in parts_of(model).head)}
    adapted = add_lora(model, 4, 8, 0.0, seed=1)
    trained = {name for name, p in adapted.named_parameters() if p.requires_grad}
    of_head = {n.removeprefix("base_model.model.").replace(".modules_to_save.default", "") for n in trained if ".lora_" not in n}
    assert of_head == head
    parts = parts_of(adapted)
    assert all(any(parameter.requires_grad for parameter in layer) for layer in parts.layers)
    assert not any(parameter.requires_grad for parameter in parts.beneath)


def as_its_readme_says(folder):
    code = (folder / "README.md").read_text().split("```python\n")[1].split("```")[0]
    names = {}
    exec(code.replace('"adapter"', repr(str(folder))), names)
    return names["model"]


@pytest.mark.parametrize("kind", EVERY)
def test_an_adapter_loads_on_its_base_model_as_its_readme_says(kind, load, tmp_path, four_layers):
    model, tokenizer = load(kind)
    adapted = moved_lora(add_lora(model, 4, 8, 0.0, seed=1))
    save_adapter(adapted, tmp_path, base=str(four_layers / kind))
    loaded = as_its_readme_says(tmp_path)
    torch.testing.assert_close(logits_of(loaded, tokenizer), logits_of(adapted, tokenizer), atol=1e-5, rtol=0)
    assert loaded.config.id2label == {0: "neg", 1: "pos"}
    assert json.loads((tmp_path / "adapter_config.json").read_text())["base_model_name_or_path"] == str(four_layers / kind)
    assert "base_model:" not in (tmp_path / "README.md").read_text()  # the Hub refuses a card that names a folder


@pytest.mark.parametrize("kind", ["bert", "gpt2", "modernbert"])
def test_an_adapter_of_a_changed_model_brings_its_base(kind, load, tmp_path, four_layers):
    """On the unchanged base model it would load without a word, and on other layers than it was trained for."""
    model, tokenizer = load(kind)
    adapted = moved_lora(add_lora(narrow(keep_layers(model, 2, "last"), 24), 4, 8, 0.0, seed=1))
    save_adapter(adapted, tmp_path, base=str(four_layers / kind), whole=True)
    loaded = as_its_readme_says(tmp_path)
    torch.testing.assert_close(logits_of(loaded, tokenizer), logits_of(adapted, tokenizer), atol=1e-5, rtol=0)
    assert loaded.config.id2label == {0: "neg", 1: "pos"}
    assert json.loads((tmp_path / "adapter_config.json").read_text())["base_model_name_or_path"] is None


def test_the_seed_decides_the_start_of_lora(load):
    def start(seed):
        return [p for n, p in add_lora(load("bert")[0], 4, 8, 0.0, seed).named_parameters() if "lora_A" in n]

    assert all(torch.equal(a, b) for a, b in zip(start(1), start(1), strict=True))
    assert not torch.equal(start(1)[0], start(2)[0])


def test_saving_a_checkpoint_asks_the_hub_nothing(load, tmp_path, monkeypatch):
    """peft asks for the base model's config.json at every save to see whether the vocabulary grew."""
    monkeypatch.setattr("peft.utils.save_and_load.check_file_exists_on_hf_hub", lambda *_: pytest.fail("asked the Hub"))
    model, _ = load("bert")
    model.name_or_path = model.config.name_or_path = "owner/name"
    adapted = add_lora(model, 4, 8, 0.0, seed=1)
    for _ in range(2):  # the first save once wrote the name where the second one read it
        adapted.save_pretrained(tmp_path / "checkpoint")
    save_adapter(adapted, tmp_path / "adapter", base="owner/name", revision="abc")
    settings = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert (settings["base_model_name_or_path"], settings["revision"]) == ("owner/name", "abc")
    assert "\nbase_model: owner/name\n" in (tmp_path / "adapter" / "README.md").read_text()


# Counting


def test_parameters_are_counted_once_and_told_in_words(load):
    model, _ = load("bert")
    total = sum(parameter.numel() for parameter in model.parameters())
    assert count_parameters(model) == (total, total)
    assert parameters_in_words(model, before=total) == f"{total / 1e3:.1f} k parameters"
    freeze(model, "all_but_head")
    head = 32 * 32 + 32 + 32 * 2 + 2
    assert parameters_in_words(model, 22_713_216) == f"{total / 1e3:.1f} k parameters, 1.1 k of them trained; before: 22.7 M"
    assert count_parameters(model) == (total, head)


def test_lora_is_counted_without_the_head_that_is_no_longer_used(load):
    model, _ = load("bert")
    total, head = count_parameters(model)[0], 32 * 32 + 32 + 32 * 2 + 2
    lora = LAYERS * 2 * 2 * 4 * 32
    assert count_parameters(add_lora(model, 4, 8, 0.0, seed=1)) == (total + lora, head + lora)


# In the Trainer


@pytest.fixture
def trainer_for(load, csv, tmp_path):
    """A Trainer of ours around a changed model: `trainer_for("bert", change, callbacks, max_steps=…)`."""

    def make(kind, change=lambda model: model, callbacks=(), folder="checkpoints", **training):
        quick = {
            "max_steps": 8,
            "per_device_train_batch_size": 4,
            "learning_rate": 5e-3,
            "precision": "fp32",
            "eval_strategy": "no",
            "save_strategy": "no",
            "logging_steps": 1,
        }
        config = RunConfig(data={"source": str(csv(60))}, training={**quick, **training})
        data = load_labelled(config.data)
        model, tokenizer = load(kind)
        return build_trainer(config, data, change(model), tokenizer, 16, tmp_path / folder, list(callbacks))

    return make


def trained_weights(trainer):
    return {name: tensor.clone() for name, tensor in plain(trainer.model).state_dict().items()}


class StopAt(transformers.TrainerCallback):
    def __init__(self, step):
        self.step = step

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == self.step:
            control.should_training_stop = control.should_save = True


class Watch(transformers.TrainerCallback):
    """Which layers (0 lowest, "beneath") had a gradient in each step, and how long the gradient was."""

    def __init__(self):
        self.steps = []

    def on_pre_optimizer_step(self, args, state, control, model, **kwargs):
        parts = parts_of(model)
        layers = {i for i, layer in enumerate(parts.layers) if any(p.grad is not None for p in layer)}
        self.steps.append(layers | ({"beneath"} if any(p.grad is not None for p in parts.beneath) else set()))


def lora(model):
    return add_lora(model, 4, 8, 0.1, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", EVERY)
def test_layers_are_freed_from_the_top(kind, trainer_for):
    watch = Watch()
    trainer = trainer_for(kind, callbacks=[GradualUnfreezing(0.5), watch], max_steps=10)
    trainer.train()
    if kind == "albert":
        expected = [set()] * 3 + [{0}] * 2 + [{0, "beneath"}] * 5
    else:
        # Four layers and the embeddings, one more after each step of the first half. The positions that DeBERTa's and
        # MPNet's layers share have a gradient with the embeddings only, too.
        expected = [set(range(LAYERS - step, LAYERS)) for step in range(5)] + [{0, 1, 2, 3, "beneath"}] * 5
    assert watch.steps == expected
    assert all(parameter.requires_grad for parameter in trainer.model.parameters())


def test_waiting_weights_do_not_move_by_weight_decay(trainer_for):
    trainer = trainer_for("bert", callbacks=[GradualUnfreezing(1.0), StopAt(2)], max_steps=20, weight_decay=0.5)
    before = trained_weights(trainer)
    trainer.train()
    after = trained_weights(trainer)
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    assert moved == {n for n in after if n.startswith(("classifier.", "bert.pooler."))}
    optimized = sum(p.numel() for group in trainer.optimizer.param_groups for p in group["params"])
    assert optimized == count_parameters(trainer.model)[0]


def test_clipping_sees_the_freed_weights_alone(trainer_for):
    def first_norm(callbacks, change=lambda model: model):
        trainer = trainer_for("bert", change, callbacks=[*callbacks, StopAt(1)], max_steps=20, max_grad_norm=1e-3)
        trainer.train()
        return next(log["grad_norm"] for log in trainer.state.log_history if "grad_norm" in log)

    def head_alone(model):
        freeze(model, "all_but_head")
        return model

    assert first_norm([GradualUnfreezing(1.0)]) == pytest.approx(first_norm([], head_alone), rel=1e-5)
    assert first_norm([GradualUnfreezing(1.0)]) < first_norm([]) * 0.99


def test_what_was_frozen_stays_frozen(trainer_for):
    def lower_half(model):
        freeze(model, layers=2)
        return model

    watch = Watch()
    trainer = trainer_for("bert", lower_half, callbacks=[GradualUnfreezing(0.5), watch], max_steps=8)
    trainer.train()
    assert watch.steps == [set()] * 2 + [{3}] * 2 + [{2, 3}] * 4
    assert still(trainer.model)


def test_gradual_unfreezing_of_a_frozen_model_is_refused(trainer_for):
    def all_but_head(model):
        freeze(model, "all_but_head")
        return model

    with pytest.raises(SettingsError, match="everything but the head is frozen"):
        trainer_for("bert", all_but_head, callbacks=[GradualUnfreezing(0.5)]).train()


@pytest.mark.slow
@pytest.mark.parametrize("accumulation", [1, 2])
@pytest.mark.parametrize("change", [lambda model: model, lora], ids=["whole", "lora"])
def test_gradual_unfreezing_goes_on_where_it_was_after_a_resume(change, accumulation, trainer_for, tmp_path):
    settings = {"max_steps": 10, "save_strategy": "steps", "save_steps": 100, "gradient_accumulation_steps": accumulation}
    whole = trainer_for("bert", change, [GradualUnfreezing(0.8)], folder="whole", **settings)
    whole.train()
    trainer_for("bert", change, [GradualUnfreezing(0.8), StopAt(3)], **settings).train()
    resumed = trainer_for("bert", change, [GradualUnfreezing(0.8)], **settings)
    resumed.train(resume_from_checkpoint=str(tmp_path / "checkpoints" / "checkpoint-3"))
    expected, found = trained_weights(whole), trained_weights(resumed)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.slow
@pytest.mark.parametrize("change", [lambda model: keep_layers(model, 2, "last"), lora], ids=["layers", "lora"])
@pytest.mark.parametrize("kind", tiny.ARCHITECTURES)
def test_a_changed_model_trains_with_checkpointing_of_activations(kind, change, trainer_for):
    """Reentrant checkpointing gives no gradient above frozen embeddings; ours is the other kind."""
    trainer = trainer_for(kind, change, activation_checkpointing=True, max_steps=2)
    before = trained_weights(trainer)
    trainer.train()
    names = {name for name, p in plain(trainer.model).named_parameters() if p.requires_grad}
    assert [name for name in names if torch.equal(before[name], trained_weights(trainer)[name])] == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", tiny.ARCHITECTURES)
def test_lora_keeps_its_best_checkpoint_and_resumes_to_the_same_weights(kind, trainer_for, tmp_path):
    stepwise = {"eval_strategy": "steps", "save_strategy": "steps", "eval_steps": 2, "save_steps": 2, "max_steps": 8}
    stepwise["metric_for_best_model"] = "loss"
    whole = trainer_for(kind, lora, [WholeCheckpoints("me")], folder="whole", **stepwise)
    whole.train()
    losses = [log["eval_loss"] for log in whole.state.log_history if "eval_loss" in log]
    assert whole.evaluate()["eval_loss"] == pytest.approx(min(losses), abs=1e-5)
    trainer_for(kind, lora, [WholeCheckpoints("me"), StopAt(5)], **stepwise).train()
    newest = newest_whole(tmp_path / "checkpoints", "me")
    assert newest.name == "checkpoint-5"
    assert {"adapter_model.safetensors", "optimizer.pt"} <= {path.name for path in newest.iterdir()}
    assert not (newest / "model.safetensors").exists()
    resumed = trainer_for(kind, lora, [WholeCheckpoints("me")], **stepwise)
    resumed.train(resume_from_checkpoint=str(newest))
    expected, found = trained_weights(whole), trained_weights(resumed)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("kind", tiny.ARCHITECTURES)
def test_accumulated_batches_make_the_same_step_with_lora(kind, trainer_for):
    def first_log(batch, accumulation):
        trainer = trainer_for(
            kind,
            lambda model: add_lora(model, 4, 8, 0.0, seed=1).eval(),
            max_steps=1,
            per_device_train_batch_size=batch,
            gradient_accumulation_steps=accumulation,
            train_sampling_strategy="sequential",
            max_grad_norm=1e4,
        )
        for module in trainer.model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        trainer.train()
        log = next(log for log in trainer.state.log_history if "grad_norm" in log)
        return {"loss": log["loss"], "grad_norm": log["grad_norm"]}

    assert first_log(16, 1) == pytest.approx(first_log(4, 4), rel=1e-3)


@pytest.mark.parametrize("kind", tiny.ARCHITECTURES)
def test_faster_steps_give_the_same_gradients_with_fewer_layers_and_lora(kind, load):
    model, tokenizer = load(kind, dropout=0.0)
    adapted = moved_lora(add_lora(keep_layers(model, 2), 4, 8, 0.0, seed=1))
    batch = tokenizer(TEXTS, padding=True, return_tensors="pt")

    def gradients():
        adapted.zero_grad()
        adapted.train()(**batch, labels=torch.tensor([1, 0, 1])).loss.backward()
        return {name: p.grad.clone() for name, p in adapted.named_parameters() if p.grad is not None}

    expected = gradients()
    with faster_steps(plain(adapted), 16):
        found = gradients()
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, atol=1e-6, rtol=1e-4, msg=name)
