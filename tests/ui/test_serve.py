"""The app as it is launched, whatever the machine it starts on."""

import urllib.request

import pytest
from gradio import networking

from tests.serving import free_port
from tuner.inference import Place
from tuner.ui.serve import serve


@pytest.fixture
def served(monkeypatch):
    """Serves the app here; gives what its page answers."""
    monkeypatch.setattr(Place, "default", Place.default)
    apps = []

    def answer():
        port = free_port()
        apps.append(serve(port=port, block=False))
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        return direct.open(f"http://127.0.0.1:{port}", timeout=20).status

    yield answer
    for app in apps:
        app.close(verbose=False)


def test_a_machine_too_busy_to_answer_itself_serves_all_the_same(served, monkeypatch):
    """While a training used the cores the server ended with a traceback that advised share=True."""
    monkeypatch.setattr(networking, "url_ok", lambda url: False)
    assert served() == 200


def test_a_proxy_of_the_environment_is_not_asked_for_the_server_itself(served, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    assert served() == 200
