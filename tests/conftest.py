"""What every test gets: its own home, no network, tiny real models and small labelled files."""

import json
import math
import os
import runpy
import shutil
import signal
import tempfile
from importlib import import_module
from pathlib import Path

_SESSION = Path(tempfile.mkdtemp(prefix="tuner-tests-"))
_GUARD = Path(__file__).parent / "guard"
# Set before anything of ours or of the libraries is imported; children inherit them.
os.environ |= {
    "HF_HOME": str(_SESSION / "hf"),
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_XET": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_RUN_HISTORY": "False",
    "TOKENIZERS_PARALLELISM": "false",
    # Tiny models: two threads on cores that also do other things wait for each other, up to ten times as long.
    "OMP_NUM_THREADS": "1",
    "TUNER_HOME": str(_SESSION / "home"),
    "PYTHONPATH": os.pathsep.join(filter(None, [str(_GUARD), os.environ.get("PYTHONPATH")])),
}
for _secret in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
    os.environ.pop(_secret, None)
runpy.run_path(str(_GUARD / "sitecustomize.py"))
import_module("tuner.ui")  # before Gradio, as the app does

import hypothesis  # noqa: E402
import pytest  # noqa: E402
from safetensors.numpy import load_file, save_file  # noqa: E402

from tests import tiny  # noqa: E402
from tests.serving import start_server  # noqa: E402
from tuner import runs  # noqa: E402
from tuner.config import RunConfig  # noqa: E402

hypothesis.settings.register_profile("tuner", database=None, deadline=None, max_examples=50)
hypothesis.settings.load_profile("tuner")


def pytest_sessionfinish() -> None:
    shutil.rmtree(_SESSION, ignore_errors=True)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """`$TUNER_HOME` of this test alone."""
    folder = tmp_path / "home"
    monkeypatch.setenv("TUNER_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory):
    """Architecture → folder of a real pretrained model of that kind, two layers of 32 numbers, saved as safetensors."""
    folder = tmp_path_factory.mktemp("models")
    return {name: tiny.save_model(name, folder / name) for name in tiny.ARCHITECTURES}


@pytest.fixture
def diverging(tiny_models, tmp_path):
    """Folder of a model whose loss is no number."""
    folder = shutil.copytree(tiny_models["bert"], tmp_path / "diverging")
    tensors = load_file(folder / "model.safetensors")
    tensors["bert.encoder.layer.0.output.dense.weight"][:] = math.nan
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.fixture(scope="session")
def four_layers(tmp_path_factory):
    """A folder with a base model of four unlike layers for every architecture there is a way to change."""
    from tests.structure.models import save_four_layers

    folder = tmp_path_factory.mktemp("four")
    save_four_layers(folder)
    return folder


@pytest.fixture(scope="session")
def learnt(tiny_models, tmp_path_factory):
    """A classifier "neg", "pos" that knows the opinions of `tiny.labelled_rows`."""
    from tuner.inference import load_classifier

    return load_classifier(str(tiny.save_classifier(tiny_models["bert"], tmp_path_factory.mktemp("learnt") / "model")))


@pytest.fixture
def write(tmp_path):
    """Writes a file into the test's folder: `write("a.csv", "text,label\\n…")` or with bytes."""

    def write_file(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_file


@pytest.fixture
def csv(write):
    """Writes a labelled CSV in which keywords decide the label: `csv(rows=40, labels=("neg", "pos"))`."""

    def write_csv(rows=40, labels=("neg", "pos"), name="rows.csv"):
        lines = [f"{text},{label}" for text, label in tiny.labelled_rows(rows, labels)]
        return write(name, "\n".join(["text,label", *lines]) + "\n")

    return write_csv


@pytest.fixture
def jsonl(write):
    """Writes objects as JSON lines: `jsonl([{"text": …, "label": …}])`."""
    return lambda objects, name="rows.jsonl": write(name, "\n".join(json.dumps(item) for item in objects) + "\n")


@pytest.fixture
def tiny_config(tiny_models, csv):
    """Settings of a training that takes a second: `tiny_config("bert", max_steps=4, data={…}, model={…})`."""

    def config(architecture="bert", *, source=None, data=None, model=None, name="", **training):
        quick = {
            "max_steps": 4,
            "per_device_train_batch_size": 4,
            "per_device_eval_batch_size": 8,
            "learning_rate": 1e-3,
            "precision": "fp32",
            "eval_strategy": "no",
            "save_strategy": "no",
            "logging_steps": 1,
        }
        return RunConfig(
            name=name,
            data={"source": str(source or csv()), **(data or {})},
            model={"name": str(tiny_models[architecture]), **(model or {})},
            training={**quick, **training},
        )

    return config


@pytest.fixture
def queued():
    """Makes a queued run without a worker, its settings checked and pinned as `start` does."""
    from tuner.launch.local import prepare

    return lambda config: runs.create(prepare(config))


@pytest.fixture
def train_here(queued):
    """Runs the worker's main in this process (2 s less than a child) and returns the run."""
    from tuner.training import worker

    def train(config):
        run = queued(config)
        worker.main(run.id)
        return run

    handler = signal.getsignal(signal.SIGTERM)
    yield train
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture(scope="session")
def server_home(tmp_path_factory):
    return tmp_path_factory.mktemp("server") / "home"


@pytest.fixture(scope="session")
def server(server_home):
    """The URL of a running app; its runs lie in `server_home`."""
    server_home.mkdir()
    process, url = start_server(server_home, server_home.parent / "server.log")
    yield url
    process.terminate()
    process.wait(20)
