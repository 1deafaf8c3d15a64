"""The command line, as a person or a script calls it."""

import io
import json
import shlex
import subprocess
import sys

import pytest

import tuner
from tests import tiny
from tuner import catalog, runs
from tuner.cli import main
from tuner.config import RunConfig, fields
from tuner.inference import load_classifier
from tuner.launch import local


def call(capsys, *arguments):
    """(exit code, stdout, stderr) of one command."""
    code = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def as_options(config):
    """The `--set` options that make this config."""
    plain = config.model_dump(mode="json")
    pairs = [(section, field, plain[section][field]) for section, field, _ in fields() if plain[section][field] is not None]
    return [part for section, field, value in pairs for part in ("--set", f"{section}.{field}={json.dumps(value)}")]


@pytest.fixture
def trained(tiny_config, train_here):
    return train_here(tiny_config("bert", max_steps=2))


@pytest.mark.slow
def test_train_json_is_one_document_with_the_promised_keys(capsys, tiny_config):
    code, out, _ = call(capsys, "train", "--json", *as_options(tiny_config("bert", max_steps=2)))
    answer = json.loads(out)
    assert code == 0
    assert answer["state"] == "completed"
    assert {"run_id", "state", "folder", "metrics", "train_samples_per_second", "train_runtime"} <= set(answer)
    assert 0 <= answer["metrics"]["accuracy"] <= 1


def test_processes_is_the_setting(capsys, tiny_config, monkeypatch):
    seen = []
    monkeypatch.setattr("tuner.launch.local.spawn", seen.append)
    assert call(capsys, "train", "--queue", *as_options(tiny_config()), "--processes", 2)[0] == 0
    assert seen[0].config.training.num_processes == 2


def test_evaluate_json_prints_the_report(capsys, trained):
    code, out, _ = call(capsys, "evaluate", trained.id, "--json")
    report = json.loads(out)
    assert code == 0
    promised = "accuracy macro_f1 macro_recall log_loss ece per_class confusion_matrix labels n intervals"
    assert set(promised.split()) <= set(report)


def test_predict_json_gives_text_label_and_probabilities(capsys, trained):
    code, out, _ = call(capsys, "predict", trained.id, "i love it", "awful", "--json")
    first, second = json.loads(out)
    assert code == 0
    assert first["text"] == "i love it"
    assert second["label"] in second["probabilities"]
    assert sum(first["probabilities"].values()) == pytest.approx(1)


def test_predict_writes_a_file_that_a_spreadsheet_cannot_run(capsys, trained, write, tmp_path):
    source = write("in.csv", 'text\n"=HYPERLINK(""x"")"\ni love it\n')
    code, _, _ = call(capsys, "predict", trained.id, "--input", source, "--output", tmp_path / "out.csv")
    assert code == 0
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[1].startswith("\"'=HYPERLINK")


@pytest.mark.parametrize(
    "asked", [["fine", "--input", "a.csv"], ["fine", "--text-column", "a"], ["fine", "--output", "a.csv"]], ids=" ".join
)
def test_options_of_predict_that_do_not_go_together_are_refused(asked, capsys):
    """Once the text was left out in silence."""
    code, out, err = call(capsys, "predict", "nobody/none", *asked)
    assert (code, out) == (2, "")
    assert "--input" in err


def test_predict_says_which_column_it_took(capsys, trained, write, tmp_path):
    source = write("in.csv", "id,remark\n1,i love it\n")
    assert "column 'remark'" in call(capsys, "predict", trained.id, "--input", source, "--output", tmp_path / "a.csv")[1]
    assert "column 'remark'" in call(capsys, "predict", trained.id, "--input", source)[2]


def test_predict_joins_the_text_columns_that_are_named(capsys, trained, write):
    """Once the last of them counted alone."""
    source = write("in.csv", "a,b,c\nthe film,no,was great\n")
    _, out, _ = call(capsys, "predict", trained.id, "--input", source, "--text-column", "a", "--text-column", "c", "--json")
    assert json.loads(out)[0]["text"] == "the film\n\nwas great"


