"""Search and repeats in the browser: start, watch the trials, take the best settings."""

import re

import pytest
from playwright.sync_api import expect

from tests import tiny
from tests.e2e.conftest import shot


@pytest.fixture
def ready(page, server, tmp_path):
    """The Train tab with a tiny model and 60 rows chosen, the panel open."""
    rows = tmp_path / "rows.csv"
    rows.write_text("\n".join(["text,label", *(f"{text},{label}" for text, label in tiny.labelled_rows(60))]))
    model = tiny.save_model("bert", tmp_path / "bert")
    page.goto(f"{server}/?tab=data")
    page.get_by_role("radio", name="Hub or path").check()
    for box, value in (("#source-name", rows), ("#base-model", model)):
        page.locator(f"{box} input").fill(str(value))
        page.keyboard.press("Enter")
    page.get_by_role("tab", name="Train").click()
    page.get_by_role("button", name="Search, repeats and learning curve").click()
    return page


@pytest.mark.slow
def test_a_search_is_started_watched_and_its_best_settings_are_used_for_repeats(ready):
    find_a_learning_rate(ready)
    ready.locator("#study-metric input").click()
    ready.get_by_role("option", name="loss", exact=True).click()
    ready.locator("#study-values textarea").fill("training.learning_rate=0.002,0.003")
    ready.locator("#study-trials input, #study-trials textarea").first.fill("5")
    ready.click("#start-search")
    expect(ready.locator("#run-head")).to_contain_text("Search: ")
    expect(ready.locator("#run-head")).to_contain_text("completed", timeout=240_000)
    expect(ready.locator("#run-head")).to_contain_text("2 of 2 finished")
    expect(ready.locator("#run-head")).to_contain_text(re.compile(r"trial \d: loss 0"))
    expect(ready.locator("#study-table")).to_contain_text("★")
    shot(ready, "11-search")
    ready.click("#use-best")
    expect(ready.locator("#set-training-learning_rate input")).to_have_value(re.compile("0.00[23]"))

    show_altered_copies(ready)
    ready.locator("#study-times input").fill("2")
    ready.click("#start-repeats")
    expect(ready.locator("#run-head")).to_contain_text("Repeats")
    expect(ready.locator("#run-head")).to_contain_text("completed", timeout=240_000)
    expect(ready.locator("#run-head")).to_contain_text("2 of 2 finished")
    delete_the_run(ready)
    expect(ready.locator("#run-head")).to_contain_text("Search: ")


def find_a_learning_rate(page):
    """A curve is drawn, and one click puts its suggestion into the settings."""
    page.get_by_role("button", name="Learning rate").last.click()
    page.click("#find-rate")
    expect(page.locator("#find-rate")).to_be_disabled()
    expect(page.locator("#use-rate")).to_have_text(re.compile(r"Use 0\.\d+"), timeout=120_000)
    expect(page.locator("#rate-curve")).to_contain_text("rate, power of ten")
    suggested = page.locator("#use-rate").inner_text().strip().removeprefix("Use ")
    page.click("#use-rate")
    expect(page.locator("[data-testid=toast-body]")).to_contain_text(f"The learning rate is {suggested} now.")
    expect(page.locator("#set-training-learning_rate input")).to_have_value(suggested)
    shot(page, "26-learning-rate")


def show_altered_copies(page):
    """Two of three words change places with the next one, and the preview says so."""
    page.get_by_role("button", name="Augmentation", exact=False).last.click()
    page.locator("#set-augmentation-swap input").fill("0.7")
    page.click("#show-copies")
    expect(page.locator("#copies textarea")).to_have_value(re.compile(r"→ .+\(swap\)", re.DOTALL))
    shot(page, "23-copies")


def delete_the_run(page):
    """Asked once more, then the run is gone from the list."""
    rows = page.locator("#run-list label")
    before = rows.count()
    page.click("#delete")
    page.click("#delete-sure")
    expect(rows).to_have_count(before - 1)
    expect(page.locator("#delete-sure")).to_be_hidden()


@pytest.mark.slow
def test_a_learning_curve_is_started_and_read(ready):
    ready.locator("#study-shares input, #study-shares textarea").first.fill("0.25, 0.5, 1")
    ready.click("#start-curve")
    expect(ready.locator("#run-head")).to_contain_text("Learning curve: ")
    expect(ready.locator("#run-head")).to_contain_text("completed", timeout=240_000)
    expect(ready.locator("#run-head")).to_contain_text("More labels would")
    expect(ready.locator("#study-table")).to_contain_text("25%")
    expect(ready.locator("#score-chart")).to_contain_text("training rows")
    shot(ready, "21-learning-curve")
