"""What this machine computes on, in words and as the settings that follow from it.

`describe` loads no torch, so that the app can show the device at its start.
"""

import contextlib
import functools
import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch

Precision = Literal["bf16", "fp16", "fp32"]

# Instruction sets with which a CPU multiplies bf16 faster than fp32 (measured: 3.5 × here).
_BF16_CPU_FLAGS = {"avx512_bf16", "amx_bf16"}
# bf16 matrix units came with compute capability 8.0 (Ampere).
_BF16_COMPUTE_CAPABILITY = 8
_CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Device:
    """A device in words.

    Attributes:
        kind: "cuda", "mps" or "cpu".
        name: e.g. "NVIDIA H200, 141 GB" or "2 CPU cores".
        bf16: whether it multiplies bf16 fast.
    """

    kind: Literal["cuda", "mps", "cpu"]
    name: str
    bf16: bool

    def __str__(self) -> str:
        return f"{self.name}, {'bf16' if self.bf16 else 'fp32'}"


def cpu_count() -> int:
    """CPU cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS has no affinity
        return os.cpu_count() or 1


@functools.cache
def gpus() -> tuple[str, ...]:
    """The NVIDIA GPUs this process may use, as CUDA_VISIBLE_DEVICES names them; found without loading torch."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return tuple(name.strip() for name in visible.split(",") if name.strip() not in ("", "-1")) if _nvidia_gpu() else ()
    return tuple(str(index) for index in range(len(_ask_nvidia("index"))))


@functools.cache
def describe() -> Device:
    """The device a training would use, found without loading torch."""
    gpu = _nvidia_gpu() if gpus() else None
    if gpu:
        return gpu
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return Device("mps", "Apple GPU", bf16=False)
    return cpu()


def cpu() -> Device:
    """The CPU, as far as this process may use it."""
    cores = cpu_count()
    return Device("cpu", f"{cores} CPU core{'s' if cores != 1 else ''}", bf16=_cpu_has_bf16())


def resolve_precision(wanted: str) -> tuple[Precision, str]:
    """What `training.precision` becomes on this machine, and why, in words.

    Raises:
        ValueError: fp16 without a CUDA GPU (it would silently change nothing).
    """
    import torch

    cuda = torch.cuda.is_available()
    if wanted == "auto":
        if cuda:
            major, minor = torch.cuda.get_device_capability()
            if major >= _BF16_COMPUTE_CAPABILITY:
                return "bf16", f"the GPU has compute capability {major}.{minor}"
            return "fp32", f"the GPU has compute capability {major}.{minor}, bf16 needs 8.0"
        if _cpu_has_bf16():
            return "bf16", "the CPU multiplies bf16 in hardware"
        return "fp32", "the CPU has no bf16 instructions"
    if wanted == "fp16" and not cuda:
        raise ValueError("fp16 needs a CUDA GPU; choose auto, bf16 or fp32")
    return wanted, "as asked"  # type: ignore[return-value]


def autocast(precision: str, device: str) -> "torch.autocast":
    """Inside it, matrix products on the device have the precision that `training.precision` becomes there.

    On the CPU of a machine with a GPU, which a training has, "fp16" becomes "fp32".

    Raises:
        ValueError: as `resolve_precision`.
    """
    import torch

    if device == "cpu" and torch.cuda.is_available():
        kind = "bf16" if precision == "bf16" or (precision == "auto" and _cpu_has_bf16()) else "fp32"
    else:
        kind, _ = resolve_precision(precision)
    low = torch.float16 if kind == "fp16" else torch.bfloat16
    return torch.autocast(device, dtype=low, enabled=kind != "fp32")


def torch_device() -> str:
    """The torch device a classifier is put on: "cuda", "mps" or "cpu"; `TUNER_DEVICE` where that is set."""
    if os.environ.get("TUNER_DEVICE"):
        return os.environ["TUNER_DEVICE"]
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def free_memory() -> int:
    """Bytes a training could take now: of the GPU with the most where there is one, else of the machine or container."""
    import psutil

    free = []
    usable = gpus()
    # A name may be a number or the beginning of a UUID; that of a part of a GPU is none of nvidia-smi's, which leaves them all.
    lines = [[part.strip() for part in line.split(",")] for line in _ask_nvidia("index,uuid,memory.free") if usable]
    ours = [line for line in lines if line[0] in usable or line[1].startswith(tuple(name for name in usable if len(name) > 3))]
    for line in ours or lines:
        with contextlib.suppress(ValueError):  # some, and those cut in parts, answer "[N/A]"
            free.append(int(float(line[-1])) * 2**20)
    if free:
        return max(free)
    available = psutil.virtual_memory().available
    try:  # a container may have less than its machine
        limit = int((_CGROUP / "memory.max").read_text())
        return min(available, limit - int((_CGROUP / "memory.current").read_text()) + _reclaimable())
    except (OSError, ValueError):  # no limit reads "max"
        return available


def peak_memory(forget: bool = False) -> int:
    """The most bytes this process held: on the GPU where there is one, else in RAM.

    Linux keeps ru_maxrss over exec, so that a child begins with its parent's; VmHWM begins anew, and can be set back.

    Args:
        forget: count anew from here; gives what is held now.
    """
    import torch

    if torch.cuda.is_available():
        if forget:
            torch.cuda.reset_peak_memory_stats()
        return torch.cuda.max_memory_reserved()
    try:
        if forget:
            Path("/proc/self/clear_refs").write_text("5")
        status = Path("/proc/self/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        import resource

        unit = 1 if platform.system() == "Darwin" else 1024  # macOS counts bytes, others KiB
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _reclaimable() -> int:
    """Bytes of the container's file cache, which the kernel gives back when asked for memory."""
    lines = (line.split() for line in (_CGROUP / "memory.stat").read_text().splitlines())
    return next((int(value) for name, value in lines if name == "inactive_file"), 0)


@functools.cache
def _cpu_has_bf16() -> bool:
    try:
        info = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    flags = next((line for line in info.splitlines() if line.startswith("flags")), "")
    return bool(_BF16_CPU_FLAGS & set(flags.split()))


def _nvidia_gpu() -> Device | None:
    """The first NVIDIA GPU; None where there is none."""
    try:
        name, mebibytes, capability = (part.strip() for part in _ask_nvidia("name,memory.total,compute_cap")[0].split(","))
        gigabytes = float(mebibytes) * 2**20 / 1e9
        return Device("cuda", f"{name}, {gigabytes:.0f} GB", bf16=float(capability) >= _BF16_COMPUTE_CAPABILITY)
    except (IndexError, ValueError):
        return None


def _ask_nvidia(fields: str) -> list[str]:
    """One line per GPU by nvidia-smi, which answers in about 50 ms; none where there is none."""
    command = ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader,nounits"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.splitlines()
    except (OSError, subprocess.SubprocessError):
        return []
