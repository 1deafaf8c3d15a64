"""What no request may do, whichever page sent it: foreign hosts, foreign origins, oversized bodies.

Gradio answers any Host, and with a Host that is not local it opens CORS for every origin with
credentials: any page on the web could start, stop or delete runs. See `serve` for the settings.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BODY_BYTES = 1_000_000
_UPLOAD_PATH = "/upload"


class SpaceHosts(TrustedHostMiddleware):
    """Refuses foreign hosts, but for the page itself: who looks whether a Space is up may name the container by its number.

    A browser sends no login to a host that it does not belong to.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers the request itself, or hands it on."""
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and scope["path"] == "/":
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


class Guard:
    """ASGI middleware: 403 for a foreign Origin, 413 for a body over 1 MB that is no upload."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers the request itself, or hands it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["method"] not in ("GET", "HEAD") and _foreign(headers.get("origin"), headers.get("host", "")):
            await PlainTextResponse("This request came from another site and was refused.", 403)(scope, receive, send)
            return
        if scope["path"].endswith(_UPLOAD_PATH):
            await self.app(scope, receive, send)
            return
        if int(headers.get("content-length") or 0) > MOST_BODY_BYTES:
            await PlainTextResponse("This request is larger than 1 MB and was refused.", 413)(scope, receive, send)
            return
        await self.app(scope, _counted(receive), send)


class _TooLarge(Exception):
    """A body without a length that grew past the limit."""


def _counted(receive: Receive) -> Receive:
    total = 0

    async def counting() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > MOST_BODY_BYTES:
            raise _TooLarge
        return message

    return counting


def _foreign(origin: str | None, host: str) -> bool:
    """Whether a browser sent this from a page of another host; programs send no Origin."""
    return origin is not None and urlsplit(origin).netloc.lower() != host.lower()
