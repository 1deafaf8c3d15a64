"""What no request may do, sent over HTTP to a real server."""

import asyncio
import shutil
import time
import urllib.error
import urllib.request
from types import SimpleNamespace

import httpx
import pytest

from tuner.ui import guard


def status(url, *, method="GET", headers=None, body=None):
    request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_a_foreign_host_is_refused(server):
    assert status(server, headers={"Host": "evil.example"}) == 400


@pytest.mark.parametrize("path", ["/gradio_api/call/list_runs", "/gradio_api/queue/join", "/gradio_api/upload"])
def test_a_page_of_another_site_cannot_call(server, path):
    headers = {"Origin": "https://evil.example", "Content-Type": "application/json"}
    assert status(server + path, method="POST", headers=headers, body=b'{"data": []}') == 403


def test_the_page_itself_can_call(server):
    headers = {"Origin": server, "Content-Type": "application/json"}
    assert status(f"{server}/gradio_api/call/list_runs", method="POST", headers=headers, body=b'{"data": []}') == 200


def test_a_body_over_1_mb_is_refused(server):
    body = b'{"data": ["' + b"x" * 2_000_000 + b'"]}'
    headers = {"Content-Type": "application/json"}
    assert status(f"{server}/gradio_api/call/run_status", method="POST", headers=headers, body=body) == 413


@pytest.mark.parametrize("call", ["queue/join", "call/run_status"])
def test_a_refused_body_is_told_what_to_do_instead(server, call):
    """Gradio's page reads JSON: of plain words it said "Could not parse server response: SyntaxError…"."""
    answered = httpx.post(f"{server}/gradio_api/{call}", json={"data": ["x" * 1_000_001]}, timeout=20)
    assert answered.json()["detail"] == answered.json()["error"]
    assert answered.json()["detail"].endswith("larger than 1 MB and was refused. Upload it as a file.")


@pytest.mark.parametrize("call", ["queue/join", "call/run_status", "call/predict"])
def test_a_body_that_tells_no_length_is_refused_in_the_same_words(server, call):
    parts = [b'{"data": ["', *[b"x" * 100_000] * 20, b'"]}']
    answered = httpx.post(f"{server}/gradio_api/{call}", content=iter(parts), timeout=20)
    assert answered.status_code == 413
    assert answered.json()["detail"].endswith("Upload it as a file.")


@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/self/environ", "app.py", "../requirements.txt"])
def test_no_file_of_the_machine_is_served(server, path):
    assert status(f"{server}/gradio_api/file={path}") in (403, 404)


def test_run_folders_are_not_served(server, server_home):
    secret = server_home / "runs" / "x.txt"
    secret.parent.mkdir(exist_ok=True)
    secret.write_text("secret")
    assert status(f"{server}/gradio_api/file={secret}") == 403


def test_monitoring_is_off(server):
    assert status(f"{server}/monitoring/summary") in (403, 404)


@pytest.fixture
def upload():
    """`upload(session, length)`: the status and the words a guard answers an upload with."""

    async def inner(scope, receive, send):
        await guard.PlainTextResponse("stored")(scope, receive, send)

    guarded, told = guard.Guard(inner), []

    async def send(message):
        told.append(message)

    def ask(session, length=1_000):
        told.clear()
        headers = [(b"host", b"x"), *([(b"content-length", b"%d" % length)] if length else [])]
        scope = {"type": "http", "method": "POST", "path": "/gradio_api/upload", "headers": headers, "session": session}
        asyncio.run(guarded(scope, None, send))
        return told[0]["status"], told[1]["body"].decode()

    return ask


def login(seconds):
    user = {"preferred_username": "anna"}
    return {"oauth_info": {"access_token": "hf_anna", "expires_at": time.time() + seconds, "userinfo": user}}


def test_who_is_not_logged_in_uploads_nothing_where_one_can(upload, monkeypatch):
    """Once anybody could fill the disk of a Space."""
    assert upload({}) == (200, "stored")  # no Space
    monkeypatch.setattr(guard, "login_offered", lambda: True)
    monkeypatch.setattr("tuner.person.login_offered", lambda: True)
    monkeypatch.setenv("SPACE_AUTHOR_NAME", "chief")
    assert upload({}) == (401, "You have to log in to upload a file. The button for it stands above the list of runs.")
    assert upload(login(-1))[1].startswith("Your login has expired")
    assert upload(login(60)) == (200, "stored")


@pytest.mark.parametrize(
    ("total", "free", "length", "code"),
    [(1e12, 3e9, 1e9 - 1, 200), (1e12, 3e9, 1e9 + 1, 507), (20e9, 3e9, 1.9e9, 200), (20e9, 3e9, 2.1e9, 507), (1e12, 3e9, 0, 507)],
)
def test_an_upload_leaves_room_on_the_disk(upload, monkeypatch, total, free, length, code):
    """2 GB, on a small disk a twentieth; one that tells no length is taken for the largest."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=total, free=free))
    assert upload({}, int(length))[0] == code
