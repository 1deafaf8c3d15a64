"""Starts studies: searches, repeats and learning curves, whose worker is a process on this machine."""

import contextlib
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tuner import access, modeling, runs
from tuner.config import RunConfig
from tuner.data.labelled import LabelledData, load_labelled
from tuner.data.profiling import max_length_for
from tuner.errors import DoubtError, ModelError, SettingsError, TunerError, gathering, raise_all
from tuner.launch.estimate import estimate
from tuner.launch.local import follow, note_warnings, prepare, spawn
from tuner.runs import Run
from tuner.study.plan import DEFINE_THE_LOSS, SHARES, Choices, Metric, Range, Space, StudyConfig, changes_of, is_whole, pointless
from tuner.study.results import StudyResult, results
from tuner.training import earlier
from tuner.training.estimate import Estimate, memory_needed, without_effect
from tuner.training.fitting import fitted

OnEvent = Callable[[dict[str, Any]], None]
# A choice is one of at most 100; a draw takes 0.1 ms.
_DRAWS = 500


def search(
    config: RunConfig,
    space: Mapping[str, Range | Choices | Mapping[str, Any]],
    *,
    n_trials: int | None = None,
    minutes: float | None = None,
    metric: Metric | None = None,
    pruning: bool = True,
    seed: int = 42,
    on_event: OnEvent | None = None,
    proceed_anyway: bool = False,
) -> StudyResult:
    """Tries settings until the budget is used up; `result.best_config` holds the best ones.

    Args:
        config: the settings that are not varied.
        space: `{"training.learning_rate": {"low": 1e-5, "high": 2e-4, "log": True}, "training.num_train_epochs":
            {"choices": [1, 2, 3]}}`.
        on_event: called with every event as it is written; a finished trial is one named "trial".
        proceed_anyway: as for `start`.

    Raises:
        RunFailed: no trial could be trained.
        SourceError, ModelError, NetworkError, SettingsError, DoubtError, RunError: it was not started.
    """
    budget = {"n_trials": n_trials, "minutes": minutes, "metric": metric, "pruning": pruning, "seed": seed}
    plan = StudyConfig(kind="search", space=space, **budget)
    return results(follow(start(config, plan, proceed_anyway=proceed_anyway), on_event))


def repeat(
    config: RunConfig,
    *,
    seeds: int | None = None,
    folds: int | None = None,
    on_event: OnEvent | None = None,
    proceed_anyway: bool = False,
) -> StudyResult:
    """Trains the same settings several times: over `seeds` scored on the test rows, over `folds` each on its validation rows.

    Args:
        proceed_anyway: as for `start`.

    Raises:
        RunFailed: no repeat could be trained.
        SourceError, ModelError, NetworkError, SettingsError, DoubtError, RunError: it was not started.
    """
    plan = StudyConfig(kind="repeat", seeds=seeds, folds=folds)
    return results(follow(start(config, plan, proceed_anyway=proceed_anyway), on_event))


def learning_curve(
    config: RunConfig,
    *,
    shares: Sequence[float] = SHARES,
    repeats: int = 1,
    on_event: OnEvent | None = None,
    proceed_anyway: bool = False,
) -> StudyResult:
    """Trains the same settings on parts of the training rows; `result.outlook` says whether more labels would help.

    Every part is trained for the same epochs and scored on the same validation rows. The rows of one share lie in those of
    the next, and have the labels in their shares.

    Args:
        shares: of the training rows (of `data.max_train_samples` where that is given).
        repeats: draws of every share, each with seeds of its own.
        proceed_anyway: as for `start`.

    Raises:
        RunFailed: no part could be trained.
        SourceError, ModelError, NetworkError, SettingsError, DoubtError, RunError: it was not started.
    """
    plan = StudyConfig(kind="learning-curve", shares=shares, repeats=repeats)
    return results(follow(start(config, plan, proceed_anyway=proceed_anyway), on_event))


def start(config: RunConfig, plan: StudyConfig, owner: str = "", proceed_anyway: bool = False) -> Run:
    """Makes a study and starts its worker, which waits for its turn; what the estimate warns of is noted in it.

    Args:
        owner: whose it is; empty: the person's who asks.
        proceed_anyway: start also where memory or disk seem too small for a trial.

    Raises:
        AccessError: the person may not start one, or no more (`tuner.access`).
        SourceError, ModelError, NetworkError, SettingsError: the study would fail; none was made.
        DoubtError: its largest trial would probably fail; none was made.
        RunError: the run folder cannot be written, or nothing is trained here.
    """
    runs.check_trains()
    access.check_start()
    config = prepared(config, plan)
    found = _estimate(config, plan)
    if found.doubts and not proceed_anyway:
        raise DoubtError(" ".join(found.doubts), "Change the settings, or proceed anyway.")
    if plan.kind == "search":
        plan = plan.model_copy(update={"metric": config.training.metric_for_best_model})
    with access.admitted() as person:
        run = runs.create(config, owner or person.name, plan.kind, plan.to_yaml())
    note_warnings(run, found)
    spawn(run)
    return run


def _estimate(config: RunConfig, plan: StudyConfig) -> Estimate:
    """What the largest trial takes, with the warnings that hold for every one."""
    data = load_labelled(config.data)
    if not plan.space:
        return estimate(config, data)
    found = estimate(_largest(config, plan.space, data), data)
    doubts = [f"The largest trial of the search: {doubt}" for doubt in found.doubts]
    return found.model_copy(update={"warnings": earlier.warnings_about(config, data), "doubts": doubts})


