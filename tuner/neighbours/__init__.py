"""The training rows that lie nearest to a text, as the run's own model sees both: is an answer memory or understanding?

from tuner.neighbours import nearest
[(row.label, row.text) for row in nearest(run, classifier, "I love it").rows]
"""

from tuner._lazy import lazy

_NAMES = {
    "Neighbour": "tuner.neighbours.nearest_rows",
    "Neighbours": "tuner.neighbours.nearest_rows",
    "nearest": "tuner.neighbours.nearest_rows",
    "embeddings": "tuner.neighbours.embedding",
}
__all__ = sorted(_NAMES)
__getattr__, __dir__ = lazy(__name__, _NAMES)
