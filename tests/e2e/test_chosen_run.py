"""A run that is chosen is seen to be the one that the page and its buttons speak of."""

import pytest
from playwright.sync_api import expect

from tuner import runs
from tuner.config import RunConfig

_NOTE = """() => new MutationObserver(() => {
    const dim = document.body.classList.contains('run-late');
    window.dimmed = [...(window.dimmed || []), [dim, document.querySelector('#run-head strong').innerText]];
}).observe(document.body, {attributes: true, attributeFilter: ['class']})"""


@pytest.fixture
def two_runs(server_home, monkeypatch):
    monkeypatch.setenv("TUNER_HOME", str(server_home))
    made = [runs.create(RunConfig(name=name)) for name in ("one", "two")]
    for run in made:
        runs.write_status(run, state="stopped")
    return made


def test_a_run_stands_before_the_form_of_a_narrow_page_and_is_dim_until_it_is_the_chosen_one(page, server, two_runs):
    """It stood 2,100 pixels below; and for seconds another run's name stood over buttons that acted on the new one."""
    one, two = two_runs
    page.set_viewport_size({"width": 800, "height": 800})
    page.goto(f"{server}/?tab=train&run={one.id}")
    head = page.locator("#run-head")
    expect(head).to_contain_text("one")
    assert (
        head.bounding_box()["y"] < page.locator("#preset").bounding_box()["y"] < page.locator("#loss-chart").bounding_box()["y"]
    )
    page.evaluate(_NOTE)
    page.locator(f'#run-list input[value="{two.id}"]').check()
    expect(head).to_contain_text("two")
    page.wait_for_function("() => window.dimmed?.length === 2")
    assert page.evaluate("window.dimmed") == [[True, "one"], [False, "two"]]
