"""Studies: many trainings in one run folder, to find good settings or to see how far a score is luck.

A study is a run (same folder, queue, states, stop, resume and delete) whose base settings are its `config.yaml`, whose plan
is `study.yaml`, and whose finished trials are the rows of `trials.jsonl`.
"""

from tuner._lazy import lazy

_NAMES = {
    "Choices": "tuner.study.plan",
    "Range": "tuner.study.plan",
    "StudyConfig": "tuner.study.plan",
    "StudyResult": "tuner.study.results",
    "TrialRow": "tuner.study.results",
    "parse_over": "tuner.study.plan",
    "plan_of": "tuner.study.plan",
    "results": "tuner.study.results",
}
__all__ = sorted(_NAMES)
__getattr__, __dir__ = lazy(__name__, _NAMES)
