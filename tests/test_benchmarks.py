"""What the benchmarks train can be trained, so that hours of them do not end at a refusal."""

import pytest

from benchmarks import strategies
from tuner import catalog, modeling
from tuner.config import RunConfig
from tuner.training.estimate import idle_settings
from tuner.training.fitting import fitted


@pytest.mark.parametrize("case", strategies.cases())
def test_the_settings_of_a_case_are_accepted_and_all_do_something(case):
    preset, settings = strategies.cases()[case]
    config = RunConfig(preset=preset, **settings)
    assert idle_settings(config) == []
    if case not in strategies.BY_NAME:
        fitted(config, modeling.find_base_model(config.model.name))


def test_every_scheduler_is_a_case():
    tried = {RunConfig(preset=preset, **settings).training.lr_scheduler_type for preset, settings in strategies.cases().values()}
    assert tried == set(catalog.schedulers())
