"""The Playground in a real browser: type, see why, compare, answer a file, correct an answer, label, retrain."""

import json
import os
import re

import pandas as pd
import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import asked_at_rest, shot, train_opinions

HOSTILE = '<img src=x onerror="window.hacked=1">'
# Lines of the file that is stopped: more than a machine answers in the seconds between sight of the button and its press.
LONG = 600_000


@pytest.fixture(scope="module")
def run(server_home, tiny_models, tmp_path_factory):
    """Id of a finished run of three labels that knows its words."""
    folder = tmp_path_factory.mktemp("rows")
    return train_opinions(server_home, tiny_models, folder, 60, name="opinions", learning_rate="3e-3", batch=32)


@pytest.fixture
def playground(page, server, run):
    page.goto(f"{server}/?run={run}&tab=playground")
    expect(page.locator("#playground-model input")).to_have_value(re.compile("opinions"))
    page.wait_for_timeout(1000)
    return page


def type_text(page, words):
    """Until the answer comes the one to the text before stands there."""
    asked = json.dumps(words, ensure_ascii=False)
    with page.expect_response(lambda found: "/run/predict" in found.url and asked in (found.request.post_data or "")):
        page.locator("#playground-text textarea").fill(words)
    expect(page.locator("#playground-answer b")).to_be_visible()


@pytest.mark.slow
def test_a_page_whose_model_was_just_set_comes_to_rest(page, server, run):
    """Once it went on to ask five questions a second, for as long as it was open."""
    page.goto(f"{server}/?run={run}&tab=playground")
    page.locator("#playground-text textarea").fill("the film was great today")
    expect(page.locator("#playground-answer b").first).to_have_text("positive")
    page.wait_for_timeout(8_000)
    assert set(asked_at_rest(page)) == {"seen"}


@pytest.mark.slow
def test_type_see_why_and_what_would_change_it(playground):
    page = playground
    expect(page.locator("#examples")).to_contain_text("right ·")
    page.locator("#examples button").first.click()
    expect(page.locator("#playground-text textarea")).not_to_have_value("")
    with page.expect_response(re.compile("/gradio_api/run/predict")):  # without a place in the queue
        type_text(page, "the film was great today")
    expect(page.locator("#playground-answer b").first).to_have_text("positive")
    expect(page.locator("#why")).to_contain_text("great")
    shot(page, "playground-one")

    page.get_by_role("button", name="What if").click()
    page.click("#change-it")
    expect(page.locator("#variants")).to_contain_text("capitals")
    page.click("#flip-it")
    expect(page.locator("#flips")).to_contain_text(re.compile("Without|No removal"))
    page.get_by_role("button", name="Memory or understanding").click()
    page.click("#find-neighbours")
    expect(page.locator("#neighbours")).to_contain_text("train/")
    shot(page, "playground-what-if")


KEYS = """async (box) => {
  for (let keys = 0; keys < 20; keys++) {
    box.value += "!";
    box.dispatchEvent(new Event("input", {bubbles: true}));
    await new Promise(then => setTimeout(then, 5));
  }
}"""


@pytest.mark.slow
def test_what_is_typed_without_a_pause_is_asked_once(playground):
    page, asked = playground, []
    type_text(page, "the film was great today")
    page.wait_for_timeout(1000)
    page.on("request", lambda request: asked.append(request.post_data) if "today!" in (request.post_data or "") else None)
    page.locator("#playground-text textarea").evaluate(KEYS)
    expect(page.locator("#why")).to_contain_text("!" * 20)
    assert len({data.count("!") for data in asked}) < 10  # texts, of twenty; on a busy machine some keys lie apart


@pytest.mark.slow
def test_two_texts_and_two_models(playground, run):
    page = playground
    type_text(page, "the film was great today")
    page.get_by_role("tab", name="Side by side").click()
    expect(page.locator("#side-text textarea")).to_have_value("the film was great today")
    page.wait_for_timeout(1000)
    page.locator("#side-other textarea").fill("the film was awful today")
    page.locator("#side-model input").fill(f"untouched:{run}")
    page.locator("#side-model input").press("Enter")
    expect(page.locator("#side-grid .answer-box")).to_have_count(4)
    expect(page.locator("#side-grid")).to_contain_text("before training")
    shot(page, "playground-side")


