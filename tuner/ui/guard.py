"""What no request may do, whichever page sent it: foreign hosts, foreign origins, oversized bodies, strangers' uploads.

Gradio answers any Host, and with a Host that is not local it opens CORS for every origin with
credentials: any page on the web could start, stop or delete runs. See `serve` for the settings.
"""

import shutil
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import HTTPException
from gradio.utils import get_upload_folder
from starlette.datastructures import Headers
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tuner.access import acting, logged_in
from tuner.data.files import MOST_FILE_BYTES
from tuner.errors import AccessError
from tuner.person import login_offered
from tuner.ui.people import in_session

MOST_BODY_BYTES = 1_000_000
_UPLOAD_PATH = "/upload"
# What uploads leave free, so that runs can still write: the smaller of both.
_LEAST_FREE_BYTES, _LEAST_FREE_SHARE = 2e9, 0.05


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
    """ASGI middleware: 403 for a foreign Origin, 413 for a body over 1 MB that is no upload.

    Uploads: 401 without a login where one is offered (Gradio's session stands outside of this one), 507 on a full disk.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._coming = 0

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
            await self._upload(scope, receive, send)
            return
        try:
            if int(headers.get("content-length") or 0) > MOST_BODY_BYTES:
                raise _too_large()
            await self.app(scope, _counted(receive), send)
        except HTTPException as refusal:
            # Gradio's page shows "detail" of a call that was queued, "error" of any other.
            body = {"detail": refusal.detail, "error": refusal.detail}
            await JSONResponse(body, refusal.status_code)(scope, receive, send)

    async def _upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        size = int(Headers(scope=scope).get("content-length") or MOST_FILE_BYTES)
        if refusal := _no_login(scope):
            await PlainTextResponse(refusal, 401)(scope, receive, send)
            return
        if _would_fill(self._coming + size):
            full = "The disk is nearly full and takes no upload of this size. Delete runs that are needed no more."
            await PlainTextResponse(full, 507)(scope, receive, send)
            return
        self._coming += size
        try:
            await self.app(scope, receive, send)
        finally:
            self._coming -= size


def _no_login(scope: Scope) -> str:
    """Why somebody may not upload; empty where they may."""
    if login_offered():
        with acting(in_session(scope)):
            try:
                logged_in("upload a file")
            except AccessError as error:
                return str(error)
    return ""


def _would_fill(size: int) -> bool:
    folder = Path(get_upload_folder())
    folder.mkdir(parents=True, exist_ok=True)
    disk = shutil.disk_usage(folder)
    return disk.free - size < min(_LEAST_FREE_BYTES, _LEAST_FREE_SHARE * disk.total)


def _too_large() -> HTTPException:
    """FastAPI hands this one on from where it reads a body, as a middleware's."""
    return HTTPException(413, "What was sent is larger than 1 MB and was refused. Upload it as a file.")


def _counted(receive: Receive) -> Receive:
    """For a body that tells no length: it may grow no further than the limit."""
    total = 0

    async def counting() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > MOST_BODY_BYTES:
            raise _too_large()
        return message

    return counting


def _foreign(origin: str | None, host: str) -> bool:
    """Whether a browser sent this from a page of another host; programs send no Origin."""
    return origin is not None and urlsplit(origin).netloc.lower() != host.lower()
