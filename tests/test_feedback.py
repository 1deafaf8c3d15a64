"""Judgements of people: kept without loss, named safely, and made into settings of a new run."""

import json
import os
import subprocess
import sys

import pytest

from tests.serving import ROOT
from tuner import feedback
from tuner.data import journal
from tuner.data.labelled import load_labelled
from tuner.errors import RunError, SettingsError, SourceError
from tuner.feedback import Feedback, add, all_rows, name_for, names, remove, retrain_config, rows, withdraw, withdraw_text
from tuner.launch.local import prepare
from tuner.launch.study import prepared

GOOD = Feedback("I love it", "pos", predicted="neg", probability=0.8, kind="wrong", at=1.0)


def test_what_is_kept_comes_back():
    assert add("mine", GOOD, Feedback("awful", "neg")) == 2
    assert rows("mine")[0] == GOOD
    assert [row.kind for row in rows("mine")] == ["wrong", "labelled"]


def test_the_latest_judgement_of_a_text_counts():
    """Case and blanks are no difference, as in all of Tuner; the order is that of the texts."""
    add("mine", Feedback("I love it", "neg"), Feedback("awful", "neg"))
    assert add("mine", Feedback("i LOVE  it ", "pos")) == 2
    assert [(row.text, row.label) for row in rows("mine")] == [("i LOVE  it ", "pos"), ("awful", "neg")]
    assert len(all_rows("mine")) == 3


def test_the_first_judgements_stay_the_same_when_more_come():
    add("mine", Feedback("I love it", "neg"), Feedback("awful", "neg"))
    before = rows("mine", 2)
    add("mine", Feedback("I love it", "pos"), Feedback("fine", "pos"))
    assert rows("mine", 2) == before
    with pytest.raises(SourceError, match="has 4 judgements, fewer than the 9"):
        rows("mine", 9)


def test_a_judgement_that_is_taken_back_counts_no_more():
    """What another person said of the same text stays, and so do the first judgements a run is trained on."""
    anna, ben = Feedback("I love it", "neg", by="anna"), Feedback("I LOVE it", "pos", by="ben")
    add("mine", ben, anna)
    assert rows("mine") == [anna]
    assert withdraw("mine", anna) == feedback.count("mine") == 1
    assert (rows("mine"), rows("mine", 2)) == ([ben], [anna])
    add("mine", Feedback("I love it", "neg", by="anna"))
    assert [row.label for row in rows("mine")] == ["neg"]


def test_a_text_is_taken_out_of_a_set_with_all_that_was_said_of_it():
    add("mine", Feedback("I love it", "neg"), Feedback("I LOVE it", "pos"), Feedback("awful", "neg"))
    assert withdraw_text("mine", "i love  it") == 1
    with pytest.raises(SourceError, match="has no text 'I love it'"):
        withdraw_text("mine", "I love it")
    assert withdraw_text("mine", "awful") == feedback.count("mine") == len(feedback.texts("mine")) == 0
    with pytest.raises(SourceError, match="was taken back"):
        rows("mine")


@pytest.mark.parametrize(
    "given",
    [("", "pos"), (" \u200b\n", "pos"), ("fine", " "), ("x" * 100_001, "pos"), ("fine", "p" * 201), ("fine", None)],
    ids=["no text", "nothing to see", "no label", "long text", "long label", "no string"],
)
def test_what_cannot_be_trained_on_is_refused(given, home):
    with pytest.raises(SourceError, match="The feedback cannot be kept"):
        add("mine", Feedback(*given))
    assert not home.exists()


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "-x", "A", "a b", "x" * 65, "a\n", "a\x00"])
def test_a_name_that_could_be_a_path_is_refused(name):
    for use in (add, rows, remove, feedback.path):
        with pytest.raises(SourceError, match="is no name of feedback"):
            use(name)


def test_an_unknown_set_is_answered_with_those_there_are():
    add("mine", GOOD)
    with pytest.raises(SourceError, match="no feedback 'yours'") as refusal:
        rows("yours")
    assert "mine" in refusal.value.cure


def test_names_and_removal(home):
    add("b", GOOD)
    add("a", GOOD)
    (home / "feedback" / "Not One").mkdir()
    assert names() == ["a", "b"]
    remove("a")
    assert names() == ["b"]
    with pytest.raises(SourceError, match="no feedback 'a'"):
        remove("a")


def test_nobody_else_may_look_into_a_set(home):
    add("mine", GOOD)
    assert (home / "feedback" / "mine").stat().st_mode & 0o777 == 0o700


def test_a_text_of_any_characters_is_one_line():
    odd = 'a\nb\r\u2028\x85 "quoted" \x00 \ud800 🙂 مرحبا'
    add("mine", Feedback(odd, "pos"), GOOD)
    assert rows("mine")[0].text == odd.replace("\ud800", "?")
    assert feedback.path("mine").read_bytes().count(b"\n") == 2


def test_four_processes_at_once_lose_nothing(home):
    code = (
        "import sys\nfrom tuner.feedback import Feedback, add\n"
        "for i in range(50):\n    add('mine', Feedback(f'{sys.argv[1]} says {i} ' + 'word ' * 2_000, 'pos'))"
    )
    children = [subprocess.Popen([sys.executable, "-c", code, str(n)], cwd=ROOT, env=os.environ) for n in range(4)]
    assert [child.wait(120) for child in children] == [0] * 4
    assert len(rows("mine")) == len(all_rows("mine")) == 200


