"""Who may do what to which run, and how much of it."""

import os

import pytest

from tuner import access, feedback, hub_read, queue, runs
from tuner import person as people
from tuner.access import LOCAL, VISITOR, Person, acting
from tuner.config import DataConfig, RunConfig
from tuner.data import files, overlay, uploads
from tuner.data.labelled import load_for_scoring
from tuner.data.sources import load_raw
from tuner.errors import AccessError, RunError, SourceError
from tuner.launch import jobs, local
from tuner.person import EXPIRED

ANNA, BEN = Person("anna", "hf_anna"), Person("ben", "hf_ben")
CHIEF = Person("chief", "hf_chief", owner=True)
OWN = {"stop", "resume", "move", "push", "delete", "share", "threshold", "rows"}


@pytest.fixture(autouse=True)
def space(monkeypatch):
    monkeypatch.setenv("SPACE_ID", "chief/trainer")
    monkeypatch.setattr(people, "_nobody", LOCAL)
    people.strangers_come()


@pytest.fixture
def run():
    return runs.create(RunConfig(name="Anna's"), "anna")


@pytest.mark.parametrize("person", [ANNA, CHIEF, LOCAL])
@pytest.mark.parametrize("right", access.RIGHTS)
def test_who_started_it_and_the_owner_may_do_all(run, person, right):
    with acting(person):
        assert access.get(run.id, right) == run


@pytest.mark.parametrize("person", [BEN, VISITOR, EXPIRED])
@pytest.mark.parametrize("right", access.RIGHTS)
def test_to_others_the_run_is_as_one_that_is_not_there(run, person, right):
    with acting(person):
        assert access.visible() == []
        with pytest.raises(RunError) as hidden:
            access.get(run.id, right)
        with pytest.raises(RunError) as missing:
            access.get("20200101-000000-abcdef", right)
        assert str(hidden.value).replace(run.id, "") == str(missing.value).replace("20200101-000000-abcdef", "")
        with pytest.raises(RunError, match="There is no run"):
            access.check(run, right)


def test_a_run_of_nobody_is_seen_by_the_owner_alone():
    """One made by the command line on the Space: a visitor has no name either."""
    runs.create(RunConfig())
    for person, count in ((VISITOR, 0), (BEN, 0), (CHIEF, 1)):
        with acting(person):
            assert len(access.visible()) == count


@pytest.mark.parametrize("person", [BEN, VISITOR])
def test_a_shared_run_is_seen_and_used_and_no_more(run, person):
    with acting(ANNA):
        access.share(run.id)
    with acting(person):
        assert access.visible() == [run]
        assert {right for right in access.RIGHTS if access.may(run, right)} == {"see", "evaluate"}
        for right in OWN:
            with pytest.raises(AccessError):
                access.get(run.id, right)
    with acting(ANNA):
        access.share(run.id, False)
    with acting(person):
        assert access.visible() == []


def test_a_right_that_is_none_is_a_mistake_of_the_program(run):
    with pytest.raises(ValueError, match="no right 'sea'"):
        access.may(run, "sea")


def test_outside_of_a_request_nobody_is_the_owner(run):
    """A handler that nobody wrapped sees nothing on a Space."""
    assert access.current() == VISITOR
    assert access.visible() == []


def test_latest_is_one_s_own(run):
    with acting(ANNA):
        access.share(run.id)
        assert access.get("latest") == run
    with acting(BEN), pytest.raises(RunError, match="no run yet"):
        access.get("latest")


