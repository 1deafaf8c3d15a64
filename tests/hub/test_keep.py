"""Runs in a private repository: what goes there, what goes from there, and what comes back."""

import json
import os
import shutil
import time

import pytest

from tests.hub.server import TOKEN, Repo
from tests.hub.writing import READ_ONLY, Person
from tuner import feedback, runs
from tuner.errors import NetworkError, TunerError
from tuner.feedback import Feedback
from tuner.hub import Client, client, commit, keep
from tuner.hub.keep import Keep
from tuner.training import checkpoints

KEPT = ("dataset", "owner/kept")
SPACE = "owner/space"


@pytest.fixture
def keeping(hub):
    """A server's view of the repository; each call is a server that was started anew."""

    def make(token=TOKEN, space=SPACE):
        return Keep(Client(token, hub.url), "owner/kept", space)

    return make


@pytest.fixture
def begun(keeping):
    """The same, when it has fetched all there is."""

    def begin(**more):
        made = keeping(**more)
        found = made.find()
        for folder in found.folders:
            made.fetch(found, folder)
        made.take(found)
        return made

    return begin


def there(hub):
    return {path for path in hub.repos[KEPT].files if path != ".gitattributes"}


def here(home):
    return {
        path.relative_to(home).as_posix(): path.read_bytes()
        for tree in ("runs", "uploads", "feedback")
        for path in sorted((home / tree).rglob("*"))
        if path.is_file() and "checkpoints" not in path.parts
    }


def checkpoint(run, step, best=None, whole=True, weights=b"w" * 200_000):
    """What a Trainer and the callback that seals leave."""
    folder = run.folder / "checkpoints" / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(weights + str(step).encode())
    name = str(run.folder / "checkpoints" / f"checkpoint-{best}") if best else None
    (folder / "trainer_state.json").write_text(json.dumps({"best_model_checkpoint": name}))
    if whole:
        checkpoints.seal(folder, step, checkpoints.identity_of(run.config))
    return folder


def steps_there(hub):
    return {path.split("checkpoint-")[1].split("/")[0] for path in there(hub) if "checkpoint-" in path}


@pytest.fixture
def living(queued, tiny_config):
    """A run whose owner is this process, so that it counts as going on."""
    run = queued(tiny_config())
    runs.write_status(run, state="running", step=3)
    return run


def test_a_finished_run_comes_back_as_it_was(hub, begun, trained, home):
    before = here(home)
    assert begun().push()
    assert hub.repos[KEPT].fault == "private"
    shutil.rmtree(home)
    begun()
    assert here(home) == before
    assert runs.get(trained.id).report == trained.report


def test_nothing_new_is_no_commit(hub, begun, trained):
    kept = begun()
    assert [kept.push(), kept.push()] == [True, False]
    begun().push()
    assert hub.commits == [f"Runs of {SPACE}, kept by Tuner"]


def test_the_newest_whole_checkpoint_and_the_best_are_kept(hub, begun, living):
    for step, best in ((1, 1), (2, 1), (3, 1)):
        checkpoint(living, step, best)
    checkpoint(living, 4, whole=False)
    kept = begun()
    kept.push()
    assert steps_there(hub) == {"1", "3"}
    shutil.rmtree(living.folder / "checkpoints" / "checkpoint-4")
    checkpoint(living, 4, best=4)
    kept.push()
    assert (steps_there(hub), len(hub.commits)) == ({"4"}, 2)


def test_a_checkpoint_stays_while_its_follower_is_being_written(hub, begun, living):
    """A Trainer that keeps one removes the old one before the new one has its manifest."""
    first = checkpoint(living, 1)
    kept = begun()
    kept.push()
    shutil.rmtree(first)
    checkpoint(living, 2, whole=False)
    kept.push()
    assert steps_there(hub) == {"1"}


def test_a_completed_run_keeps_no_checkpoint(hub, begun, living):
    checkpoint(living, 3)
    kept = begun()
    kept.push()
    runs.write_status(living, state="completed")
    kept.push()
    assert steps_there(hub) == set()


def test_a_run_that_is_completed_while_it_is_kept_is_kept_with_its_model(hub, begun, living, monkeypatch):
    """Its files were listed before, its status was read after: it was "completed" and had no model."""
    kept, hold = begun(), keep.hold

    def late(*arguments):
        if not living.has_model:
            living.model_folder.mkdir()
            (living.model_folder / "config.json").write_text("{}")
            runs.write_status(living, state="completed")
        return hold(*arguments)

    monkeypatch.setattr(keep, "hold", late)
    kept.push()
    assert f"runs/{living.id}/model/config.json" in there(hub)


def test_a_deleted_run_goes_there_too(hub, begun, trained, living):
    kept = begun()
    kept.push()
    runs.delete(trained)
    kept.push()
    assert {path.split("/")[1] for path in there(hub) if path.startswith("runs/")} == {living.id}


