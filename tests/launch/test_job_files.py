"""What is sent to a job: the rows are there what they are here, whatever they come from, and nothing else goes along."""

import io
import re
import shutil
import subprocess
import sys
import zipfile

import pytest

from tests import tiny
from tuner import feedback, runs
from tuner.config import RunConfig
from tuner.data import overlay
from tuner.data.files import store_upload, store_uploads
from tuner.data.labelled import load_labelled
from tuner.data.sources import load_raw
from tuner.feedback import Feedback
from tuner.launch import job_files, jobs, local, on_job
from tuner.launch.job_files import HOME_FOLDER, OWN_FOLDER


def placed(config, tmp_path, monkeypatch):
    """The rows' fingerprint on a job whose home is an empty one, read where its worker stands."""
    changes, files = job_files._rows_of(config)
    sent = tmp_path / "sent"
    for name, content in files.items():
        path = sent / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content) if isinstance(content, bytes) else shutil.copy(content, path)
    monkeypatch.setenv("TUNER_HOME", str(tmp_path / "there"))
    run = runs.create(config.with_changes({"data": changes}))
    on_job.place_rows(sent, run) if sent.exists() else None
    monkeypatch.chdir(run.folder)
    return load_labelled(run.config.data), {name.split("/")[0] for name in files}


def of_file(csv, tmp_path):
    return {"source": str(csv(80))}


def of_folder(csv, tmp_path):
    folder = tmp_path / "opinions"
    for number, (text, label) in enumerate(tiny.labelled_rows(60)):
        (folder / label).mkdir(parents=True, exist_ok=True)
        (folder / label / f"{number}.txt").write_text(text)
    return {"source": str(folder)}


def of_upload(csv, tmp_path):
    return {"source": store_upload(csv(80))}


def of_uploads(csv, tmp_path):
    return {"source": store_uploads([csv(60, name="train.csv"), csv(40, name="test.csv")])}


def of_feedback(csv, tmp_path):
    feedback.add("mine", *(Feedback(text, label) for text, label in tiny.labelled_rows(60)))
    return {"source": "feedback:mine"}


def of_extra_rows(csv, tmp_path):
    feedback.add("mine", *(Feedback(text, label) for text, label in tiny.labelled_rows(120)[90:]))
    return {"source": str(csv(80)), "extra_source": "feedback:mine"}


def of_decisions(csv, tmp_path):
    path = csv(80)
    raw = load_raw(str(path))
    text = raw.splits["train"][3]["text"]
    label = raw.splits["train"][3]["label"]
    overlay.add(raw.identity, [overlay.decide("train/3", text, label, "relabel", {"neg": "pos", "pos": "neg"}[label])])
    return {"source": str(path), "overlay": overlay.freeze(raw.identity)}


@pytest.mark.parametrize(
    ("make", "folders"),
    [
        (of_file, {OWN_FOLDER}),
        (of_folder, {OWN_FOLDER}),
        (of_upload, {HOME_FOLDER}),
        (of_uploads, {HOME_FOLDER}),
        (of_feedback, {HOME_FOLDER}),
        (of_extra_rows, {OWN_FOLDER, HOME_FOLDER}),
        (of_decisions, {OWN_FOLDER, HOME_FOLDER}),
    ],
)
def test_rows_keep_their_fingerprint(csv, tmp_path, tiny_models, monkeypatch, make, folders):
    config = local.prepare(RunConfig(data=make(csv, tmp_path), model={"name": str(tiny_models["bert"])}))
    there, sent = placed(config, tmp_path, monkeypatch)
    assert (there.fingerprint, sent) == (config.data.fingerprint, folders)


def test_rows_that_anybody_finds_are_not_sent():
    assert job_files._rows_of(RunConfig(data={"source": "sample:tweets"})) == ({}, {})
    assert job_files._local_base(RunConfig(model={"name": "sample:minilm"})) == {}


def test_a_base_model_goes_without_where_it_came_from(tiny_models):
    config = RunConfig(model={"name": str(tiny_models["bert"])})
    files = job_files._local_base(config)
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= files.keys()
    assert str(tiny_models["bert"]).encode() not in files["config.json"]


def test_the_model_of_a_run_is_a_base_model(tiny_models, queued, tiny_config):
    run = queued(tiny_config())
    shutil.copytree(tiny_models["bert"], run.model_folder)
    runs.write_status(run, state="completed")
    name = f"{runs.RUN_PREFIX}{run.id}"
    assert "model.safetensors" in job_files._local_base(RunConfig(model={"name": name}))


def test_the_code_that_is_sent_is_whole_and_the_same_again(tmp_path):
    """Unpacked elsewhere it imports what a job runs, and only Gradio is not asked for."""
    packed = job_files._code()
    assert packed == job_files._code()
    zipfile.ZipFile(io.BytesIO(packed)).extractall(tmp_path)
    code = "import tuner, tuner.launch.on_job, tuner.training.worker; print(tuner.__file__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip().startswith(str(tmp_path))
    names = re.findall(r"^[\w-]+", job_files._requirements(), re.MULTILINE)
    assert ("torch" in names, "gradio" in names) == (True, False)


def test_a_job_gets_the_versions_of_this_machine():
    from importlib import metadata

    assert f"transformers=={metadata.version('transformers')}" in job_files._constraints().splitlines()
    assert "+" not in job_files._constraints()


def test_the_image_is_this_python_s_or_the_one_that_is_named(monkeypatch):
    monkeypatch.delenv("TUNER_JOBS_IMAGE", raising=False)
    assert jobs.image() == f"python:{sys.version_info.major}.{sys.version_info.minor}"
    monkeypatch.setenv("TUNER_JOBS_IMAGE", "mine:1")
    assert jobs.image() == "mine:1"
