"""An environment that holds what a requirements.txt resolves to and nothing else, without network.

Its site-packages are links to the distributions installed here: those the list names, and what these require in turn.
"""

import subprocess
import sys
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def requirements(text):
    """The lines of a requirements.txt."""
    return [Requirement(line) for line in map(str.strip, text.splitlines()) if line and not line.startswith("#")]


def closure(wanted):
    """Name → distribution of all that is required; an installed version that does not satisfy its line is an error.

    Extras count as pip counts them; one whose packages are not installed here is left out by naming no extra.
    """
    found, waiting = {}, [(each, set(each.extras)) for each in wanted]
    seen = set()
    while waiting:
        requirement, extras = waiting.pop()
        name = canonicalize_name(requirement.name)
        distribution = metadata.distribution(name)
        assert requirement.specifier.contains(distribution.version, prereleases=True), f"{requirement}: {distribution.version}"
        if (name, frozenset(extras)) in seen:
            continue
        seen.add((name, frozenset(extras)))
        found[name] = distribution
        for line in distribution.requires or []:
            each = Requirement(line)
            if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in extras or {""}):
                waiting.append((each, set(each.extras)))
    return found


def environment(folder, distributions):
    """The Python of a new environment in `folder` that holds the distributions."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (packages,) = Path(folder).glob("lib/python3*/site-packages")
    for distribution in distributions.values():
        for top in {path.parts[0] for path in distribution.files if path.parts[0] not in ("..", "__pycache__")}:
            link = packages / top
            if not link.exists():
                link.symlink_to(Path(str(distribution.locate_file(top))))
    return Path(folder) / "bin" / "python"
