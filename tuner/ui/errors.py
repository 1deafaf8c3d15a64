"""The UI's border for errors: a toast with cause and cure, never a traceback."""

import functools
import html
import logging
from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.events import Dependency

from tuner.errors import TunerError

_log = logging.getLogger("tuner")


def as_text(words: str) -> str:
    """What a toast is given to show these words: it takes them for HTML, and they may quote a label or a name."""
    return html.escape(words, quote=False)


def toast(handler: Callable[..., Any], page: bool = True) -> Callable[..., Any]:
    """Turns a TunerError into a toast, or its words for a program; anything else into a plain sentence.

    Args:
        page: whether a page shows it; a program gets the words as they are.
    """

    @functools.wraps(handler)
    def wrapped(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        try:
            return handler(*args, **kwargs)
        except TunerError as error:
            raise gr.Error(as_text(str(error)) if page else str(error), duration=12, print_exception=False) from None
        except gr.Error:
            raise
        except Exception:
            _log.exception("%s failed", handler.__name__)
            raise gr.Error(
                "Something went wrong inside Tuner. Nothing of yours was changed; the server's log holds the details.",
                print_exception=False,
            ) from None

    return wrapped


def when_over(event: Dependency, handler: Callable[..., Any], outputs: Any, inputs: Any = None) -> None:  # noqa: ANN401
    """Calls a handler after an event, whether it went well or not: `then` alone is not heard after an error."""
    for ended in (event.success, event.failure):
        ended(handler, inputs, outputs, queue=False, show_progress="hidden", api_visibility="private")
