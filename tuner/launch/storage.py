"""Whether a training fits into what is left of its person's storage on a Space."""

import contextlib

from tuner import modeling, runs
from tuner.config import RunConfig
from tuner.data.uploads import size
from tuner.errors import AccessError, SettingsError, TunerError
from tuner.limits import left_bytes, limits
from tuner.modeling import BaseModel
from tuner.runs import Run
from tuner.training.estimate import disk_needed, gigabytes, parameters_in

# What `training.save_total_limit` takes at the least.
_FEWEST = 2


def check_storage(config: RunConfig, base: BaseModel) -> None:
    """Refuses a training whose checkpoints and model would take more than the person who asks has left.

    Their runs that wait or train are taken for as large as they will be.

    Raises:
        SettingsError: fewer checkpoints would fit.
        AccessError: not even the fewest would.
    """
    if limits().gigabytes is None:
        return
    left = left_bytes() - sum(_to_come(run) for run in runs.list_runs() if runs.is_own(run) and runs.is_living(run))
    kept, needed = config.training.save_total_limit, _needed(config, base)
    if needed <= left:
        return
    told = f"{gigabytes(needed)}, and {gigabytes(max(left, 0))} of your {limits().gigabytes:g} GB are left here"
    least = _needed(config.with_changes({"training": {"save_total_limit": _FEWEST}}), base)
    if config.training.save_strategy == "no" or kept == _FEWEST or least > left:
        raise AccessError(
            f"The checkpoints and the model take about {told}.", "Delete runs you need no more, or take a smaller model."
        )
    most = _FEWEST + int((left - least) * (kept - _FEWEST) / (needed - least))
    allowed = f"give {_FEWEST}" if most == _FEWEST else f"give {_FEWEST} to {most}"
    raise SettingsError([f"training.save_total_limit = {kept}: the checkpoints take about {told}; {allowed}."])


def _to_come(run: Run) -> float:
    """Bytes that a run will write yet."""
    if run.is_job:  # its checkpoints lie elsewhere
        return 0
    with contextlib.suppress(TunerError):
        model = run.config.model
        return max(0, _needed(run.config, modeling.find_base_model(model.name, model.revision)) - size(run.folder))
    return 0


def _needed(config: RunConfig, base: BaseModel) -> int:
    return disk_needed(config, parameters_in(base.config))