def test_a_held_out_file_is_evaluated_and_compared_whole(capsys, trained, learnt, write):
    """Once a tenth of it was cut out as its test rows."""
    source = write("held_out.csv", "text,label\n" + "\n".join(f"{text},{label}" for text, label in tiny.labelled_rows(20)))
    _, evaluated, _ = call(capsys, "evaluate", trained.id, "--data", source, "--json")
    _, compared, _ = call(capsys, "compare", trained.id, learnt.name, "--data", source, "--json")
    assert (json.loads(evaluated)["n"], json.loads(compared)["n"]) == (20, 20)


def test_evaluate_takes_the_columns_that_are_named(capsys, trained, write):
    rows = "\n".join(f"x,{text},{label}" for text, label in tiny.labelled_rows(20))
    source = write("in.csv", f"text,words,verdict\n{rows}\n")
    columns = ["--text-column", "words", "--label-column", "verdict"]
    code, out, _ = call(capsys, "evaluate", trained.id, "--data", source, *columns, "--json")
    assert (code, json.loads(out)["n"]) == (0, 20)


def test_texts_may_stand_behind_options(capsys, trained):
    """Once they were "unrecognized arguments"."""
    _, out, _ = call(capsys, "predict", trained.id, "good film", "--json", "bad film")
    assert [answer["text"] for answer in json.loads(out)] == ["good film", "bad film"]


@pytest.mark.parametrize("asked", [["predict", "a", "--jsn", "b"], ["show", "a", "b"]], ids=" ".join)
def test_what_no_command_knows_is_refused(asked, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(asked)
    assert f"unrecognized arguments: {' '.join(asked[2:])}" in capsys.readouterr().err


def test_predict_reads_standard_input_as_it_does_a_txt_file(capsys, trained, write, monkeypatch):
    """Once a byte order mark was part of the first text, and form feeds and the like parted lines."""
    content = "\ufeffgood film\r\none\u2028still one\x0cand on\n \n\u200b\ntwo".encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), "ascii"))
    _, piped, _ = call(capsys, "predict", trained.id, "--json")
    _, filed, _ = call(capsys, "predict", trained.id, "--input", write("in.txt", content), "--json")
    texts = ["good film", "one\u2028still one\x0cand on", " ", "\u200b", "two"]
    assert [answer["text"] for answer in json.loads(piped)] == texts
    assert [answer["label"] == "" for answer in json.loads(piped)] == [False, False, True, True, False]
    assert json.loads(piped) == json.loads(filed)


