"""The section of the model: loaded, then layers, width, mean, freezing and LoRA, each written out for the base model at hand."""

from tuner.reproduce.code import Code, any_of, assign, call
from tuner.reproduce.recipe import Recipe
from tuner.structure.shape import MEAN_LAYER, positions_kept

_FIRST_TOKEN = '''
def first_token_only(layer, hidden_states, attention_mask=None, *args, **kwargs):
    """A layer's output for the first token of each text."""
    attention, first = layer.attention.self, hidden_states[:, :1]

    def by_head(states):
        return states.unflatten(-1, (-1, attention.attention_head_size)).transpose(1, 2)

    attended = torch.nn.functional.scaled_dot_product_attention(
        by_head(attention.query(first)),
        by_head(attention.key(hidden_states)),
        by_head(attention.value(hidden_states)),
        attn_mask=None if attention_mask is None else attention_mask[:, :, :1],
        dropout_p=attention.dropout.p if layer.training else 0.0,
    )
    return layer.feed_forward_chunk(layer.attention.output(attended.transpose(1, 2).flatten(2), first))

'''


def model(recipe: Recipe, loading: list[str]) -> list[str]:
    """The whole section.

    Args:
        loading: the lines that load the base model with a new head.
    """
    return [
        "# 3. Model: pretrained, with a new head for these labels",
        "set_seed(SEED)  # decides the new head",
        *loading,
        *_keep_layers(recipe),
        *_narrow(recipe),
        *_mean_layer(recipe),
        *_freeze(recipe),
        *_lora(recipe),
        *_first_token(recipe),
    ]


def _keep_layers(recipe: Recipe) -> list[str]:
    structure, count = recipe.structure, recipe.config.model.num_hidden_layers
    present = structure.config.num_hidden_layers
    if not count or count == present:
        return []
    if structure.kind == "albert":
        lines = ["", f"# ALBERT computes one layer over and over: {count} times instead of {present}."]
        return [*lines, "weights = model.state_dict()", f"model.config.num_hidden_layers = {count}", *_reload()]
    kept = positions_kept(present, count, recipe.config.model.layer_selection)
    kinds = getattr(structure.config, "layer_types", None)
    return [
        "",
        f"# Keep {count} of the {present} layers, counted from 0, and load their weights as the smaller model's.",
        *assign("KEPT", kept),
        "weights = {}",
        "for name, tensor in model.state_dict().items():",
        f'    if name.startswith("{structure.stack}"):',
        f'        number, _, rest = name.removeprefix("{structure.stack}").partition(".")',
        "        if int(number) in KEPT:",
        f'            weights[f"{structure.stack}{{KEPT.index(int(number))}}.{{rest}}"] = tensor',
        "    else:",
        "        weights[name] = tensor",
        *(_without_first_norm(structure.stack) if structure.kind == "modernbert" and kept[0] != 0 else []),
        *(["model.config.layer_types = [model.config.layer_types[number] for number in KEPT]"] if kinds else []),
        f"model.config.num_hidden_layers = {count}",
        *_reload(),
    ]


def _without_first_norm(stack: str) -> list[str]:
    return [
        "# ModernBERT's first layer has no norm of its own: the gain of the one that goes is worked into what comes after it.",
        f'gain = weights.pop("{stack}0.attn_norm.weight")',
        f'weights.pop("{stack}0.attn_norm.bias", None)',
        f'weights["{stack}0.attn.Wqkv.weight"] = weights["{stack}0.attn.Wqkv.weight"] * gain',
    ]


def _narrow(recipe: Recipe) -> list[str]:
    structure, width = recipe.structure, recipe.config.model.intermediate_size
    if not width:
        return []
    parts = structure.anatomy
    if width == (getattr(structure.config, parts.width) or 4 * structure.config.hidden_size):
        return []
    # A Linear's matrix is units × hidden on the way in; GPT-2's Conv1D holds it transposed.
    unit_in, unit_out = (1, 0) if structure.kind == "gpt2" else (0, 1)
    halves = ".view(2, -1).sum(0)" if parts.gated else ""
    bias = structure.kind != "modernbert" or structure.config.mlp_bias
    rows = "rows" if parts.gated else "units"
    return [
        "",
        f"# Narrow every feed-forward part to the {width} units with the largest weights into and out of them.",
        "weights = model.state_dict()",
        "for name in list(weights):",
        f'    if not (name.startswith("{structure.stack}") and name.endswith(".{parts.into}.weight")):',
        "        continue",
        '    into = name.removesuffix(".weight")',
        f'    out_of = into.removesuffix("{parts.into}") + "{parts.out_of}"',
        f'    strength = weights[f"{{out_of}}.weight"].square().sum({1 - unit_out})',
        f'    strength = strength + weights[f"{{into}}.weight"].square().sum({1 - unit_in}){halves}',
        f"    units = strength.topk({width}).indices.sort().values",
        *(["    rows = torch.cat([units, units + len(strength)])  # value and gate"] if parts.gated else []),
        f'    weights[f"{{into}}.weight"] = weights[f"{{into}}.weight"].index_select({unit_in}, {rows})',
        *([f'    weights[f"{{into}}.bias"] = weights[f"{{into}}.bias"].index_select(0, {rows})'] if bias else []),
        f'    weights[f"{{out_of}}.weight"] = weights[f"{{out_of}}.weight"].index_select({unit_out}, units)',
        f"model.config.{parts.width} = {width}",
        *_reload(),
    ]


