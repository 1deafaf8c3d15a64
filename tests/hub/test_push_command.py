"""push, and train --push-to, as commands: what they print, how they end, and that no token stays anywhere."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.hub.server import TOKEN
from tests.hub.test_files import EXPECTED
from tests.hub.test_push import MODEL, content
from tests.serving import ROOT


def test_the_command_pushes_and_says_how_it_answers_there(hub, trained, tuner):
    done = tuner("push", trained.id, "owner/model", "--json", HF_TOKEN=TOKEN).json
    assert (done["repo_id"], done["private"], done["unchanged"]) == ("owner/model", True, False)
    assert done["compared"]["same"] == done["compared"]["n"] == 4
    again = tuner("push", trained.id, "owner/model", "--no-compare", HF_TOKEN=TOKEN)
    assert again.out == f"Run {trained.id} was there already, unchanged, private: {hub.url}/owner/model\n"


def test_progress_goes_to_stderr(trained, tuner):
    done = tuner("push", "latest", "owner/model", "--public", "--no-compare", HF_TOKEN=TOKEN)
    assert "is on the Hub, public" in done.out
    assert "sent " in done.err


def test_a_dry_run_lists_the_files_and_asks_nothing(hub, trained, tuner):
    done = tuner("push", trained.id, "owner/model", "--dry-run")
    assert [name for name in EXPECTED if name not in done.out] == []
    assert "Nothing was sent" in done.out
    assert "# model" in done.out
    listed = tuner("push", trained.id, "owner/model", "--dry-run", "--json").json
    assert {file["path"] for file in listed["files"]} == EXPECTED
    assert hub.requests == []


def test_without_a_token_it_says_how_to_log_in(trained, tuner):
    answer = tuner("push", trained.id, "owner/model")
    assert (answer.code, len(answer.err.strip().splitlines())) == (2, 2)
    assert "hf auth login" in answer.err


def train(tuner, source, model, *more, **environment):
    few = ("training.max_steps=2", "training.save_strategy=epoch")
    given = [part for setting in few for part in ("--set", setting)]
    return tuner("train", "--data", source, "--model", model, "--json", *given, *more, **environment)


@pytest.mark.slow
def test_a_training_that_may_not_be_pushed_is_not_started(hub, csv, tiny_models, tuner, home):
    answer = train(tuner, csv(), tiny_models["bert"], "--push-to", "somebody/model", HF_TOKEN=TOKEN)
    assert (answer.code, "You cannot write under 'somebody'" in answer.err) == (2, True)
    assert not list(home.glob("runs/*-*"))
    queued = train(tuner, csv(), tiny_models["bert"], "--push-to", "owner/model", "--queue", HF_TOKEN=TOKEN)
    assert (queued.code, "does not go with --queue" in queued.err) == (2, True)


@pytest.mark.slow
def test_a_place_on_the_hub_that_cannot_be_written_is_told_before_the_training(csv, tiny_models, tuner, home):
    """As the page does it: the right is asked for, nothing is made there, and Share pushes it later."""
    answer = train(tuner, csv(), tiny_models["bert"], "--set", "training.hub_model_id=somebody/model", HF_TOKEN=TOKEN)
    assert (answer.code, "You cannot write under 'somebody'" in answer.err) == (2, True)
    assert not list(home.glob("runs/*-*"))


@pytest.mark.slow
def test_a_training_is_pushed_at_its_end(hub, csv, tiny_models, tuner):
    done = train(tuner, csv(), tiny_models["bert"], "--push-to", "owner/model", HF_TOKEN=TOKEN).json
    assert (done["state"], done["pushed"]["repo_id"]) == ("completed", "owner/model")
    assert set(content(hub)) == EXPECTED
    assert hub.repos[MODEL].fault == "private"


@pytest.mark.slow
def test_a_push_that_fails_after_the_training_leaves_the_run_whole(hub, csv, tiny_models, tuner):
    hub.fail("commit", 500)
    answer = train(tuner, csv(), tiny_models["bert"], "--push-to", "owner/model", HF_TOKEN=TOKEN)
    outcome = json.loads(answer.out)
    assert (answer.code, outcome["state"], outcome["pushed"]) == (2, "completed", None)
    assert "The Hub answered 500" in answer.err
    assert not tuner("push", outcome["run_id"], "owner/model", "--no-compare", "--json", HF_TOKEN=TOKEN).json["unchanged"]


@pytest.mark.slow
def test_the_token_is_in_no_file_log_process_or_payload(hub, trained, environment, home, hf_home):
    """Arguments and environments of the command's child too: it gets the token by a pipe."""
    command = [sys.executable, "-m", "tuner", "push", trained.id, "owner/model"]
    parent = subprocess.Popen(
        command, env={**environment, "HF_TOKEN": TOKEN}, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    seen = {}
    while parent.poll() is None:
        seen |= processes_below(parent.pid)
        time.sleep(0.02)
    said = parent.stdout.read()
    assert parent.returncode == 0, said
    assert any(b"tuner.hub.answers" in line for line in seen.values())
    kept = {path: path.read_bytes() for folder in (home, hf_home) for path in folder.rglob("*") if path.is_file()}
    sent = {**content(hub), **hub.stored}
    everything = {**kept, **sent, **seen, "said": said.encode(), "messages": "".join(hub.commits).encode()}
    assert home / "runs" / trained.id / "push.json" in kept
    assert [name for name, content in everything.items() if TOKEN.encode() in content] == []


def processes_below(pid):
    """Arguments and environments of a process's children (its own environment was given the token by a person)."""
    found = {}
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and f"\nPPid:\t{pid}\n" in (folder / "status").read_text():
                found |= {(folder.name, name): (folder / name).read_bytes() for name in ("environ", "cmdline")}
            elif folder.name == str(pid):
                found[folder.name, "cmdline"] = (folder / "cmdline").read_bytes()
        except (OSError, UnicodeDecodeError):
            continue
    return found


def test_the_token_of_the_tests_is_not_in_the_environment():
    assert TOKEN not in os.environ.values()
