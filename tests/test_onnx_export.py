"""The model as an ONNX file."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.test_exactness import TEXTS, classifier  # noqa: F401 (a fixture: one per architecture)
from tuner import onnx_export
from tuner.cli import main
from tuner.errors import SettingsError, SourceError

pytest.importorskip("onnxruntime")


@pytest.fixture
def run(train_here, tiny_config):
    return train_here(tiny_config(max_steps=2))


@pytest.fixture(scope="module")
def files():
    """Architecture → the exported file, each written once."""
    return {}


@pytest.fixture
def exported(classifier, files, tmp_path_factory):  # noqa: F811
    kind = classifier.model.config.model_type
    if kind not in files:
        files[kind] = onnx_export.write_onnx(classifier, tmp_path_factory.mktemp(kind) / "model.onnx")
    return files[kind]


@pytest.mark.slow
def test_every_architecture_answers_as_before(classifier, exported):  # noqa: F811
    answer = onnx_export.answerer(classifier, exported)
    np.testing.assert_allclose(answer(TEXTS), classifier.score(TEXTS, "fp32"), atol=1e-4)
    np.testing.assert_allclose(answer(TEXTS[:1]), classifier.score(TEXTS[:1], "fp32"), atol=1e-4)


@pytest.mark.slow
def test_a_text_gets_the_same_answer_alone_and_padded(classifier, exported, monkeypatch):  # noqa: F811
    answer = onnx_export.answerer(classifier, exported)
    monkeypatch.setattr(onnx_export, "batches_by_length", lambda lengths, most: [list(range(len(lengths)))])
    np.testing.assert_allclose(answer(TEXTS), np.concatenate([answer([text]) for text in TEXTS]), atol=1e-5)


@pytest.mark.slow
def test_every_architecture_answers_in_8_bits_and_is_smaller(classifier, exported):  # noqa: F811
    small = onnx_export._quantized(classifier, exported)
    found = onnx_export.answerer(classifier, small)(TEXTS)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)
    assert small.stat().st_size < exported.stat().st_size


def test_rows_in_another_order_are_no_test_rows(run):
    """They would be parted anew, and trained ones measured."""
    source = Path(run.config.data.source)
    head, *rows = source.read_text().splitlines()
    source.write_text("\n".join([head, *sorted(rows)]) + "\n")
    with pytest.raises(SourceError, match="has changed since the run was made"):
        onnx_export.export(run)


@pytest.mark.slow
def test_a_run_is_exported_and_measured_and_its_readme_runs(run, tmp_path, capsys):
    """It takes the place of an earlier export, once refused as "not empty"."""
    (tmp_path / "out").mkdir()
    for name in ("model.onnx", "README.md", "vocab.txt"):
        (tmp_path / "out" / name).write_text("# old as ONNX\n")
    assert main(["export", run.id, "--int8", "--output", str(tmp_path / "out"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [form["form"] for form in told["forms"]] == ["original", "onnx", "onnx int8"]
    assert told["forms"][1]["largest_difference"] < 1e-4
    assert {"model.onnx", "model.int8.onnx", "tokenizer.json", "config.json", "README.md"} <= set(told["files"])
    code = re.search("```python\n(.*?)```", (tmp_path / "out" / "README.md").read_text(), re.DOTALL)[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "out", capture_output=True, text=True, check=True)
    assert "pos" in done.stdout
    assert not (tmp_path / "out" / "vocab.txt").exists()
    assert "out" in [path.name for path in tmp_path.iterdir()]
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]


@pytest.mark.parametrize("names", [["mine.txt"], ["model.onnx"], ["model.onnx", "README.md", "mine.txt"]])
def test_a_folder_that_holds_more_than_an_export_is_refused(names, run, tmp_path):
    for name in names:
        (tmp_path / name).write_text("# old as ONNX\n")
    before = set(tmp_path.iterdir())
    with pytest.raises(SettingsError, match="is not empty"):
        onnx_export.export(run, tmp_path)
    assert set(tmp_path.iterdir()) == before


def test_a_file_is_no_folder_to_export_into(run, write):
    """Once a NotADirectoryError."""
    file = write("mine.txt", "x")
    with pytest.raises(SettingsError, match=r"mine.txt is no folder"):
        onnx_export.export(run, file)
    with pytest.raises(SourceError, match=r"cannot be written"):
        onnx_export.export(run, file / "below")


def test_a_failure_leaves_no_folder_behind(run, csv, tmp_path):
    """Once what was written before the data could not be read stood in the way of the next attempt."""
    csv().unlink()
    with pytest.raises(SourceError, match="There is no file"):
        onnx_export.export(run, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_without_the_packages_it_says_which_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r'onnx.*pip install "tuner\[onnx\]"'):
        onnx_export._require()
