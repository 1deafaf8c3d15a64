"""Whoever leaves the page is let go.

Gradio 6.31 closes its connection before a page is left. Where an answer was awaited it takes that for a server it has lost, and
reloads the page two seconds later: who went to a slower one, as a login goes to the Hub, was called back; and a navigation that
came to nothing left a page without its answers. The browser closes the connection itself once the next page is there.
"""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEAD = b"<head>"
# Of the listeners of a window the browser calls the first one first: this one is to stand before Gradio's script.
_SCRIPT = b"<script>addEventListener('beforeunload', (event) => event.stopImmediatePropagation())</script>"


class Leaving:
    """ASGI middleware: the page comes with a first script that keeps Gradio from closing its connection when the page is left."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands the request on, and puts the script at the head of the page."""
        if scope["type"] != "http" or scope["path"] != "/":
            await self.app(scope, receive, send)
            return

        async def send_with_script(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                if "content-length" in headers:
                    del headers["content-length"]
            elif message["type"] == "http.response.body":
                message["body"] = message.get("body", b"").replace(_HEAD, _HEAD + _SCRIPT, 1)
            await send(message)

        await self.app(scope, receive, send_with_script)
