"""Public names that load their module at first use, so that `import tuner` loads neither torch nor Gradio."""

import importlib
from collections.abc import Callable
from typing import Any


def lazy(package: str, names: dict[str, str]) -> Callable[[str], Any]:
    """A module `__getattr__` for a package.

    Args:
        package: the package's `__name__`.
        names: public name → module that defines it.
    """

    def __getattr__(name: str) -> Any:  # noqa: ANN401, N807
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(names[name]), name)

    return __getattr__
