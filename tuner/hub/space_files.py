"""What is uploaded for a Space: the files of `spaces/`, and of the package what they need; nothing else of this machine."""

import subprocess
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Literal

import tuner
from tuner.errors import RunError
from tuner.hub.scan import refuse_unsafe

SpaceKind = Literal["demo", "trainer", "zerogpu"]
ZERO_GPU = "zero-a10g"
_PACKAGE = Path(tuner.__file__).parent
_OWN: dict[SpaceKind, tuple[str, ...]] = {
    "demo": ("README.md", "app.py", "classifier.py", "drawing.py", "requirements.txt"),
    "trainer": ("README.md", "app.py", "requirements.txt"),
    "zerogpu": ("README.md", "app.py", "requirements.txt"),
}
# Modules of ours that import nothing of ours: the demo has them beside its own.
_SHARED = {"spans.py": "explain/spans.py", "colours.py": "colours.py", "theme.py": "ui/theme.py"}
# As `package-data` of pyproject.toml, with the modules themselves.
_SUFFIXES = (".py", ".html", ".md", ".yaml")
_PYTHON = "3.12"


def demo_files(space: str, model: str, page: str, hardware: str | None = None) -> dict[str, bytes]:
    """Path → content of the Space that shows one model.

    Args:
        space, model: owner/name of both.
        page: the model's address.
        hardware: on ZeroGPU, Python and torch are those it has.

    Raises:
        RunError: this installation does not hold the files.
    """
    files = {name: _own("demo", name) for name in _OWN["demo"]}
    files |= {name: (_PACKAGE / path).read_bytes() for name, path in _SHARED.items()}
    python = _PYTHON
    if hardware == ZERO_GPU:
        python = _front("zerogpu", "python_version")
        files["requirements.txt"] = _with_line(files["requirements.txt"], _line("zerogpu", "torch=="))
    values = {"title": model.rpartition("/")[2], "model": model, "page": page, "space": space, "python": python}
    readme = files["README.md"].decode()
    for name, value in values.items():
        readme = readme.replace(f"{{{{ {name} }}}}", value)
    return _checked(files | {"README.md": readme.encode()})


def app_files(kind: Literal["trainer", "zerogpu"]) -> dict[str, bytes]:
    """Path → content of the Space that holds the whole app: its three files, and the package as git knows it.

    Raises:
        RunError: this installation does not hold the files.
    """
    package = {f"tuner/{path}": (_PACKAGE / path).read_bytes() for path in _package_files()}
    return _checked({name: _own(kind, name) for name in _OWN[kind]} | package)


def _checked(files: dict[str, bytes]) -> dict[str, bytes]:
    files = dict(sorted(files.items()))
    refuse_unsafe(files)
    return files


def _package_files() -> list[str]:
    """Paths below the package, sorted: in a checkout those git knows, so that nothing a person left there is sent."""
    command = ["git", "-C", str(_PACKAGE), "ls-files", "-z", "--", "."]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.split("\0")
    except (OSError, subprocess.SubprocessError):
        listed = []
    if "__init__.py" not in listed:  # installed, or git is not there
        listed = [path.relative_to(_PACKAGE).as_posix() for path in _PACKAGE.rglob("*") if "__pycache__" not in path.parts]
    return sorted(path for path in listed if path.endswith(_SUFFIXES) and (_PACKAGE / path).is_file())


def _own(kind: SpaceKind, name: str) -> bytes:
    try:
        return (_folder() / kind / name).read_bytes()
    except OSError:
        raise _missing() from None


@cache
def _folder() -> Path:
    """`spaces/` of the checkout, else where the installed package put it."""
    beside = _PACKAGE.parent / "spaces"
    if (beside / "demo" / "app.py").is_file():
        return beside
    try:
        installed = metadata.files("tuner") or []
    except metadata.PackageNotFoundError:
        installed = []
    for path in installed:
        if path.parts[-4:] == ("tuner", "spaces", "demo", "app.py"):
            return Path(str(path.locate())).resolve().parents[1]
    raise _missing()


def _missing() -> RunError:
    return RunError(
        "This installation of Tuner holds no files for Spaces.", "Install it again, or run it from a checkout of its repository."
    )


def _line(kind: SpaceKind, start: str) -> str:
    return next(line for line in _own(kind, "requirements.txt").decode().splitlines() if line.startswith(start))


def _with_line(requirements: bytes, line: str) -> bytes:
    """The list with another version of one package."""
    name = line.partition("==")[0]
    lines = requirements.decode().splitlines()
    return ("\n".join(line if each.startswith(f"{name}==") else each for each in lines) + "\n").encode()


def _front(kind: SpaceKind, name: str) -> str:
    """A field of a Space's front matter."""
    import yaml

    found: Mapping[str, object] = yaml.safe_load(_own(kind, "README.md").decode().split("---\n")[1])
    return str(found[name])
