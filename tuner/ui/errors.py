"""The UI's border for errors: a toast with cause and cure, never a traceback."""

import functools
import logging
from collections.abc import Callable
from typing import Any

import gradio as gr

from tuner.errors import TunerError

_log = logging.getLogger("tuner")


def toast(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Turns a TunerError into a toast (and the same text for API clients); anything else into a plain sentence."""

    @functools.wraps(handler)
    def wrapped(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        try:
            return handler(*args, **kwargs)
        except TunerError as error:
            raise gr.Error(str(error), duration=12, print_exception=False) from None
        except gr.Error:
            raise
        except Exception:
            _log.exception("%s failed", handler.__name__)
            raise gr.Error(
                "Something went wrong inside Tuner. Nothing of yours was changed; the server's log holds the details.",
                print_exception=False,
            ) from None

    return wrapped