def test_a_run_that_was_not_fetched_is_not_taken_for_deleted(hub, begun, keeping, trained, living):
    """A server that got half of it from the Hub knows nothing of the rest."""
    begun().push()
    shutil.rmtree(trained.folder)
    late = keeping()
    late.take(late.find())
    runs.write_status(living, step=4)
    late.push()
    assert f"runs/{trained.id}/report.json" in there(hub)


NAMES = ["my rows, [1] ü%20+.csv", "客户反馈数据汇总" * 9 + ".csv", "[" * 251 + ".csv", os.fsdecode(b"caf\xe9.csv")]


@pytest.mark.parametrize("name", NAMES)
def test_what_runs_need_is_kept(name, hub, begun, trained, home, tiny_config, queued):
    """One upload whose name became longer than a disk takes ended the keeping of everybody's runs."""
    feedback.add("mine", Feedback(text="a great film", label="pos"))
    needed, other = home / "uploads" / ("a" * 32), home / "uploads" / ("b" * 32)
    for folder in (needed, other):
        folder.mkdir(parents=True)
        (folder / name).write_text("text,label\nnice,pos\n")
    config = trained.config.with_changes({"data": {"source": f"upload:{needed.name}"}})
    runs.create(config)
    before = {name: content for name, content in here(home).items() if "b" * 32 not in name}
    begun().push()
    shutil.rmtree(home)
    begun()
    assert here(home) == before


def test_corrections_made_before_the_fetch_come_behind_the_kept_ones(begun, home):
    """Runs name feedback by how many of its first rows they were trained on."""
    feedback.add("mine", Feedback(text="first", label="pos"))
    begun().push()
    shutil.rmtree(home)
    feedback.add("mine", Feedback(text="second", label="neg"))
    begun()
    begun()
    assert [row.text for row in feedback.all_rows("mine")] == ["first", "second"]


def test_the_next_to_train_is_the_first_to_go_on(begun, keeping, living, queued, tiny_config):
    waiting = [queued(tiny_config()) for _ in range(3)]
    (waiting[2].folder / "PLACE").write_text("0")
    begun().push()
    assert keeping().find().living == [living.id, waiting[2].id, waiting[0].id, waiting[1].id]


@pytest.mark.parametrize("looks", [1, 2, 3])
def test_a_run_whose_turn_comes_while_it_is_looked_for_is_found(looks, living, monkeypatch):
    """It was asked for what is under way first, then for what waits: a run that began between the two was in neither."""
    runs.write_status(living, state="queued")
    read, seen = runs.read_status, []

    def begins_then(run):
        status = read(run)
        seen.append(status)
        if len(seen) == looks:
            runs._write_status(run, status.model_copy(update={"state": "running"}))
        return status

    monkeypatch.setattr(runs, "read_status", begins_then)
    assert keep.living() == [living.id]


def test_a_run_deleted_while_it_is_looked_for_is_passed_over(living, queued, tiny_config, monkeypatch):
    gone = queued(tiny_config())
    there = runs.all_runs()
    shutil.rmtree(gone.folder)
    monkeypatch.setattr(runs, "all_runs", lambda: there)
    assert keep.living() == [living.id]


def test_the_history_is_folded_up_when_it_holds_more_than_what_stands(hub, begun, living, monkeypatch):
    monkeypatch.setattr(keep, "_LEAST_FOLDED_BYTES", 1)
    kept = begun()
    for step in range(1, 6):
        checkpoint(living, step)
        kept.push()
        shutil.rmtree(living.folder / "checkpoints" / f"checkpoint-{step - 1}", ignore_errors=True)
    assert sum(map(len, hub.stored.values())) < 3 * 200_000


def test_hidden_and_half_written_files_stay(hub, begun, living):
    for name in (".status.json.1", "model.part/model.safetensors"):
        file = living.folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("x")
    begun().push()
    assert not [path for path in there(hub) if ".part" in path or "/." in path]


def test_of_a_long_log_the_end_is_kept(hub, begun, living):
    (living.folder / "train.log").write_bytes(b"x" * 2**20 + b"the end")
    begun().push()
    kept = hub.repos[KEPT].files[f"runs/{living.id}/train.log"].read_bytes()
    assert (len(kept), kept[-7:]) == (2**20, b"the end")


def test_a_path_that_would_leave_the_folder_is_not_fetched(hub, begun, living, home):
    begun().push()
    for path in ("runs/..%2F..%2Fevil/x", f"runs/{living.id}/%2E%2E/%2E%2E/evil", "other/a/b", "runs/no-run/x"):
        file = hub.repos[KEPT].folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("evil")
    shutil.rmtree(home)
    begun()
    assert {path.name for path in home.iterdir()} == {"runs", "keep"}
    assert not list(home.parent.rglob("evil"))


def fault(hub, name):
    """Brings one about; gives the token to use."""
    folder = hub.folder / "theirs"
    folder.mkdir()
    if name == "public":
        hub.repos[KEPT] = Repo(folder)
    elif name == "full of other things":
        (folder / "model.safetensors").write_text("x")
        hub.repos[KEPT] = Repo(folder, "private")
    elif name == "of another Space":
        (folder / "keep.json").write_text('{"space": "owner/other", "living": []}')
        hub.repos[KEPT] = Repo(folder, "private")
    elif name == "damaged":
        (folder / "keep.json").write_text("{")
        hub.repos[KEPT] = Repo(folder, "private")
    hub.people[READ_ONLY] = Person("owner", "read")
    return READ_ONLY if name == "read-only" else TOKEN


