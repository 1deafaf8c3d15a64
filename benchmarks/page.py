"""What a page costs, as it opens and while nobody touches it: `python -m benchmarks.page`.

A page in Chromium at a server of its own, first with nothing going on, then with the chosen run training, then opened anew on
that run; the processor's time of the browser and of the server, in seconds or as shares of one core.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from playwright.sync_api import sync_playwright

from benchmarks.machine import describe_machine

_CHROMIUM = ("/usr/bin/chromium", "/usr/bin/chromium-browser")
_PORT = 7985
_SETTLES = 15.0  # seconds until a page that was opened has drawn everything
_OPENED = "a run is opened"


@contextmanager
def served(folder: Path) -> Iterator[psutil.Process]:
    """The app on a port of its own, with its runs in a folder of its own."""
    environment = {**os.environ, "TUNER_HOME": str(folder), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "app.py", "--port", str(_PORT)]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{_PORT}/").close()
                break
            except OSError:
                time.sleep(0.5)
        yield psutil.Process(server.pid)
    finally:
        server.terminate()
        server.wait()


def seconds_of(processes: list[psutil.Process]) -> float:
    """Processor time of some processes up to now."""
    return sum(sum(process.cpu_times()[:2]) for process in processes if process.is_running())


def taken(page: Any, server: psutil.Process, seconds: float) -> dict[str, float]:  # noqa: ANN401
    """Seconds of one core that the browser and the server take while the page is open and nobody touches it."""
    browser = [child for child in psutil.Process().children(recursive=True) if "chrom" in child.name()]
    before = seconds_of(browser), seconds_of([server])
    page.wait_for_timeout(1000 * seconds)
    after = seconds_of(browser), seconds_of([server])
    return {name: b - a for name, a, b in zip(("browser", "server"), before, after, strict=True)}


def measure(rounds: int, seconds: float) -> dict[str, list[dict[str, float]]]:
    """In turns: nothing going on, a run that trains, and that run opened; each with the page open anew."""
    found: dict[str, list[dict[str, float]]] = {"nothing going on": [], "a run that trains": [], _OPENED: []}
    chromium = next(path for path in _CHROMIUM if os.path.exists(path))
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for _ in range(rounds):
            for name, begin in (("nothing going on", False), ("a run that trains", True)):
                page = browser.new_page(viewport={"width": 1280, "height": 800})
                page.goto(f"http://127.0.0.1:{_PORT}/?tab=train")
                page.wait_for_timeout(1000 * _SETTLES)
                if begin:
                    page.click("#start")
                    page.wait_for_function("/step \\d/.test(document.querySelector('#run-head').innerText)", timeout=120_000)
                found[name].append({part: s / seconds for part, s in taken(page, server, seconds).items()})
                if begin:
                    page.click("#stop")
                    page.wait_for_function("/stopped/.test(document.querySelector('#run-head').innerText)", timeout=240_000)
                    address = page.url
                    page.goto("about:blank")
                    page.goto(address, wait_until="commit")
                    found[_OPENED].append(taken(page, server, _SETTLES))
                page.close()
        browser.close()
    return found


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    found = measure(given.rounds, given.seconds)
    print(describe_machine())
    for name, rows in found.items():
        for part in ("browser", "server"):
            each = [row[part] for row in rows]
            form, unit = ("6.1f", "s of a core") if name == _OPENED else ("6.1%", "of a core")
            print(f"{name:20} {part:8} {median(each):{form}} {unit} ({min(each):{form}} to {max(each):{form}})")
    if given.json:
        given.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
