"""The documents say what the code does."""

import re
import runpy
import shlex
from pathlib import Path
from typing import get_args

import pytest

from tuner import cli
from tuner.config import RunConfig
from tuner.sections.data import Fix
from tuner.ui.text import FINDINGS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PAGES = [README, *(path.read_text() for path in sorted((ROOT / "docs").glob("*.md")))]
COMMANDS = [found for page in PAGES for found in re.findall(r"^ *python -m tuner (.+?)(?: …)?(?:\s+#.*)?$", page, re.MULTILINE)]


def test_the_settings_page_is_the_settings():
    page = runpy.run_path(str(ROOT / "docs" / "build_settings.py"))["page"]
    assert (ROOT / "docs" / "settings.md").read_text() == page() + "\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_understood(command):
    assert cli._parser().parse_args(shlex.split(command)).command


def test_the_pages_have_commands():
    assert len(COMMANDS) > 40


def test_the_readme_names_every_command():
    choices = next(action.choices for action in cli._parser()._actions if action.choices)
    assert [name for name in choices if name not in README] == []


def test_the_python_of_the_readme_names_what_there_is():
    import tuner

    (snippet,) = re.findall(r"```python\n(.+?)```", README, re.DOTALL)
    compile(snippet, "README", "exec")
    assert all(hasattr(tuner, name) for name in re.findall(r"tuner\.(\w+)\(", snippet))
    assert RunConfig(data={"source": "sample:tweets"}, model={"name": "sample:minilm"})


def test_the_readme_s_links_and_pictures_exist():
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if not link.startswith("http")]
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_first_two_commands_are_run_and_test():
    first = re.search(r"```\n(.+?)```", README, re.DOTALL).group(1).splitlines()
    assert [line.split("#")[0].strip() for line in first] == ["make run", "make test"]


def test_every_fix_and_every_finding_stands_in_the_page_on_data():
    page = (ROOT / "docs" / "data.md").read_text()
    assert [fix for fix in get_args(Fix) if fix not in page] == []
    words = [name.split(" (")[0] for key, name in FINDINGS.items() if not key.startswith(("missing_", "personal_"))]
    assert [name for name in words if name not in page] == []


def test_the_python_of_the_page_on_data_runs(csv, capsys):
    (snippet,) = re.findall(r"```python\n(.+?)```", (ROOT / "docs" / "data.md").read_text(), re.DOTALL)
    exec(snippet.replace("sample:tweets", str(csv(60))), {})
