"""What the Share tab shows of files, card and push."""

import pytest

from tuner.hub import Pushed, Space, Wanted
from tuner.hub.state import PushState
from tuner.ui import render_share

WANTED = Wanted(repo_id="owner/model")
PUSHED = Pushed(repo_id="owner/model", link="https://hub/owner/model", commit="a" * 40, private=True, unchanged=False)


def test_files_have_sizes_and_a_purpose_and_end_with_their_sum():
    table = render_share.files_table({"README.md": b"x" * 1_500, "adapter/adapter_model.safetensors": b"x", "vocab.txt": b"ab"})
    assert table == [
        ["README.md", "2 KB", "the card"],
        ["adapter/adapter_model.safetensors", "1 bytes", "LoRA adapter"],
        ["vocab.txt", "2 bytes", "tokenizer"],
        ["3 files", "2 KB", ""],
    ]


def test_the_card_is_shown_without_its_metadata_and_with_its_own_pictures_alone():
    card = b"---\nlicense: mit\n---\n\n# Title\n\n![Confusion](confusion.png)\n![gone](calibration.png)\n"
    shown = render_share.card_preview({"README.md": card, "confusion.png": b"\x89PNG"})
    assert shown.strip() == "# Title\n\n![Confusion](data:image/png;base64,iVBORw==)"
    assert render_share.front_matter({"README.md": card}) == "license: mit"


def test_a_push_under_way_has_count_rate_and_time_left():
    state = PushState(wanted=WANTED, stage="sending", sent=25_000_000, total=100_000_000, since=1_000.0)
    shown = render_share.state(state, now=1_010.0)
    assert "25.0 MB of 100.0 MB · 2.5 MB/s · about 30 s left" in shown
    assert 'aria-valuenow="25"' in shown


def test_a_push_that_is_done_says_where_it_is_and_how_it_answers():
    shown = render_share.state(PushState(wanted=WANTED, state="done", pushed=PUSHED, answers="All <same>."))
    assert 'href="https://hub/owner/model"' in shown
    assert "All &lt;same&gt;." in shown


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"unchanged": True}, "nothing was sent"),
        ({"pull_request": "https://hub/owner/model/discussions/1", "revision": "refs/pr/1"}, "is proposed to owner/model"),
    ],
)
def test_how_it_came_there_is_told(more, said):
    assert said in render_share.state(PushState(wanted=WANTED, state="done", pushed=PUSHED.model_copy(update=more)))


def test_a_failed_push_says_cause_cure_and_what_is_kept():
    shown = render_share.state(PushState(wanted=WANTED, state="failed", cause="<b>No room.", cure="Delete something."))
    assert "&lt;b&gt;No room." in shown
    assert "Delete something." in shown
    assert "The run is as it was" in shown


def test_an_address_that_is_none_is_no_link():
    assert render_share.link('javascript:alert("1")') == "javascript:alert(&quot;1&quot;)"


def test_a_space_that_failed_says_why_as_text_and_links_its_log():
    about = {
        "repo_id": "owner/demo",
        "kind": "demo",
        "link": "https://hub/spaces/owner/demo",
        "commit": "c" * 40,
        "private": True,
    }
    words = render_share.space(Space(**about, stage="BUILD_ERROR", problem="<b>no</b>"))
    assert "It could not be built. (&lt;b&gt;no&lt;/b&gt;)" in words
    assert 'href="https://hub/spaces/owner/demo?logs=build"' in words