REFUSALS = [
    ("public", "is public, and runs are kept in a private repository alone"),
    ("full of other things", "holds other things than kept runs"),
    ("of another Space", "keeps the runs of the Space owner/other"),
    ("damaged", "is damaged"),
    ("read-only", "may not write to 'owner/kept'"),
]


@pytest.mark.parametrize(("name", "cause"), REFUSALS)
def test_a_repository_that_is_not_for_this_is_refused(name, cause, hub, keeping):
    token = fault(hub, name)
    with pytest.raises(NetworkError, match=cause):
        keeping(token=token).find()
    assert hub.commits == []


def test_a_repository_that_was_made_public_gets_nothing_more(hub, begun, living):
    kept = begun()
    kept.push()
    hub.repos[KEPT] = Repo(hub.repos[KEPT].folder)
    runs.write_status(living, step=4)
    with pytest.raises(NetworkError, match="is public"):
        kept.push()
    assert len(hub.commits) == 1


FAULTS = [
    ("auth-check", 503, "answered 503"),
    ("put", 403, "no more room"),
    ("commit", 403, "no more room"),
    ("commit", 429, "asked too often"),
    ("commit", 500, "answered 500"),
    ("commit", 401, "does not accept your token"),
    ("commit", "drop", "connection to the Hub broke"),
]


@pytest.mark.parametrize(("step", "what", "cause"), FAULTS)
def test_after_a_fault_the_next_commit_holds_it_all(step, what, cause, hub, begun, living, home):
    checkpoint(living, 1)
    kept = begun()
    hub.fail(step, what)
    with pytest.raises(TunerError, match=cause):
        kept.push()
    assert kept.push()
    assert steps_there(hub) == {"1"}


def test_a_lost_answer_is_one_commit(hub, begun, living):
    kept = begun()
    hub.fail("commit", "lost")
    assert kept.push()
    assert not kept.push()
    assert len(hub.commits) == 1


@pytest.mark.parametrize("fetched", [True, False])
def test_a_run_deleted_while_others_are_fetched_stays_deleted(fetched, hub, begun, keeping, trained, home):
    """Each folder is asked for twice, what the living runs need first: a run deleted in between came back."""
    begun().push()
    if fetched:
        shutil.rmtree(trained.folder)
    late = keeping()
    found = late.find()
    late.fetch(found, f"runs/{trained.id}")
    runs.delete(trained)
    late.fetch(found, f"runs/{trained.id}")
    late.take(found)
    late.push()
    assert not trained.folder.exists()
    assert there(hub) == {"keep.json"}


def test_what_somebody_else_changed_there_is_put_right(hub, begun, living):
    kept = begun()
    kept.push()
    (hub.repos[KEPT].folder / "runs" / living.id / "config.yaml").unlink()
    assert not kept.push()  # nothing has changed here, and nobody is asked
    runs.write_status(living, step=4)
    assert kept.push()
    assert f"runs/{living.id}/config.yaml" in there(hub)


def test_a_torn_download_leaves_nothing(begun, keeping, living, home):
    checkpoint(living, 1)
    begun().push()
    shutil.rmtree(home)
    found = keeping().find()
    weights = next(entry for path, entry in found.entries.items() if path.endswith("model.safetensors"))
    weights.lfs.sha256, whole = "0" * 64, weights.lfs.sha256
    with pytest.raises(NetworkError, match="did not arrive whole"):
        keeping().fetch(found, f"runs/{living.id}")
    assert [path for path in home.rglob("*") if path.is_file()] == []
    weights.lfs.sha256 = whole
    keeping().fetch(found, f"runs/{living.id}")
    assert checkpoints.newest_whole(living.folder / "checkpoints", checkpoints.identity_of(living.config))


@pytest.mark.parametrize("what", ["broken", "silent files"])
def test_a_hub_that_fails_midway_is_a_sentence(what, hub, begun, keeping, living, home, monkeypatch):
    begun().push()
    shutil.rmtree(home)
    late = keeping()
    found = late.find()
    monkeypatch.setattr(commit, "LEAST_SECONDS", 2.0)
    hub.repos[KEPT] = Repo(hub.repos[KEPT].folder, what)
    with pytest.raises(NetworkError, match="did not answer"):  # within the time there is
        late.fetch(found, f"runs/{living.id}")
    assert not (home / "runs").exists()


def test_a_silent_hub_is_not_waited_for_ever(hub, begun, living, monkeypatch):
    kept = begun()
    monkeypatch.setattr(client, "SECONDS", 2.0)
    monkeypatch.setattr(commit, "LEAST_SECONDS", 2.0)
    hub.fail("commit", "silent")
    start = time.monotonic()
    with pytest.raises(NetworkError, match="did not answer"):
        kept.push()
    assert time.monotonic() - start < 15
    assert kept.push()
