"""Settings that depend on the base model and the machine: checked, and filled in."""

from tuner import augmentation, modeling
from tuner.config import RunConfig
from tuner.errors import SettingsError
from tuner.hardware import describe


def fitted(config: RunConfig, base: modeling.BaseModel) -> RunConfig:
    """The settings with what the base model decides filled in; the same ones come back unchanged.

    Raises:
        SettingsError, ModelError: the machine or the base model cannot honour them.
    """
    if config.training.precision == "fp16" and describe().kind != "cuda":
        raise SettingsError(["training.precision = 'fp16': fp16 needs a CUDA GPU; choose auto, bf16 or fp32."])
    modeling.choose_max_length(base, config.model.max_length, [])
    modeling.check_shape(base, config.model)
    augmentation.refuse_unfit(config.augmentation, base)
    if config.model.pad_to_max_length and config.model.max_length is None:
        return config.with_changes({"model": {"max_length": base.limit}})
    return config
