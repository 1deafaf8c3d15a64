"""What the loopback Hub does for kept runs: a commit that removes files, and a history that is folded up."""

from pathlib import Path
from typing import Any

STEP = r"POST /api/(?P<kind>model|dataset|space)s/(?P<name>[\w.-]+/[\w.-]+)/super-squash/(?P<revision>.+)"


def remove(folder: Path, lines: list[dict]) -> str | None:
    """Takes the files of a commit's deletions out of a repository; says which one is not there."""
    paths = [line["value"]["path"] for line in lines if line["key"] == "deletedFile"]
    missing = next((path for path in paths if not (folder / path).is_file()), None)
    for path in paths if missing is None else []:
        (folder / path).unlink()
    return missing


def squash(hub: Any, who: str | None, body: bytes, address: dict) -> tuple[int, Any]:
    """Only what stands now is left of the history, and of what was sent apart."""
    from tests.hub.writing import _refused

    if refused := _refused(hub, who, {**address, "propose": None}):
        return refused
    standing = {path.read_bytes() for path in hub.at(address["kind"], address["name"]).files.values()}
    hub.commits[:] = hub.commits[-1:]
    for oid in [oid for oid, content in hub.stored.items() if content not in standing]:
        del hub.stored[oid]
    return 200, {}