def _largest(config: RunConfig, space: Space, data: LabelledData) -> RunConfig:
    """The trial that needs most memory, by formula: every setting at the end that needs more, beside those before it."""
    base = modeling.find_base_model(config.model.name, config.model.revision)
    usual = max_length_for(base, None, data.splits["train"])

    def needs(trial: RunConfig) -> int:
        return memory_needed(trial, base.config, trial.model.max_length or usual, half=False, on_gpu=False)

    for path, part in space.items():
        trials = []
        for value in _ends(path, part):
            with contextlib.suppress(SettingsError):  # it contradicts another one
                trials.append(config.with_changes(changes_of({path: value})))
        config = max(trials, key=needs, default=config)
    return config


def _ends(path: str, part: Range | Choices) -> list[Any]:
    """The values a search may take: every choice, or both ends of a range."""
    return list(part.choices) if isinstance(part, Choices) else [part.at(share, is_whole(path)) for share in (0, 1)]


def prepared(config: RunConfig, plan: StudyConfig) -> RunConfig:
    """The study's base settings: checked with the plan and pinned, as `prepare` does for a run.

    Raises:
        SourceError, ModelError, NetworkError, SettingsError: the study would fail.
    """
    changes: dict[str, dict[str, Any]] = {"data": {}, "training": {}}
    problems = pointless(plan.space)
    found: list[TunerError] = []
    if plan.metric:
        changes["training"]["metric_for_best_model"] = plan.metric
    if plan.folds:
        changes["data"] |= {"num_folds": plan.folds, "fold": 0}
    if (plan.metric or config.training.metric_for_best_model) == "loss":
        problems += [
            f"metric = 'loss': with {path} in the space each trial is measured by another loss; give log_loss."
            for path in DEFINE_THE_LOSS
            if path in plan.space
        ]
    if plan.kind == "search" and plan.pruning and config.training.eval_strategy == "no":
        problems.append("training.eval_strategy = 'no': pruning compares validations in between; choose epoch, or leave it off.")
    for path, seed in (("training.seed", config.training.seed), ("data.seed", config.data.seed if plan.shares else 0)):
        if (count := plan.seeds or plan.repeats or 0) and seed + count > 2**32:
            problems.append(f"{path} = {seed}: {count} seeds from it on must stay below {2**32:,}.")
    if plan.shares:
        problems += _unfit_for_parts(config)
    if config.training.num_processes > 1:
        problems.append(f"training.num_processes = {config.training.num_processes}: a study trains in one process; give 1.")
    if config.data.num_folds and plan.folds and config.data.fold:
        problems.append(f"data.fold = {config.data.fold}: all folds are trained; leave it at 0.")
    if problems:
        found.append(SettingsError(problems))
    with gathering(found):
        config = config.with_changes(changes)
    with gathering(found):
        config = prepare(config)
    raise_all(found)
    if plan.kind == "search":
        _refuse_what_no_trial_can(config, plan.space)
    _refuse_what_the_base_model_cannot(config, plan)
    return config


def _unfit_for_parts(config: RunConfig) -> list[str]:
    """What a learning curve cannot honour."""
    problems = []
    if config.training.max_steps > 0:
        problems.append(
            f"training.max_steps = {config.training.max_steps}: a learning curve trains every part for the same epochs; give -1, "
            "and num_train_epochs."
        )
    if config.data.extra_source:
        problems.append(
            f"data.extra_source = '{config.data.extra_source[:80]}': a learning curve counts the data's own rows, and these "
            "would be trained on beside every part; empty it."
        )
    if config.data.train_samples_seed is not None:
        problems.append(f"data.train_samples_seed = {config.data.train_samples_seed}: a learning curve draws itself; empty it.")
    return problems


def _refuse_what_no_trial_can(config: RunConfig, space: Space) -> None:
    """A space of which every trial contradicts the other settings, or in which a setting does nothing whatever it is.

    Found by drawing from it, so that settings which need each other can be searched together.
    """
    draw = random.Random(0)
    possible, told = [], []
    for _ in range(_DRAWS):
        values = {
            path: draw.choice(part.choices) if isinstance(part, Choices) else part.at(draw.random(), is_whole(path))
            for path, part in space.items()
        }
        try:
            possible.append(config.with_changes(changes_of(values)))
        except SettingsError as error:
            told.append(error.problems)
    if not possible:
        raise SettingsError([f"space: {problem}" for problem in told[0]])
    idle = [without_effect(trial) for trial in possible]
    problems = [
        f"space: {path} does nothing in any trial: {idle[0][path]}." for path in space if all(path in why for why in idle)
    ]
    if problems:
        raise SettingsError(problems)


def _refuse_what_the_base_model_cannot(config: RunConfig, plan: StudyConfig) -> None:
    """Values that this base model or machine can never honour; what contradicts another setting is told by its trial."""
    base = modeling.find_base_model(config.model.name, config.model.revision)
    problems = []
    for path, part in plan.space.items():
        for value in _ends(path, part):
            try:
                changed = config.with_changes(changes_of({path: value}))
            except SettingsError:
                continue
            try:
                fitted(changed, base)
            except (SettingsError, ModelError) as error:
                problems.append(error.cause if isinstance(error, ModelError) else " ".join(error.problems))
    if problems:
        raise SettingsError([f"space: {problem}" for problem in dict.fromkeys(problems)])
