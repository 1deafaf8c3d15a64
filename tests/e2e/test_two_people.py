"""Two people and the owner on one Space, each in a browser of their own: log in, train, share; nobody sees what is not theirs."""

import os
import re
import signal

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import shot
from tests.e2e.test_main_job import make_it_small
from tests.hub.conftest import hub  # noqa: F401 (fixture)
from tests.people import TOKENS, start_space

RUN = re.compile(r"run=([\d]{8}-[\d]{6}-[0-9a-f]{6})")


@pytest.fixture
def space(hub, tmp_path):  # noqa: F811
    """The URL of the Space; its log holds no token when it has ended."""
    for name in ("hf", "home"):
        (tmp_path / name).mkdir()
    process, url = start_space(hub, tmp_path / "home", tmp_path / "hf", tmp_path / "server.log")
    yield url
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(20)
    log = (tmp_path / "server.log").read_text()
    assert not [token for token in TOKENS.values() if token in log]


@pytest.fixture
def person(browser, space, hub):  # noqa: F811
    """`person("anna")`: a page of a browser of their own, logged in by the button; with no name one without a login."""
    contexts = []

    def come(name="", scheme="light", address=""):
        context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(90_000)
        page.goto(f"{space}/{address}")
        expect(page.locator("#who")).to_contain_text("Log in to train")
        if name:
            hub.logs_in = name
            page.click("#login")
            expect(page.locator("#who b")).to_have_text(name)
        return page

    yield come
    for context in contexts:
        context.close()


def names(page):
    return page.locator("#run-list label")


@pytest.mark.slow
def test_each_has_their_own_until_it_is_shared(person, space):
    anna = person("anna")
    anna.goto(f"{space}/?tab=train")
    make_it_small(anna)
    anna.click("#start")
    expect(anna.locator("#run-head")).to_contain_text("step", timeout=120_000)
    shot(anna, "people-anna")
    expect(anna.locator("#share-run")).to_be_visible()
    run = RUN.search(anna.url)[1]

    visitor, ben, chief = person(scheme="dark", address=f"?run={run}"), person("ben", scheme="dark"), person("chief")
    ben.goto(f"{space}/?run={run}")
    for stranger in (visitor, ben):
        expect(stranger.locator("#who")).to_be_visible()
        stranger.wait_for_timeout(3_500)  # two ticks
        assert names(stranger).count() == 0
        assert run not in stranger.content()
    shot(visitor, "people-visitor-dark")
    expect(names(chief)).to_have_count(1)
    expect(names(chief)).to_contain_text("anna")
    chief.goto(f"{space}/?run={run}")
    expect(chief.locator("#stop, #delete").locator("visible=true")).to_have_count(1)

    anna.get_by_label("Share this run").check()
    for stranger in (visitor, ben):
        expect(names(stranger)).to_have_count(1)
    ben.goto(f"{space}/?run={run}")
    expect(ben.locator("#run-head")).to_contain_text("step")
    for button in ("#stop", "#resume", "#delete", "#share-run"):
        expect(ben.locator(button)).to_be_hidden()
    shot(ben, "people-ben-dark")
    expect(anna.locator("#run-head")).to_contain_text("completed", timeout=240_000)

    ben.goto(f"{space}/?run={run}&tab=playground")
    ben.locator("#playground-text textarea").fill("I love this new phone")
    expect(ben.locator("#playground-answer")).to_contain_text("positive")
    ben.click("#that-is-right")
    expect(ben.locator("#kept")).to_contain_text("1 labelled row is")
    anna.goto(f"{space}/?run={run}&tab=playground")
    anna.locator("#playground-text textarea").fill("I love this new phone")
    expect(anna.locator("#playground-answer")).to_contain_text("positive")
    expect(anna.locator("#kept")).not_to_contain_text("1 labelled row is")

    anna.get_by_label("Share this run").click()
    expect(anna.get_by_label("Share this run")).not_to_be_checked()
    expect(names(ben)).to_have_count(0)


@pytest.mark.slow
def test_a_login_that_ends_loses_nothing(person, hub, space):  # noqa: F811
    hub.login_seconds = 20
    anna = person("anna")
    anna.goto(f"{space}/?tab=train")
    make_it_small(anna)
    anna.locator("#run-name textarea, #run-name input").fill("kept words")
    expect(anna.locator("#who")).to_contain_text("Your login has expired")
    anna.click("#start")
    expect(anna.get_by_text("Your login has expired. Log in again", exact=False).first).to_be_visible()
    shot(anna, "people-expired")
    hub.login_seconds = 3600
    with anna.context.expect_page() as opened:
        anna.click("#login-again")
    expect(opened.value.locator("#who b")).to_have_text("anna")
    expect(anna.locator("#who b")).to_have_text("anna")
    expect(anna.locator("#login-again")).to_be_hidden()
    expect(anna.locator("#run-name textarea, #run-name input")).to_have_value("kept words")
    anna.click("#start")
    expect(names(anna)).to_contain_text("kept words", timeout=120_000)
