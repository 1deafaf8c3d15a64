"""A Hub data set in a real browser: its configurations are offered, not guessed at."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import shot
from tests.hub.conftest import environment, files, hf_home, hub, several  # noqa: F401 (fixtures)
from tests.serving import start_server


@pytest.fixture
def hub_server(environment, tmp_path, monkeypatch):  # noqa: F811
    """The URL of an app that takes the loopback Hub for the real one."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    home = tmp_path / "app-home"
    home.mkdir()
    process, url = start_server(home, tmp_path / "server.log")
    yield url
    process.terminate()
    process.wait(20)


@pytest.mark.slow
def test_configurations_of_a_hub_set_are_offered(hub_server, browser, hub, files):  # noqa: F811
    hub.add("dataset", "owner/data", several(files))
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(hub_server)
    page.get_by_role("radio", name="Hub or path").check()
    box = page.locator("#source-name input")
    box.fill("owner/data")
    box.press("Enter")
    page.get_by_role("button", name="Splits").click()
    page.wait_for_timeout(3000)
    page.locator("#set-data-config input").click()
    expect(page.get_by_role("option", name="german")).to_be_visible(timeout=20_000)
    page.get_by_role("option", name="german").click()
    box.focus()
    box.press("Tab")  # looked into, nothing more
    page.wait_for_timeout(2000)
    expect(page.locator("#set-data-config input")).to_have_value("german")
    page.click("#look")
    expect(page.locator("#data-facts textarea")).to_have_value(re.compile("41 train"))
    shot(page, "14-hub")
    page.close()
