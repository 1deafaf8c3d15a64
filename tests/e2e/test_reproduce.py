"""A run's script and its zip, in a real browser."""

import zipfile

import pytest
from playwright.sync_api import expect

import tuner
from tests import tiny
from tests.e2e.conftest import shot


@pytest.fixture
def run(server_home, tiny_models, tmp_path, monkeypatch):
    """A finished run of the served app."""
    monkeypatch.setenv("TUNER_HOME", str(server_home))
    lines = [f"{text},{label}" for text, label in tiny.labelled_rows(60)]
    (tmp_path / "rows.csv").write_text("\n".join(["text,label", *lines]))
    never = {"eval_strategy": "no", "save_strategy": "no"}
    return tuner.train(
        tuner.RunConfig(
            data={"source": str(tmp_path / "rows.csv")},
            model={"name": str(tiny_models["bert"])},
            training={"max_steps": 3, "precision": "fp32", **never},
        )
    )


@pytest.mark.slow
def test_the_script_is_shown_and_its_zip_downloaded(page, server, run, tmp_path):
    page.goto(f"{server}/?tab=train&run={run.id}")
    expect(page.locator("#run-head")).to_contain_text("completed")
    expect(page.locator("#script")).not_to_be_visible()
    page.get_by_role("button", name="Reproduce").click()
    expect(page.locator("#script")).to_contain_text("with transformers alone")
    page.wait_for_function(
        "fingerprint => document.querySelector('#trained-with textarea')?.value.includes(fingerprint)",
        arg=run.config.data.fingerprint,
    )
    page.locator("#reproduce").scroll_into_view_if_needed()
    shot(page, "reproduce")
    page.click("#pack-script")
    with page.expect_download() as download:
        page.click("#download-script")
    download.value.save_as(tmp_path / "got.zip")
    with zipfile.ZipFile(tmp_path / "got.zip") as archive:
        names = {name.partition("/")[2] for name in archive.namelist()}
    assert {"train.py", "train.jsonl", "requirements.txt", "config.yaml"} <= names
    shot(page, "reproduce-2")