def test_predict_keeps_rows_without_text_in_place(capsys, trained, write, tmp_path):
    source = write("in.csv", 'text,n\ni love it,1\n"",2\nawful,3\n')
    call(capsys, "predict", trained.id, "--input", source, "--output", tmp_path / "out.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["label"] == "" for row in rows] == [False, True, False]


def test_predict_against_another_model_writes_both_answers(capsys, trained, learnt, write, tmp_path):
    texts, output = [text for text, _ in tiny.labelled_rows(2)], tmp_path / "out.jsonl"
    source = write("in.csv", f'text\n{texts[0]}\n""\n{texts[1]}\n')
    code, out, _ = call(capsys, "predict", trained.id, "--against", learnt.name, "--input", source, "--output", output)
    rows = [row for row in map(json.loads, output.read_text().splitlines()) if row["label"]]
    own, others = load_classifier(trained).predict(texts), learnt.predict(texts)
    assert code == 0
    assert [row["probability"] for row in rows] == pytest.approx([a.probabilities[a.label] for a in own], abs=1e-5)
    assert [row["other_probability"] for row in rows] == pytest.approx([a.probabilities[a.label] for a in others], abs=1e-5)
    assert [(row["label"], row["other_label"]) for row in rows] == [(a.label, b.label) for a, b in zip(own, others, strict=True)]
    assert [row["other_label"] for row in rows] == ["neg", "pos"]
    assert f"give the same label to {sum(row['label'] == row['other_label'] for row in rows)} of 2" in out


def test_predict_against_needs_a_file_to_write(capsys, trained, write):
    code, out, err = call(capsys, "predict", trained.id, "--against", trained.id, "--input", write("in.csv", "text\nfine\n"))
    assert (code, out) == (2, "")
    assert "--against needs --output" in err


def test_preview_json_is_the_profile(capsys, csv, tiny_models):
    code, out, _ = call(capsys, "preview", csv(rows=60), "--model", tiny_models["bert"], "--json")
    profile = json.loads(out)
    assert code == 0
    assert profile["labels"] == ["neg", "pos"]
    assert sum(split["rows"] for split in profile["splits"].values()) == 60


@pytest.fixture
def repeated(csv, write):
    """60 rows, the first six of them twice."""
    lines = csv(rows=60).read_text().splitlines()
    return write("repeated.csv", "\n".join([*lines, *lines[1:7]]) + "\n")


def test_preview_json_holds_the_findings_with_their_rows_and_fixes(capsys, repeated, tiny_models):
    _, out, _ = call(capsys, "preview", repeated, "--model", tiny_models["bert"], "--json")
    finding = next(finding for finding in json.loads(out)["findings"] if finding["key"] == "duplicates")
    assert finding["count"] == len(finding["rows"])
    assert finding["fix"]["changes"] == {"data": {"fixes": ["drop_duplicates"]}}


def test_preview_applies_the_fixes_it_is_given(capsys, repeated, tiny_models):
    code, out, _ = call(
        capsys, "preview", repeated, "--model", tiny_models["bert"], "--json", "--set", "data.fixes=[drop_duplicates]"
    )
    assert code == 0
    assert "duplicates" not in [finding["key"] for finding in json.loads(out)["findings"]]
    assert any("that repeat an earlier one were dropped" in note for note in json.loads(out)["notes"])


def test_preview_prints_the_flags_of_a_fix_and_they_work(capsys, repeated, tiny_models):
    command = ["preview", repeated, "--model", tiny_models["bert"]]
    line = next(line for line in call(capsys, *command)[1].splitlines() if line.startswith("  Drop the repeats: "))
    flags = shlex.split(line.partition(": ")[2])
    assert "Drop the repeats" not in call(capsys, *command, *flags)[1]


def test_show_and_runs_name_the_run(capsys, trained):
    assert trained.id in call(capsys, "runs")[1]
    assert json.loads(call(capsys, "show", trained.id, "--json")[1])["config"]["training"]["max_steps"] == 2


def test_delete_removes_the_folder(capsys, trained):
    assert call(capsys, "delete", trained.id)[0] == 0
    assert not trained.folder.exists()


MISTAKES = {
    "unknown source": ["train", "--data", "nope"],
    "unknown preset": ["train", "--preset", "nope"],
    "unknown setting": ["train", "--set", "training.nope=1"],
    "a setting out of range": ["train", "--set", "training.learning_rate=9"],
    "no assignment": ["train", "--set", "learning_rate"],
    "unknown base model": ["train", "--model", "no such model"],
    "unknown column": ["preview", "sample:tweets", "--label-column", "nope"],
    "a length over the model's limit": ["train", "--set", "model.max_length=4000"],
    "no network": ["train", "--data", "owner/data"],
    "no such run": ["show", "20260101-000000-abcdef"],
    "no such file": ["preview", "missing.csv"],
}


@pytest.mark.parametrize("arguments", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_ends_with_2_cause_and_cure_and_leaves_no_run(capsys, arguments):
    code, out, err = call(capsys, *arguments)
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) == 2
    assert runs.list_runs() == []


@pytest.mark.slow
def test_a_run_that_fails_ends_with_1_and_its_cause(capsys, tiny_config, queued, csv):
    run = queued(tiny_config("bert"))
    runs.write_status(run, state="lost")
    csv(rows=80)  # other rows in the same file
    code, out, err = call(capsys, "resume", run.id, "--json")
    assert code == 1
    assert json.loads(out)["state"] == "failed"
    assert "has changed" in err


@pytest.mark.slow
def test_continue_trains_the_model_further_on_another_table(capsys, trained, csv):
    other = csv(rows=60, name="other.csv")
    code, out, _ = call(capsys, "continue", trained.id, "--data", other, "--json")
    answer = json.loads(out)
    further = runs.get(answer["run_id"])
    assert (code, answer["state"]) == (0, "completed")
    assert (further.config.model.name, further.config.data.source) == (f"run:{trained.id}", str(other))


@pytest.mark.slow
def test_stop_ends_a_run(capsys, tiny_config):
    run = local.start(tiny_config(max_steps=20_000))
    code, out, _ = call(capsys, "stop", run.id, "--json")
    assert (code, json.loads(out)["state"]) == (0, "stopped")
    assert call(capsys, "stop", run.id)[0] == 2


def test_move_puts_a_queued_run_at_a_place(capsys):
    first, second = runs.create(RunConfig()), runs.create(RunConfig())
    runs.write_status(first, queued=1.0)
    code, out, _ = call(capsys, "move", second.id, 1, "--json")
    assert (code, json.loads(out)) == (0, {"run_id": second.id, "queue": [second.id, first.id]})
    assert call(capsys, "move", first.id, 1)[1].split() == [first.id, second.id]


@pytest.fixture
def ended():
    run = runs.create(RunConfig(name="mine"))
    runs.write_status(run, state="stopped")
    (run.folder / "weights").write_bytes(bytes(3_000_000))
    return run


@pytest.fixture
def answering(monkeypatch):
    """A person at the terminal who types that."""

    def type_in(words):
        monkeypatch.setattr(sys, "stdin", io.StringIO(words))
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True)

    return type_in


