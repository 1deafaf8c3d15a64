"""A real Chromium over the real app; what it shows is kept in `tests/screenshots/`."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from tests import tiny

# A page of a machine that trains and tests beside it takes longer than the usual 5 s: over 30 s were seen on two busy cores.
expect.set_options(timeout=90_000)
SHOTS = Path(__file__).resolve().parents[1] / "screenshots"
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
]


def pytest_collection_modifyitems(items):
    """More time than other tests have: several pages, trainings and waits of up to 90 s make one of these."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="module")
def browser():
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "Chromium is not installed; `make chromium` says how to get it"
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=path, args=[*_FLAGS, "--disable-component-update"])


@pytest.fixture
def page(browser, server):
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.foreign = []
    page.problems = []
    page.on("request", lambda request: page.foreign.append(request.url) if request.url.startswith("http") else None)
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.set_default_timeout(90_000)
    yield page
    assert [url for url in page.foreign if not url.startswith(server)] == []
    assert page.problems == []
    page.close()


def asked_at_rest(page, seconds=5):
    """What a page asks while nothing it shows changes, by the last part of each address; other tests' runs may age meanwhile."""
    for _ in range(12):
        asked, marks = [], []

        def note(response, asked=asked, marks=marks):
            asked.append(re.sub(r"\?.*", "", response.url).rpartition("/")[2])
            if asked[-1] == "seen":
                marks.append(tuple(response.json()["data"][0]))

        page.on("response", note)
        page.wait_for_timeout(1000 * seconds)
        page.remove_listener("response", note)
        if len(set(marks)) == 1 and len(marks) > 1 and marks[0] == getattr(page, "last_mark", None):
            return asked
        page.last_mark = marks[-1] if marks else None
    raise AssertionError("The page never came to rest.")


def shot(page, name):
    SHOTS.mkdir(exist_ok=True)
    page.wait_for_timeout(800)
    page.screenshot(path=SHOTS / f"{name}.png")


def train_opinions(server_home, tiny_models, folder, steps, name="", learning_rate="1e-3", batch=8):
    """Id of a finished run of three labels on 600 rows in which a keyword decides."""
    path = folder / "opinions.csv"
    rows = tiny.labelled_rows(600, ("negative", "neutral", "positive"))
    path.write_text("text,label\n" + "\n".join(f"{text},{label}" for text, label in rows) + "\n")
    settings = {
        "training.max_steps": steps,
        "training.per_device_train_batch_size": batch,
        "training.learning_rate": learning_rate,
        "training.precision": "fp32",
    }
    given = [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]
    command = [sys.executable, "-m", "tuner", "train", "--data", str(path), "--model", str(tiny_models["bert"]), *given]
    env = {**os.environ, "TUNER_HOME": str(server_home)}
    subprocess.run([*command, "--name", name or f"{steps} steps"], env=env, check=True, capture_output=True, timeout=120)
    return max(folder.name for folder in (server_home / "runs").glob("*-*"))
