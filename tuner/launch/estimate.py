"""What a run will take on this machine, before it is started."""

import shutil

from tuner import augmentation, catalog, modeling, runs
from tuner.config import RunConfig
from tuner.data.labelled import LabelledData, load_labelled
from tuner.data.profiling import token_counts
from tuner.hardware import describe, free_memory
from tuner.training import earlier
from tuner.training.estimate import (
    Estimate,
    Timing,
    disk_needed,
    doubts_about,
    idle_settings,
    memory_needed,
    parameters_in,
    seconds_needed,
    steps_of,
    warnings_for,
)
from tuner.training.fitting import Machine


def estimate(
    config: RunConfig, data: LabelledData | None = None, timing: Timing | None = None, machine: Machine | None = None
) -> Estimate:
    """What a training with these settings will take, and what speaks against it.

    Args:
        data: its rows, where the caller has read them.
        timing: what `tuner.launch.timer.time_steps` measured for these settings.
        machine: where it is to be trained; None: here. Free memory and disk are those of this one.

    Raises:
        SourceError, ModelError, NetworkError, SettingsError: as `prepare`.
    """
    data = data or load_labelled(config.data)
    base = modeling.find_base_model(config.model.name, config.model.revision)
    counts = token_counts(base, data.splits["train"])
    max_length = modeling.choose_max_length(base, config.model.max_length, counts)
    # A batch is filled up to its longest text, which a limit above all texts leaves as it is.
    longest = max_length if config.model.pad_to_max_length else min(max_length, max(counts))
    copies = config.augmentation.copies if augmentation.is_on(config.augmentation) else 0
    rows = len(data.splits["train"]) * (1 + copies)
    steps, evaluations = steps_of(config.training, rows)
    few_shot = config.preset != "few-shot" and len(data.splits["train"]) <= catalog.FEW_ROWS
    device = describe()
    half = config.training.precision in ("bf16", "fp16") or (config.training.precision == "auto" and device.bf16)
    on_gpu, processes = (machine or device).kind == "cuda", config.training.num_processes
    alone, needed = (memory_needed(config, base.config, longest, half, on_gpu, count, rows) for count in (1, processes))
    # What was timed is one process with the whole batch.
    memory = timing.memory + max(needed - alone, 0) if timing else needed
    disk = disk_needed(config, timing.parameters if timing else parameters_in(base.config))
    runs.make_home()
    return Estimate(
        train_rows=rows,
        steps=steps,
        evaluations=evaluations,
        seconds=seconds_needed(timing, config.training, steps, evaluations, rows) if timing else None,
        memory=memory,
        disk=disk,
        timed=timing is not None,
        warnings=[
            *warnings_for(config.training, steps, evaluations, few_shot),
            *idle_settings(config),
            *earlier.warnings_about(config, data),
        ],
        doubts=doubts_about(memory, free_memory(), disk, shutil.disk_usage(runs.home()).free),
        processes=processes,
    )
