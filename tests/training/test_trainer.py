"""The order of the training rows."""

import pytest
import torch
from transformers import TrainingArguments

from tuner.training.trainer import ClassifierTrainer


@pytest.fixture
def order(tmp_path):
    """Row order of an epoch with rows of 1 … 64 tokens: `order(epoch=…, seed=…)`."""
    import datasets

    rows = datasets.Dataset.from_dict(
        {"input_ids": [[1] * (1 + i % 64) for i in range(400)], "length": [1 + i % 64 for i in range(400)]}
    )
    arguments = {"output_dir": str(tmp_path), "use_cpu": True, "train_sampling_strategy": "group_by_length"}

    def rows_of(epoch, seed=1, batch=4):
        settings = TrainingArguments(**arguments, data_seed=seed, per_device_train_batch_size=batch)
        trainer = ClassifierTrainer(torch.nn.Linear(1, 1), settings, train_dataset=rows)
        trainer.state.epoch = epoch
        torch.rand(7)  # what else draws from the global generator must not matter
        return list(trainer._get_train_sampler())

    return rows_of


def test_every_row_comes_once(order):
    assert sorted(order(epoch=0)) == list(range(400))


def test_seed_and_epoch_alone_decide_the_order(order):
    """Once the global generator did, and a resume within an epoch went on in another order."""
    assert order(epoch=2) == order(epoch=2)
    assert order(epoch=2.5) == order(epoch=2)


def test_another_epoch_or_seed_has_another_order(order):
    assert order(epoch=0) != order(epoch=1)
    assert order(epoch=0) != order(epoch=0, seed=2)


def test_rows_of_a_batch_are_of_like_length(order):
    rows = order(epoch=0)
    spread = [max(lengths) - min(lengths) for lengths in ([1 + i % 64 for i in rows[at : at + 4]] for at in range(0, 400, 4))]
    assert sum(spread) / len(spread) < 5
