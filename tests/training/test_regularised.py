"""Weight decay and clipping change the weights as they say."""

import pytest

from tuner.inference import load_classifier, load_untouched

pytestmark = pytest.mark.slow
RATE = 0.01
ONE_STEP = {"max_steps": 1, "lr_scheduler_type": "constant", "optim": "sgd", "learning_rate": RATE}


@pytest.fixture
def trained(train_here, tiny_config):
    """(weights before, weights after) of one plain step along the gradient, all in one row of numbers."""

    def train(**training):
        run = train_here(tiny_config(**{**ONE_STEP, **training}))
        return [numbers(found.model) for found in (load_untouched(run), load_classifier(run))]

    return train


def numbers(model):
    import torch

    return torch.cat([weight.detach().flatten() for name, weight in sorted(model.named_parameters()) if weight.dim() > 1])


def test_clipping_shortens_the_step(trained):
    before, free = trained(max_grad_norm=0, weight_decay=0)
    _, clipped = trained(max_grad_norm=0.001, weight_decay=0)
    assert (free - before).norm() > RATE * 0.002
    assert 0 < (clipped - before).norm() <= RATE * 0.001 * 1.01


def test_decay_pulls_the_weights_towards_zero_by_its_share(trained):
    _, free = trained(weight_decay=0)
    before, decayed = trained(weight_decay=0.5)
    assert (decayed - free).norm() == pytest.approx(RATE * 0.5 * before.norm().item(), rel=0.01)
    assert decayed.norm() < free.norm()
