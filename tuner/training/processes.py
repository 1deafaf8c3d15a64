"""Several processes that train one run together, each with its part of every batch.

The worker, whose pid stands in status.json, starts them, watches them and trains nothing itself. So one that dies, even
by SIGKILL, ends the others within a second instead of leaving them in a sum that never comes, and what a device's memory
held is free when the next ones start. `torch.distributed.run` would do the same by a process that loads torch and opens a
store on all network interfaces; here they meet in a file.
"""

import contextlib
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from tuner import hub_read
from tuner.errors import explain
from tuner.hardware import cpu_count
from tuner.training.batches import OutOfMemory


@dataclass(frozen=True)
class Failure:
    """Why processes ended before their work was done.

    Attributes:
        cause: in words.
        memory: the out-of-memory error of one of them, if it was that.
        terminated: whether SIGTERM ended them before they could heed it.
    """

    cause: str
    memory: OutOfMemory | None = None
    terminated: bool = False


def count() -> int:
    """How many processes train this run; 1 outside of `run_together`."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Which of them this one is, from 0."""
    return int(os.environ.get("RANK", "0"))


def is_first() -> bool:
    """Whether this process writes the run's files; the others only compute."""
    return rank() == 0


def highest(value: int) -> int:
    """The highest `value` that any of the processes gave; all wait for it."""
    import torch.distributed as dist

    if not dist.is_initialized():
        return value
    import torch

    number = torch.tensor(value)
    dist.all_reduce(number, dist.ReduceOp.MAX)
    return int(number)


def wait_for_all() -> None:
    """Returns when every process has come here."""
    highest(0)


@contextlib.contextmanager
def first_goes_first() -> Iterator[None]:
    """The first process runs the block alone, then the others: what it downloads, they find in the cache."""
    if not is_first():
        wait_for_all()
    yield
    if is_first():
        wait_for_all()


def leave() -> None:
    """Ends working together. Without it a process is now and then aborted at its end, by gloo's threads."""
    import torch.distributed as dist

    if dist.is_initialized():
        wait_for_all()
        dist.destroy_process_group()


def run_together(work: Callable[[str], None], argument: str, processes: int) -> Failure | None:
    """Calls `work(argument)` in so many processes and waits for all; None when each came to its end.

    SIGTERM is handed on to them. When one fails the others are killed.

    Args:
        work: a function of a module's; every process imports it anew.
    """
    context = multiprocessing.get_context("spawn")  # a forked one cannot use CUDA
    with tempfile.TemporaryDirectory(prefix="tuner-") as folder, contextlib.ExitStack() as stack:
        parts: list[_Part] = []
        stack.callback(_end, parts)
        for number in range(processes):
            place = _Place(number, processes, Path(folder) / "meeting")
            reader, writer = context.Pipe(duplex=False)
            stack.enter_context(reader)
            process = context.Process(target=_take_part, args=(work, argument, place, hub_read.token() or "", writer))
            process.start()
            writer.close()
            parts.append(_Part(process, reader))
        terminated = False

        def hand_on(*_: object) -> None:
            nonlocal terminated
            terminated = True
            for part in parts:
                part.process.terminate()

        stack.callback(signal.signal, signal.SIGTERM, signal.signal(signal.SIGTERM, hand_on))
        _watch(parts)
        return _failure(parts, terminated)


@dataclass(frozen=True)
class _Part:
    """A process, and where it says why it fails."""

    process: BaseProcess
    last_word: Connection


@dataclass(frozen=True)
class _Place:
    rank: int
    processes: int
    meeting: Path


def _watch(parts: list[_Part]) -> None:
    """Returns when all have ended, or one of them badly."""
    going = parts
    while going:
        wait([part.process.sentinel for part in going])
        time.sleep(0.1)  # those that fail of the same cause, or because they lost the first, can say so
        if any(part.process.exitcode for part in going):
            return
        going = [part for part in going if part.process.exitcode is None]


def _end(parts: list[_Part]) -> None:
    for part in parts:
        part.process.kill()
        part.process.join()


def _failure(parts: list[_Part], terminated: bool) -> Failure | None:
    """What happened first; those that lost a process to a signal only complain of a broken connection."""
    codes = {number: part.process.exitcode for number, part in enumerate(parts, 1)}
    if not any(codes.values()):
        return None
    said = sorted(part.last_word.recv() for part in parts if part.process.exitcode == 1 and part.last_word.poll())
    for _, kind, cause in said:
        if kind != "failed":
            return Failure(cause, OutOfMemory(evaluating=kind == "out of memory while validating"))
    for number, code in codes.items():
        if code == -signal.SIGTERM and terminated:
            return Failure("", terminated=True)
        if code and code < 0:
            often = ", often for want of memory" if code == -signal.SIGKILL else ""
            cause = f"Process {number} of {len(parts)} was ended by signal {-code}{often}."
            return Failure(f"{cause} Resume goes on from the last whole checkpoint.")
    return Failure(said[0][2] if said else "A process ended without a word; the log holds the details.")


def _take_part(work: Callable[[str], None], argument: str, place: _Place, token: str, last_word: Connection) -> None:
    """All that one of the processes does."""
    threading.Thread(target=_end_with_the_worker, daemon=True).start()
    code = 0
    try:
        hub_read.use_token(token)
        _join(place)
        work(argument)
        leave()
    except BaseException as error:
        kind = "failed"
        if isinstance(error, OutOfMemory):
            kind = "out of memory while validating" if error.evaluating else "out of memory"
        last_word.send((time.time(), kind, explain(error)))
        code = 1
        with contextlib.suppress(OSError):  # the log's disk may be full
            traceback.print_exc()
    # An orderly end takes seconds, and after an error it waits for the others in gloo's or NCCL's destructors.
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _join(place: _Place) -> None:
    """Makes this process one of those that compute together."""
    number, all_of_them = str(place.rank), str(place.processes)
    os.environ |= {"RANK": number, "LOCAL_RANK": number, "WORLD_SIZE": all_of_them, "LOCAL_WORLD_SIZE": all_of_them}
    # Each would take all cores for itself; torch reads this when it is loaded.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cpu_count() // place.processes)))
    # All are on this machine. By itself gloo looks up the host's name, which need not be known.
    loopback = next((name for _, name in socket.if_nameindex() if name.startswith("lo")), None)
    if loopback:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", loopback)
    import torch
    import torch.distributed as dist

    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(place.rank)
    dist.init_process_group(
        "cuda:nccl,cpu:gloo" if cuda else "gloo",
        init_method=place.meeting.as_uri(),
        rank=place.rank,
        world_size=place.processes,
        # The first may download and prepare for long; one that died is noticed by the worker.
        timeout=timedelta(days=1),
    )


def _end_with_the_worker() -> None:
    """Else a worker's death by SIGKILL would leave this process waiting for a day."""
    worker = multiprocessing.parent_process()
    if worker:
        worker.join()
        os.kill(os.getpid(), signal.SIGKILL)
