"""A base model's structure: how many layers, how wide, what of it is trained.

Whatever is done here, the result saves as a model that plain transformers loads. In this order: load, keep layers,
narrow, add the layer of the mean, freeze or add LoRA; after the training merge LoRA, then save.
"""

from tuner._lazy import lazy

_NAMES = {
    "GradualUnfreezing": "tuner.structure.unfreezing",
    "add_lora": "tuner.structure.lora",
    "add_mean_layer": "tuner.structure.shape",
    "count_parameters": "tuner.structure.anatomy",
    "freeze": "tuner.structure.freezing",
    "is_lora": "tuner.structure.anatomy",
    "layer_class": "tuner.structure.anatomy",
    "keep_layers": "tuner.structure.shape",
    "merge_lora": "tuner.structure.lora",
    "narrow": "tuner.structure.shape",
    "parameters_in_words": "tuner.structure.anatomy",
    "plain": "tuner.structure.anatomy",
    "save_adapter": "tuner.structure.lora",
}
__all__ = sorted(_NAMES)
__getattr__, __dir__ = lazy(__name__, _NAMES)
