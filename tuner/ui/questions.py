"""The endpoint /predict as programs ask it in one POST, answered without what Gradio does for a page.

Gradio's own way takes 2 ms of the one thread that reads requests, and draws the whole page (50 ms) for a program that names no
session. Twenty who ask at once wait for twenty times that.
"""

import json
from typing import Any, NamedTuple

import gradio as gr
from anyio import CapacityLimiter, to_thread
from gradio.routes import ORJSONResponse
from gradio.utils import error_payload
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tuner.ui.api import MOST_ASKERS, predictor
from tuner.ui.context import Context
from tuner.ui.errors import toast
from tuner.ui.people import answer

PATH = "/gradio_api/run/predict"


class _Question(NamedTuple):
    data: list[Any]
    token: str | None


class Questions:
    """ASGI middleware: answers a program's POST to /predict as Gradio would, and hands on everything else.

    The page's own requests come by the same path; they name a function by its number.
    """

    def __init__(self, app: ASGIApp, context: Context) -> None:
        self.app = app
        self._context = context
        self._predict = toast(predictor(context), page=False)
        self._threads = CapacityLimiter(MOST_ASKERS)  # of their own: who waits for a model keeps nobody from the page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers the request itself, or hands it on."""
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        body = await Request(scope, receive).body()
        question = _question(body)
        if question is None:
            await self.app(scope, _again(body, receive), send)
            return
        try:
            found = await to_thread.run_sync(
                answer, self._predict, self._context, scope, question.token, question.data, {}, limiter=self._threads
            )
        except gr.Error as error:
            response = ORJSONResponse(error_payload(error, False), 500)
        else:
            response = ORJSONResponse({"data": [found], "is_generating": False})
        await response(scope, receive, send)


def _question(body: bytes) -> _Question | None:
    """What a program asks; None where it is something else, or nothing that could be answered."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(asked, dict) or not set(asked) <= {"data", "session_hash", "oauth_token"}:
        return None
    data, token = asked.get("data"), asked.get("oauth_token")
    if not isinstance(data, list) or len(data) != 2 or not isinstance(token, str | None):
        return None
    return _Question(data, token or None)


def _again(body: bytes, receive: Receive) -> Receive:
    """The request's messages once more, its body having been read."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def received() -> Message:
        return messages.pop() if messages else await receive()

    return received
