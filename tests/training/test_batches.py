"""A batch that does not fit is halved, and the steps stay what they were."""

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from tests.training import parts
from tuner import runs
from tuner.errors import RunFailed
from tuner.training import batches, worker

# As the CPU's allocator, numpy and the GPU say it.
SAID = [
    RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: not enough memory: you tried to allocate 1 bytes."),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes. Error code 12"),
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory."),
]


@pytest.mark.parametrize("error", SAID, ids=lambda error: type(error).__name__)
def test_want_of_memory_is_known_by_what_is_raised(error):
    assert batches.is_out_of_memory(error)


@pytest.mark.parametrize("error", [RuntimeError("shapes differ"), ValueError("out of memory")])
def test_other_errors_are_none(error):
    assert not batches.is_out_of_memory(error)


@pytest.mark.parametrize(
    ("batch", "accumulation", "processes", "smaller"),
    [
        (32, 1, 1, 16),
        (6, 1, 1, 3),
        (15, 1, 1, 5),
        (3, 1, 1, 1),
        (3, 2, 1, 1),
        (5, 2, 1, 2),
        (12, 1, 4, 4),
        (4, 1, 4, None),
        (1, 8, 1, None),
    ],
)
def test_the_smaller_batch_divides_the_step(batch, accumulation, processes, smaller):
    assert batches._next_smaller(batch, accumulation, processes) == smaller


STEPWISE = {"eval_strategy": "steps", "save_strategy": "steps", "eval_steps": 4, "save_steps": 4}


@pytest.fixture
def settings(tiny_config, csv):
    """61 rows leave 49 to train on; no dropout, whose masks depend on the batch."""

    def make(**training):
        usual = {"per_device_train_batch_size": 8, "optim": "sgd", "learning_rate": 1e-2, "max_steps": 10, **STEPWISE}
        return tiny_config(source=csv(61), model={"hidden_dropout_prob": 0.0}, **{**usual, **training})

    return make


@pytest.fixture
def cramped():
    """Makes memory too small for more than so many rows: `cramped(3)`, `cramped(3, training=False)`; `cramped()` ends it."""
    undo = []

    def cramp(rows=None, training=True):
        while undo:
            undo.pop()()
        if rows is not None:
            undo.append(parts.cramp(rows, training))

    yield cramp
    cramp()


def notes(run):
    return [event["message"] for event in runs.read_events(run)[0] if event["event"] == "note"]


def assert_same_weights(one, other):
    first, second = (load_file(run.model_folder / "model.safetensors") for run in (one, other))
    for name, tensor in first.items():
        np.testing.assert_allclose(second[name], tensor, atol=1e-5, err_msg=name)


@pytest.mark.slow
def test_smaller_batches_end_with_the_weights_of_the_whole_batch(settings, train_here, cramped):
    whole = train_here(settings())
    cramped(3)
    run = train_here(settings())
    assert run.status.state == "completed", run.status.message
    assert [note for note in notes(run) if note.startswith("Out of memory")] == [
        "Out of memory at batch size 8: going on with 4, summed up over 2 batches: a step is the same.",
        "Out of memory at batch size 4: going on with 2, summed up over 4 batches: a step is the same.",
    ]
    assert_same_weights(whole, run)


@pytest.mark.slow
def test_memory_lost_midway_costs_the_steps_since_the_last_checkpoint(settings, train_here, cramped, monkeypatch):
    from tuner.training.callbacks import Progress

    original = Progress.on_step_begin

    def on_step_begin(self, args, state, control, **kwargs):
        original(self, args, state, control, **kwargs)
        if state.global_step == 6 and args.per_device_train_batch_size == 8:
            cramped(4)

    whole = train_here(settings())
    monkeypatch.setattr(Progress, "on_step_begin", on_step_begin)
    run = train_here(settings())
    assert "Resumed from checkpoint-4." in notes(run)
    assert_same_weights(whole, run)


@pytest.mark.slow
def test_a_resumed_run_begins_with_the_batch_that_fits(settings, train_here, cramped, queued):
    cramped(4)
    run = queued(settings())
    (run.folder / "batches.json").write_text('{"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2}')
    worker.main(run.id)
    assert run.status.state == "completed"
    assert not [note for note in notes(run) if note.startswith("Out of memory")]


@pytest.mark.slow
def test_a_row_that_does_not_fit_fails_the_run_with_a_cure(settings, train_here, cramped):
    cramped(0)
    status = train_here(settings(max_steps=2)).status
    assert status.state == "failed"
    assert status.message.startswith("Out of memory even at batch size 1. Cut model.max_length")


@pytest.mark.slow
def test_switched_off_the_first_want_of_memory_fails_the_run(settings, train_here, cramped):
    cramped(4)
    status = train_here(settings(auto_find_batch_size=False)).status
    assert (status.state, status.step) == ("failed", 0)
    assert "Halve the batch size" in status.message


@pytest.mark.slow
def test_an_evaluation_that_does_not_fit_is_repeated_and_changes_nothing(settings, train_here, cramped):
    whole = train_here(settings())
    cramped(2, training=False)
    run = train_here(settings())
    assert "Out of memory while validating 8 rows at once: going on with 4; no score changes." in notes(run)
    scores = [[e["eval_loss"] for e in runs.read_events(r)[0] if e["event"] == "evaluate"] for r in (whole, run)]
    assert scores[1] == pytest.approx(scores[0], rel=1e-5)
    assert_same_weights(whole, run)


def test_a_single_row_cannot_be_halved(queued, settings):
    with pytest.raises(RunFailed, match="one row at a time"):
        batches.shrink(queued(settings(per_device_eval_batch_size=1)), evaluating=True)