@pytest.mark.parametrize(("typed", "deleted"), [("y\n", True), ("Yes\n", True), ("\n", False), ("no\n", False), ("", False)])
def test_at_a_terminal_delete_asks_first(typed, deleted, ended, answering, capsys):
    answering(typed)
    code, out, err = call(capsys, "delete", ended.id, "--json")
    assert (code, json.loads(out)) == (0, {"run_id": ended.id, "deleted": deleted})
    assert "mine" in err
    assert "free 3 MB? [y/N]" in err
    assert ended.folder.exists() != deleted


def test_delete_yes_asks_nothing(ended, answering, capsys):
    answering("n\n")
    assert call(capsys, "delete", ended.id, "--yes") == (0, f"Run {ended.id} was deleted.\n", "")


def test_a_script_is_not_asked(ended, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    assert call(capsys, "delete", ended.id)[0] == 0
    assert not ended.folder.exists()


def test_a_damaged_run_is_asked_about_too(ended, answering, capsys):
    (ended.folder / "status.json").write_text("{")
    answering("y\n")
    assert "unreadable" in call(capsys, "delete", ended.id)[2]
    assert not ended.folder.exists()


def test_what_was_trained_further_from_a_run_is_named_before_it_goes(ended, answering, capsys):
    further = runs.create(RunConfig(model={"name": f"run:{ended.id}"}))
    runs.write_status(further, state="completed")
    answering("n\n")
    assert f"can no longer be repeated: {further.id}." in call(capsys, "delete", ended.id)[2]


def test_what_goes_on_is_refused_and_not_asked_about(answering, capsys):
    run = runs.create(RunConfig())
    answering("y\n")
    code, _, err = call(capsys, "delete", run.id)
    assert (code, "[y/N]" in err, "Stop it first" in err) == (2, False, True)


def test_help_is_quick_to_load_and_exits_0():
    done = subprocess.run([sys.executable, "-m", "tuner", "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "train" in done.stdout


def test_version_is_that_of_the_package(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert (ended.value.code, capsys.readouterr().out) == (0, f"tuner {tuner.__version__}\n")


def test_script_prints_a_python_script(capsys, trained):
    code, out, _ = call(capsys, "script", trained.id)
    assert code == 0
    compile(out, "train.py", "exec")
    assert json.loads(call(capsys, "script", trained.id, "--json")[1]) == {"run_id": trained.id, "script": out}


def test_script_writes_a_folder_and_overwrites_none(capsys, trained, tmp_path):
    code, out, _ = call(capsys, "script", trained.id, "--output", tmp_path / "new", "--json")
    assert code == 0
    assert {"train.py", "train.jsonl", "requirements.txt"} <= set(json.loads(out)["files"])
    code, _, err = call(capsys, "script", trained.id, "--output", tmp_path / "new")
    assert (code, "nothing is overwritten" in err) == (2, True)


def test_show_tells_what_a_run_was_trained_with(capsys, trained):
    out = call(capsys, "show", trained.id)[1]
    assert trained.config.data.fingerprint in out
    assert f"torch {trained.environment['packages']['torch']}" in out
    assert json.loads(call(capsys, "show", trained.id, "--json")[1])["environment"] == trained.environment


def test_every_setting_is_listed_with_its_default_and_what_it_may_be(capsys):
    code, out, _ = call(capsys, "settings", "--json")
    rows = {row["setting"]: row for row in json.loads(out)}
    assert code == 0
    assert rows["training.weight_decay"]["allowed"] == "0 to 1"
    assert rows["training.num_train_epochs"]["default"] == 1
    assert "training.weight_decay = 0.01  (0 to 1)" in call(capsys, "settings")[1]


def test_every_preset_says_when_to_use_it_and_what_was_measured(capsys):
    out = call(capsys, "presets")[1]
    assert all(preset.name in out and preset.measured[:30] in out for preset in catalog.PRESETS.values())


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_none_is_refused(capsys, port):
    code, _, err = call(capsys, "app", "--port", port)
    assert (code, err.startswith(f"error: --port {port}: must be 0 to 65,535.")) == (2, True)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (["--threshold-precision", "1.5"], "precision = 1.5: must be above 0"),
        (["--threshold-cost", "-1"], "cost = -1: must be above 0"),
        (["--no-threshold", "--threshold-cost", "5"], "--no-threshold removes"),
    ],
)
def test_a_threshold_that_cannot_be_kept_is_refused_before_the_scoring(asked, why, capsys, trained, monkeypatch):
    monkeypatch.setattr("tuner.scoring.evaluation_of", lambda *_: 1 / 0)
    code, _, err = call(capsys, "evaluate", trained.id, *asked)
    assert code == 2
    assert why in err


def test_a_threshold_for_what_is_no_run_is_refused_before_the_scoring(capsys, trained, monkeypatch):
    monkeypatch.setattr("tuner.scoring.evaluation_of", lambda *_: 1 / 0)
    code, _, err = call(capsys, "evaluate", trained.model_folder, "--data", "sample:tweets", "--threshold-cost", "5")
    assert code == 2
    assert "kept with a run, and" in err


def test_the_page_has_the_threshold_of_the_same_command(capsys, trained, tmp_path):
    page = tmp_path / "report.html"
    for asked, stands in ((["--threshold-cost", "5"], True), (["--no-threshold"], False)):
        assert call(capsys, "evaluate", trained.id, *asked, "--html", page)[0] == 0
        assert ("cost 5" in page.read_text()) == stands


def test_a_threshold_of_a_run_that_ended_before_its_report_is_chosen_once_it_is_scored(capsys, tiny_config, train_here, csv):
    run = train_here(tiny_config(source=csv(300), max_steps=2))
    for made in ("validation.parquet", "report.json", "model/tuner.json"):
        (run.folder / made).unlink()
    assert call(capsys, "evaluate", run.id, "--threshold-cost", "5")[0] == 0
    assert load_classifier(run).answering.threshold.value > 0


def test_the_leaderboard_knows_no_interval_without_width(capsys, trained):
    report = trained.report
    sure = report.model_copy(update={"intervals": {**report.intervals, "macro_f1": (1.0, 1.0)}})
    (trained.folder / "report.json").write_text(sure.model_dump_json())
    out = call(capsys, "leaderboard")[1]
    assert "no interval" in out
    assert "1.000–1.000" not in out
