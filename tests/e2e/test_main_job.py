"""The main job in a real browser: look at the data, train, reload, evaluate, type a sentence."""

import json
import os
import re

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import shot
from tests.serving import ROOT, start_server


def make_it_small(page, **other):
    """320 training rows in batches of 8, 100 validation and 100 test rows: 40 steps, seconds of training."""
    expect(page.locator("#start")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Data ", exact=False).last.click()
    # A tab is drawn when it is opened, and for about 0.2 s puts its first values over what a robot types.
    page.wait_for_timeout(1000)
    small = {
        "#set-data-max_train_samples": "320",
        "#set-data-max_eval_samples": "100",
        "#set-training-per_device_train_batch_size": "8",
        **other,
    }
    for field, value in small.items():
        page.locator(f"{field} textarea, {field} input").first.fill(value)
    for field, value in small.items():
        expect(page.locator(f"{field} textarea, {field} input").first).to_have_value(value)


@pytest.mark.slow
def test_data_train_reload_evaluate_type(page, browser, server):
    page.goto(server)
    expect(page.locator("#data-empty")).to_contain_text("Look at the data")
    shot(page, "1-empty")
    page.click("#look")
    page.wait_for_function("document.querySelector('#data-facts textarea')?.value.includes('3 labels')")
    expect(page.locator("#rows")).to_contain_text("negative")
    shot(page, "2-data")

    page.click("#to-train")
    make_it_small(page)
    page.click("#start")
    expect(page.locator("#run-head")).to_contain_text("running")
    page.wait_for_function("/step ([2-9]|\\d\\d)/.test(document.querySelector('#run-head').innerText)")
    shot(page, "3-running")

    page.reload()
    expect(page.locator("#run-head")).to_contain_text("step")
    other = browser.new_page()
    other.goto(page.url)
    expect(other.locator("#run-head")).to_contain_text("step")
    other.close()
    expect(page.locator("#run-head")).to_contain_text("completed", timeout=240_000)
    expect(page.locator("#run-head")).to_contain_text("step 40 of 40")
    shot(page, "4-completed")

    page.click("#to-evaluate")
    expect(page.locator("#answer")).to_contain_text("Right")
    expect(page.locator("#confusion")).to_contain_text("negative")
    expect(page).to_have_url(re.compile("tab=evaluate"))  # where a reload begins
    shot(page, "5-evaluate")

    page.click("#to-playground")
    page.locator("#playground-text textarea").fill("I love this airline, what a wonderful crew")
    expect(page.locator("#playground-answer b").first).to_be_visible(timeout=90_000)
    expect(page.locator("#why")).to_contain_text("wonderful")
    shot(page, "6-playground")


@pytest.mark.slow
def test_stop_and_resume(page, server):
    page.goto(f"{server}/?tab=train")
    make_it_small(page)
    page.click("#start")
    page.wait_for_function("/step ([2-9]|\\d\\d)/.test(document.querySelector('#run-head').innerText)")
    page.click("#stop")
    expect(page.locator("#run-head")).to_contain_text("stopped")
    shot(page, "7-stopped")
    page.click("#resume")
    expect(page.locator("#run-head")).to_contain_text("completed", timeout=120_000)


@pytest.mark.slow
def test_a_mistake_is_a_toast_with_cause_and_cure(page, server, server_home):
    before = len(list((server_home / "runs").glob("*-*")))
    page.goto(f"{server}/?tab=train")
    page.locator("#set-training-learning_rate input").fill("9")
    page.click("#start")
    expect(page.locator("[data-testid=toast-body]")).to_contain_text("training.learning_rate = 9")
    shot(page, "8-mistake")
    assert len(list((server_home / "runs").glob("*-*"))) == before
    page.click("#time-steps")
    expect(page.locator("[data-testid=toast-text]")).to_have_count(2)
    expect(page.locator("#time-steps")).to_be_enabled()
    pills = page.locator("[data-testid=status-tracker] > .error")
    expect(pills).to_have_count(1)
    expect(pills).to_be_hidden()  # it would lie over the estimate


@pytest.fixture
def small_container(tmp_path):
    """(home, URL) of an app whose container has 1.3 GB: enough for 160 tweets in batches of 8, not for all in one."""
    (tmp_path / "memory.max").write_text("1300000000")
    (tmp_path / "memory.current").write_text("0")
    (tmp_path / "memory.stat").write_text("")
    script = tmp_path / "contained.py"
    script.write_text(
        "import runpy\nfrom pathlib import Path\nfrom tuner import hardware\n"
        f"hardware._CGROUP = Path({os.fspath(tmp_path)!r})\nrunpy.run_path({os.fspath(ROOT / 'app.py')!r}, run_name='__main__')\n"
    )
    home = tmp_path / "home"
    home.mkdir()
    process, url = start_server(home, tmp_path / "server.log", environment={"PYTHONPATH": os.fspath(ROOT)}, script=script)
    yield home, url
    process.terminate()
    process.wait(20)


@pytest.mark.slow
def test_a_doubtful_start_is_told_first(small_container, browser):
    home, url = small_container
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(f"{url}/?tab=train")
    make_it_small(page, **{"#set-data-max_train_samples": "160", "#set-training-per_device_train_batch_size": "4096"})
    expect(page.locator("#estimate .doubt")).to_contain_text("GB of memory")
    page.click("#start")
    expect(page.locator("[data-testid=toast-body]").last).to_contain_text("GB of memory")
    expect(page.locator("#start")).to_be_enabled()
    shot(page, "27-doubt")
    assert not list((home / "runs").glob("*-*"))
    batch = page.locator(
        "#set-training-per_device_train_batch_size input, #set-training-per_device_train_batch_size textarea"
    ).first
    batch.fill("8")
    expect(page.locator("#proceed")).to_be_hidden()
    expect(page.locator("#estimate .doubt")).to_have_count(0)
    batch.fill("4096")
    expect(page.locator("#estimate .doubt")).to_contain_text("GB of memory")
    page.click("#start")
    page.click("#proceed")
    expect(page.locator("#run-head")).to_contain_text("completed", timeout=120_000)
    expect(page.locator("#proceed")).to_be_hidden()
    assert len(list((home / "runs").glob("*-*"))) == 1
    page.close()


@pytest.mark.slow
def test_a_commit_goes_with_its_model_and_stays_when_somebody_only_looks(page, server):
    page.goto(f"{server}/?tab=train")
    page.get_by_role("button", name=re.compile("^Model")).first.click()
    page.wait_for_timeout(1000)
    commit, model = page.locator("#set-model-revision textarea, #set-model-revision input"), page.locator("#base-model input")
    commit.fill("0123abc")
    page.get_by_role("tab", name="Data", exact=True).click()
    page.wait_for_timeout(1000)
    model.click()
    model.press("Tab")
    page.wait_for_timeout(1000)
    expect(commit).to_have_value("0123abc")
    model.fill("owner/another")
    model.press("Enter")
    expect(commit).to_have_value("")


@pytest.mark.slow
def test_an_uploaded_table_is_shown_as_text(page, server, tmp_path):
    hostile = "<img src=x onerror='window.__xss=1'>"
    rows = [{"text": f"{hostile} good {i}", "label": f"{hostile}{i % 2}"} for i in range(60)]
    path = tmp_path / "hostile.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    page.goto(server)
    page.get_by_role("radio", name="Upload").check()
    page.locator("#upload input[type=file]").set_input_files(os.fspath(path))
    page.wait_for_timeout(1500)
    page.click("#look")
    page.wait_for_function("document.querySelector('#data-facts textarea')?.value.includes('2 labels')")
    shot(page, "9-hostile")
    assert page.evaluate("window.__xss") is None


@pytest.mark.slow
def test_dark_mode(browser, server):
    page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme="dark")
    page.goto(server)
    expect(page.locator("#look")).to_be_visible()
    shot(page, "10-dark")
    assert "dark" in page.locator("body").get_attribute("class")
    page.close()
