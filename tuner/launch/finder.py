"""The learning-rate finder in a child process, so that the app itself never trains."""

from collections.abc import Callable

from tuner.children import ask
from tuner.config import RunConfig
from tuner.launch.child import refuse_beside_a_run
from tuner.launch.local import prepare
from tuner.training.lr_finder import LearningRateCurve


def find_learning_rate(config: RunConfig, on_progress: Callable[[int, int], None] | None = None) -> LearningRateCurve:
    """`tuner.training.lr_finder.find_learning_rate`, apart from this process.

    Args:
        on_progress: called with the steps done and all of them.

    Raises:
        RunError: a run is going on; two at once would take many times as long.
        SourceError, ModelError, NetworkError, SettingsError: as for a training.
        RunFailed: the child process died.
    """
    refuse_beside_a_run()
    curve = ask(
        "tuner.training.lr_finder",
        "The learning-rate finder",
        prepare(config).to_yaml(),
        answer="rates",
        on_line=lambda said: on_progress(said["step"], said["steps"]) if on_progress and "step" in said else None,
    )
    return LearningRateCurve.model_validate(curve)
