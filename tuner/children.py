"""Child processes: what they are given of the environment, how the token reaches them, and how they are asked."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tuner import hub_read, runs
from tuner.errors import RunError, RunFailed

# What a worker needs of the environment; a token is not among it, it comes through a pipe.
_KEPT_VARIABLES = {
    "PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE",
    "HF_HOME", "HF_ENDPOINT", "HF_HUB_CACHE", "HF_DATASETS_CACHE", "HF_HUB_OFFLINE", "HF_HUB_DISABLE_XET", "PYTHONPATH",
}  # fmt: skip
# What the worker is told of $TUNER_MAX_MINUTES depends on who started it: `launch.local` says so.
_KEPT_PREFIXES = ("TUNER_", "CUDA_", "NVIDIA_", "NCCL_", "OMP_", "MKL_", "XDG_", "PYTORCH_")


def worker_environment() -> dict[str, str]:
    """The environment a worker gets: what it needs, and no secret."""
    kept = {k: v for k, v in os.environ.items() if k in _KEPT_VARIABLES or k.startswith(_KEPT_PREFIXES)}
    kept = {k: v for k, v in kept.items() if "TOKEN" not in k and "SECRET" not in k}
    root = str(Path(__file__).resolve().parents[1])
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, [root, kept.get("PYTHONPATH")]))
    kept |= {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_UPDATE_CHECK": "1", "HF_UPDATE_DOWNLOAD_COUNTS": "0"}
    if os.environ.get("SPACE_ID"):  # a token that lies there is its owner's
        kept |= {"HF_HUB_DISABLE_IMPLICIT_TOKEN": "1", "TUNER_LOGIN_PLACE": hub_read.login_place()}
    kept |= {"TOKENIZERS_PARALLELISM": "true", "PYTHONUNBUFFERED": "1", "TUNER_HOME": str(runs.home())}
    return kept


@contextlib.contextmanager
def token_pipe(token: str | bool | None = None) -> Iterator[int]:
    """The reading end of a pipe that holds a Hub token (None: the person's own), or nothing where there is none.

    What stands in a child's environment, arguments or files can be read by others of the same user, and for long.
    """
    value = hub_read.token() if token is None else token
    reader, writer = os.pipe()
    try:
        with os.fdopen(writer, "w", encoding="utf-8") as pipe:  # a token is far below the 64 KB a pipe holds
            pipe.write(value or "")
        yield reader
    finally:
        os.close(reader)


def ask(
    module: str,
    title: str,
    task: str,
    answer: str,
    on_line: Callable[[dict[str, Any]], None] | None = None,
    *,
    token: str | bool | None = None,
    environment: Mapping[str, str] | None = None,
    seconds: float | None = None,
) -> dict[str, Any]:
    """Runs `python -m MODULE FILE` on a file that holds `task` and returns what it answers.

    The child prints one JSON object per line: progress, then the answer, or `cause` and `cure`.

    Args:
        title: what to call the child in an error.
        answer: a key that the answer alone has.
        on_line: called with every line of progress.
        token: the Hub token it is handed; None: the person's own.
        environment: what it is given beside `worker_environment`.
        seconds: after so many it is ended.

    Raises:
        RunError: with the child's cause and cure.
        RunFailed: it died, or could not be started.
    """
    with tempfile.TemporaryDirectory() as folder, token_pipe(token) as reader:
        file = Path(folder) / "task"
        file.write_text(task, encoding="utf-8")
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", module, str(file)],
                cwd=folder,
                env={**worker_environment(), **(environment or {}), "TUNER_TOKEN_FD": str(reader)},
                pass_fds=(reader,),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        except OSError as error:
            raise RunFailed(
                f"{title} could not be started ({error.strerror}).", "Free some memory, or end other programs, and try again."
            ) from None
        clock = threading.Timer(seconds or threading.TIMEOUT_MAX, process.kill)
        clock.daemon = True
        clock.start()
        try:
            return _listen(process, title, answer, on_line)
        finally:
            clock.cancel()
            process.kill()
            process.wait()


def _listen(
    process: "subprocess.Popen[str]", title: str, answer: str, on_line: Callable[[dict[str, Any]], None] | None
) -> dict[str, Any]:
    for line in process.stdout or ():
        try:
            said = json.loads(line)
        except ValueError:  # a library that prints
            continue
        if not isinstance(said, dict):
            continue
        if "cause" in said:
            raise RunError(said["cause"], said["cure"])
        if answer in said:
            return said
        if on_line:
            on_line(said)
    raise RunFailed(f"{title} ended without an answer.", "Try a smaller batch or model: memory may be too small.")
