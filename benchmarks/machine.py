"""The machine a figure was measured on."""

import os
import platform
from pathlib import Path

from tuner.hardware import cpu_count

_CPU_FLAGS = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16")


def describe_machine() -> str:
    """Cores, what they can multiply, and how busy they were, in one line."""
    try:
        info = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
        words = set(next((line for line in info.splitlines() if line.startswith("flags")), "").split())
    except OSError:
        words = set()
    flags = " ".join(flag for flag in _CPU_FLAGS if flag in words) or platform.machine()
    return f"{cpu_count()} cores ({flags}), load before the end {os.getloadavg()[0]:.1f}"
