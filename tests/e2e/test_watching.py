"""What an open page does of itself: it asks little while nothing happens, and lets go of who leaves."""

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


def test_a_page_that_is_left_while_it_waits_for_an_answer_calls_nobody_back(page, server):
    """Where the next page took over two seconds, Gradio reloaded the one that was left: a login never got to the Hub."""
    page.goto(f"{server}/?tab=data")
    asked_at_rest(page)
    page.route("**/queue/data*", lambda route: None)  # no answer ever comes
    next_page = []
    page.route("**/next", lambda route: next_page.append(route))
    with page.expect_request("**/queue/data*"):
        page.click("#look")
    page.evaluate("() => { location.href = '/next' }")
    page.wait_for_timeout(6_000)
    next_page[0].fulfill(body="Here you are")
    expect(page.locator("body")).to_have_text("Here you are")
    assert page.url == f"{server}/next"
