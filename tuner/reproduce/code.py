"""Python code as lines. Values get into it by `literal` alone, so that no name or path can break out of its string."""

import ast
from collections.abc import Mapping
from typing import Any

_WIDTH = 110
# Name used in a script → the statement that brings it. Names of one module are joined into one statement.
_IMPORTS = {
    "functools": "import functools",
    "importlib": "import importlib.util",
    "json": "import json",
    "Path": "from pathlib import Path",
    "numpy": "import numpy",
    "torch": "import torch",
    "LoraConfig": "from peft import LoraConfig",
    "get_peft_model": "from peft import get_peft_model",
    "accuracy_score": "from sklearn.metrics import accuracy_score",
    "average_precision_score": "from sklearn.metrics import average_precision_score",
    "f1_score": "from sklearn.metrics import f1_score",
    "log_loss": "from sklearn.metrics import log_loss",
    "matthews_corrcoef": "from sklearn.metrics import matthews_corrcoef",
    "recall_score": "from sklearn.metrics import recall_score",
    "roc_auc_score": "from sklearn.metrics import roc_auc_score",
    "AutoModelForSequenceClassification": "from transformers import AutoModelForSequenceClassification",
    "AutoTokenizer": "from transformers import AutoTokenizer",
    "EarlyStoppingCallback": "from transformers import EarlyStoppingCallback",
    "Trainer": "from transformers import Trainer",
    "TrainerCallback": "from transformers import TrainerCallback",
    "TrainingArguments": "from transformers import TrainingArguments",
    "set_seed": "from transformers import set_seed",
    "get_swa_multi_avg_fn": "from torch.optim.swa_utils import get_swa_multi_avg_fn",
    "get_length_grouped_indices": "from transformers.trainer_pt_utils import get_length_grouped_indices",
}
_STANDARD = ("functools", "importlib", "json", "Path")


class Code(str):
    """A value that is code already, such as the name of a variable."""


def literal(value: Any) -> str:  # noqa: ANN401
    """The value as code: its `repr`, in double quotes where that changes nothing but the quotes."""
    if isinstance(value, Code):
        return str(value)
    if isinstance(value, str):
        text = repr(value)
        return text if set("\"'\\") & set(text[1:-1]) else f'"{text[1:-1]}"'
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(key)}: {literal(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(literal, value)) + ("," if len(value) == 1 else "") + ")"
    return repr(value)


def any_of(beginnings: tuple[str, ...]) -> str | tuple[str, ...]:
    """What `str.startswith` takes: one beginning as it is."""
    return beginnings[0] if len(beginnings) == 1 else beginnings


def assign(name: str, value: Any) -> list[str]:  # noqa: ANN401
    """`name = value`; a long list or tuple has a line for each entry."""
    line = f"{name} = {literal(value)}"
    if len(line) <= _WIDTH or not isinstance(value, (list, tuple)):
        return [line]
    opening, closing = "[]" if isinstance(value, list) else "()"
    return [f"{name} = {opening}", *(f"    {literal(entry)}," for entry in value), closing]


def call(before: str, arguments: Mapping[str, Any], remarks: Mapping[str, str] = {}) -> list[str]:
    """`before(arguments)`, in one line where it fits; an argument named "" comes first, without a name.

    Args:
        before: the code up to the bracket: "model = load".
        remarks: argument → comment behind it.
    """
    given = {name: f"{name}={literal(value)}" if name else literal(value) for name, value in arguments.items()}
    line = f"{before}({', '.join(given.values())})"
    if len(line) <= _WIDTH and not remarks.keys() & given.keys():
        return [line]
    return [f"{before}(", *(f"    {text},{_remark(remarks.get(name))}" for name, text in given.items()), ")"]


def indented(lines: list[str]) -> list[str]:
    """The lines one level deeper; empty ones stay empty."""
    return [f"    {line}" if line else "" for line in lines]


def imports_of(body: str) -> list[str]:
    """The import statements a script needs: standard library, then the rest."""
    tree = ast.parse(body)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    found = [(name, statement) for name, statement in _IMPORTS.items() if name in used]
    own = _joined([statement for name, statement in found if name in _STANDARD])
    return [*own, "", *_joined([statement for name, statement in found if name not in _STANDARD])]


def _remark(text: str | None) -> str:
    return f"  # {text}" if text else ""


def _joined(statements: list[str]) -> list[str]:
    """`from a import b` and `from a import c` as one statement; plain imports first, as isort has them."""
    modules: dict[str, list[str]] = {}
    for statement in statements:
        module, _, name = statement.partition(" import ")
        modules.setdefault(module, []).append(name)
    lines = []
    for module, names in modules.items():
        line = f"{module} import {', '.join(names)}" if names != [""] else module
        if len(line) > _WIDTH:
            line = f"{module} import (\n    " + ",\n    ".join(names) + ",\n)"
        lines.append(line)
    return sorted(lines, key=lambda line: line.startswith("from"))
