"""What must not leave the machine: secrets and local paths. The last look before anything is sent."""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tuner import runs
from tuner.errors import RunError

SECRETS = {
    "a Hugging Face token": re.compile(r"\bhf_[A-Za-z0-9]{20,}"),
    "an AWS key": re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    "a GitHub token": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22,})"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----"),
}
# Below what a machine's folders begin with; other slashes are words: labels such as "/sports/tennis", "and/or".
_PATH = re.compile(
    r"(?<![\w./:-])(?:/(?:home|Users|root|tmp|var|mnt|opt|usr|srv|media|private|workspace|content|kaggle|scratch|Volumes)/"
    r"[^\s/]|[A-Za-z]:(?:\\|/(?!/)))"
)
_TEXTS = (".json", ".md", ".yaml", ".txt")
# Their entries are single words of a vocabulary ("/usr/"), in which a path is told by this machine's folders alone.
_VOCABULARIES = ("tokenizer.json", "vocab.json", "vocab.txt", "merges.txt")


def refuse_unsafe(files: Mapping[str, bytes | Path], local: Iterable[str] = ()) -> None:
    """Refuses files of which one holds a secret or a path of this machine.

    Args:
        files: path in the repository → its content, or the file that holds it. Texts are read, other files are not.
        local: further names of this machine to look for, such as the path of the table a run was trained on.

    Raises:
        RunError: names the file and what is in it, never the secret itself.
    """
    for name, content in files.items():
        if not name.endswith(_TEXTS):
            continue
        text = (content if isinstance(content, bytes) else content.read_bytes()).decode("utf-8", "replace")
        found = secret_in(text) or path_in(_strings(name, text), local, vocabulary=name.rpartition("/")[2] in _VOCABULARIES)
        if found:
            raise RunError(f"Nothing was sent: {name} holds {found}.", "Take it out of the settings or names of the run.")


def secret_in(text: str) -> str:
    """What kind of secret a text holds, in words; empty for none."""
    return next((name for name, pattern in SECRETS.items() if pattern.search(text)), "")


def path_in(text: str, local: Iterable[str] = (), *, vocabulary: bool = False) -> str:
    """ "a local path" where a text holds one; empty else."""
    folders = {str(Path.home()), str(runs.home()), *local}
    held = any(re.search(rf"(?<![\w.-]){re.escape(folder)}(?![\w-])", text) for folder in folders if _tells(folder, vocabulary))
    return "a path of this machine" if held or (not vocabulary and _PATH.search(text)) else ""


def _tells(folder: str, vocabulary: bool) -> bool:
    """Whether it is long enough to be no word: "/root" may be one in a vocabulary."""
    return len(folder) > (8 if vocabulary else 4)


def _strings(name: str, text: str) -> str:
    """Every string of a JSON file without its escapes, which would hide a path; other files as they are."""
    if not name.endswith(".json"):
        return text
    try:
        return "\n".join(_all_strings(json.loads(text)))
    except ValueError:
        return text


def _all_strings(value: Any) -> Iterable[str]:  # noqa: ANN401
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from _all_strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _all_strings(item)
