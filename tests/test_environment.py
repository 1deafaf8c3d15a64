"""What a run was trained with is noted, shown, and compared with what is here."""

import importlib.metadata
import json

from tuner import environment


def test_a_run_notes_what_it_was_trained_with(train_here, tiny_config):
    found = train_here(tiny_config(max_steps=1)).environment
    assert found["packages"]["torch"] == importlib.metadata.version("torch")
    assert set(environment.PACKAGES) < set(found["packages"])
    assert found["precision"] == "fp32"


def test_nothing_noted_is_empty(queued, tiny_config):
    run = queued(tiny_config())
    assert run.environment == {}
    (run.folder / "environment.json").write_text("{ torn")
    assert run.environment == {}
    assert environment.provenance(run)[0] == "What it was trained with was not noted."


def test_the_same_machine_shows_no_difference():
    assert environment.differences(environment.installed()) == []


def test_other_versions_are_shown():
    here = environment.installed()
    then = {**here, "packages": {**here["packages"], "torch": "1.0"}}
    assert environment.differences(then) == [f"torch 1.0, here {here['packages']['torch']}"]


def test_other_versions_do_not_stop_a_run_s_script(train_here, tiny_config):
    from tuner.reproduce import recipe_for
    from tuner.reproduce.folder import requirements

    run = train_here(tiny_config(max_steps=1))
    noted = run.environment
    noted["packages"]["torch"] = "1.0+cpu"
    (run.folder / "environment.json").write_text(json.dumps(noted))
    assert "torch==1.0" in requirements(recipe_for(run))
