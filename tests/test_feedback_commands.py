"""feedback and retrain, as a person or a script calls them."""

import json

import pytest

from tests.test_cli import call
from tuner import feedback, runs
from tuner.feedback import Feedback


@pytest.fixture
def mine():
    feedback.add("mine", Feedback("I love it", "pos", predicted="neg", kind="wrong"), Feedback("=1+1", "neg"))


def test_without_feedback_it_is_said_how_to_keep_some(capsys):
    code, out, _ = call(capsys, "feedback")
    assert code == 0
    assert "--add" in out


def test_sets_are_listed_with_rows_and_labels(capsys, mine):
    (found,) = json.loads(call(capsys, "feedback", "--json")[1])
    assert (found["name"], found["rows"], found["labels"]) == ("mine", 2, {"pos": 1, "neg": 1})
    assert "pos 1, neg 1" in call(capsys, "feedback")[1]


def test_rows_are_shown(capsys, mine):
    assert [row["text"] for row in json.loads(call(capsys, "feedback", "mine", "--json")[1])] == ["I love it", "=1+1"]
    assert "I love it (the model: neg)" in call(capsys, "feedback", "mine")[1]


def test_a_row_is_added(capsys):
    assert json.loads(call(capsys, "feedback", "mine", "--add", "so good", "pos", "--json")[1]) == {"name": "mine", "rows": 1}
    assert feedback.rows("mine")[0].label == "pos"


def test_an_empty_text_is_a_mistake_the_person_can_mend(capsys):
    code, out, err = call(capsys, "feedback", "mine", "--add", " ", "pos")
    assert (code, out, len(err.strip().splitlines())) == (2, "", 2)


def test_rows_are_exported_safe_for_spreadsheets(capsys, mine, tmp_path):
    file = tmp_path / "rows.csv"
    assert call(capsys, "feedback", "mine", "--output", file)[0] == 0
    assert '"\'=1+1","neg"' in file.read_text()


def test_what_was_said_of_a_text_is_taken_back(capsys, mine):
    assert json.loads(call(capsys, "feedback", "mine", "--withdraw", "=1+1", "--json")[1]) == {"name": "mine", "rows": 1}
    assert call(capsys, "feedback", "mine", "--withdraw", "never said")[0] == 2
    call(capsys, "feedback", "mine", "--withdraw", "I love it")
    assert json.loads(call(capsys, "feedback", "--json")[1]) == []


def test_a_set_is_removed(capsys, mine):
    assert call(capsys, "feedback", "mine", "--remove")[0] == 0
    assert call(capsys, "feedback", "mine")[0] == 2


@pytest.fixture
def run(queued, tiny_config):
    return queued(tiny_config())


@pytest.fixture
def spawned(monkeypatch):
    seen = []
    monkeypatch.setattr("tuner.launch.local.spawn", seen.append)
    return seen


def test_retrain_takes_the_runs_own_corrections(capsys, run, spawned):
    feedback.add(run.id, Feedback("entirely new", "pos"))
    code, out, _ = call(capsys, "retrain", run.id, "--queue", "--json")
    assert (code, spawned[0].id) == (0, json.loads(out)["run_id"])
    assert spawned[0].config.data.extra_source == f"feedback:{run.id}@1"
    assert spawned[0].title == f"{run.title}, with 1 correction"


def test_retrain_takes_a_set_by_name(capsys, run, spawned, mine):
    assert call(capsys, "retrain", "latest", "--feedback", "mine", "--queue")[0] == 0
    assert spawned[0].config.data.extra_source == "feedback:mine@2"


def test_retrain_without_corrections_starts_nothing(capsys, run, spawned):
    code, _, err = call(capsys, "retrain", run.id, "--queue")
    assert (code, spawned, len(runs.list_runs())) == (2, [], 1)
    assert "There is no feedback" in err


@pytest.mark.slow
def test_a_run_that_goes_on_from_another_is_trained_again(capsys, train_here, tiny_config):
    first = train_here(tiny_config(max_steps=1))
    config = tiny_config(max_steps=1, model={"name": f"run:{first.id}", "keep_head": True})
    further = train_here(config)
    feedback.add(further.id, Feedback("entirely new", "pos"))
    done = json.loads(call(capsys, "retrain", further.id, "--json")[1])
    assert done["state"] == "completed"
    assert runs.get(done["run_id"]).config.model.name == further.config.model.name


@pytest.mark.parametrize(
    "asked", [["--remove"], ["--add", "a", "b"], ["--output", "a.csv"], ["--push", "a/b"], ["mine", "--yes"]]
)
def test_what_names_no_set_is_refused(asked, capsys, mine):
    """Once it only listed the sets."""
    code, out, err = call(capsys, "feedback", *asked)
    assert (code, out) == (2, "")
    assert "needs" in err
