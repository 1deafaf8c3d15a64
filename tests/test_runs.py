"""The run folder."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from tuner import runs
from tuner.config import RunConfig
from tuner.errors import RunError


@pytest.fixture
def run():
    return runs.create(RunConfig(name="mine"))


@pytest.fixture
def sleeper():
    """A process that has nothing to do with any run."""
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def test_a_new_run_is_queued_and_has_its_settings(run):
    assert runs.is_run_id(run.id)
    assert run.status.state == "queued"
    assert run.config == RunConfig(name="mine")


def test_ids_differ_and_sort_by_time():
    made = [runs.create(RunConfig()).id for _ in range(5)]
    assert len(set(made)) == 5
    assert made[::-1] == [run.id for run in runs.list_runs()]


def test_a_run_folder_is_the_owners_alone(run):
    assert run.folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["nope", "../x", "20260101-000000-abcdef", "", "/etc", "20260101-000000-abcdef/../.."])
def test_what_is_no_run_is_refused(name):
    with pytest.raises(RunError, match="no run"):
        runs.get(name)


def test_latest_is_the_newest(run):
    newer = runs.create(RunConfig())
    assert runs.get("latest") == newer


def test_latest_is_the_newest_after_the_clock_was_set_back(run):
    later = runs.Run("20991231-235959-ffffff", run.folder.with_name("20991231-235959-ffffff"))
    run.folder.rename(later.folder)
    assert runs.get("latest") == later
    newer = runs.create(RunConfig())
    assert runs.get("latest") == newer


def test_a_folder_with_an_impossible_date_costs_no_run(run):
    run.folder.with_name("99999999-999999-ffffff").mkdir()
    assert runs.is_run_id(runs.create(RunConfig()).id)
    assert runs.get(run.id) == run


def test_folders_that_are_no_runs_are_passed_over(run, home):
    (home / "runs" / "notes").mkdir()
    assert runs.list_runs() == [run]


def test_a_status_is_replaced_whole(run, monkeypatch):
    monkeypatch.setattr(runs.os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        runs.write_status(run, step=3)
    assert runs.read_status(run).step == 0
    assert not [path for path in run.folder.iterdir() if path.name.startswith(".")]


def test_readers_never_see_half_a_status(run):
    writer = (
        "import sys; from tuner import runs; run = runs.get(sys.argv[1])\n"
        "for i in range(300): runs.write_status(run, step=i, message='x' * i)"
    )
    process = subprocess.Popen([sys.executable, "-c", writer, run.id])
    while process.poll() is None:
        status = runs.read_status(run)
        assert len(status.message) == status.step
    assert process.returncode == 0


def test_events_are_read_on_from_an_offset(run):
    runs.append_event(run, "log", loss=1.5)
    first, offset = runs.read_events(run)
    runs.append_event(run, "log", loss=0.5)
    second, end = runs.read_events(run, offset)
    assert [event["loss"] for event in (*first, *second)] == [1.5, 0.5]
    assert runs.read_events(run, end) == ([], end)


def test_a_half_written_event_waits(run):
    runs.append_event(run, "log", step=1)
    with (run.folder / "events.jsonl").open("a") as file:
        file.write('{"event": "log", "st')
        file.flush()
        events, offset = runs.read_events(run)
        file.write('ep": 2}\n')
    assert [event["step"] for event in events] == [1]
    assert runs.read_events(run, offset)[0] == [{"event": "log", "step": 2}]


def test_a_broken_event_is_passed_over(run):
    (run.folder / "events.jsonl").write_text('{"event": "log"}\nnonsense\n[1]\n{"event": "state"}\n')
    assert [event["event"] for event in runs.read_events(run)[0]] == ["log", "state"]


def test_no_events_yet(run):
    assert runs.read_events(run) == ([], 0)


def test_a_run_whose_worker_is_gone_is_lost(run, sleeper):
    runs.write_status(run, state="running", pid=sleeper.pid, process=runs.process_identity(sleeper.pid), step=3, max_steps=9)
    assert run.status.state == "running"
    sleeper.kill()
    sleeper.wait()
    assert run.status.state == "lost"
    assert run.status.message.endswith("at step 3 of 9. Resume goes on from the last whole checkpoint.")
    assert json.loads((run.folder / "status.json").read_text())["state"] == "lost"


def test_a_run_whose_worker_is_gone_is_read_where_nothing_can_be_written(run, sleeper):
    """On a full disk one such run ended `runs`, `show` and `stop` in a traceback."""
    runs.write_status(run, state="running", pid=sleeper.pid, process="1.00")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        assert runs.summary(run)["state"] == "lost"
        with pytest.raises(RunError, match="cannot be written"):
            runs.requeue(run)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert runs.read_status(run).state == "running"
    assert run.status.state == "lost"


def test_a_run_that_is_resumed_while_another_settles_it_stays_resumed(run, monkeypatch):
    runs.write_status(run, state="running", pid=2**22 + 1, process="gone")

    def slowly(_, last_words=runs.Run.last_words):
        monkeypatch.setattr(runs.Run, "last_words", last_words)
        runs.requeue(run)  # settles it itself
        return ""

    monkeypatch.setattr(runs.Run, "last_words", slowly)
    assert runs.settle(run).state == "queued"
    assert run.status.state == "queued"


def test_of_two_who_resume_at_once_one_is_refused(run):
    runs.write_status(run, state="stopped")
    both = threading.Barrier(2)

    def resume(_):
        both.wait()
        try:
            runs.requeue(run)
        except RunError as error:
            return str(error)
        return "resumed"

    with ThreadPoolExecutor(2) as pool:
        found = sorted(pool.map(resume, range(2)))
    assert found[1] == "resumed"
    assert "is queued and cannot be resumed" in found[0]


def test_a_lost_run_tells_the_last_lines_of_its_log(run):
    (run.folder / "train.log").write_text("\n".join([*map(str, range(9)), "", "CUDA error: an illegal access  ", "", ""]))
    runs.write_status(run, state="running", pid=2**22 - 1, process="gone:1")
    assert run.status.message.endswith("Its last lines: 5 / 6 / 7 / 8 / CUDA error: an illegal access")
    assert json.loads((run.folder / "status.json").read_text())["message"] == run.status.message


def test_last_words_are_short(run):
    (run.folder / "train.log").write_text("a" * 50_000 + "\nthe end\n")
    assert run.last_words().endswith("a / the end")
    assert len(run.last_words()) == 800


def test_a_worker_that_ended_before_it_was_looked_at_is_gone(run, sleeper):
    """Of such a one no identity is known, and none is what a process that is gone has: it counted as queued for ever."""
    sleeper.kill()
    sleeper.wait()
    runs.write_status(run, state="queued", pid=sleeper.pid, process=None)
    assert run.status.state == "lost"


def test_a_zombie_worker_is_gone(run, sleeper):
    runs.write_status(run, state="running", pid=sleeper.pid, process=runs.process_identity(sleeper.pid))
    sleeper.kill()
    while runs.process_identity(sleeper.pid):
        time.sleep(0.01)
    assert sleeper.returncode is None
    assert run.status.state == "lost"


def test_a_reused_pid_is_not_taken_for_the_worker_and_not_killed(run, sleeper):
    runs.write_status(run, state="running", pid=sleeper.pid, process="another-boot:1")
    assert run.status.state == "lost"
    with pytest.raises(RunError, match="is lost"):
        runs.request_stop(run)
    assert sleeper.poll() is None


def test_a_signal_is_named_in_the_message(run):
    runs.write_status(run, state="running", pid=2**22 - 1, process="gone:1")
    status = runs.settle(run, exit_code=-9)
    assert "ended by signal 9, often for want of memory" in status.message
    assert status.exit_code == -9


@pytest.mark.parametrize("state", ["completed", "stopped", "failed"])
def test_a_finished_run_stays_what_it_is_without_a_worker(run, state):
    runs.write_status(run, state=state, pid=2**22 - 1, process="gone:1")
    assert run.status.state == state


def test_a_stop_is_a_file(run):
    assert not run.stop_requested
    runs.request_stop(run)
    assert run.stop_requested


def test_what_does_not_go_on_cannot_be_stopped(run):
    runs.write_status(run, state="completed")
    with pytest.raises(RunError, match="is completed: there is nothing to stop"):
        runs.request_stop(run)


@pytest.mark.parametrize("state", ["stopped", "failed", "lost"])
def test_requeueing_forgets_the_stop_and_the_end(run, state):
    runs.request_stop(run)
    runs.write_status(run, state=state, finished=1.0, exit_code=1, message="why")
    runs.requeue(run)
    status = run.status
    assert (status.state, status.finished, status.exit_code, status.message, status.pid) == (
        "queued",
        None,
        None,
        "",
        os.getpid(),
    )
    assert not run.stop_requested


@pytest.mark.parametrize("state", ["queued", "running", "completed"])
def test_only_ended_and_unfinished_runs_are_requeued(run, state):
    runs.write_status(run, state=state)
    with pytest.raises(RunError, match=f"is {state} and cannot be resumed"):
        runs.requeue(run)


def test_a_living_run_is_not_deleted(run):
    with pytest.raises(RunError, match="Stop it first"):
        runs.delete(run)
    assert run.folder.is_dir()


def test_an_ended_run_is_deleted(run):
    runs.write_status(run, state="stopped")
    runs.delete(run)
    assert runs.list_runs() == []


@pytest.mark.parametrize("state", ["queued", "running", "stopped", "failed", "lost"])
def test_a_run_is_not_deleted_while_one_that_begins_with_its_model_is_not_at_its_end(state, run):
    """Once it went without a word, and the other could never be finished."""
    runs.write_status(run, state="completed")
    further = runs.create(RunConfig(model={"name": f"run:{run.id}"}))
    runs.write_status(further, state=state)
    with pytest.raises(RunError, match=f"Run {further.id} is {state} and begins with .* train to its end, or delete it, first"):
        runs.delete(run)
    runs.write_status(further, state="completed")
    runs.delete(run)
    assert runs.list_runs() == [further]


@pytest.mark.parametrize("state", ["queued", "stopped"])
def test_a_run_is_not_resumed_while_one_that_begins_with_its_model_is_not_at_its_end(state, run):
    """Its model was written anew, and the other went on upon other weights than it had begun with."""
    runs.write_status(run, state="stopped")
    further = runs.create(RunConfig(model={"name": f"run:{run.id}"}))
    runs.write_status(further, state=state)
    with pytest.raises(RunError, match=f"Run {further.id} is {state} and begins with .* which was not resumed"):
        runs.requeue(run)
    runs.write_status(further, state="completed")
    runs.requeue(run)
    assert run.status.state == "queued"


def test_a_damaged_run_is_told_and_can_be_deleted(run):
    (run.folder / "status.json").write_text("{")
    with pytest.raises(RunError, match=r"status.json is damaged"):
        _ = run.status
    runs.delete(run)
    assert not run.folder.exists()


@pytest.mark.parametrize(("written", "why"), [("a: [", "YAML"), ("training: {seed: -1}", "training.seed = -1")])
def test_settings_that_cannot_be_read_name_run_and_file(written, why, run):
    """Once they were told as settings of a start: without the run, and "nothing was started"."""
    (run.folder / "config.yaml").write_text(written)
    with pytest.raises(RunError, match=f"Run {run.id} cannot be read: config.yaml is missing or damaged .*{why}"):
        _ = run.config


def test_a_damaged_run_does_not_hide_the_others(run):
    other = runs.create(RunConfig())
    (run.folder / "config.yaml").unlink()
    assert {row["run_id"]: row["state"] for row in map(runs.summary, runs.list_runs())} == {
        run.id: "unreadable",
        other.id: "queued",
    }


def test_a_home_that_cannot_be_written_is_told(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TUNER_HOME", str(tmp_path / "file"))
    with pytest.raises(RunError, match="TUNER_HOME"):
        runs.create(RunConfig())


def test_a_home_that_is_a_file_is_told(monkeypatch, tmp_path):
    """Estimating a training on the sample ended in a traceback there."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("TUNER_HOME", str(tmp_path / "file"))
    with pytest.raises(RunError, match="set TUNER_HOME to a folder that can be written"):
        runs.make_home()


