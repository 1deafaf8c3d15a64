"""Tests have no network, here and in children."""

import socket
import subprocess
import sys

import pytest

ASK = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)"


def test_this_process_cannot_leave_the_machine():
    with pytest.raises(OSError, match="tests have no network"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    with pytest.raises(OSError, match="tests have no network"):
        socket.getaddrinfo("huggingface.co", 443)


def test_a_child_cannot_either():
    done = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=False)
    assert "NetworkRefused" in done.stderr


def test_a_worker_cannot_either(monkeypatch):
    from tuner.launch.local import worker_environment

    done = subprocess.run([sys.executable, "-c", ASK], env=worker_environment(), capture_output=True, text=True, check=False)
    assert "NetworkRefused" in done.stderr


def test_loopback_is_open():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        socket.create_connection(listener.getsockname(), timeout=1).close()
