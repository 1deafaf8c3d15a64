"""An open page asks little of the browser and of the server while nothing happens."""

import re

from playwright.sync_api import expect


def test_where_nothing_happens_no_event_of_gradio_is_made(page, server):
    """Each has the browser go over the whole page: a timer's took an eighth of a core."""
    page.goto(f"{server}/?tab=train")
    expect(page.locator("#estimate")).to_contain_text("250 steps", timeout=60_000)
    page.wait_for_timeout(5_000)  # until all that loading brought about has come
    asked, sessions = [], set()
    page.on("request", lambda request: asked.append(re.sub(r"\?.*", "", request.url).rpartition("/")[2]))
    page.on("request", lambda request: sessions.add((request.post_data_json or {}).get("session_hash")))
    page.wait_for_timeout(6_000)
    assert set(asked) == {"seen"}
    assert 2 <= len(asked) <= 5
    assert sessions == {"seen"}, "a call without a session has Gradio make one"
