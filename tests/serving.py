"""A real server in a process of its own, as `python app.py` starts it."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_server(home, log, port=None, environment=None, script=ROOT / "app.py"):
    """(process, url) of an app that answers.

    Args:
        environment: what it has beside that of the tests.
        script: what starts it.
    """
    port = port or free_port()
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, str(script), "--port", str(port)],
            env={**os.environ, **(environment or {}), "TUNER_HOME": str(home)},
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    for _ in range(300):
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            assert process.poll() is None, log.read_text()
            time.sleep(0.2)
        else:
            return process, url
    raise AssertionError(f"no answer within 60 s: {log.read_text()}")
