"""What a person sees when the server or a worker is killed, when two press Start, and when a run is used again."""

import os
import signal

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import shot
from tests.e2e.test_main_job import make_it_small
from tests.serving import start_server
from tuner import runs

pytestmark = pytest.mark.slow


@pytest.fixture
def own_home(tmp_path, monkeypatch):
    home = tmp_path / "own"
    home.mkdir()
    monkeypatch.setenv("TUNER_HOME", str(home))
    return home


@pytest.fixture
def serve(own_home):
    """Starts a server on this test's home; all are ended with the test."""
    started = []

    def start():
        process, url = start_server(own_home, own_home.parent / f"server{len(started)}.log")
        started.append(process)
        return process, url

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def fresh_page(browser):
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(90_000)
    yield page
    page.close()


def begin_small_run(page, url, rows="640"):
    page.goto(f"{url}/?tab=train")
    make_it_small(page)
    page.locator("#set-data-max_train_samples textarea, #set-data-max_train_samples input").first.fill(rows)
    page.click("#start")
    page.wait_for_function("/step ([2-9]|\\d\\d)/.test(document.querySelector('#run-head').innerText)", timeout=120_000)


def test_a_run_outlives_its_server_and_a_lost_one_is_resumed(serve, fresh_page):
    server, url = serve()
    begin_small_run(fresh_page, url, rows="960")
    run = runs.get("latest")
    worker = run.status.pid
    server.send_signal(signal.SIGKILL)
    server.wait()

    _, url = serve()
    fresh_page.goto(url)
    head = fresh_page.locator("#run-head")
    expect(head).to_contain_text("running")
    assert run.status.pid == worker
    shot(fresh_page, "15-after-a-server-kill")

    os.killpg(worker, signal.SIGKILL)
    expect(head).to_contain_text("lost")
    expect(head).to_contain_text("Resume goes on from the last whole checkpoint")
    shot(fresh_page, "16-lost")
    fresh_page.click("#resume")
    expect(head).to_contain_text("completed", timeout=240_000)


def test_the_queue_a_second_stop_and_settings_used_again(serve, fresh_page):
    _, url = serve()
    begin_small_run(fresh_page, url, rows="1280")
    first = runs.get("latest")
    os.kill(first.status.pid, signal.SIGSTOP)  # it hangs
    for _ in range(2):
        fresh_page.wait_for_timeout(1_500)
        fresh_page.click("#start")
        expect(fresh_page.locator("#run-head")).to_contain_text("queued")
    expect(fresh_page.locator("#run-head")).to_contain_text("Waiting for 2 runs before this one")
    fresh_page.click("#earlier")
    expect(fresh_page.locator("#run-head")).to_contain_text("Waiting for 1 run before this one")
    shot(fresh_page, "17-queued")
    fresh_page.click("#stop")  # "Withdraw"
    expect(fresh_page.locator("#run-head")).to_contain_text("Stopped before it began")

    fresh_page.locator(f'#run-list input[value="{first.id}"]').check()
    fresh_page.click("#stop")
    expect(fresh_page.locator("#stop")).to_be_disabled()
    fresh_page.click("#end-now")
    fresh_page.click("#end-sure")
    expect(fresh_page.locator("#run-head")).to_contain_text("ended before it had saved")

    fresh_page.locator("#set-training-learning_rate input").fill("0.05")
    fresh_page.click("#copy-settings")
    expect(fresh_page.locator("#set-training-learning_rate input")).to_have_value("0.0001")
    shot(fresh_page, "18-copied")


def test_the_estimate_follows_the_settings(serve, fresh_page):
    _, url = serve()
    fresh_page.goto(f"{url}/?tab=train")
    expect(fresh_page.locator("#estimate")).to_contain_text("250 steps over 8,000 rows")
    make_it_small(fresh_page)
    expect(fresh_page.locator("#estimate")).to_contain_text("40 steps over 320 rows, time not measured yet")
    fresh_page.click("#time-steps")
    expect(fresh_page.locator("#estimate")).to_contain_text("40 steps over 320 rows, about", timeout=120_000)
    fresh_page.locator("#set-training-learning_rate input").fill("9")
    expect(fresh_page.locator("#estimate")).to_contain_text("training.learning_rate = 9")
    shot(fresh_page, "19-estimate")
