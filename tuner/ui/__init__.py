"""The page: reads values, calls one function of Tuner, renders. The only place that imports Gradio."""

import sys
from importlib.util import find_spec

from tuner._lazy import lazy

# On a Space Gradio wraps every function with the package `spaces`. Where that is not installed, a checkout's folder of the same
# name would be taken for it.
if (_found := find_spec("spaces")) and _found.origin is None:
    sys.modules["spaces"] = None

_NAMES = {"Context": "tuner.ui.context", "build_app": "tuner.ui.build"}
__all__ = sorted(_NAMES)
__getattr__, __dir__ = lazy(__name__, _NAMES)
