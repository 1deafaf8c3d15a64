"""People on a Space: an app that believes to be one, and logins through its own pages."""

import http.client
from urllib.parse import urlsplit

from gradio_client import Client

from tests.hub import oauth
from tests.hub.writing import Person
from tests.serving import free_port, start_server

TOKENS = {"anna": "hf_loopbackTokenOfAnna", "ben": "hf_loopbackTokenOfBen", "chief": "hf_loopbackTokenOfTheChief"}
# Lies on the Space and is its owner's: nobody may borrow it.
SPACE_TOKEN = "hf_loopbackTokenOfTheSpace"


def start_space(hub, home, hf_home, log, **more):
    """(process, url) of an app on a "Space" of `chief`, whose people log in at the loopback Hub."""
    hub.people |= {token: Person(name) for name, token in TOKENS.items()}
    hub.people[SPACE_TOKEN] = Person("chief")
    port = free_port()
    environment = {
        **hub.environment,
        "HF_HOME": str(hf_home),
        "HF_TOKEN": SPACE_TOKEN,
        "SYSTEM": "spaces",
        "SPACE_ID": "chief/trainer",
        "SPACE_HOST": f"127.0.0.1:{port}",
        "SPACE_AUTHOR_NAME": "chief",
        "OAUTH_CLIENT_ID": oauth.CLIENT_ID,
        "OAUTH_CLIENT_SECRET": oauth.CLIENT_SECRET,
        "OAUTH_SCOPES": oauth.SCOPES,
        "OPENID_PROVIDER_URL": hub.url,
        **more,
    }
    return start_server(home, log, port, environment)


def cookie_of(hub, url, name):
    """The cookie of a login: the page's button, the Hub, and back."""
    hub.logs_in = name
    step, cookie = f"{url}/login/huggingface", ""
    for _ in range(5):
        answer = _get(step, cookie)
        cookie = next((each.partition(";")[0] for each in answer.headers.get_all("Set-Cookie") or []), cookie)
        if answer.status not in (302, 307):
            break
        step = answer.headers["Location"]
        step = step if "://" in step else url + step
    return cookie


def _get(address, cookie):
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    connection.request("GET", f"{parts.path}?{parts.query}", headers={"Cookie": cookie} if cookie else {})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def client(url, cookie=""):
    """gradio_client with a login, or without one."""
    return Client(url, verbose=False, headers={"Cookie": cookie} if cookie else None)
