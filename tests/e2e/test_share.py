"""The Share tab in a real browser, against the loopback Hub: see what goes there, push, push again after a failure."""

import re
import subprocess
import sys

import pytest
from gradio_client import Client
from playwright.sync_api import expect

from tests import tiny
from tests.e2e.conftest import shot
from tests.hub.conftest import environment, hf_home, hub  # noqa: F401 (fixtures)
from tests.hub.server import TOKEN
from tests.serving import start_server

HOSTILE = "![a](https://evil.example/a.png)<img src=https://evil.example/b.png>"


@pytest.fixture
def run(home, environment, tiny_models, tmp_path):  # noqa: F811
    """Id of a finished run, one of whose labels would fetch a picture if it were no text."""
    path = tmp_path / "opinions.csv"
    rows = tiny.labelled_rows(120, ("negative", HOSTILE))
    path.write_text("text,label\n" + "\n".join(f'{text},"{label}"' for text, label in rows) + "\n")
    few = ("--set", "training.max_steps=3", "--set", "training.precision=fp32", "--name", "opinions & more")
    command = [sys.executable, "-m", "tuner", "train", "--data", str(path), "--model", str(tiny_models["bert"]), *few]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=120)
    return max(folder.name for folder in (home / "runs").glob("*-*"))


@pytest.fixture
def app(run, home, environment, tmp_path, monkeypatch):  # noqa: F811
    """The URL of an app whose person is logged in to the loopback Hub."""
    for name, value in {**environment, "HF_TOKEN": TOKEN}.items():
        monkeypatch.setenv(name, value)
    process, url = start_server(home, tmp_path / "server.log")
    yield url
    process.terminate()
    process.wait(20)
    assert TOKEN not in (tmp_path / "server.log").read_text()


@pytest.fixture
def page(browser, app):
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.foreign = []
    page.on("request", lambda request: page.foreign.append(request.url) if request.url.startswith("http") else None)
    page.set_default_timeout(90_000)
    yield page
    assert [url for url in page.foreign if not url.startswith(app)] == []
    page.close()


@pytest.mark.slow
def test_see_push_and_find_it_on_the_hub(page, app, run, hub):  # noqa: F811
    page.goto(f"{app}/?run={run}&tab=playground")
    page.click("#to-share")
    expect(page.locator("#share-owner input")).to_have_value("owner")
    expect(page.locator("#share-name input, #share-name textarea")).to_have_value("opinions-more")
    expect(page.locator("#share-files")).to_contain_text("model.safetensors")
    page.get_by_role("tab", name="Card", exact=True).click()
    expect(page.locator("#share-card")).to_contain_text(HOSTILE)
    assert page.locator("#share-card img").evaluate_all("all => all.every(one => one.src.startsWith('data:image/png'))")
    shot(page, "share-card")

    page.click("#share-check")
    expect(page.locator("#share-rights")).to_contain_text("You may name it owner/opinions-more")
    hub.fail("commit", 500)
    page.click("#share-push")
    expect(page.locator("#share-state")).to_contain_text("The Hub answered 500")
    expect(page.locator("#share-state")).to_contain_text("The run is as it was")
    shot(page, "share-failed")
    page.click("#share-again")
    expect(page.locator("#share-state")).to_contain_text("The model is on the Hub: owner/opinions-more", timeout=120_000)
    expect(page.locator("#share-state")).to_contain_text("answers 12 test texts of the run as the model of this machine does")
    expect(page.locator("#share-snippet")).to_contain_text('model="owner/opinions-more"')
    assert len(hub.commits) == 1
    shot(page, "share-done")

    page.goto(f"{app}/?run={run}&tab=share")
    expect(page.locator("#share-state p.answer")).to_be_visible()
    page.get_by_role("button", name="Rows as a data set").click()
    expect(page.locator("#share-data-repo input, #share-data-repo textarea")).to_have_value("owner/opinions-more-data")
    page.click("#share-data-push")
    expect(page.locator("#share-data-result")).to_contain_text("owner/opinions-more-data is pushed, private")
    assert ("dataset", "owner/opinions-more-data") in hub.repos

    again = Client(app, verbose=False).predict(run, "owner/opinions-more", api_name="/push")
    assert (again["unchanged"], again["link"]) == (True, f"{hub.url}/owner/opinions-more")
    assert TOKEN not in page.content()
    assert re.search("answers 12 test texts", again["answers"])


@pytest.mark.slow
def test_a_demo_space_is_made_followed_and_still_there_after_a_reload(page, app, run, hub):  # noqa: F811
    page.goto(f"{app}/?run={run}&tab=share")
    expect(page.locator("#share-space-state")).to_contain_text("The model is not on the Hub yet")
    expect(page.locator("#share-space-make")).to_be_disabled()
    expect(page.locator("#share-name input, #share-name textarea")).to_have_value("opinions-more")
    page.click("#share-push")
    expect(page.locator("#share-state")).to_contain_text("The model is on the Hub", timeout=120_000)
    expect(page.locator("#share-space-name input, #share-space-name textarea")).to_have_value("owner/opinions-more-demo")
    page.click("#share-space-make")
    expect(page.locator("#share-space-state")).to_contain_text(
        "is private: the Space 'owner/opinions-more-demo' could not read it", timeout=60_000
    )
    page.locator("#share-space-lend input").check()
    page.click("#share-space-make")
    expect(page.locator("#share-space-state")).to_contain_text("The demo is at owner/opinions-more-demo")
    expect(page.locator("#share-space-state")).to_contain_text("It is being built")
    shot(page, "share-space-building")
    hub.spaces["owner/opinions-more-demo"].stages = ["RUNNING"]
    expect(page.locator("#share-space-state")).to_contain_text("It is running.")
    page.goto(f"{app}/?run={run}&tab=share&__theme=dark")
    expect(page.locator("#share-space-state")).to_contain_text("It is running.")
    page.locator("#share-space-state").scroll_into_view_if_needed()
    shot(page, "share-space-dark")
