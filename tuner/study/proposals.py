"""Which settings a trial gets, and whether it is worth ending: Optuna, told of the finished trials anew each time.

A proposal follows from the plan and the rows alone, so that a search that was killed goes on exactly as if it had not been:
the rows are the one truth, and there is no second file that could disagree with them.
"""

import itertools
import math
import random
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from tuner.config import RunConfig
from tuner.evaluation.metrics import HIGHER_IS_BETTER
from tuner.sections.training import Metric
from tuner.study.plan import Choices, Range, StudyConfig, Values, is_whole
from tuner.study.results import TrialRow

# A space of so few combinations is tried whole, in a drawn order: Optuna's sampler draws its first ten trials blindly, too.
_FEW = 10
# Draws of settings that were not tried before; training is deterministic, so that a repeat would tell nothing.
_DRAWS = 20
_STATES = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}

optuna.logging.set_verbosity(optuna.logging.WARNING)


class Proposal:
    """The settings of the next trial.

    Attributes:
        settings: "section.field" → value.
    """

    def __init__(self, settings: Values, trial: optuna.Trial | None = None) -> None:
        self.settings = settings
        self._trial = trial
        self.begin()

    def begin(self) -> None:
        """Counts evaluations from the first; Optuna keeps what it was told of one before, which is the same number."""
        self._evaluations = 0

    def is_hopeless(self, value: float) -> bool:
        """Whether the trial is worse than the median of the earlier ones; call it with the metric of every evaluation.

        Trials are compared at the same number of evaluations. The first five are never ended (Optuna's MedianPruner).
        """
        if self._trial is None:
            return False
        self._evaluations += 1
        self._trial.report(value, self._evaluations)
        return bool(self._trial.should_prune())


def propose(plan: StudyConfig, config: RunConfig, rows: list[TrialRow], available: int = 0) -> Proposal:
    """The next trial after these rows.

    Args:
        config: the study's base settings.
        available: training rows of a learning curve's whole.
    """
    if plan.shares:
        return Proposal(_part_of(plan, config, len(rows), available))
    if plan.seeds:
        return Proposal({"training.seed": config.training.seed + len(rows)})
    if plan.folds:
        return Proposal({"data.fold": len(rows)})
    if 0 < plan.combinations <= (plan.n_trials or _FEW):
        return _fixed(plan, config, rows, _combinations(plan)[len(rows)])
    tried = [row.settings for row in rows]
    for draw in range(_DRAWS):
        proposal = _drawn(plan, config, rows, draw)
        if proposal.settings not in tried:
            break
    return proposal


def _part_of(plan: StudyConfig, config: RunConfig, number: int, available: int) -> Values:
    """The settings of a learning curve's trial: all shares of one draw, the smallest first, then those of the next."""
    draw = number // len(plan.shares)
    return {
        "data.max_train_samples": max(1, round(plan.share_of(number) * available)),
        "data.train_samples_seed": config.data.seed + draw,
        "training.seed": config.training.seed + draw,
    }


def _drawn(plan: StudyConfig, config: RunConfig, rows: list[TrialRow], draw: int) -> Proposal:
    seed = int(np.random.SeedSequence([len(rows), plan.seed, draw]).generate_state(1)[0])
    trial = _told(plan, config.training.metric_for_best_model, rows, seed).ask(_distributions(plan))
    return Proposal({path: _value(path, plan.space[path], trial.params[path]) for path in plan.space}, trial)


def _fixed(plan: StudyConfig, config: RunConfig, rows: list[TrialRow], settings: Values) -> Proposal:
    study = _told(plan, config.training.metric_for_best_model, rows, plan.seed)
    study.enqueue_trial({path: _parameter(plan.space[path], value) for path, value in settings.items()})
    return Proposal(settings, study.ask(_distributions(plan)))


def _told(plan: StudyConfig, metric: Metric, rows: list[TrialRow], seed: int) -> optuna.Study:
    """A study in memory that knows the rows."""
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.MedianPruner() if plan.pruning else optuna.pruners.NopPruner(),
        direction="maximize" if metric in HIGHER_IS_BETTER else "minimize",
    )
    study.add_trials([_known(plan, metric, row) for row in rows])
    return study


def _known(plan: StudyConfig, metric: Metric, row: TrialRow) -> FrozenTrial:
    return create_trial(
        state=_STATES[row.state],
        value=row.metrics[metric] if row.state == "complete" else None,
        params={path: _parameter(part, row.settings[path]) for path, part in plan.space.items()},
        distributions=_distributions(plan),
        intermediate_values=dict(enumerate(row.evaluations, 1)),
    )


def _distributions(plan: StudyConfig) -> dict[str, BaseDistribution]:
    return {path: _distribution(path, part) for path, part in plan.space.items()}


def _distribution(path: str, part: Range | Choices) -> BaseDistribution:
    if isinstance(part, Choices):  # by position: a choice may be a dict, which Optuna cannot hold
        return CategoricalDistribution(range(len(part.choices)))
    if is_whole(path):
        return IntDistribution(int(part.low), int(part.high), log=part.log)
    return FloatDistribution(part.low, part.high, log=part.log)


def _parameter(part: Range | Choices, value: Any) -> Any:  # noqa: ANN401
    return part.choices.index(value) if isinstance(part, Choices) else value


def _value(path: str, part: Range | Choices, parameter: Any) -> Any:  # noqa: ANN401
    return part.choices[parameter] if isinstance(part, Choices) else part.readable(parameter, is_whole(path))


def _combinations(plan: StudyConfig) -> list[Values]:
    """All settings of a space of choices, in an order drawn by the seed."""
    parts = [part.choices for part in plan.space.values() if isinstance(part, Choices)]
    found = [dict(zip(plan.space, values, strict=True)) for values in itertools.product(*parts)]
    assert len(found) == math.prod(map(len, parts))
    random.Random(plan.seed).shuffle(found)
    return found
