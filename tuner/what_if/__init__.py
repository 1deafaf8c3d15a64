"""What would change a classifier's mind about a text: changes of it by one click, and the smallest removals that flip the answer.

from tuner.what_if import flips, variants
[(variant.what, variant.label, variant.change) for variant in variants(classifier, "I love it")]
"""

from tuner._lazy import lazy

_NAMES = {
    "Flip": "tuner.what_if.flipping",
    "Variant": "tuner.what_if.changing",
    "flips": "tuner.what_if.flipping",
    "variants": "tuner.what_if.changing",
}
__all__ = sorted(_NAMES)
__getattr__, __dir__ = lazy(__name__, _NAMES)
