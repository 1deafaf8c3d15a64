"""What the processes of a test do in place of `worker.train_part`; they import it anew, so it stands in a module."""

import functools
import os
import signal

from tuner import runs
from tuner.training import processes, worker


def stopped_in_step_8(run_id):
    """Asks for a stop within step 8, in the first process alone."""
    from tuner.training.callbacks import Progress

    original = Progress.on_step_begin

    def on_step_begin(self, args, state, control, **kwargs):
        original(self, args, state, control, **kwargs)
        if state.global_step == 7:
            runs.request_stop(self.run)

    Progress.on_step_begin = on_step_begin
    worker.train_part(run_id)


def second_dies_in_step_3(run_id):
    from tuner.training.callbacks import StopOnRequest

    def on_step_begin(self, args, state, control, **kwargs):
        if state.global_step == 2 and processes.rank() == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    StopOnRequest.on_step_begin = on_step_begin
    worker.train_part(run_id)


def second_fails(run_id):
    if processes.rank() == 1:
        raise ValueError("no luck today")
    worker.train_part(run_id)


def second_fits_two_rows(run_id):
    """The second process runs out of memory where a training batch has more than 2 rows."""
    if processes.rank() == 1:
        cramp(2, training=True)
    worker.train_part(run_id)


def second_validates_two_rows(run_id):
    if processes.rank() == 1:
        cramp(2, training=False)
    worker.train_part(run_id)


def parted_on_a_cpu(run_id):
    _tell_of_gpus()
    worker.train_part(run_id)


def parted_and_stopped_in_step_8(run_id):
    _tell_of_gpus()
    stopped_in_step_8(run_id)


def _tell_of_gpus():
    """FSDP with gloo: accelerate passes over it on a CPU."""
    from accelerate.state import PartialState
    from accelerate.utils import DistributedType

    os.environ["ACCELERATE_TORCH_DEVICE"] = "cpu"
    PartialState._prepare_backend = lambda *_, **__: ("gloo", DistributedType.MULTI_GPU)


def cramp(rows, training):
    """Makes a tiny BERT run out of memory with more than so many rows; returns what takes that back."""
    import torch
    from transformers import BertForSequenceClassification

    original = BertForSequenceClassification.forward

    @functools.wraps(original)  # the Trainer reads off its signature which columns the model takes
    def forward(self, **inputs):
        if self.training == training and len(inputs["input_ids"]) > rows:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 byte.")
        return original(self, **inputs)

    BertForSequenceClassification.forward = forward
    return lambda: setattr(BertForSequenceClassification, "forward", original)
