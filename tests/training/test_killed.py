"""A worker that is killed where it hurts most: the run is lost, and resumed it ends with the weights of one never interrupted."""

import os
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.serving import ROOT
from tuner import runs
from tuner.training import checkpoints, worker

pytestmark = pytest.mark.slow
STEPWISE = {"max_steps": 20, "eval_strategy": "steps", "save_strategy": "steps", "eval_steps": 5, "save_steps": 5}
# point → (module, function, its how manyth call, whether it still does its work, checkpoints that are whole and kept by then)
POINTS = {
    "before the first step": ("transformers", "Trainer.training_step", 1, False, 0),
    "within a step": ("transformers", "Trainer.training_step", 8, False, 1),
    "before a checkpoint's weights": ("transformers", "Trainer.save_model", 2, False, 1),
    "between its weights and the optimizer's state": ("transformers", "Trainer._save_optimizer_and_scheduler", 2, False, 1),
    "after the optimizer's state": ("transformers", "Trainer._save_optimizer_and_scheduler", 2, True, 1),
    "before its manifest": ("tuner.training.checkpoints", "seal", 2, False, 1),
    "before a later manifest": ("tuner.training.checkpoints", "seal", 4, False, 2),
    "after its manifest": ("tuner.training.checkpoints", "seal", 2, True, 2),
    "before the finished model": ("tuner.training.worker", "save_model", 1, False, 2),
    "between the model's weights and its tokenizer": ("transformers", "PreTrainedModel.save_pretrained", 5, True, 2),
}
_WORKER = """
import importlib, operator, os, signal, sys
from tuner.training import worker

module, path, nth, works, run = sys.argv[1:]
*above, name = path.split(".")
holder = operator.attrgetter(".".join(above))(importlib.import_module(module)) if above else importlib.import_module(module)
original, calls = getattr(holder, name), 0

def killed(*args, **kwargs):
    global calls
    calls += 1
    found = original(*args, **kwargs) if calls < int(nth) or works == "True" else None
    if calls == int(nth):
        os.kill(os.getpid(), signal.SIGKILL)
    return found

setattr(holder, name, killed)
worker.main(run)
"""


@pytest.fixture(scope="module")
def whole():
    """The weights of the run that nobody interrupts, once it is there."""
    return {}


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_run_resumes_to_the_same_weights(point, queued, train_here, tiny_config, whole):
    module, path, nth, works, checkpoints_by_then = POINTS[point]
    config = tiny_config(**STEPWISE)
    run = queued(config)
    command = [sys.executable, "-c", _WORKER, module, path, str(nth), str(works), run.id]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ}, capture_output=True, timeout=120, check=False)
    assert done.returncode == -9, done.stderr.decode()[-2_000:]
    assert runs.settle(run).state == "lost"
    assert not run.has_model
    assert len(list(run.folder.glob(f"checkpoints/*/{checkpoints.MANIFEST}"))) == checkpoints_by_then
    runs.requeue(run)
    worker.main(run.id)
    assert run.status.state == "completed"
    if not whole:
        whole.update(load_file(train_here(config).model_folder / "model.safetensors"))
    found = load_file(run.model_folder / "model.safetensors")
    assert found.keys() == whole.keys()
    assert all(np.array_equal(found[name], whole[name]) for name in whole)
