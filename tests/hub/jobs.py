"""Jobs of the loopback Hub: a job's command really runs, as a child process with nothing but what a container would have.

The image is ignored. `hub.fail(step, fault, times)` knows the steps of `_PATHS` here: a status to answer, "drop" (the connection
ends; of a log after its first lines), "lost" (done, then dropped), "silent"; of "job" itself "error", "sleeps" (and heeds
nothing), "waits" (for a machine that never comes), "timeout" (its time is over after two seconds), "no result" (it ends well at
once, and left nothing).
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import psutil

_GUARD = Path(__file__).parents[1] / "guard"
_JOB = r"/api/jobs/(?P<namespace>[\w.-]+)/(?P<job>[0-9a-f]{24})"
_PATHS = {
    "hardware": r"GET /api/jobs/hardware",
    "job-run": r"POST /api/jobs/(?P<namespace>[\w.-]+)",
    "job-list": r"GET /api/jobs/(?P<namespace>[\w.-]+)",
    "job-look": rf"GET {_JOB}",
    "job-log": rf"GET {_JOB}/logs",
    "job-cancel": rf"POST {_JOB}/cancel",
    "delete": r"DELETE /api/repos/delete",
}
ENDED = ("COMPLETED", "CANCELED", "ERROR", "DELETED")
_SAID = {402: "Pre-paid credit balance is insufficient", 403: "missing permissions: job.write", 500: "internal error"}
_FIRST_LINES = 3
_GRACE_SECONDS = 4.0


def _flavor(name: str, title: str, cents: float, gpus: int = 0) -> dict[str, Any]:
    gpu = {"type": "gpu", "model": "A10G", "quantity": str(gpus), "vram": f"{24 * gpus} GB", "manufacturer": "Nvidia"}
    price = cents / 100 / 60
    return {
        "name": name, "prettyName": title, "cpu": "2 vCPU", "ram": "16 GB", "ephemeralStorage": "50 GB",
        "accelerator": gpu if gpus else None, "unitCostMicroUSD": round(price * 1e6), "unitCostUSD": price, "unitLabel": "minute",
    }  # fmt: skip


HARDWARE = [
    _flavor("cpu-basic", "CPU Basic", 1),
    _flavor("a10g-small", "Nvidia A10G - small", 100, 1),
    _flavor("a10g-largex2", "2x Nvidia A10G - large", 300, 2),
]


@dataclass
class Job:
    """A job and its process.

    Attributes:
        spec: what the client asked for, secrets and all.
        fault: what becomes of it.
    """

    id: str
    namespace: str
    spec: dict[str, Any]
    folder: Path
    fault: str = ""
    stage: str = "SCHEDULING"
    message: str | None = None
    begun: float = field(default_factory=time.time)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def kill(self) -> None:
        """Its process and all that it started, wherever these put themselves."""
        if self.process is None:
            return
        with contextlib.suppress(psutil.Error):
            root = psutil.Process(self.process.pid)
            for each in [*root.children(recursive=True), root]:
                with contextlib.suppress(psutil.Error):
                    each.kill()
        self.process.wait()

    def description(self) -> dict[str, Any]:
        ran = int(time.time() - self.begun)
        asked = {"dockerImage": self.spec.get("dockerImage"), "command": self.spec["command"], "arguments": []}
        asked |= {"environment": self.spec.get("environment", {}), "secrets": {}, "labels": self.spec.get("labels")}
        return {
            "id": self.id,
            "createdAt": "2026-01-01T00:00:00.000Z",
            "flavor": self.spec["flavor"],
            "owner": {"id": "0" * 24, "name": self.namespace, "type": "user"},
            "status": {"stage": self.stage, "message": self.message},
            "durations": {"schedulingSecs": 1, "runningSecs": ran, "totalSecs": ran + 1},
            **asked,
        }


def answer(handler: Any, hub: Any, path: str, query: str, body: bytes) -> bool:
    """Answers a request about Jobs; False for any other."""
    found = ((step, re.fullmatch(pattern, f"{handler.command} {path}")) for step, pattern in _PATHS.items())
    step, match = next(((step, match) for step, match in found if match), ("", None))
    if match is None:
        return False
    fault = hub.faults.get(step) and hub.faults[step].pop(0)
    if fault == "silent":
        hub.closing.wait()
    if fault in ("silent", "drop") and step != "job-log":
        handler.close_connection = True
        return True
    if isinstance(fault, int):
        handler._send(fault, json.dumps({"error": _SAID.get(fault, "refused")}).encode(), {"Content-Type": "application/json"})
        return True
    from tests.hub import writing

    person = writing.person_of(hub, handler.headers.get("Authorization"))
    where = match.groupdict()
    if step != "hardware" and person is None:
        handler._send(401, b'{"error": "Invalid credentials"}', {})
    elif "namespace" in where and where["namespace"] not in (person.name, *person.orgs):
        handler._send(403, b'{"error": "not your namespace"}', {})
    elif "job" in where and where["job"] not in hub.jobs:
        handler._send(404, b'{"error": "Job not found"}', {})
    elif step == "job-log":
        _send_log(handler, hub, hub.jobs[where["job"]], fault == "drop")
    else:
        value = _DO[step](hub, where, query, body)
        if fault == "lost":
            handler.close_connection = True
        else:
            handler._send_json(value)
    return True


def end_all(hub: Any) -> None:
    for job in hub.jobs.values():
        job.kill()


def _run(hub: Any, where: dict, query: str, body: bytes) -> Any:
    spec = json.loads(body)
    fault = (hub.faults.get("job") and hub.faults["job"].pop(0)) or ""
    job = Job(f"{len(hub.jobs) + 1:024x}", where["namespace"], spec, Path(tempfile.mkdtemp(dir=hub.folder)), fault)
    job.log.touch()
    hub.jobs[job.id] = job
    if fault == "no result":
        job.stage = "COMPLETED"
    elif fault != "waits":
        threading.Thread(target=_work, args=(hub, job), daemon=True).start()
    return job.description()


def _work(hub: Any, job: Job) -> None:
    """Runs the command in an environment of its own until it ends, or its time is over."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LD_LIBRARY_PATH") if name in os.environ}
    homes = {name: str(job.folder) for name in ("HOME", "TMPDIR", "HF_HOME")}
    quiet = {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONPATH": str(_GUARD)}
    given = {**job.spec.get("environment", {}), **job.spec.get("secrets", {})}
    command = [sys.executable if part == "python" else part for part in job.spec["command"][:1]] + job.spec["command"][1:]
    if job.fault == "error":
        command = [sys.executable, "-c", "print('CUDA driver is too old'); raise SystemExit(3)"]
    if job.fault == "sleeps":
        command = [sys.executable, "-c", "import time; time.sleep(600)"]
    with job.log.open("wb") as log:
        job.process = subprocess.Popen(
            command, cwd=job.folder, env={**kept, **homes, **quiet, **hub.environment, **given}, stdin=subprocess.DEVNULL,
            stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    job.stage = "RUNNING"
    try:
        code = job.process.wait(2 if job.fault == "timeout" else job.spec.get("timeoutSeconds", 1800))
    except subprocess.TimeoutExpired:
        job.kill()
        code, job.message = 1, "Job timeout"
    if job.stage == "RUNNING":
        job.stage = "ERROR" if code else "COMPLETED"


def _cancel(hub: Any, where: dict, query: str, body: bytes) -> Any:
    job = hub.jobs[where["job"]]
    if job.stage not in ENDED:
        if job.process:
            job.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                job.process.wait(_GRACE_SECONDS)
            job.kill()
        job.stage = "CANCELED"
    return {}


def _list(hub: Any, where: dict, query: str, body: bytes) -> Any:
    wanted = dict(label.split("=", 1) for label in parse_qs(query).get("label", []))
    return [job.description() for job in hub.jobs.values() if wanted.items() <= job.spec.get("labels", {}).items()]


def _delete(hub: Any, where: dict, query: str, body: bytes) -> Any:
    about = json.loads(body)
    repo = hub.repos.pop((about.get("type") or "model", f"{about['organization']}/{about['name']}"), None)
    if repo:
        shutil.rmtree(repo.folder)
    return {}


_DO = {
    "hardware": lambda *_: HARDWARE,
    "job-run": _run,
    "job-list": _list,
    "job-look": lambda hub, where, *_: hub.jobs[where["job"]].description(),
    "job-cancel": _cancel,
    "delete": _delete,
}


def _send_log(handler: Any, hub: Any, job: Job, drop: bool) -> None:
    """Its lines as server-sent events from the first one on, until it has ended."""
    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    sent, held = 0, ""
    with contextlib.suppress(OSError), job.log.open(encoding="utf-8", errors="replace") as log:
        while not hub.closing.is_set():
            ended = job.stage in ENDED
            held += log.read()
            *lines, held = held.split("\n")
            for line in lines:
                event = json.dumps({"data": line, "timestamp": "2026-01-01T00:00:00.000Z"})
                _chunk(handler, f"data: {event}\n\n")
                sent += 1
                if drop and sent == _FIRST_LINES:
                    handler.close_connection = True
                    return
            if ended and not lines:
                _chunk(handler, "")
                return
            time.sleep(0.1)
    handler.close_connection = True


def _chunk(handler: Any, text: str) -> None:
    content = text.encode()
    handler.wfile.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
    handler.wfile.flush()