def test_a_line_whose_writer_died_is_no_row_and_is_healed():
    add("mine", GOOD)
    with feedback.path("mine").open("ab") as file:
        file.write(b'{"text": "half' + b"x" * 200_000)
    assert rows("mine") == [GOOD]
    assert add("mine", Feedback("awful", "neg")) == 2


def test_a_full_disk_keeps_all_or_nothing(monkeypatch):
    """/dev/full takes nothing; a disk takes what there is room for, here the half."""
    add("mine", GOOD)
    before = feedback.path("mine").read_bytes()
    whole = os.write

    def half(number, content):
        if len(content) < 100:
            raise OSError(28, "No space left on device")
        return whole(number, content[: len(content) // 2])

    monkeypatch.setattr(journal.os, "write", half)
    with pytest.raises(SourceError, match="No space left") as refusal:
        add("mine", Feedback("awful", "neg"))
    assert "Free some disk space" in refusal.value.cure
    assert feedback.path("mine").read_bytes() == before


def test_a_damaged_file_is_named_with_its_line():
    add("mine", GOOD)
    with feedback.path("mine").open("ab") as file:
        file.write(b"[1]\n")
    with pytest.raises(SourceError, match="Line 2 of the feedback 'mine' is damaged"):
        rows("mine")


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("20260101-120000-abcdef", "20260101-120000-abcdef"),
        ("run:20260101-120000-abcdef", "20260101-120000-abcdef"),
        ("Owner/My_Model", "owner--my_model"),
        ("sample:minilm", "sample-minilm"),
    ],
)
def test_corrections_of_a_model_have_a_set_of_their_own(model, name):
    assert name_for(model) == name


@pytest.mark.parametrize("model", ["latest", "run:latest", "untouched:latest"])
def test_corrections_of_the_latest_run_are_those_of_its_id(run, model):
    """Once all runs that were ever the latest shared one set."""
    assert name_for(model) == run.id


@pytest.mark.parametrize("model", ["/home/me/My Model/", "~/x", "../..", "o/" + "x" * 96, "ж" * 9, "-"])
def test_any_model_has_a_name_that_is_none_of_a_path(model):
    assert feedback.check_name(name_for(model)) != name_for(model + "x")


@pytest.fixture
def run(queued, tiny_config):
    return queued(tiny_config())


def test_a_run_trains_again_with_what_was_corrected(run):
    add(run.id, Feedback("what a broken day", "neg"), Feedback("so happy a day", "pos"))
    config = retrain_config(run, run.id)
    assert config.data.extra_source == f"feedback:{run.id}@2"
    assert config.name == f"{run.title}, with 2 corrections"
    assert config.model_copy(update={"data": run.config.data, "name": ""}) == run.config
    assert len(load_labelled(prepare(config).data).splits["train"]) == len(load_labelled(run.config.data).splits["train"]) + 2


def test_a_retrained_run_is_named_by_the_corrections_it_trains_on(run):
    """It counted those that were left out, too, such as the page's examples, which are test rows."""
    held_out = load_labelled(run.config.data).splits["test"].texts[0]
    add(run.id, Feedback(held_out, "neg"))
    with pytest.raises(SourceError, match="None of the corrections"):
        retrain_config(run, run.id)
    add(run.id, Feedback("so happy a day", "pos"), Feedback("what a day", "none of the labels"))
    assert retrain_config(run, run.id).name == f"{run.title}, with 1 correction"


def test_corrections_of_a_retrained_run_go_to_the_same_set(run, queued):
    add("mine", GOOD)
    again = queued(retrain_config(run, "mine"))
    assert name_for(again.id) == name_for(f"untouched:{again.id}") == "mine"
    add("mine", Feedback("awful", "neg"))
    assert retrain_config(again, "mine").name == f"{run.title}, with 2 corrections"


def test_without_corrections_there_is_nothing_to_train_again_with(run):
    with pytest.raises(SourceError, match="no feedback"):
        retrain_config(run, run.id)


def test_other_further_rows_are_not_dropped_in_silence(queued, tiny_config, csv):
    run = queued(tiny_config(data={"extra_source": str(csv(6, name="more.csv"))}))
    add(run.id, GOOD)
    with pytest.raises(RunError, match="has further training rows already"):
        retrain_config(run, run.id)


def test_a_learning_curve_takes_no_further_rows(tiny_config):
    add("mine", GOOD)
    from tuner.study.plan import StudyConfig

    config = tiny_config(data={"extra_source": "feedback:mine"}, max_steps=-1)
    with pytest.raises(SettingsError, match=r"data\.extra_source"):
        prepared(config, StudyConfig(kind="learning-curve", shares=[0.5, 1.0], repeats=1))


def test_the_file_is_a_source_itself(tmp_path):
    add("mine", *(Feedback(f"text {i}", ("neg", "pos")[i % 2]) for i in range(40)))
    copied = tmp_path / "rows.jsonl"
    copied.write_bytes(feedback.path("mine").read_bytes())
    assert list(json.loads(copied.read_text().splitlines()[0]))[:2] == ["text", "label"]
    data = load_labelled(feedback.RunConfig(data={"source": str(copied)}).data)
    assert (data.text.names, data.label.names) == (("text",), ("label",))


def test_the_count_is_that_of_the_rows():
    add("mine", Feedback("I love it", "neg"), Feedback("i  love IT", "pos"), Feedback("awful", "neg"))
    assert feedback.count("mine") == len(rows("mine")) == 2
    for wrong in (feedback.count, rows):
        with pytest.raises(SourceError, match="no feedback 'yours'"):
            wrong("yours")
