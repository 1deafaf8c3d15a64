"""A flawed table in a real browser: what is wrong is found, mended by clicks, and trained on."""

import os
import re

import pytest
import yaml
from playwright.sync_api import expect

from tests import tiny
from tests.e2e.conftest import shot


@pytest.fixture
def flawed(tmp_path):
    """240 rows, 20 repeats, 12 labels in capitals, 2 of a rare label, 8 e-mail addresses, 1 without text, 1 without label."""
    rows = [
        (f"{text} write to me{i}@example.com" if i < 8 else text, label)
        for i, (text, label) in enumerate(tiny.labelled_rows(240))
    ]
    rows = [(text, label.upper() if 100 <= i < 112 else label) for i, (text, label) in enumerate(rows)]
    rows += [*rows[20:40], ("odd one", "odd"), ("odd two", "odd"), ("", "pos"), ("nobody labelled this", "")]
    path = tmp_path / "flawed.csv"
    path.write_text("\n".join(["text,label", *(f"{text},{label}" for text, label in rows)]))
    return path


def look_at(page, path):
    page.get_by_role("radio", name="Upload").check()
    page.locator("#upload input[type=file]").set_input_files(os.fspath(path))
    # Gradio draws stem and ending apart once the file is there.
    expect(page.locator("#upload")).to_contain_text(re.compile(rf"{path.stem}\s*{re.escape(path.suffix)}"))
    page.click("#look")
    expect(page.locator("#to-train")).to_be_visible(timeout=60_000)


def findings(page):
    return [text for text in page.locator(".finding-words").all_inner_texts() if text]


def mend(page, title):
    """Presses the button of a fix and waits until its finding is gone."""
    button = page.get_by_role("button", name=title, exact=True)
    button.click()
    expect(button).to_have_count(0)


@pytest.mark.slow
def test_findings_are_mended_by_clicks_and_trained_on(page, server, server_home, flawed):
    page.goto(server)
    look_at(page, flawed)
    assert any("spelled like another" in words for words in findings(page))
    shot(page, "11-findings")
    for fix in ("Merge them", "Leave them out", "Drop the repeats", "Mask as <EMAIL>"):
        mend(page, fix)
    shot(page, "12-mended")
    expect(page.locator("#data-facts textarea")).to_have_value(re.compile("2 labels"))
    page.click("#to-train")
    page.locator("#set-training-num_train_epochs input").fill("1")
    page.click("#start")
    expect(page.locator("#run-head")).to_contain_text("completed", timeout=200_000)
    run = max((server_home / "runs").glob("*-*"), key=lambda folder: folder.stat().st_mtime)
    data = yaml.safe_load((run / "config.yaml").read_text())["data"]
    assert data["fixes"] == ["mask_email", "drop_duplicates"]
    assert data["label_map"] == {"NEG": "neg", "POS": "pos", "odd": None}


@pytest.mark.slow
def test_rows_of_a_finding_are_shown_and_read_whole(page, server, flawed):
    page.goto(server)
    look_at(page, flawed)
    row = page.locator(".finding", has_text="without text")
    row.get_by_role("button", name="Show rows").click()
    expect(page.locator("#page-where")).to_contain_text(re.compile(r"of 1\b"))
    expect(page.locator("#rows")).to_be_in_viewport()
    page.locator(".finding", has_text="e-mail").get_by_role("button", name="Show rows").click()
    expect(page.locator("#page-where")).to_contain_text(re.compile(r"of [2-8]\b"))
    page.locator("#rows [role=gridcell]", has_text="example.com").first.click()
    expect(page.locator("#whole-text textarea")).to_have_value(re.compile("@example.com"))


@pytest.mark.slow
def test_a_label_is_renamed_in_the_table(page, server, flawed):
    page.goto(server)
    look_at(page, flawed)
    page.get_by_role("tab", name="Labels", exact=True).click()
    cell = page.locator("#label-counts [role=gridcell]", has_text="odd").last
    cell.dblclick()
    page.keyboard.press("Control+A")
    page.keyboard.type("neg")
    page.keyboard.press("Enter")
    page.click("#use-names")
    expect(page.locator("#data-facts textarea")).to_have_value(re.compile("4 labels"))


@pytest.mark.slow
def test_a_decision_on_a_suspicious_label_is_taken_into_the_settings(page, server, tmp_path):
    rows = [(text, "pos" if i == 50 else label) for i, (text, label) in enumerate(tiny.labelled_rows(200))]
    assert tiny.labelled_rows(200)[50][1] == "neg"
    path = tmp_path / "one-wrong.csv"
    path.write_text("\n".join(["text,label", *(f"{text},{label}" for text, label in rows)]))
    page.goto(server)
    look_at(page, path)
    page.get_by_role("tab", name="Suspicious labels").click()
    page.click("#find-suspicious")
    expect(page.locator("#suspicious-text textarea")).to_have_value(rows[50][0])
    page.click("#decide-relabel")
    expect(page.locator("#suspicious")).to_contain_text("→ neg")
    page.click("#decisions-make-csv")
    expect(page.locator("#decisions-csv")).to_be_visible()
    shot(page, "13-suspicious")
    page.click("#use-decisions")
    expect(page.locator("#data-notes textarea")).to_have_value(re.compile("1 relabelled"))


@pytest.mark.slow
def test_a_page_loaded_again_has_the_settings_as_they_were_left(page, server, tmp_path):
    path = tmp_path / "shop.csv"
    rows = [("the bill was wrong", "billing"), ("the parcel came late", "delivery")] * 100
    path.write_text("antwort,thema\n" + "\n".join(f"{text} {i},{label}" for i, (text, label) in enumerate(rows)) + "\n")
    page.goto(server)
    look_at(page, path)
    page.click("#to-train")
    page.fill("#set-training-learning_rate input", "0.0003")
    page.fill("#run-name textarea, #run-name input", "mine")
    page.wait_for_function("localStorage.getItem('tuner-settings')?.includes('name: mine')")
    page.reload()
    page.get_by_role("tab", name="Train").click()
    expect(page.locator("#set-training-learning_rate input")).to_have_value("0.0003")
    expect(page.locator("#run-name textarea, #run-name input")).to_have_value("mine")
    expect(page.locator("#estimate")).to_contain_text("shop.csv: 6 steps over 162 rows")
    shot(page, "train-loaded-again")
    page.get_by_role("tab", name="Data").click()
    expect(page.locator("#source-name input")).to_have_value("shop.csv")
    shot(page, "data-loaded-again")
    page.click("#look")
    expect(page.locator("#data-facts textarea")).to_have_value(re.compile("^shop.csv: "))
