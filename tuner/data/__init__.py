"""From a source to labelled rows: read it, find its columns, split it, look at it.

Lazy, because the parsing child process (`tuner.data.ingest`) needs none of the others.
"""

from tuner._lazy import lazy

_NAMES = {
    "DataProfile": "tuner.data.profiling",
    "LabelledData": "tuner.data.labelled",
    "load_labelled": "tuner.data.labelled",
    "Finding": "tuner.data.findings",
    "profile": "tuner.data.profiling",
    "suspicious_in": "tuner.data.suspicious",
}
__all__ = sorted(_NAMES)
__getattr__, __dir__ = lazy(__name__, _NAMES)
