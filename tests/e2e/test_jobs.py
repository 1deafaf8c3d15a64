"""Hugging Face Jobs in a real browser: the price is shown first, a run is sent, and nobody without a login gets that far."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import shot
from tests.hub.conftest import environment, hf_home, hub  # noqa: F401 (fixtures)
from tests.hub.server import TOKEN
from tests.serving import start_server

pytestmark = pytest.mark.slow


@pytest.fixture
def serve(home, environment, tmp_path, monkeypatch):  # noqa: F811
    """Starts an app that takes the loopback Hub for the real one."""
    started = []

    def start(**more):
        for name, value in {**environment, **more}.items():
            monkeypatch.setenv(name, value)
        process, url = start_server(home, tmp_path / "server.log")
        started.append(process)
        return url

    yield start
    for process in started:
        process.terminate()
        process.wait(20)


@pytest.fixture
def page(browser):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(90_000)
    yield page
    page.close()


def choose_jobs(page, url):
    page.goto(f"{url}/?tab=train")
    page.get_by_role("button", name="Where it trains").click()
    page.get_by_role("radio", name="Hugging Face Jobs").click()  # without a login it is taken back at once


def test_the_price_is_shown_and_a_run_is_sent(page, serve, hub):  # noqa: F811
    hub.fail("job", "no result")
    choose_jobs(page, serve(HF_TOKEN=TOKEN))
    price = page.locator("#job-price")
    expect(price).to_have_text("a10g-small: 1.00 US dollars an hour, at most 1.00 for 1 h.")
    page.locator("#job-timeout textarea, #job-timeout input").fill("30m")
    expect(price).to_have_text("a10g-small: 1.00 US dollars an hour, at most 0.50 for 30 min.")
    page.locator("#job-flavor").scroll_into_view_if_needed()
    shot(page, "40-jobs")
    page.click("#start")
    expect(page.locator("#run-head")).to_contain_text(re.compile("left no result"), timeout=120_000)
    (job,) = hub.jobs.values()
    assert (job.spec["flavor"], job.spec["timeoutSeconds"]) == ("a10g-small", 1800)


def test_without_a_login_it_says_so(page, serve):
    choose_jobs(page, serve())
    expect(page.locator("#job-price")).to_contain_text("You are not logged in to the Hugging Face Hub. Run `hf auth login`")
    expect(page.get_by_role("radio", name="This machine")).to_be_checked()
