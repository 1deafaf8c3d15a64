"""Code for elsewhere, run as a person would run it: all of it gives Tuner's own answer."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.serving import ROOT
from tuner.inference import Answering, load_classifier, save_answering
from tuner.snippets import snippets

TEXT = """it's a "great" film, 100 % – and $HOME `ls` \\n stays"""


@pytest.fixture
def run(train_here, tiny_config):
    run = train_here(tiny_config(max_steps=2))
    save_answering(run.model_folder, Answering(temperature=1.7, fitted_on="validation", n_fitted=9))
    return run


def code(run, server="http://127.0.0.1:1", text=TEXT, waits=False):
    classifier = load_classifier(run)
    return snippets(
        run.id,
        text,
        location=str(run.model_folder),
        max_length=classifier.max_length,
        temperature=classifier.answering.temperature,
        url=server,
        queued=waits,
    )


def execute(command, **env):
    done = subprocess.run(command, env={**os.environ, **env}, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("temperature", [1.0, 1.7])
def test_plain_transformers_give_the_same_answer(temperature, run):
    save_answering(run.model_folder, Answering(temperature=temperature))
    out = execute([sys.executable, "-c", code(run)["python"]])
    shares = {name: float(share) for name, share in re.findall(r"'(neg|pos)'[^0-9]+([0-9.]+)", out)}
    assert shares == pytest.approx(load_classifier(run).predict([TEXT])[0].probabilities, abs=1e-5)


@pytest.mark.slow
def test_the_terminal_gives_the_same_answer_and_why(run, home):
    out = execute(["bash", "-c", code(run)["cli"].replace("python", sys.executable, 1)], TUNER_HOME=str(home))
    assert load_classifier(run).predict([TEXT])[0].label in out
    assert "great" in out.splitlines()[-1] or any("great" in line and re.match(r"\s*[+−-]", line) for line in out.splitlines())


@pytest.mark.slow
def test_a_text_that_begins_with_a_dash_is_a_text(run, home):
    out = execute(["bash", "-c", code(run, text="-- bad")["cli"].replace("python", sys.executable, 1)], TUNER_HOME=str(home))
    assert load_classifier(run).predict(["-- bad"])[0].label in out


@pytest.fixture
def served(run, server, server_home):
    """The run, where the server finds it."""
    shutil.copytree(run.folder, server_home / "runs" / run.id)
    yield server
    shutil.rmtree(server_home / "runs" / run.id)


@pytest.mark.slow
def test_gradio_client_gives_the_same_answer_and_why(run, served):
    out = execute([sys.executable, "-c", code(run, served)["gradio_client"]])
    assert f"'label': '{load_classifier(run).predict([TEXT])[0].label}'" in out
    assert "'method': 'leave_one_out'" in out


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("waits", [False, True])
def test_curl_gives_the_same_answer(run, served, waits):
    out = execute(["bash", "-c", code(run, served, waits=waits)["curl"]])
    if waits:
        found = json.loads(next(line for line in out.splitlines() if line.startswith("data:")).removeprefix("data:"))[0][0]
    else:
        found = json.loads(out)["data"][0][0]
    assert found["text"] == TEXT
    assert found["probabilities"] == pytest.approx(load_classifier(run).predict([TEXT])[0].probabilities, abs=1e-5)
