"""What a Space says of its disk before a run is started."""

import time

import pytest

from tuner.hub import Client
from tuner.hub.keep import Keep
from tuner.launch.keeper import Keeper, Standing
from tuner.ui import text
from tuner.ui.context import Context
from tuner.ui.keep_line import view_of, words

KEPT = [
    (Standing(), "Kept runs are being fetched"),
    (Standing(trouble="The Hub answered 503."), "cannot be fetched just now: The Hub answered 503. It is tried again"),
    (Standing(fetching=False), "Runs are kept in a private repository of the Space's owner, every 10 min."),
    (
        Standing(fetching=False, trouble="No more room."),
        "No more room. It is tried again; what was kept before this start stands",
    ),
]


@pytest.fixture
def context():
    return Context(local=False, keeper=Keeper(Keep(Client("hf_none"), "owner/kept", "owner/space")))


@pytest.mark.parametrize(("standing", "said"), KEPT)
def test_how_the_keeping_stands(standing, said, context):
    context.keeper.standing = standing
    assert said in words(context)


def test_when_they_were_kept_last_is_told(context):
    context.keeper.standing = Standing(fetching=False, kept_at=time.time() - 300)
    assert "every 10 min, last 5 min ago" in words(context)


def test_a_disk_that_does_not_last_is_told():
    assert words(Context(local=False)) == text.DISK_DOES_NOT_LAST


def test_what_the_hub_says_is_no_html(context):
    context.keeper.standing = Standing(trouble="<img src=x>")
    assert "<img" not in view_of(context)


@pytest.mark.slow
@pytest.mark.parametrize(("environment", "there"), [({}, False), ({"SPACE_ID": "owner/space"}, True)])
def test_it_stands_on_the_page_where_it_is_true(environment, there, monkeypatch, home):
    from tuner.ui.build import build_app

    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    app = build_app(Context(local=False))
    values = [getattr(block, "value", "") for block in app.blocks.values()]
    assert any("its disk does not last" in str(value) for value in values) == there