@pytest.mark.slow
def test_a_file_is_answered_and_downloaded(playground, tmp_path):
    page = playground
    path = tmp_path / "reviews.csv"
    path.write_text("text\nthe film was great today\n=1+1 the film was awful\n" + "the film was fine\n" * 300)
    page.get_by_role("tab", name="Many texts").click()
    page.wait_for_timeout(1000)
    page.locator("#many-file input[type=file]").set_input_files(os.fspath(path))
    expect(page.locator("#many-file")).to_contain_text("reviews")
    page.click("#answer-all")
    expect(page.locator("#many-summary")).to_contain_text("302 of 302 texts of column “text” were answered")
    expect(page.locator("#answers")).to_contain_text("the film was great today")
    shot(page, "playground-many")
    with page.expect_download() as download:
        page.click("#many-csv")
    frame = pd.read_csv(download.value.path())
    assert len(frame) == 302
    assert frame["text"][1] == "'=1+1 the film was awful"
    a_long_file_is_stopped(page, tmp_path / "long.txt")


def a_long_file_is_stopped(page, path):
    """How far it is stands on the page; what was answered until the stop is kept, and comes as Parquet too."""
    path.write_text("the film was great today and the crew was kind\n" * LONG)
    page.get_by_label("Remove this file").or_(page.get_by_label("Clear")).first.click()
    page.locator("#many-file input[type=file]").set_input_files(os.fspath(path))
    expect(page.locator("#many-file")).to_contain_text("long")
    page.click("#answer-all")
    expect(page.locator("#many-summary")).to_contain_text(re.compile(rf"/{LONG // 1000}k texts[^A-Z]*Answering - \d"))
    shot(page, "playground-many-going")
    page.click("#many-stop")
    stopped = re.compile(rf"of {LONG:,} texts were answered by .+\. Stopped: [\d,]+ were left")
    expect(page.locator("#many-summary")).to_contain_text(stopped)
    expect(page.locator("#answer-all")).to_be_enabled()
    shot(page, "playground-many-stopped")
    with page.expect_download() as download:
        page.click("#many-parquet")
    said = page.locator("#many-summary").inner_text()
    assert f"{len(pd.read_parquet(download.value.path())):,} of {LONG:,}" in said


@pytest.mark.slow
def test_correct_label_and_retrain(playground):
    page = playground
    type_text(page, "the film was strangely unmoving")
    page.locator("#that-is-wrong input").click()
    page.get_by_role("option", name="neutral", exact=True).click()
    expect(page.locator("#kept")).to_contain_text("1 labelled row is kept in feedback:")
    expect(page.locator("[data-testid=toast-text]")).to_have_text(["Kept as “neutral”."])
    type_text(page, "the food was strangely cold")
    page.locator("#that-is-wrong input").fill("negative")
    page.locator("#that-is-wrong input").press("Enter")  # once kept by a click alone
    expect(page.locator("#kept")).to_contain_text("2 labelled rows are kept")

    page.get_by_role("tab", name="Label the doubtful").click()
    page.wait_for_timeout(1000)
    lines = [f"the {thing} was {word}" for thing in ("film", "crew", "food") for word in ("odd", "long", "loud", "warm")]
    page.locator("#label-lines textarea").fill("\n".join(lines))
    page.click("#find-doubtful")
    expect(page.locator("#label-progress")).to_contain_text("1 of 12")
    page.locator("#label-says").click()
    page.keyboard.press("1")
    expect(page.locator("#label-progress")).to_contain_text("2 of 12 · 1 labelled")
    page.keyboard.press("s")
    expect(page.locator("#label-progress")).to_contain_text("3 of 12 · 1 labelled")
    page.keyboard.press("b")
    expect(page.locator("#label-progress")).to_contain_text("2 of 12 · 1 labelled")
    page.keyboard.press("2")
    expect(page.locator("#label-progress")).to_contain_text("3 of 12 · 2 labelled")
    page.keyboard.press("b")
    expect(page.locator("#label-says")).to_contain_text("You said neutral.")
    shot(page, "playground-label")

    page.get_by_role("tab", name="Use it elsewhere").click()
    expect(page.locator("#snippet-curl")).to_contain_text("gradio_api/run/predict")
    shot(page, "playground-elsewhere")
    page.get_by_role("tab", name="One text").click()
    type_text(page, "the film was strangely moving")
    page.click("#that-is-right")
    expect(page.locator("#kept")).to_contain_text("5 labelled rows are kept")
    page.click("#retrain")
    expect(page.locator("#run-head")).to_contain_text("with 5 corrections")
    expect(page.locator("#run-head")).to_contain_text("completed", timeout=120_000)
    page.get_by_role("tab", name="Playground", exact=True).click()  # once the old model still answered here
    expect(page.locator("#playground-model input")).to_have_value(re.compile("with 5 corrections"))
    page.get_by_role("tab", name="Train", exact=True).click()
    train_it_further(page)


