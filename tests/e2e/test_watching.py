"""An open page asks little of the browser and of the server while nothing happens."""

from playwright.sync_api import expect

from tests.e2e.conftest import asked_at_rest


def test_where_nothing_happens_no_event_of_gradio_is_made(page, server):
    """Each has the browser go over the whole page: a timer's took an eighth of a core."""
    looks = []
    page.on("request", lambda request: looks.append(request) if request.url.endswith("/seen") else None)
    page.goto(f"{server}/?tab=train")
    expect(page.locator("#estimate")).to_contain_text("250 steps")
    page.wait_for_timeout(5_000)  # until all that loading brought about has come
    asked = asked_at_rest(page)
    assert set(asked) == {"seen"}
    assert len(asked) <= 4
    assert {look.post_data_json["session_hash"] for look in looks} == {"seen"}, "a call without a session has Gradio make one"
