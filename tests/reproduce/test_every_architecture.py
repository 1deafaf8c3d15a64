"""For every architecture the script makes the model that Tuner makes, trains the same of it at the same rates."""

from types import SimpleNamespace

import pytest
import torch

from tests.structure.models import EVERY
from tuner import modeling
from tuner.config import RunConfig
from tuner.data.labelled import load_labelled
from tuner.reproduce import write_script
from tuner.structure import GradualUnfreezing
from tuner.structure.anatomy import READ_THE_FIRST_TOKEN, plain
from tuner.training.build import build_model, build_trainer

SHAPES = {
    "smaller": {"num_hidden_layers": 2, "layer_selection": "last", "intermediate_size": 24, "freeze": "embeddings"},
    "lora": {"lora": 2, "num_hidden_layers": 3},
    "lower half frozen": {"freeze_layers": 2},
    "head alone": {"freeze": "all_but_head"},
}
MEAN = {"mean_pooling": True, "num_hidden_layers": 2, "freeze_layers": 2}
CASES = [(kind, shape) for kind in EVERY for shape in SHAPES if (kind, shape) != ("albert", "lower half frozen")]
CASES += [(kind, "mean") for kind in READ_THE_FIRST_TOKEN]
pytestmark = pytest.mark.slow


@pytest.fixture
def both(four_layers, csv, tmp_path):
    """Builds the Trainer by Tuner and by the script: `both(kind, model)` → (Tuner's, the script's)."""

    def build(kind, model):
        config = RunConfig(
            data={"source": str(csv())},
            model={"name": str(four_layers / kind), "max_length": 16, **model},
            training={
                "precision": "fp32",
                "layerwise_lr_decay": 0.7,
                "head_learning_rate": 1e-2,
                "gradual_unfreezing": 0.5,
                "max_steps": 10,
            },
        )
        base = modeling.find_base_model(config.model.name)
        tokenizer, data = modeling.load_tokenizer(base), load_labelled(config.data)
        made, _ = build_model(config, base, tokenizer, data.labels)
        script = write_script(config, tmp_path / "script")
        names = {"__file__": str(script), "__name__": "__main__"}
        exec(compile(script.read_text().partition("# 6. Train\n")[0], "train.py", "exec"), names)
        return build_trainer(config, data, made, tokenizer, 16, tmp_path / "out", []), names["trainer"]

    return build


def rates(trainer):
    names = {parameter: name for name, parameter in trainer.model.named_parameters()}
    groups = trainer.create_optimizer().param_groups
    return {names[parameter]: (group["lr"], group["weight_decay"]) for group in groups for parameter in group["params"]}


def waiting(trainer, kind):
    """Names of the parameters that gradual unfreezing holds back, in their groups."""
    names = {id(parameter): name for name, parameter in plain(trainer.model).named_parameters()}
    (callback,) = [one for one in trainer.callback_handler.callbacks if type(one).__name__ == "GradualUnfreezing"]
    callback.on_train_begin(trainer.args, SimpleNamespace(global_step=0, max_steps=10), trainer.control, model=trainer.model)
    groups = callback._waiting if isinstance(callback, GradualUnfreezing) else callback.waiting
    return [sorted(names[id(parameter)] for parameter in group) for group in groups]


@pytest.mark.parametrize(("kind", "shape"), CASES)
def test_model_trained_parts_rates_and_their_order_are_tuners(kind, shape, both):
    ours, theirs = both(kind, SHAPES.get(shape, MEAN))
    weights, others = ours.model.state_dict(), theirs.model.state_dict()
    assert weights.keys() == others.keys()
    assert [name for name in weights if not torch.equal(weights[name], others[name])] == []
    assert rates(ours) == rates(theirs)
    if shape != "head alone":  # then nothing waits, which Tuner refuses
        assert waiting(ours, kind) == waiting(theirs, kind)
