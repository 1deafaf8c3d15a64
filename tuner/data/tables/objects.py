"""JSON: one object per line, or a list of objects."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from tuner.data.tables.opening import Clean, refuse_web_page
from tuner.data.tables.plain import check_width, to_table
from tuner.errors import SourceError

if TYPE_CHECKING:
    import pyarrow as pa

_LIST_START = re.compile(r'\s*(?:\{\s*"data"\s*:\s*)?\[')
_JSON_START = re.compile(r'\s*(?:[\[{"]|-?\d|(?:true|false|null)\b)')
_BETWEEN = re.compile(r"\s*,?\s*")
_KINDS = {dict: "an object", list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}


def read_lines(clean: Clean, rows: int | None) -> "pa.Table":
    """Rows of JSON lines; a key that an object lacks is a missing value.

    Raises:
        SourceError: a line is no object; it is named.
    """
    _refuse_what_is_no_json(clean)
    with clean.text(newline=None) as text:
        return _table(clean, islice(_objects_in_lines(clean.name, text), rows))


def read_list(clean: Clean, rows: int | None) -> "pa.Table":
    """Rows of a JSON list, of the list under `data`, or of JSON lines under the wrong ending.

    Raises:
        SourceError: it is something else.
    """
    _refuse_what_is_no_json(clean)
    if _is_lines(clean.sample()):
        return read_lines(clean, rows)
    with clean.text() as text:
        content = text.read()
    objects = _objects_in_list(clean.name, content) if rows is None else _first_objects(clean.name, content)
    return _table(clean, islice(objects, rows))


def _refuse_what_is_no_json(clean: Clean) -> None:
    sample = clean.sample()
    refuse_web_page(clean, sample)
    if not _JSON_START.match(sample):
        begin = sample.split("\n", 1)[0][:40]
        raise SourceError(
            f"{clean.name} holds no JSON: it begins with '{begin.strip()}'.", "Give it its own ending, such as .csv."
        )


def _is_lines(sample: str) -> bool:
    """Whether the first line is a whole object and something follows."""
    first, _, rest = sample.lstrip().partition("\n")
    try:
        return bool(rest.strip()) and isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def _objects_in_lines(name: str, text: Iterable[str]) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(text, 1):
        if line.strip():
            yield f"line {number}", _load(f"{name}, line {number}", line)


def _objects_in_list(name: str, text: str) -> Iterator[tuple[str, Any]]:
    loaded = _load(name, text)
    if isinstance(loaded, dict) and isinstance(loaded.get("data"), list):
        loaded = loaded["data"]
    if not isinstance(loaded, list):
        raise SourceError(f"{name} holds {_kind(loaded)}, not a list of objects.", "Give a list of objects.")
    yield from ((f"item {number}", item) for number, item in enumerate(loaded, 1))


def _first_objects(name: str, text: str) -> Iterator[tuple[str, Any]]:
    """The items of a list one by one, so that a first part is enough to read the first rows."""
    start = _LIST_START.match(text)
    if not start:
        yield from _objects_in_list(name, text)
        return
    decode, at, number = json.JSONDecoder().raw_decode, start.end(), 1
    while (at := _BETWEEN.match(text, at).end()) < len(text) and text[at] != "]":
        item, at = _guarded(f"{name}, item {number}", lambda at=at: decode(text, at))
        yield f"item {number}", item
        number += 1


def _load(where: str, text: str) -> Any:  # noqa: ANN401
    return _guarded(where, lambda: json.loads(text))


def _guarded(where: str, load: Any) -> Any:  # noqa: ANN401
    try:
        return load()
    except RecursionError:
        raise SourceError(f"{where} is nested too deeply.", "Give flat objects, one per row.") from None
    except ValueError as error:
        raise SourceError(f"{where} is not JSON ({error}).", "Mend it, or leave it out.") from None


def _kind(value: Any) -> str:  # noqa: ANN401
    return _KINDS.get(type(value), "null")


def _table(clean: Clean, objects: Iterable[tuple[str, Any]]) -> "pa.Table":
    columns: dict[str, list[Any]] = {}
    widths: Counter[int] = Counter()
    count = 0
    for where, item in objects:
        if not isinstance(item, dict):
            raise SourceError(
                f"{clean.name}, {where} holds {_kind(item)}, not an object.", 'Give objects like {"text": …, "label": …}.'
            )
        for key, value in item.items():
            values = columns.get(key)
            if values is None:
                values = columns[key] = []
                check_width(clean.name, len(columns))
            if len(values) < count:
                values.extend([None] * (count - len(values)))
            values.append(value)
        widths[len(item)] += 1
        count += 1
    for values in columns.values():
        values.extend([None] * (count - len(values)))
    short = count - widths[len(columns)]
    if short:
        rows = "1 row lacks" if short == 1 else f"{short:,} rows lack"
        clean.notes.append(f"{rows} some of the fields that others have; those are empty.")
    return to_table(columns, clean.notes)
