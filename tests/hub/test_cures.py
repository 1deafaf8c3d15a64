"""What a person is told to do suits where they are: who logged in on the page of a Space has no terminal there."""

import pytest

from tests.hub.server import EXPIRED
from tests.hub.writing import FINE_GRAINED, Person
from tuner import children, hub_read
from tuner.errors import ModelError, NetworkError
from tuner.hub.client import Client
from tuner.launch.jobs_api import Jobs

OFFERED = ("SYSTEM", "SPACE_ID", "OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL")


@pytest.fixture
def page(monkeypatch):
    """This process serves a Space whose visitors log in."""
    for name in OFFERED:
        monkeypatch.setenv(name, "spaces")


def cure_of(question, *arguments):
    with pytest.raises((NetworkError, ModelError)) as refused:
        question(*arguments)
    return refused.value.cure


def test_a_login_the_hub_takes_no_more_is_made_again_on_the_page(hub, page):
    client = Client(EXPIRED, hub.url)
    assert cure_of(client.owners) == cure_of(Jobs, client) == "Log in again above the list of runs."


def test_a_login_that_may_not_write_there_is_told_where_it_may(hub, page):
    hub.people[FINE_GRAINED] = Person("owner", "fineGrained")
    cure = cure_of(Client(FINE_GRAINED, hub.url).writable, "owner/model", "model", True)
    assert cure == "Choose a new name of your own: a login on a Space may write only to repositories that were made with it."


def test_a_login_that_may_run_no_jobs_trains_there(hub, page):
    hub.people[EXPIRED] = Person("owner")
    hub.fail("job-look", 403)
    assert cure_of(Jobs(Client(EXPIRED, hub.url)).look, "0" * 24).endswith("or train on this machine.")


def test_a_push_of_nobody_and_a_gated_model_ask_for_the_login_of_the_page(page):
    assert cure_of(Client, False) == "Log in above the list of runs."
    assert hub_read.gated("owner/base", ModelError).cure.endswith(" and log in above the list of runs.")


def test_on_a_space_without_a_login_nobody_is_sent_to_one(monkeypatch):
    monkeypatch.setenv("SPACE_ID", "owner/space")
    assert cure_of(Client, False) == "Use Tuner on a machine of your own."


def test_a_worker_of_a_space_knows_where_its_person_logs_in(python, page, hub):
    told = {"TUNER_LOGIN_PLACE": children.worker_environment()["TUNER_LOGIN_PLACE"]}
    elsewhere = dict.fromkeys(OFFERED, "")
    ask = """
        from tuner import hub_read
        try:
            hub_read.dataset_info("ben/private", None)
        except TunerError as error:
            print(json.dumps(error.cure))
    """
    assert python(ask, **told, **elsewhere) == "Check the name, or log in above the list of runs."
