"""Models to change, and a Trainer around a changed one."""

import pytest

from tuner import modeling
from tuner.config import RunConfig
from tuner.data.labelled import load_labelled
from tuner.training.build import build_trainer


@pytest.fixture
def load(four_layers):
    """A classifier "neg", "pos" on one of those models, and its tokenizer: `load("bert", dropout=0.0)`."""

    def classifier(kind, dropout=None):
        base = modeling.find_base_model(str(four_layers / kind))
        tokenizer = modeling.load_tokenizer(base)
        return modeling.load_for_training(base, tokenizer, ("neg", "pos"), 0, dropout), tokenizer

    return classifier


@pytest.fixture
def trainer_for(load, csv, tmp_path):
    """A Trainer of ours around a changed model: `trainer_for("bert", change, callbacks, max_steps=…)`."""

    def make(kind, change=lambda model: model, callbacks=(), folder="checkpoints", **training):
        quick = {
            "max_steps": 8,
            "per_device_train_batch_size": 4,
            "learning_rate": 5e-3,
            "precision": "fp32",
            "eval_strategy": "no",
            "save_strategy": "no",
            "logging_steps": 1,
        }
        config = RunConfig(data={"source": str(csv(60))}, training={**quick, **training})
        data = load_labelled(config.data)
        model, tokenizer = load(kind)
        return build_trainer(config, data, change(model), tokenizer, 16, tmp_path / folder, list(callbacks))

    return make