def test_a_title_is_made_of_the_settings_where_no_name_was_given(run):
    assert run.title == "mine"
    assert runs.create(RunConfig(data={"source": "stanfordnlp/imdb"}, model={"name": "gpt2"})).title == "gpt2 on imdb"


def test_the_log_tail_reads_only_the_end(run):
    (run.folder / "train.log").write_text("x" * 100_000 + "\nlast but one\nlast\n")
    assert run.log_tail(lines=2) == "last but one\nlast"
    assert len(run.log_tail(most_bytes=1000)) <= 1000


def test_home_is_neither_here_nor_in_the_temp_folder(monkeypatch):
    """Gradio may serve both."""
    monkeypatch.delenv("TUNER_HOME")
    monkeypatch.delenv("SPACE_ID", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/person")
    assert not runs.home().is_relative_to(os.getcwd())
    assert not runs.home().is_relative_to("/tmp")


@pytest.fixture
def hanging(run):
    """A run whose worker, with a child, answers nothing."""
    code = "import subprocess, time; subprocess.Popen(['sleep', '60']); time.sleep(60)"
    worker = subprocess.Popen([sys.executable, "-c", code], cwd=run.folder, start_new_session=True)
    while len(children := psutil.Process(worker.pid).children()) < 1:
        time.sleep(0.02)
    runs.write_status(run, state="running", step=7, max_steps=9, pid=worker.pid, process=runs.process_identity(worker.pid))
    yield run, worker, children[0]
    worker.kill()
    worker.wait()


def test_a_second_stop_ends_the_process_group(hanging):
    run, worker, child = hanging
    runs.request_stop(run)
    assert run.status.state == "running"
    runs.request_stop(run)
    assert worker.wait(5) == -signal.SIGKILL
    psutil.wait_procs([child], timeout=5)
    assert runs.process_identity(child.pid) is None
    assert run.status.state == "stopped"
    assert "at step 7 of 9. Resume goes on" in run.status.message


def test_whoever_looks_ends_a_worker_that_hangs_for_20_s_after_a_stop(hanging, monkeypatch):
    run, worker, _ = hanging
    runs.request_stop(run)
    later = time.time() + runs.STOP_SECONDS - 1
    monkeypatch.setattr("tuner.runs.time.time", lambda: later)
    assert run.status.state == "running"
    later += 2
    assert run.status.state == "stopped"
    assert worker.wait(5) == -signal.SIGKILL


@pytest.mark.parametrize("sign", ["a slow batch before", "checkpoints", "trial/checkpoints"])
def test_a_worker_at_a_long_batch_or_checkpoint_is_not_taken_to_hang(sign, hanging, monkeypatch):
    run, _, _ = hanging
    runs.request_stop(run)
    later = time.time() + 4 * runs.STOP_SECONDS
    if sign == "a slow batch before":
        runs.write_status(run, longest_silence=1.5 * runs.STOP_SECONDS)
    else:
        weights = run.folder / sign / "checkpoint-7/model.safetensors"
        weights.parent.mkdir(parents=True)
        weights.touch()
        os.utime(weights, (later - 1, later - 1))
    monkeypatch.setattr("tuner.runs.time.time", lambda: later)
    assert run.status.state == "running"
    later += runs.STOP_SECONDS
    assert run.status.state == "stopped"


def test_checkpoints_that_are_removed_while_somebody_looks_are_passed_over(hanging, monkeypatch):
    """Once the error ended whoever looked: the worker of another run that waited, or the job itself."""
    run, _, _ = hanging
    for step in (1, 2):
        (run.folder / f"checkpoints/checkpoint-{step}").mkdir(parents=True)
        (run.folder / f"checkpoints/checkpoint-{step}/weights").touch()
    looked = os.stat

    def remove_all(path, *args, **kwargs):
        if "checkpoint-" in str(path):
            shutil.rmtree(run.folder / "checkpoints", ignore_errors=True)
        return looked(path, *args, **kwargs)

    runs.request_stop(run)
    monkeypatch.setattr("tuner.runs.os.stat", remove_all)
    assert run.status.state == "running"


def test_a_run_without_a_worker_ends_nobody_who_holds_it_whoever_stops_it(run):
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True) as server:
        runs.write_status(run, state="queued", pid=server.pid, process=runs.process_identity(server.pid))
        for _ in range(2):
            runs.request_stop(run)
        assert (server.poll(), run.status.state) == (None, "queued")
        server.kill()


def test_stopping_a_run_that_has_no_worker_yet_does_not_end_who_holds_it(run):
    """It belongs to the server until its worker is started, and servers lead a group of their own."""
    code = f"from tuner import runs; run = runs.get('{run.id}'); runs.write_status(run, state='queued', **runs._this_process())\n"
    code += "for _ in range(2): runs.request_stop(run)\nprint(run.status.state)"
    held = subprocess.run([sys.executable, "-c", code], start_new_session=True, capture_output=True, text=True, check=False)
    assert (held.returncode, held.stdout) == (0, "queued\n"), held.stderr


def test_a_worker_that_has_saved_may_score_in_silence(hanging, monkeypatch):
    run, _, _ = hanging
    run.model_folder.mkdir()
    (run.model_folder / "config.json").touch()
    runs.request_stop(run, "It has taken its minutes.")
    later = time.time() + 10 * runs.STOP_SECONDS
    monkeypatch.setattr("tuner.runs.time.time", lambda: later)
    assert run.status.state == "running"
    runs.request_stop(run)
    assert run.status.message.startswith(
        "It has taken its minutes. The worker was ended before it had its report at step 7 of 9."
    )
