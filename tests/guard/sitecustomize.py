"""No network in tests: on PYTHONPATH, so that this process and every Python child loads it at its start.

Raises an OSError, so that libraries see a machine without network.
"""

import errno
import os
import socket
import sys

_LOOPBACK = ("127.", "::1", "localhost", "0.0.0.0", "::ffff:127.")


class NetworkRefused(OSError):
    """A test tried to leave the machine."""


def _is_local(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    return host is None or host == "" or host == socket.gethostname() or str(host).lower().startswith(_LOOPBACK)


def _refuse(event: str, arguments: tuple) -> None:
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto"):
        if not isinstance(arguments[1], tuple):  # a Unix socket's path
            return
        host = arguments[1][0]
    else:
        return
    if not _is_local(host):
        raise NetworkRefused(errno.ENETUNREACH, f"tests have no network ({event} {host!r})")


if os.environ.get("TUNER_TESTS_GUARD") != str(os.getpid()):  # an audit hook cannot be taken off: once per process
    os.environ["TUNER_TESTS_GUARD"] = str(os.getpid())
    sys.addaudithook(_refuse)
