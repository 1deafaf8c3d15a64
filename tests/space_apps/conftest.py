"""Apps of Spaces, started as a Space starts them: from the files that were uploaded, in an environment of their own."""

import os
import subprocess
import time
import urllib.request
from contextlib import contextmanager

import pytest

from tests.e2e.conftest import browser  # noqa: F401 (a fixture)
from tests.hub.conftest import files, hf_home, hub, trained  # noqa: F401 (fixtures)
from tests.serving import free_port


@pytest.fixture
def start(hub, hf_home, tmp_path):  # noqa: F811
    """`with start(python, folder, HF_TOKEN=…) as url`: an app.py that answers; what it printed stands in `start.log`."""
    log = tmp_path / "app.log"

    @contextmanager
    def call(python, folder, host="127.0.0.1", **more):
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        given = {"HF_HOME": str(hf_home), "GRADIO_SERVER_NAME": host, "GRADIO_SERVER_PORT": str(port), "HOME": str(tmp_path)}
        kept = {name: os.environ[name] for name in ("PATH", "OMP_NUM_THREADS", "TUNER_HOME") if name in os.environ}
        guard = {"PYTHONPATH": os.environ["PYTHONPATH"].split(os.pathsep)[0], "SYSTEM": "spaces", "PYTHONUNBUFFERED": "1"}
        with log.open("ab") as output:
            process = subprocess.Popen(
                [python, "app.py"], cwd=folder, env={**kept, **guard, **hub.environment, **given, **more}, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            for _ in range(600):
                try:
                    urllib.request.urlopen(url, timeout=5).close()
                    break
                except OSError:
                    assert process.poll() is None, log.read_text()
                    time.sleep(0.2)
            yield url
        finally:
            process.terminate()
            process.wait(20)

    call.log = log
    return call


@pytest.fixture
def page_of(browser):  # noqa: F811
    """`with page_of(url, dark=True) as page`: 1280 × 800; whatever it asks of an address not allowed is an error."""

    @contextmanager
    def call(url, dark=False, allowed=()):
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        asked, problems = [], []
        page.on("request", lambda request: asked.append(request.url) if request.url.startswith("http") else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.set_default_timeout(90_000)
        page.goto(f"{url}/?__theme={'dark' if dark else 'light'}")
        yield page
        assert ([address for address in asked if not address.startswith((url, *allowed))], problems) == ([], [])
        page.close()

    return call


def written(hub, name, folder):  # noqa: F811
    """The files of a Space as they lie on the Hub, in a folder of their own: what a Space has in its working directory."""
    for path, file in hub.repos["space", name].files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(file.read_bytes())
    return folder
