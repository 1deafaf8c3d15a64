"""A step over 32 rows is the same step, however they are dealt out to batches and processes."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests import tiny
from tests.training.first_step import first_step

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    lines = [f"{text},{label}" for text, label in tiny.labelled_rows(60)]
    path.write_text("\n".join(["text,label", *lines]))
    return path


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_accumulated_batches_make_the_same_step_as_one_batch(architecture, tiny_models, rows, tmp_path):
    """Once 8 accumulated batches logged 8 times the loss: the Trainer took the model's loss for an undivided sum."""
    folder = str(tiny_models[architecture])
    whole = first_step(folder, str(rows), str(tmp_path / "whole"), batch=32, accumulation=1)
    parts = first_step(folder, str(rows), str(tmp_path / "parts"), batch=4, accumulation=8)
    assert parts == pytest.approx(whole, rel=1e-3)
    assert whole["grad_norm"] > 0


@pytest.mark.parametrize("weights", ["balanced", {"neg": 5.0, "pos": 0.5}], ids=["balanced", "given"])
def test_accumulated_batches_make_the_same_step_with_class_weights(weights, tiny_models, rows, tmp_path):
    """torch's own mean divides by the weights in a batch: then the step would depend on how rows are dealt out."""
    folder = str(tiny_models["bert"])
    whole = first_step(folder, str(rows), str(tmp_path / "whole"), batch=32, accumulation=1, class_weights=weights)
    parts = first_step(folder, str(rows), str(tmp_path / "parts"), batch=4, accumulation=8, class_weights=weights)
    assert parts == pytest.approx(whole, rel=1e-3)
    assert whole != pytest.approx(first_step(folder, str(rows), str(tmp_path / "none"), batch=32, accumulation=1), rel=1e-3)


def test_two_processes_make_the_same_step_as_one(tiny_models, rows, tmp_path):
    """Once two processes logged twice the loss and took twice the gradient."""
    folder = str(tiny_models["bert"])
    one = first_step(folder, str(rows), str(tmp_path / "one"), batch=32, accumulation=1)
    script = Path(__file__).parent / "first_step.py"
    port = ["--master_addr", "127.0.0.1", "--master_port", str(free_port())]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", *port]
    arguments = [str(script), folder, str(rows), str(tmp_path / "two"), "32", "1"]
    done = subprocess.run(
        [*launcher, *arguments], capture_output=True, text=True, cwd=script.parents[2], timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    two = json.loads((tmp_path / "two" / "first_step.json").read_text())
    assert two == pytest.approx(one, rel=1e-3)
