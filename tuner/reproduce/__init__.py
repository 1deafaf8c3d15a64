"""A run as a plain Python script that uses transformers and nothing of Tuner, with the rows it trains on beside it.

    tuner.write_script(run, "my-training")     # train.py, rows, requirements.txt, config.yaml, README.md

What a script does is decided in `recipe`; each other module writes some of its sections.
"""

from tuner._lazy import lazy

_NAMES = {
    "Recipe": "tuner.reproduce.recipe",
    "recipe_for": "tuner.reproduce.recipe",
    "script_for": "tuner.reproduce.script",
    "write_script": "tuner.reproduce.folder",
    "zip_script": "tuner.reproduce.folder",
}
__all__ = sorted(_NAMES)
__getattr__, __dir__ = lazy(__name__, _NAMES)
