"""Layers freed from the top while the Trainer trains."""

import pytest
import torch
import transformers

from tests.structure.models import EVERY, LAYERS, StopAt, lora, still, trained_weights
from tuner.errors import SettingsError
from tuner.structure import GradualUnfreezing, count_parameters, freeze
from tuner.structure.anatomy import parts_of


class Watch(transformers.TrainerCallback):
    """Which layers (0 lowest, "beneath") had a gradient in each step, and how long the gradient was."""

    def __init__(self):
        self.steps = []

    def on_pre_optimizer_step(self, args, state, control, model, **kwargs):
        parts = parts_of(model)
        layers = {i for i, layer in enumerate(parts.layers) if any(p.grad is not None for p in layer)}
        self.steps.append(layers | ({"beneath"} if any(p.grad is not None for p in parts.beneath) else set()))


@pytest.mark.slow
@pytest.mark.parametrize("kind", EVERY)
def test_layers_are_freed_from_the_top(kind, trainer_for):
    watch = Watch()
    trainer = trainer_for(kind, callbacks=[GradualUnfreezing(0.5), watch], max_steps=10)
    trainer.train()
    if kind == "albert":
        expected = [set()] * 3 + [{0}] * 2 + [{0, "beneath"}] * 5
    else:
        # Four layers and the embeddings, one more after each step of the first half. The positions that DeBERTa's and
        # MPNet's layers share have a gradient with the embeddings only, too.
        expected = [set(range(LAYERS - step, LAYERS)) for step in range(5)] + [{0, 1, 2, 3, "beneath"}] * 5
    assert watch.steps == expected
    assert all(parameter.requires_grad for parameter in trainer.model.parameters())


def test_waiting_weights_do_not_move_by_weight_decay(trainer_for):
    trainer = trainer_for("bert", callbacks=[GradualUnfreezing(1.0), StopAt(2)], max_steps=20, weight_decay=0.5)
    before = trained_weights(trainer)
    trainer.train()
    after = trained_weights(trainer)
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    assert moved == {n for n in after if n.startswith(("classifier.", "bert.pooler."))}
    optimized = sum(p.numel() for group in trainer.optimizer.param_groups for p in group["params"])
    assert optimized == count_parameters(trainer.model)[0]


def test_clipping_sees_the_freed_weights_alone(trainer_for):
    def first_norm(callbacks, change=lambda model: model):
        trainer = trainer_for("bert", change, callbacks=[*callbacks, StopAt(1)], max_steps=20, max_grad_norm=1e-3)
        trainer.train()
        return next(log["grad_norm"] for log in trainer.state.log_history if "grad_norm" in log)

    def head_alone(model):
        freeze(model, "all_but_head")
        return model

    assert first_norm([GradualUnfreezing(1.0)]) == pytest.approx(first_norm([], head_alone), rel=1e-5)
    assert first_norm([GradualUnfreezing(1.0)]) < first_norm([]) * 0.99


def test_what_was_frozen_stays_frozen(trainer_for):
    def lower_half(model):
        freeze(model, layers=2)
        return model

    watch = Watch()
    trainer = trainer_for("bert", lower_half, callbacks=[GradualUnfreezing(0.5), watch], max_steps=8)
    trainer.train()
    assert watch.steps == [set()] * 2 + [{3}] * 2 + [{2, 3}] * 4
    assert still(trainer.model)


def test_gradual_unfreezing_of_a_frozen_model_is_refused(trainer_for):
    def all_but_head(model):
        freeze(model, "all_but_head")
        return model

    with pytest.raises(SettingsError, match="everything but the head is frozen"):
        trainer_for("bert", all_but_head, callbacks=[GradualUnfreezing(0.5)]).train()


@pytest.mark.slow
@pytest.mark.parametrize("accumulation", [1, 2])
@pytest.mark.parametrize("change", [lambda model: model, lora], ids=["whole", "lora"])
def test_gradual_unfreezing_goes_on_where_it_was_after_a_resume(change, accumulation, trainer_for, tmp_path):
    settings = {"max_steps": 10, "save_strategy": "steps", "save_steps": 100, "gradient_accumulation_steps": accumulation}
    whole = trainer_for("bert", change, [GradualUnfreezing(0.8)], folder="whole", **settings)
    whole.train()
    trainer_for("bert", change, [GradualUnfreezing(0.8), StopAt(3)], **settings).train()
    resumed = trainer_for("bert", change, [GradualUnfreezing(0.8)], **settings)
    resumed.train(resume_from_checkpoint=str(tmp_path / "checkpoints" / "checkpoint-3"))
    expected, found = trained_weights(whole), trained_weights(resumed)
    assert all(torch.equal(found[name], expected[name]) for name in expected)