def train_it_further(page):
    """The settings are filled in with the run's model as the base; what comes of it is drawn beside that run."""
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/queue/join" in request.url else None)
    page.click("#further")
    expect(page.locator("[data-testid=toast-body]")).to_contain_text("The settings on the left are filled in")
    expect(page.locator("#run-name input, #run-name textarea")).to_have_value("opinions, with 5 corrections, further")
    expect(page.get_by_text("so does its classification head")).to_be_visible()
    assert len(asked) < 15  # one estimate: not one for each setting that was filled in
    shot(page, "24-further")
    page.click("#start")
    expect(page.locator("#run-head")).to_contain_text("corrections, further")
    expect(page.locator("#run-head")).to_contain_text("completed", timeout=120_000)
    page.get_by_role("button", name="More curves").click()
    page.locator("#other-run input").click()
    page.get_by_role("option", name=re.compile("^opinions, with 5 corrections ·")).click()
    expect(page.locator("#curve-chart")).to_contain_text("the other run")
    expect(page.locator("#curve-chart")).to_contain_text("learning rate, opinions, with 5 corrections beside it")
    page.locator("#curve-chart").scroll_into_view_if_needed()
    shot(page, "25-curves")


@pytest.mark.slow
def test_a_link_brings_model_and_text_back_and_what_looks_like_html_is_text(playground, server, run):
    page = playground
    words = f"the film was great today {HOSTILE}"
    type_text(page, words)
    page.get_by_role("button", name="What if").click()
    page.click("#change-it")
    expect(page.locator("#variants")).to_contain_text(HOSTILE)
    page.get_by_role("tab", name="Use it elsewhere").click()
    expect(page.locator("#share-link input, #share-link textarea")).to_have_value(re.compile("onerror"))
    link = page.locator("#share-link input, #share-link textarea").input_value()

    page.goto(link)
    expect(page.locator("#playground-text textarea")).to_have_value(words)
    expect(page.locator("#playground-model input")).to_have_value(re.compile("opinions"))
    expect(page.locator("#playground-answer b").first).to_have_text("positive")
    expect(page.locator("#why")).to_contain_text("onerror")
    page.get_by_role("tab", name="Many texts").click()
    page.wait_for_timeout(1000)
    page.locator("#many-lines textarea").fill(words)
    page.locator("#many-model input").fill(HOSTILE)
    page.locator("#many-model input").press("Enter")
    page.click("#answer-all")
    expect(page.locator("[data-testid=toast-body]")).to_contain_text(f"'{HOSTILE}' is no base model")
    expect(page.locator("#answer-all")).to_be_enabled()
    shot(page, "playground-hostile")
    assert page.evaluate("window.hacked") is None

    page.goto(f"{server}/?model=untouched:{run}&tab=playground&text=the+film+was+great&__theme=dark")
    expect(page.locator("#playground-model input")).to_have_value(re.compile("opinions.*before training"))
    expect(page.locator("#playground-answer b")).to_be_visible()
    page.goto(f"{server}/?run={run}&tab=playground&text=the+film+was+great+today&__theme=dark")
    expect(page.locator("#examples")).to_contain_text("right ·")
    expect(page.locator("#why")).to_contain_text("great")
    shot(page, "playground-dark")
