"""Tuner: fine-tune a text classifier and put it to work.

import tuner
config = tuner.RunConfig(data={"source": "sample:tweets"}, model={"name": "sample:minilm"})
run = tuner.train(config)
report = tuner.evaluate(run)
tuner.load_classifier(run).predict(["I love it"])
"""

from tuner._lazy import lazy

__version__ = "0.1.0"

_NAMES = {
    "Classifier": "tuner.inference",
    "DataProfile": "tuner.data.profiling",
    "EvaluationReport": "tuner.evaluation.report",
    "Explanation": "tuner.explain",
    "Prediction": "tuner.inference",
    "ProbeResult": "tuner.training.probe_result",
    "Run": "tuner.runs",
    "RunConfig": "tuner.config",
    "StudyResult": "tuner.study.results",
    "TunerError": "tuner.errors",
    "evaluate": "tuner.scoring",
    "learning_curve": "tuner.launch.study",
    "load_classifier": "tuner.inference",
    "probe": "tuner.launch.prober",
    "profile": "tuner.data.profiling",
    "push": "tuner.hub.push",
    "repeat": "tuner.launch.study",
    "search": "tuner.launch.study",
    "train": "tuner.launch.local",
    "write_script": "tuner.reproduce.folder",
}
__all__ = sorted(_NAMES)
__getattr__, __dir__ = lazy(__name__, _NAMES)
