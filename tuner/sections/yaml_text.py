"""YAML as people write settings in it; every reader of settings reads it here."""

from typing import Any

import yaml

_DATE, _MERGE, _TEXT, _BOOL, _FLOAT, _NULL = (
    f"tag:yaml.org,2002:{name}" for name in ("timestamp", "merge", "str", "bool", "float", "null")
)


class _Loader(yaml.SafeLoader):
    """The safe loader, but for what would be another thing than was meant, or be dropped silently.

    Dates are text: no setting is one, and names and revisions may look like one. A key is text and stands once in a mapping.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012
        sign: [(tag, pattern) for tag, pattern in found if tag != _DATE]
        for sign, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.Node, deep: bool = False) -> dict[Any, Any]:
        known: set[str] = set()
        for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                continue
            key.tag, key.value = _TEXT, _label(key)
            if key.value in known:
                line = key.start_mark.line + 1
                raise yaml.constructor.ConstructorError(problem=f"'{key.value[:80]}' is given twice, again in line {line}")
            known.add(key.value)
            if key.value == "label_map":
                _as_written(value)
        return super().construct_mapping(node, deep)


def _label(key: yaml.ScalarNode) -> str:
    """A key as the data shows such a label: as it is written, 0 or yes, but True for true, and 1 for 1.0."""
    if key.tag == _BOOL and key.value.lower() in ("true", "false"):
        return key.value.capitalize()
    return key.value.removesuffix(".0") if key.tag == _FLOAT else key.value


def _as_written(names: yaml.Node) -> None:
    """Makes a mapping's values text as they are written, `no` and `1`, too; null stays null."""
    for _, name in names.value if isinstance(names, yaml.MappingNode) else ():
        if isinstance(name, yaml.ScalarNode) and name.tag != _NULL:
            name.tag = _TEXT


def read(text: str, *, words: bool = False, names: bool = False) -> Any:  # noqa: ANN401
    """What a YAML text says.

    Args:
        words: whether all that stands in it is text, `123` and `no`, too.
        names: whether it is the value of a `label_map`, which gives labels their names.

    Raises:
        ValueError: it is no YAML, or more than can be read; the message completes "… cannot be read as YAML (…)".
    """
    try:
        loader = (yaml.BaseLoader if words else _Loader)(text)
        node = loader.get_single_node()
        if names:
            _as_written(node)
        return None if node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())[:300]) from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    # What the loader lets through where a value is not what its tag says (`!!int x`), or is a number of 5,000 digits.
    except (ValueError, LookupError, AttributeError, TypeError, OverflowError):
        raise ValueError("a value in it is not what its tag says, or is too long a number") from None
