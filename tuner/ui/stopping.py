"""Long answers that a person can stop, and that end when their page is closed."""

import threading
from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.events import Dependency

from tuner.ui.errors import when_over


class Stops:
    """One stop a page (a session of Gradio) and kind of work."""

    def __init__(self) -> None:
        self._events: dict[str, threading.Event] = {}
        self._lock = threading.Lock()

    def begin(self, request: gr.Request) -> None:
        """Makes the stop of the work that was asked for now and may have to wait for its turn."""
        with self._lock:
            self._events[request.session_hash or ""] = threading.Event()

    def of(self, request: gr.Request) -> threading.Event:
        """The stop of the work that begins now."""
        with self._lock:
            return self._events.setdefault(request.session_hash or "", threading.Event())

    def end(self, request: gr.Request) -> None:
        """Forgets the page's stop."""
        with self._lock:
            self._events.pop(request.session_hash or "", None)

    def ask(self, request: gr.Request) -> None:
        """Asks the page's work to stop, where there is any."""
        with self._lock:
            event = self._events.get(request.session_hash or "")
        if event:
            event.set()


def wire(
    button: gr.Button,
    stop: gr.Button,
    stops: Stops,
    answer: Callable[..., list[Any]],
    inputs: list[gr.components.Component],
    outputs: list[gr.components.Component],
    show_progress_on: list[gr.components.Component],
    blank: Callable[[], list[Any]] | None = None,
) -> Dependency:
    """Connects a button that starts long work, and the one that stops it; returns the event after which both are as before.

    Args:
        answer: the work; it takes `inputs`, and asks `stops` for its stop.
        blank: what `outputs` are as the work begins, so that no earlier answer stands there if it is refused; else as they are.
    """
    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "queue": False}

    def buttons(busy: bool) -> list[gr.Button]:
        return [gr.Button(interactive=not busy), gr.Button(interactive=busy)]

    def begin(request: gr.Request) -> list[Any]:
        stops.begin(request)
        return [*buttons(busy=True), *(blank() if blank else [])]

    both = [button, stop]
    going = button.click(begin, None, [*both, *(outputs if blank else [])], **private).then(
        answer, inputs, outputs, api_visibility="private", concurrency_limit=2, show_progress_on=show_progress_on
    )
    when_over(going, lambda: buttons(busy=False), both)
    stop.click(stops.ask, None, None, **private)
    return going
