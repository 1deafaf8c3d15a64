"""What the machine computes on."""

import os
import subprocess
import sys

import pytest

from tuner import environment, hardware, runs


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


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """A machine whose nvidia-smi tells of GPUs with so much free memory each: `nvidia_smi("1024")`."""

    def forget():
        hardware.gpus.cache_clear()
        hardware.describe.cache_clear()

    def install(*free):
        lines = "; ".join(f"echo '{index}, GPU-{index}abc, {memory}'" for index, memory in enumerate(free))
        numbers = "; ".join(f"echo {index}" for index in range(len(free)))
        answers = f"*memory.free*) {lines};; *index*) {numbers};; *) echo 'NVIDIA T4, 16384, 7.5';;"
        (tmp_path / "nvidia-smi").write_text(f'#!/bin/sh\ncase "$*" in {answers} esac\n')
        (tmp_path / "nvidia-smi").chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        forget()

    yield install
    forget()


def test_a_hidden_gpu_is_none(nvidia_smi, monkeypatch):
    """With CUDA_VISIBLE_DEVICES="" the app named a GPU and its memory, while torch trained on the CPU."""
    nvidia_smi("1024")
    assert (hardware.describe().name, hardware.free_memory()) == ("NVIDIA T4, 17 GB", 2**30)
    nvidia_smi("1024")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert hardware.describe().kind == "cpu"
    assert hardware.free_memory() > 2**30


def test_a_run_notes_the_cpu_where_torch_does_not_find_the_gpu(nvidia_smi, queued, tiny_config, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    run = queued(tiny_config())
    nvidia_smi("1024")
    environment.record(run)
    assert "CPU" in run.environment["device"]


@pytest.mark.parametrize(("visible", "free"), [("0", 1), ("1", 9), ("0,1", 9), ("GPU-0a", 1), ("MIG-1", 9)])
def test_free_memory_is_that_of_the_gpus_that_may_be_used(nvidia_smi, monkeypatch, visible, free):
    """Another GPU's memory was once promised to a training that could not reach it."""
    nvidia_smi("1024", "9216")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert hardware.free_memory() == free * 2**30


def test_memory_that_nvidia_smi_does_not_know_is_that_of_the_machine(nvidia_smi):
    nvidia_smi("[N/A]")
    assert hardware.free_memory() > 0


@pytest.mark.slow
def test_a_run_says_that_torch_does_not_find_the_gpu(nvidia_smi, train_here, tiny_config):
    if hardware.torch_device() == "cuda":
        pytest.skip("torch finds one")
    nvidia_smi("1024")
    notes = [event.get("message", "") for event in runs.read_events(train_here(tiny_config(max_steps=1)))[0]]
    assert any("finds no GPU, though there is one (NVIDIA T4, 17 GB): this trains on the CPU." in note for note in notes)
    assert any(f"on {hardware.cpu().name}," in note for note in notes)
