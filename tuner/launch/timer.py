"""The timing of a few steps in a child process, so that its memory is that of a training and the app itself never trains."""

from collections.abc import Callable

from tuner.children import ask
from tuner.config import RunConfig
from tuner.launch.child import refuse_beside_a_run
from tuner.launch.local import prepare
from tuner.training.estimate import Timing


def time_steps(config: RunConfig, on_progress: Callable[[int, int], None] | None = None) -> Timing:
    """`tuner.training.timing.time_steps`, apart from this process.

    Args:
        on_progress: called with the steps done and all of them.

    Raises:
        RunError: a run is going on; timing beside it would measure both.
        SourceError, ModelError, NetworkError, SettingsError: as for a training.
        RunFailed: the child process died.
    """
    refuse_beside_a_run()

    def on_line(said: dict[str, int]) -> None:
        if on_progress and "step" in said:
            on_progress(said["step"], said["steps"])

    task = prepare(config).to_yaml()
    return Timing.model_validate(ask("tuner.training.timing", "The timing", task, "per_token", on_line))