def test_the_token_is_that_of_the_person_who_asks_and_never_the_space_s(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_space")
    for person, token in ((ANNA, "hf_anna"), (VISITOR, False), (EXPIRED, False)):
        with acting(person):
            assert hub_read.token() == token
            assert hub_read.within_deadline(hub_read.token, 5) == token  # asked in a thread
    assert hub_read.token() is False


def test_a_person_s_token_stands_in_no_text():
    assert "hf_anna" not in f"{ANNA} {ANNA!r}"


def test_the_owner_s_token_goes_to_no_run_of_others(run):
    with acting(CHIEF):
        assert access.token_for(run) is False
    with acting(ANNA):
        assert access.token_for(run) is None


@pytest.mark.parametrize("name", ["Chief", "dora", "emil"])
def test_owners_are_the_space_s_author_and_those_named(monkeypatch, name):
    monkeypatch.setenv("SPACE_AUTHOR_NAME", "chief")
    monkeypatch.setenv("TUNER_OWNERS", "dora, emil")
    assert access.is_owner(name)
    assert not access.is_owner("")
    assert not access.is_owner("anna")


@pytest.mark.parametrize("person", [VISITOR, EXPIRED])
def test_without_a_login_nothing_is_started(person, csv):
    with acting(person), pytest.raises(AccessError, match=r"log in|has expired"):
        local.start(RunConfig(data={"source": str(csv())}))
    assert runs.all_runs() == []


def test_so_many_runs_at_a_time(monkeypatch, run):
    monkeypatch.setenv("TUNER_MAX_QUEUED", "1")
    with acting(ANNA), pytest.raises(AccessError, match="1 of your runs waits or train, and 1 at a time"):
        access.check_start()
    with acting(BEN):
        access.check_start()
    runs.write_status(run, state="completed")
    with acting(ANNA):
        access.check_start()


def test_so_much_storage(monkeypatch, run):
    monkeypatch.setenv("TUNER_MAX_GIGABYTES", "0.001")
    (run.folder / "weights").write_bytes(bytes(1_100_000))
    runs.write_status(run, state="completed")
    with acting(ANNA), pytest.raises(AccessError, match=r"take 0.00 GB of the 0.001 GB allowed"):
        access.check_start()
    with acting(CHIEF):
        access.check_start()


def test_uploads_are_storage_too(monkeypatch, write):
    """Once 22 MB of uploads went past a limit of 1 MB."""
    monkeypatch.setenv("TUNER_MAX_GIGABYTES", "0.001")
    first, second = (write(f"{name}.csv", f"text,label\n{name * 600_000},a\n") for name in "xy")
    with acting(ANNA):
        source = files.store_upload(first)
        assert files.store_upload(first) == source  # nothing more
        with pytest.raises(AccessError, match=r"upload takes 0.00 GB.* take 0.00 GB of the 0.001 GB allowed"):
            files.store_upload(second)
        access.check_start()
        monkeypatch.setenv("TUNER_MAX_GIGABYTES", "0.0005")
        with pytest.raises(AccessError, match="runs and uploads take"):
            access.check_start()
    for person in (BEN, CHIEF):
        with acting(person):
            access.check_start()
            if person.owner:
                assert files.store_upload(second)


def test_so_many_rows_whatever_they_are_for(monkeypatch, tiny_config, csv):
    """Once a test split of any length went past the limit of the training rows."""
    monkeypatch.setenv("TUNER_MAX_ROWS", "100")
    config = tiny_config(source=csv(101))
    source = DataConfig(source=config.data.source)
    for person in (ANNA, VISITOR):
        with acting(person), pytest.raises(AccessError, match="101 rows are more than the 100 allowed"):
            load_for_scoring(source, "all")
    with acting(ANNA):
        assert load_for_scoring(source, "test")
        with pytest.raises(AccessError, match=r"101 rows are more than the 100 allowed.*max_eval_samples"):
            local.prepare(config)
        local.prepare(config.with_changes({"data": {"max_train_samples": 60}}))
    with acting(LOCAL):
        assert local.prepare(config)
        assert load_for_scoring(source, "all")


@pytest.mark.parametrize(("given", "minutes"), [("", "60"), ("5", "5"), ("0.5", "0.5"), ("many", "60"), ("-1", "60")])
def test_a_worker_is_told_its_minutes(monkeypatch, run, given, minutes):
    monkeypatch.setenv("TUNER_MAX_MINUTES", given)
    with acting(ANNA):
        assert access.worker_limits(run) == {"TUNER_MAX_MINUTES": minutes}
    with acting(CHIEF):
        assert access.worker_limits(run) == {"TUNER_MAX_MINUTES": ""}


def test_a_run_ends_after_its_minutes_and_says_why(monkeypatch, tiny_config, train_here):
    """A worker serves nobody: it is the machine's own."""
    monkeypatch.setattr(people, "_nobody", LOCAL)
    monkeypatch.setenv("TUNER_MAX_MINUTES", "0.02")
    status = train_here(tiny_config(max_steps=100_000)).status
    assert status.state == "stopped"
    assert status.message.startswith("It has taken the 0.02 minutes that a run may take here.")


def test_runs_change_places_with_one_s_own_alone():
    first, theirs, last = (runs.create(RunConfig(), name) for name in ("anna", "ben", "anna"))
    with acting(ANNA):
        with pytest.raises(AccessError, match="Runs of other people wait there"):
            access.move(last, 1)
        with pytest.raises(RunError, match="There is no run"):
            access.move(theirs, 1)
    assert queue.waiting() == [first, theirs, last]
    with acting(CHIEF):
        access.move(last, 1)
    with acting(ANNA):
        access.move(first, 1)
    assert queue.waiting() == [first, last, theirs]


def test_two_people_s_corrections_of_a_run_never_meet(run):
    names = set()
    with acting(ANNA):
        access.share(run.id)
    for person in (ANNA, BEN):
        with acting(person):
            names.add(feedback.name_for(run.id))
            feedback.add(feedback.name_for(run.id), feedback.Feedback(text=f"by {person.name}", label="pos"))
            assert [row.text for row in feedback.all_rows(feedback.name_for(run.id))] == [f"by {person.name}"]
            assert feedback.names() == [feedback.name_for(run.id)]
    assert len(names) == 2


def test_corrections_of_others_are_no_source(run):
    with acting(ANNA):
        name = feedback.name_for(run.id)
        feedback.add(name, feedback.Feedback(text="mine", label="pos"))
    with acting(BEN):
        for ask in (feedback.all_rows, feedback.count, feedback.remove, feedback.path):
            with pytest.raises(SourceError, match="There is no feedback"):
                ask(name)
        with pytest.raises(SourceError, match="There is no feedback"):
            load_raw(f"feedback:{name}")


def test_an_upload_is_read_by_who_sent_it(csv):
    with acting(ANNA):
        source = files.store_upload(csv())
        assert load_raw(source).splits
    with acting(BEN), pytest.raises(SourceError, match="no such upload of yours"):
        load_raw(source)
    with acting(BEN):
        assert files.store_upload(csv()) == source
        assert load_raw(source).splits
    with acting(VISITOR), pytest.raises(AccessError):
        files.store_upload(csv())


def test_what_others_train_from_a_run_keeps_it_from_being_deleted_until_it_ends_and_is_not_named(run):
    runs.write_status(run, state="completed")
    further = runs.create(RunConfig(model={"name": f"run:{run.id}"}), "ben")
    with acting(ANNA):
        with pytest.raises(RunError, match=r"^Another run is queued and begins with .*Wait until it has ended\."):
            jobs.delete(run)
        runs.write_status(further, state="stopped")
        jobs.delete(run)
    assert not run.folder.exists()


def test_an_upload_goes_with_the_last_run_that_uses_it(csv, home):
    with acting(ANNA):
        source = files.store_upload(csv())
        load_raw(source)
        first, second = (runs.create(RunConfig(data={"source": source}), "anna") for _ in range(2))
    with acting(BEN):
        files.store_upload(csv())
    for run in (first, second):
        runs.write_status(run, state="completed")
    with acting(ANNA):
        jobs.delete(first)
        assert files.uploaded_path(source)
        jobs.delete(second)
        with pytest.raises(SourceError, match="no such upload of yours"):
            files.uploaded_path(source)
    with acting(BEN):
        assert files.uploaded_path(source)
        uploads.forget(source.removeprefix("upload:"))
    assert not [path for folder in ("uploads", "cache/tables") for path in (home / folder).iterdir()]


def test_on_a_machine_of_one_user_an_upload_stays(csv):
    with acting(LOCAL):
        source = files.store_upload(csv())
        run = runs.create(RunConfig(data={"source": source}))
        runs.write_status(run, state="completed")
        jobs.delete(run)
        assert files.uploaded_path(source)


def test_an_upload_that_no_run_uses_goes_after_a_day(csv, home):
    with acting(ANNA):
        used, unused, fresh = (files.store_upload(csv(rows)) for rows in (10, 20, 30))
        runs.create(RunConfig(data={"source": used}), "anna")
        for source in (used, unused):
            (mark,) = (home / "uploads" / f"{source.removeprefix('upload:')}.senders").iterdir()
            os.utime(mark, (1, 1))
        files.store_upload(csv(40))
        assert files.uploaded_path(used)
        assert files.uploaded_path(fresh)
        with pytest.raises(SourceError):
            files.uploaded_path(unused)


def test_decisions_about_rows_are_one_s_own():
    identity = "0123456789abcdef"
    with acting(ANNA):
        overlay.add(identity, [overlay.decide("train/1", "a text", "neg", "drop")])
        assert overlay.draft(identity)
    with acting(BEN):
        assert overlay.draft(identity) == {}


@pytest.mark.parametrize(("one", "other"), [("Anna", "anna"), ("a-b", "a_b"), ("x" * 30, "x" * 31), ("", "visitor")])
def test_no_two_people_have_the_same_folder(one, other):
    from tuner.person import folder_name

    assert folder_name(one) != folder_name(other)
