"""The Evaluate tab in a real browser: open a cell of the confusion matrix, filter errors, cut a slice, compare two runs."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import asked_at_rest, shot, train_opinions


@pytest.fixture(scope="module")
def two_runs(server_home, tiny_models, tmp_path_factory):
    """Ids of two finished runs of three labels, the first trained for longer."""
    folder = tmp_path_factory.mktemp("rows")
    return [train_opinions(server_home, tiny_models, folder, steps) for steps in (60, 4)]


@pytest.mark.slow
def test_open_a_cell_filter_errors_cut_a_slice_compare(page, server, two_runs):
    page.goto(f"{server}/?run={two_runs[1]}&tab=evaluate")
    expect(page.locator("#answer")).to_contain_text("Right")
    expect(page.locator("#baselines")).to_contain_text("word counts")
    shot(page, "evaluate-overview")

    page.locator("#confusion [role=gridcell]").filter(has_text=re.compile(r"^\s*[1-9]")).first.click()
    expect(page.locator("#mistakes-where")).to_contain_text("of")
    expect(page.get_by_role("tab", name="Mistakes")).to_have_attribute("aria-selected", "true")
    shot(page, "evaluate-cell")

    page.wait_for_timeout(1000)
    page.locator("#mistakes-search textarea, #mistakes-search input").first.fill("film")
    page.locator("#mistakes-search textarea, #mistakes-search input").first.press("Enter")
    expect(page.locator("#mistakes")).to_contain_text("film")
    page.locator("#mistakes [role=gridcell]").filter(has_text="film").first.click()
    expect(page.locator("#mistakes-shares")).to_contain_text("The model says")
    page.click("#mistakes-send")
    expect(page.locator("#playground-text textarea")).not_to_have_value("")

    page.get_by_role("tab", name="Evaluate", exact=True).click()
    page.get_by_role("tab", name="Slices").click()
    page.wait_for_timeout(1000)
    page.locator("#slice-search textarea, #slice-search input").first.fill("film")
    page.locator("#slice-search textarea, #slice-search input").first.press("Enter")
    expect(page.locator("#slice-found")).to_contain_text("accuracy")
    shot(page, "evaluate-slices")

    page.get_by_role("tab", name="Compare").click()
    expect(page.locator("#leaderboard")).to_contain_text("60 steps")
    page.locator("#compare-with input").click()
    page.get_by_role("option").filter(has_text="60 steps").click()
    page.click("#compare")
    expect(page.locator("#verdict")).to_contain_text("shared rows are answered differently")
    expect(page.locator("#settings-differ")).to_contain_text("training.max_steps")
    shot(page, "evaluate-compare")


@pytest.mark.slow
def test_an_evaluation_that_is_ready_late_waits_for_its_run(page, server, two_runs):
    """What was asked of one run does not stand under another; it is there when somebody comes back."""
    page.goto(f"{server}/?run={two_runs[0]}&tab=evaluate")
    answer = page.locator("#answer")
    expect(answer).to_contain_text("test rows")
    page.locator("#evaluate-split label").filter(has_text="validation").click()
    asked_at_rest(page)
    answers = []
    page.route("**/queue/data*", lambda route: answers.append(route), times=1)
    with page.expect_request("**/queue/data*"):
        page.click("#evaluate")
    page.locator("#run-list label").filter(has_text="4 steps").click()
    answers[0].continue_()
    expect(page.locator("[data-testid=toast-body]").filter(has_text="It stands here when that run is chosen")).to_be_visible()
    expect(answer).to_contain_text("test rows")
    page.locator("#run-list label").filter(has_text="60 steps").click()
    expect(answer).to_contain_text("validation rows")


@pytest.mark.slow
def test_curves_calibration_and_behaviour_are_drawn(page, server, two_runs):
    page.goto(f"{server}/?run={two_runs[0]}&tab=evaluate")
    expect(page.locator("#answer")).to_contain_text("Right")
    page.get_by_role("tab", name="Curves").click()
    expect(page.locator("#roc canvas, #roc svg").first).to_be_visible()
    shot(page, "evaluate-curves")
    page.get_by_role("tab", name="Calibration").click()
    expect(page.locator("#calibration-words")).to_contain_text("Temperature")
    page.wait_for_timeout(1000)
    page.click("#keep-threshold")
    expect(page.locator("#threshold-words, [data-testid=toast-body]").filter(has_text="0.9").first).to_be_visible()
    shot(page, "evaluate-calibration")
    page.get_by_role("tab", name="Behaviour").click()
    page.locator("#behaviour [role=gridcell]").filter(has_text="negation").first.click()
    expect(page.locator("#failures")).to_be_visible()
    shot(page, "evaluate-behaviour")


@pytest.mark.slow
def test_the_true_label_stays_in_sight_when_the_matrix_is_scrolled(page, server, two_runs):
    page.set_viewport_size({"width": 400, "height": 800})
    page.goto(f"{server}/?run={two_runs[0]}&tab=evaluate")
    cells = page.locator("#confusion [role=gridcell]")
    expect(cells.nth(1)).to_be_visible()
    table = page.locator("#confusion .virtual-table-viewport")
    before = cells.nth(0).bounding_box()["x"], cells.nth(1).bounding_box()["x"]
    table.evaluate("element => { element.scrollLeft = 60 }")
    page.wait_for_timeout(500)
    assert (cells.nth(0).bounding_box()["x"], cells.nth(1).bounding_box()["x"]) == (before[0], before[1] - 60)
