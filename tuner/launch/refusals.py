"""Settings that are refused before the start: all that speaks against them at once, whoever says it."""

import contextlib
from collections.abc import Callable, Iterator

from tuner import access, modeling
from tuner.config import RunConfig
from tuner.data.labelled import load_labelled
from tuner.errors import SettingsError, TunerError, gathering, raise_all
from tuner.training.build import loss_weights
from tuner.training.fitting import Machine, fitted

# Whatever a machine of the Hub's may be; what it really is it says itself.
ANY_MACHINE = Machine("cuda", 64)


@contextlib.contextmanager
def told_at_once(check: Callable[[RunConfig], None] | None = None, machine: Machine | None = None) -> Iterator[None]:
    """Where settings made inside are refused, the base model, the machine and the data are asked about those that are right.

    Else a person who has mended a wrong rate hears of the layers that the model has not only then.

    Args:
        check: raises a TunerError for a model or data that may not be asked.
        machine: where it is to be trained; None: here.

    Raises:
        SettingsError: all that speaks against the settings.
    """
    try:
        yield
    except SettingsError as error:
        if error.rest is None:
            raise
        found: list[TunerError] = [error]
        with gathering(found):
            access.logged_in("train here")
            if check:
                check(error.rest)
            _ask(error.rest, error.wrong, machine, found)
        raise_all(found)


def _ask(config: RunConfig, wrong: frozenset[str], machine: Machine | None, found: list[TunerError]) -> None:
    """Puts into `found` what speaks against settings of which the wrong ones are at their defaults."""
    base = None
    if wrong.isdisjoint(("model", "model.name", "model.revision")):
        with gathering(found):
            base = modeling.find_base_model(config.model.name, config.model.revision)
    with gathering(found):
        fitted(config, base, machine)
    if not any(path.partition(".")[0] == "data" for path in wrong):
        with gathering(found):
            loss_weights(config.training, load_labelled(config.data))
