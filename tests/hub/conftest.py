"""A loopback Hub, and Tuner in a child process that takes it for the real one."""

import json
import os
import resource
import shutil
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import tiny
from tests.hub.server import Hub
from tests.serving import ROOT
from tuner import runs


@dataclass(frozen=True)
class Answer:
    """What a call of the command line gave back.

    `waited` is in seconds, less twice those of the processor: two tests share two cores.
    """

    code: int
    out: str
    err: str
    waited: float

    @property
    def json(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)


@pytest.fixture
def hub():
    with Hub() as hub:
        yield hub


@pytest.fixture
def hf_home(tmp_path):
    """The child's own HF_HOME: nothing is cached, nobody is logged in."""
    folder = tmp_path / "hf"
    folder.mkdir()
    return folder


@pytest.fixture
def environment(hub, home, hf_home):
    """A child's environment: the loopback Hub, `$TUNER_HOME` and HF_HOME of this test."""
    return {**os.environ, **hub.environment, "TUNER_HOME": str(home), "HF_HOME": str(hf_home)}


def processor_seconds():
    """Of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.fixture
def tuner(environment):
    """`tuner("preview", "owner/data", "--json", HF_TOKEN="…")`: the command line in a child."""

    def call(*arguments, **more):
        start, before = time.monotonic(), processor_seconds()
        command = [sys.executable, "-m", "tuner", *map(str, arguments)]
        done = subprocess.run(command, env={**environment, **more}, cwd=ROOT, capture_output=True, text=True, check=False)
        waited = time.monotonic() - start - 2 * (processor_seconds() - before)
        return Answer(done.returncode, done.stdout, done.stderr, waited)

    return call


@pytest.fixture
def python(environment):
    """`python("print(json.dumps(…))", HF_TOKEN="…")`: what a child that has `json` and `hub_sets` prints as JSON."""

    def run(code, **more):
        begin = "import json\nfrom tuner.data import hub_sets\nfrom tuner.errors import TunerError\n"
        command = [sys.executable, "-c", begin + textwrap.dedent(code)]
        done = subprocess.run(command, env={**environment, **more}, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture
def files(tmp_path):
    """Writes a repository's folder: `files("data", {"train.csv": "text,label\\n…"})`."""

    def write(name, content):
        folder = tmp_path / "repos" / name
        for file, text in content.items():
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return folder

    return write


CARD = """---
configs:
- config_name: english
  data_files: english/train.csv
- config_name: german
  data_files: german/train.csv
---
"""


def several(files, card=CARD):
    """A data set's folder with two configurations, 60 and 50 rows, none of them the default."""
    rows = tiny.labelled_rows(60)
    return files("several", {"README.md": card, "english/train.csv": as_csv(rows), "german/train.csv": as_csv(rows[:50])})


def as_csv(rows):
    return "\n".join(["text,label", *(f"{text},{label}" for text, label in rows)]) + "\n"


@pytest.fixture
def tweets(files):
    """A data set's folder: 60 labelled training rows and 40 test rows as CSV."""
    rows = tiny.labelled_rows(100)
    return files("tweets", {"train.csv": as_csv(rows[:60]), "test.csv": as_csv(rows[60:])})


_TRAINED: list[Path] = []


@pytest.fixture
def trained(train_here, tiny_config, home, tmp_path_factory):
    """A completed run of a private table, "Anna's run": trained once, each test gets a copy."""
    if not _TRAINED:
        run = train_here(tiny_config(name="Anna's run"))
        _TRAINED.append(shutil.copytree(run.folder, tmp_path_factory.mktemp("trained") / run.id))
    folder = home / "runs" / _TRAINED[0].name
    if not folder.exists():
        shutil.copytree(_TRAINED[0], folder)
    return runs.get(folder.name)
