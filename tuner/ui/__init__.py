"""The page: reads values, calls one function of Tuner, renders. The only place that imports Gradio."""

from tuner._lazy import lazy

_NAMES = {"Context": "tuner.ui.context", "build_app": "tuner.ui.build"}
__all__ = sorted(_NAMES)
__getattr__ = lazy(__name__, _NAMES)
