"""The learning-rate range test."""

import json

import numpy as np
import pytest

from tuner.cli import main
from tuner.errors import SettingsError
from tuner.training.lr_finder import HIGHEST, LOWEST, _steepest, find_learning_rate

STEPS = 12


def test_rates_grow_by_one_factor_from_the_lowest_to_the_highest(tiny_config):
    curve = find_learning_rate(tiny_config("bert"), STEPS)
    factors = [b / a for a, b in zip(curve.rates, curve.rates[1:], strict=False)]
    assert curve.rates[0] == LOWEST
    assert factors == pytest.approx([(HIGHEST / LOWEST) ** (1 / (STEPS - 1))] * len(factors))
    assert len(curve.losses) == len(curve.rates)


def test_the_same_settings_give_the_same_curve(tiny_config):
    assert find_learning_rate(tiny_config("bert"), STEPS) == find_learning_rate(tiny_config("bert"), STEPS)


def test_it_leaves_no_run_behind(tiny_config, home):
    find_learning_rate(tiny_config("bert"), STEPS)
    assert not list(home.rglob("config.yaml"))


def test_a_loss_that_grows_again_ends_the_test(tiny_config, monkeypatch):
    monkeypatch.setattr("tuner.training.lr_finder.HIGHEST", 1e4)
    assert len(find_learning_rate(tiny_config("bert"), 40).rates) < 40


def test_the_suggestion_is_where_the_loss_falls_fastest():
    losses = [1.0, 1.0, 1.0, 0.95, 0.6, 0.3, 0.1, 0.1, 0.1, 0.5]
    assert _steepest([(10.0**i, loss) for i, loss in enumerate(losses)]) == 1e4


def test_a_loss_that_never_falls_suggests_nothing():
    assert _steepest([(1.0, loss) for loss in (1, 1, 2, 3, 4, 5)]) is None


def curve(*losses):
    """60 points through these losses, as the finder hands them over: (rate, loss)."""
    steps = np.arange(60)
    smooth = np.interp(steps, np.linspace(0, 59, len(losses)), losses)
    return [(LOWEST * (HIGHEST / LOWEST) ** (step / 59), loss) for step, loss in zip(steps, smooth.tolist(), strict=True)]


@pytest.mark.parametrize("end", [[1.273, 1.0], [1.273, 0.8], [1.04, 0.949]], ids=["exploded", "lower", "near"])
def test_no_rate_beyond_the_lowest_loss_is_suggested(end):
    """A model broken by a rate that was too high swung more steeply than it ever learned: 6.3e-3 was suggested, not 3e-4."""
    assert 1e-4 < _steepest(curve(1.11, 1.11, 1.11, 1.1, 1.08, 1.04, 0.93, 0.98, *end)) < 1e-3


def test_a_jump_of_the_first_batches_is_no_learning():
    assert _steepest([(LOWEST, 2.0), *curve(1.11, 1.11, 1.1, 1.08, 1.04, 0.93, 1.2)[1:]]) > 1e-4


@pytest.mark.parametrize("losses", [(0.5, 1, 2), (1, 1, 1)], ids=["lowest at the start", "flat"])
def test_a_curve_that_does_not_fall_has_no_rate(losses):
    assert _steepest(curve(*losses)) is None


def test_too_few_steps_are_refused(tiny_config):
    with pytest.raises(SettingsError, match="steps = 3: a curve needs at least 10"):
        find_learning_rate(tiny_config("bert"), 3)


def test_the_command_prints_one_document(tiny_config, capsys):
    config = tiny_config("bert")
    options = ["--data", config.data.source, "--model", config.model.name, "--steps", str(STEPS), "--json"]
    assert main(["find-lr", *options]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"rates", "losses", "suggestion"}
