"""The files of a push: what others need, and nothing else."""

import json
from pathlib import Path

import pytest

from tuner.config import RunConfig
from tuner.errors import RunError
from tuner.evaluation.report import EvaluationReport
from tuner.hub import public
from tuner.hub.files import listing, model_files

EXPECTED = {
    "README.md", "config.json", "config.yaml", "confusion.png", "calibration.png", "model.safetensors", "report.json",
    "tokenizer.json", "tokenizer_config.json", "tuner.json",
}  # fmt: skip


def content(files, name):
    return files[name] if isinstance(files[name], bytes) else files[name].read_bytes()


def written(files, folder):
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content(files, name))
    return folder


def test_the_files_of_a_run(trained):
    for stray in ("training_args.bin", "optimizer.pt", "events.out.tfevents.1", "secrets.json", "train.log"):
        (trained.model_folder / stray).write_text("x")
    assert set(model_files(trained)) == EXPECTED


def test_sizes_are_those_of_the_contents(trained):
    files = model_files(trained)
    assert dict(listing(files)) == {name: len(content(files, name)) for name in files}


@pytest.mark.parametrize("architecture", ["bert", "gpt2", "roberta", "modernbert"])
def test_what_is_sent_answers_as_the_run_does(architecture, train_here, tiny_config, tmp_path):
    from transformers import pipeline

    run = train_here(tiny_config(architecture))
    folder = written(model_files(run), tmp_path / "sent")
    texts = ["a great film today", "awful"]
    ours, sent = (pipeline("text-classification", model=str(path))(texts, batch_size=2) for path in (run.model_folder, folder))
    assert sent == ours
    assert {answer["label"] for answer in sent} <= {"neg", "pos"}
    assert pipeline("text-classification", model=str(folder)).tokenizer.padding_side == "right"


def test_nothing_of_this_machine_is_sent(trained):
    files = model_files(trained)
    texts = {name: content(files, name).decode() for name in files if not name.endswith((".png", ".safetensors"))}
    for hidden in (trained.config.data.source, trained.config.model.name, "rows.csv", str(Path.home()) + "/"):
        assert [name for name, text in texts.items() if hidden in text] == []


def test_the_run_s_name_stands_in_the_card_alone_and_not_once_it_has_a_repository(trained):
    assert [name for name in EXPECTED if b"Anna" in content(model_files(trained), name)] == ["README.md"]
    assert not [name for name in EXPECTED if b"Anna" in content(model_files(trained, repo_id="me/model"), name)]


def test_the_same_run_gives_the_same_files(trained):
    assert model_files(trained) == model_files(trained)


def test_the_pictures_are_png(trained):
    files = model_files(trained)
    assert files["confusion.png"][:8] == files["calibration.png"][:8] == b"\x89PNG\r\n\x1a\n"


def test_the_settings_can_be_read_again(trained):
    config = RunConfig.from_yaml(model_files(trained)["config.yaml"].decode())
    assert (config.data.source, config.model.name, config.name) == (public.YOUR_TABLE, public.YOUR_MODEL, "")
    assert config.training == trained.config.training


def test_a_report_without_texts_of_the_data_can_be_read_again(trained):
    report = EvaluationReport.model_validate_json(model_files(trained)["report.json"])
    assert report.accuracy == trained.report.accuracy
    assert report.source == "a private table"
    assert not [result for result in report.behaviour if result.kind == "INV" and result.failures]


def test_columns_of_a_private_table_are_left_out(train_here, tiny_config, jsonl):
    from tests import tiny

    rows = [
        {"text": text, "label": label, "patient": ("a", "b")[i % 2]} for i, (text, label) in enumerate(tiny.labelled_rows(60))
    ]
    run = train_here(tiny_config(source=jsonl(rows), data={"text_column": "text"}))
    assert any(part.kind == "column" for part in run.report.slices)
    files = model_files(run)
    assert all(b"patient" not in content(files, name) for name in ("report.json", "README.md", "config.yaml"))


@pytest.mark.parametrize(("file", "secret"), [("tuner.json", "hf_" + "x" * 30), ("tokenizer.json", "AKIA" + "B" * 16)])
def test_a_secret_stops_it(trained, file, secret):
    settings = json.loads((trained.model_folder / file).read_text())
    (trained.model_folder / file).write_text(json.dumps({**settings, "note": secret}))
    with pytest.raises(RunError, match=f"Nothing was sent: {file}"):
        model_files(trained)


def test_where_the_model_was_loaded_from_is_not_told(trained, tmp_path):
    for file in ("config.json", "tokenizer_config.json"):
        settings = json.loads((trained.model_folder / file).read_text())
        (trained.model_folder / file).write_text(json.dumps({**settings, "_name_or_path": "/models/x", "name_or_path": "/m/x"}))
    files = model_files(trained)
    assert b"name_or_path" not in files["config.json"] + files["tokenizer_config.json"]
    assert "_name_or_path" in (trained.model_folder / "config.json").read_text()  # the run is as it was


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        ("tokenizer_config.json", {"padding_side": "left"}, "does not pad on the right"),
        ("tokenizer_config.json", {"pad_token": None}, "no pad token"),
        ("config.json", {"label2id": {"neg": 1, "pos": 0}}, "does not name every label"),
    ],
)
def test_a_model_unfit_for_others_is_refused(trained, file, change, said):
    settings = json.loads((trained.model_folder / file).read_text())
    (trained.model_folder / file).write_text(json.dumps({**settings, **change}))
    with pytest.raises(RunError, match=said):
        model_files(trained)


def test_a_run_without_adapter_says_so(trained):
    with pytest.raises(RunError, match="not trained with LoRA"):
        model_files(trained, adapter=True)


def test_an_adapter_on_a_local_model_is_refused(train_here, tiny_config):
    run = train_here(tiny_config(model={"lora": 2}))
    with pytest.raises(RunError, match="this machine alone"):
        model_files(run, adapter=True)
    assert not any(name.startswith("adapter/") for name in model_files(run))


@pytest.mark.slow
def test_an_adapter_is_sent_on_request(train_here, tiny_config):
    config = tiny_config(model={"name": "sample:minilm", "lora": 2}, max_steps=1)
    files = model_files(train_here(config), adapter=True)
    assert {name for name in files if name.startswith("adapter/")} == {
        "adapter/README.md",
        "adapter/adapter_config.json",
        "adapter/adapter_model.safetensors",
    }
    settings = json.loads(files["adapter/adapter_config.json"])
    assert settings["base_model_name_or_path"] == "sentence-transformers/all-MiniLM-L6-v2"
