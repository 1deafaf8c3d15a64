"""What no request may do, sent over HTTP to a real server."""

import urllib.error
import urllib.request

import pytest


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
