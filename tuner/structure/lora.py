"""LoRA: small matrices beside frozen ones, trained in their place and merged into them for the saved model."""

from pathlib import Path
from typing import TYPE_CHECKING

from tuner.hub_read import HUB_ID
from tuner.structure.anatomy import anatomy_of, plain

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel


def add_lora(model: "PreTrainedModel", rank: int, alpha: float, dropout: float, seed: int) -> "PeftModel":
    """The model with trained matrices of rank `rank` beside its query and value projections, all else frozen but the head.

    The head (`Parts.head`) is trained in full: outside the base model everything is new, and so may be its pooler, and an
    adapter without it would meet another random one where it is loaded again.

    Args:
        alpha: their product is scaled by alpha ÷ rank.
        dropout: rate in front of them.
        seed: decides their start.

    Raises:
        ModelError: an architecture whose structure is not known here.
    """
    from peft import LoraConfig, get_peft_model
    from transformers import set_seed

    anatomy = anatomy_of(model)
    set_seed(seed)
    config = LoraConfig(
        task_type="SEQ_CLS",
        r=rank,
        lora_alpha=alpha,
        lora_dropout=dropout,
        target_modules=list(anatomy.attention),
        modules_to_save=head_modules(model),
        fan_in_fan_out=model.config.model_type == "gpt2",  # its Conv1D holds the matrices transposed
    )
    # peft copies this name into its settings, and would ask the Hub at every checkpoint whether the vocabulary there is
    # still of the same size.
    model.name_or_path = ""
    return get_peft_model(model, config)


def merge_lora(model: "PeftModel") -> "PreTrainedModel":
    """The classifier with LoRA's matrices added into its own: same answers, nothing of peft left. Uses `model` up."""
    merged = model.merge_and_unload()
    return merged.requires_grad_(True)


def save_adapter(model: "PeftModel", folder: Path, base: str, revision: str | None = None, whole: bool = False) -> None:
    """Writes LoRA's matrices and the head, to be loaded on top of the base model; call it before `merge_lora`.

    Args:
        base: base model the adapter belongs on, as `from_pretrained` takes it.
        revision: its commit on the Hub.
        whole: write the base model as well. Needed where its layers or width were changed: the adapter then fits no
            other, yet would load on the unchanged one without a word wherever names and shapes agree.
    """
    settings = model.peft_config["default"]
    settings.base_model_name_or_path, settings.revision = (None, None) if whole else (base, revision)
    model.save_pretrained(folder, save_embedding_layers=False)
    if whole:
        _save_base(model, folder)
    (folder / "README.md").write_text(_readme(model, base, whole), encoding="utf-8")
    settings.base_model_name_or_path = settings.revision = None


def _save_base(model: "PeftModel", folder: Path) -> None:
    """config.json and weights of the model under the adapter: with them in its folder, it is loaded on them."""
    from safetensors.torch import save_file

    inner = plain(model)
    weights = {
        name.replace(".base_layer.", ".").replace(".original_module.", "."): tensor.contiguous()
        for name, tensor in inner.state_dict().items()
        if ".lora_" not in name and ".modules_to_save." not in name
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    inner.config.architectures = [type(inner).__name__]
    inner.config.save_pretrained(folder)


def _readme(model: "PeftModel", base: str, whole: bool) -> str:
    """How to load the adapter (peft's own is a form to fill in); label names, since an adapter holds none."""
    names = {int(number): name for number, name in model.config.id2label.items()}
    if whole:
        load = 'model = AutoModelForSequenceClassification.from_pretrained("adapter")  # the changed base model lies in it'
        front, what = "library_name: peft", f"{base}, with its layers or width changed"
    else:
        load = (
            "base = AutoModelForSequenceClassification.from_pretrained(\n"
            f"    {base!r}, revision={model.peft_config['default'].revision!r},\n"
            f"    id2label={names!r}, pad_token_id={model.config.pad_token_id},\n)\n"
            'model = PeftModel.from_pretrained(base, "adapter")'
        )
        # The Hub refuses a card whose base_model is a folder.
        front = "library_name: peft" + (f"\nbase_model: {base}" if HUB_ID.fullmatch(base) else "")
        what = base
    imports = "from transformers import AutoModelForSequenceClassification" + ("" if whole else "\nfrom peft import PeftModel")
    return f"---\n{front}\n---\nLoRA adapter for {what}. Labels: {names}.\n\n```python\n{imports}\n\n{load}\n```\n"


def head_modules(model: "PreTrainedModel") -> list[str]:
    """Names of the modules the head is made of."""
    base = model.base_model_prefix
    names = [name for name, part in model.named_children() if name != base and any(True for _ in part.parameters())]
    if any(name.startswith(f"{base}.pooler.") for name, _ in model.named_parameters()):
        names.append(f"{base}.pooler")
    return names