def _mean_layer(recipe: Recipe) -> list[str]:
    structure = recipe.structure
    if not recipe.config.model.mean_pooling:
        return []
    last, new = (f"{structure.stack}{structure.layers - above}." for above in (2, 1))
    return [
        "",
        "# A further layer, a copy of the last but for these matrices: its output starts as the mean over all tokens.",
        "weights = dict(model.state_dict())",
        f'last, new = "{last}", "{new}"',
        "for name in [name for name in weights if name.startswith(last)]:",
        "    weights[new + name.removeprefix(last)] = weights[name].clone()",
        *assign("DIAGONAL", MEAN_LAYER),
        "for part, factor in DIAGONAL.items():",
        '    weights[f"{new}{part}.weight"] = factor * torch.eye(*weights[f"{new}{part}.weight"].shape)',
        '    weights[f"{new}{part}.bias"].zero_()',
        'for norm in ("attention.output.LayerNorm", "output.LayerNorm"):',
        '    weights[f"{new}{norm}.weight"].fill_(1)',
        '    weights[f"{new}{norm}.bias"].zero_()',
        "model.config.num_hidden_layers += 1",
        *_reload(),
    ]


def _reload() -> list[str]:
    given = {"": None, "config": Code("model.config"), "state_dict": Code("weights"), "dtype": Code("torch.float32")}
    return call("model = type(model).from_pretrained", given)


def frozen(recipe: Recipe) -> tuple[str, ...]:
    """Beginnings of the parameters that stay as they were pretrained."""
    structure, settings = recipe.structure, recipe.config.model
    if settings.freeze == "nothing" and not settings.freeze_layers:
        return ()
    if settings.freeze == "all_but_head":
        return (*structure.beneath, structure.stack, *structure.above)
    return (*structure.beneath, *(name for n in range(settings.freeze_layers) for name in structure.layer(n)))


def _freeze(recipe: Recipe) -> list[str]:
    names = frozen(recipe)
    if not names:
        return []
    return [
        "",
        "# These stay as they were pretrained.",
        *assign("FROZEN", any_of(names)),
        "for name, parameter in model.named_parameters():",
        "    if name.startswith(FROZEN):",
        "        parameter.requires_grad_(False)",
    ]


def _lora(recipe: Recipe) -> list[str]:
    settings, structure = recipe.config.model, recipe.structure
    if not settings.lora:
        return []
    given = {
        "task_type": "SEQ_CLS",
        "r": settings.lora,
        "lora_alpha": settings.lora_alpha or 2 * settings.lora,
        "lora_dropout": settings.lora_dropout,
        "target_modules": list(structure.anatomy.attention),
        "modules_to_save": list(structure.head_modules),
        **({"fan_in_fan_out": True} if structure.kind == "gpt2" else {}),
    }
    saves = recipe.training.save_strategy != "no"
    return [
        "",
        "# LoRA: small matrices beside the frozen ones are trained, and the head in full.",
        *call("lora = LoraConfig", given),
        *(['model.name_or_path = ""  # else peft asks the Hub about it at every checkpoint'] if saves else []),
        "set_seed(SEED)  # decides their start",
        "model = get_peft_model(model, lora)",
    ]


def _first_token(recipe: Recipe) -> list[str]:
    if not recipe.reads_first_token:
        return []
    stack = recipe.structure.stack.removesuffix(".")
    whole = "model.get_base_model()" if recipe.config.model.lora else "model"
    return [
        "",
        *_FIRST_TOKEN.splitlines(),
        "",
        "# The head reads the first token alone, so that the last layer needs to give no other. It is quicker, and dropout",
        "# draws the same random numbers as it did in Tuner.",
        f"last_layer = {whole}.{stack}[-1]",
        "last_layer.forward = functools.partial(first_token_only, last_layer)",
    ]
