"""What the machine computes on."""

import os
import subprocess
import sys

import pytest

from tuner import hardware


def test_the_cores_are_those_this_process_may_use():
    command = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from tuner import hardware; print(hardware.cpu_count())"
    )
    assert subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True).stdout.strip() == "1"
    assert hardware.cpu_count() == len(os.sched_getaffinity(0))


def test_a_device_reads_as_name_and_precision():
    assert str(hardware.Device("cuda", "NVIDIA H200, 141 GB", bf16=True)) == "NVIDIA H200, 141 GB, bf16"


def test_describe_agrees_with_torch():
    assert hardware.describe().kind == hardware.torch_device()


@pytest.mark.parametrize(("fast", "chosen"), [(True, "bf16"), (False, "fp32")])
def test_auto_takes_bf16_where_the_cpu_is_fast_at_it(fast, chosen, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr(hardware, "_cpu_has_bf16", lambda: fast)
    precision, why = hardware.resolve_precision("auto")
    assert precision == chosen
    assert "CPU" in why


@pytest.mark.parametrize(("capability", "chosen"), [((9, 0), "bf16"), ((8, 0), "bf16"), ((7, 5), "fp32")])
def test_auto_takes_bf16_from_compute_capability_8(capability, chosen, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda: capability)
    assert hardware.resolve_precision("auto")[0] == chosen


@pytest.mark.parametrize("wanted", ["bf16", "fp32"])
def test_what_is_asked_for_is_taken(wanted):
    assert hardware.resolve_precision(wanted) == (wanted, "as asked")
