"""Whose token, under which names, and what the form asks for."""

import pytest

from tests.hub.conftest import environment, hf_home, hub, trained, tuner  # noqa: F401 (fixtures)
from tests.hub.server import TOKEN
from tests.hub.writing import STRANGER, Person
from tuner import hub_read
from tuner.errors import NetworkError, SettingsError
from tuner.hub import Client, Wanted
from tuner.hub_read import HUB_ID
from tuner.ui import share_form, sharing


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("minilm on tweets", "minilm-on-tweets"),
        ("Bücher & Filme -- v2..", "Bucher-Filme-v2"),
        ("../../etc/passwd", "etc-passwd"),
        ("日本語", "text-classifier"),
        ("x" * 200, "x" * 80),
        ("<script>", "script"),
    ],
)
def test_a_title_becomes_a_name_the_hub_takes(title, name):
    assert sharing.name_for(title) == name
    assert HUB_ID.fullmatch(f"owner/{name}")


@pytest.fixture
def nobody(monkeypatch):
    monkeypatch.setattr(hub_read, "_handed", None)
    monkeypatch.delenv("HF_TOKEN", raising=False)


@pytest.mark.usefixtures("nobody")
def test_without_a_login_it_says_how():
    with pytest.raises(NetworkError, match="You are not logged in") as refusal:
        sharing.own_token(local=True)
    assert "hf auth login" in refusal.value.cure


@pytest.mark.usefixtures("nobody")
@pytest.mark.parametrize("space", ["owner/space", ""])
def test_the_owner_s_token_is_lent_to_no_guest(space, monkeypatch):
    """Also not to those who come over the network to an app that is no Space."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("SPACE_ID", space)
    with pytest.raises(NetworkError, match="This page knows no login of yours"):
        sharing.own_token(local=False)


def test_owners_are_the_person_and_their_organisations(hub):  # noqa: F811
    hub.people[STRANGER] = Person("somebody", orgs=("a-team",))
    assert Client(STRANGER, hub.url).owners() == ["somebody", "a-team"]


def test_the_hub_is_asked_once_whose_a_token_is(hub):  # noqa: F811
    client = Client(TOKEN, hub.url)
    client.check("owner/model", "model", private=True)
    client.owners()
    assert [request.path for request in hub.requests].count("/api/whoami-v2") == 1


def test_checking_rights_makes_nothing(hub):  # noqa: F811
    assert Client(TOKEN, hub.url).check("owner/model", "model", private=True) is None
    assert hub.repos == {}


FORM = ("owner", "model", "private", "main", "", False)


def test_the_form_asks_for_what_it_shows():
    assert share_form.wanted_of(*FORM) == Wanted(repo_id="owner/model")
    wanted = share_form.wanted_of(" owner ", "model", "public", "branch", "better", True)
    assert wanted == Wanted(repo_id="owner/model", private=False, branch="better", adapter=True)
    assert share_form.wanted_of("o", "m", "private", "pull request", "left over", False).branch is None


@pytest.mark.parametrize("values", [("", *FORM[1:]), ("owner", None, *FORM[2:]), (*FORM[:3], "branch", " ", False)])
def test_a_form_without_a_place_is_refused(values):
    with pytest.raises(SettingsError):
        share_form.wanted_of(*values)
