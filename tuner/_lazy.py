"""Public names that load their module at first use, so that `import tuner` loads neither torch nor Gradio."""

import importlib
import sys
from collections.abc import Callable
from typing import Any


def lazy(package: str, names: dict[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` for a package: its names can be had, and are offered where one types.

    Args:
        package: the package's `__name__`.
        names: public name → module that defines it.
    """

    def __getattr__(name: str) -> Any:  # noqa: ANN401, N807
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(names[name]), name)

    def __dir__() -> list[str]:  # noqa: N807
        return sorted({*names, *(name for name in vars(sys.modules[package]) if name.startswith("__"))})

    return __getattr__, __dir__
