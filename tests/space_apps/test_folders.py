"""`spaces/`, file by file: front matter the Hub takes, versions equal to our pins, nothing that does not belong."""

import ast
import re

import pytest
import yaml
from packaging.requirements import Requirement

from tests.serving import ROOT

SPACES = ROOT / "spaces"
KINDS = ("demo", "trainer", "zerogpu")
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
# The Hub's reference of a Space's front matter.
FIELDS = {
    "title", "emoji", "colorFrom", "colorTo", "sdk", "sdk_version", "python_version", "app_file", "models", "tags",
    "short_description", "license", "pinned", "suggested_hardware", "startup_duration_timeout", "hf_oauth", "hf_oauth_scopes",
    "hf_oauth_expiration_minutes",
}  # fmt: skip


def front(kind):
    filled = (SPACES / kind / "README.md").read_text().replace("{{ python }}", "3.12")
    return yaml.safe_load(re.sub(r"\{\{ \w+ \}\}", "owner/name", filled).split("---\n")[1])


def pins(path):
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return {Requirement(line).name: Requirement(line) for line in lines}


OURS = pins(ROOT / "requirements.txt")


def test_the_folder_holds_these_files_and_no_package():
    found = {
        path.relative_to(SPACES).as_posix() for path in SPACES.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    }
    three = {f"{kind}/{name}" for kind in KINDS for name in ("README.md", "app.py", "requirements.txt")}
    assert found == three | {"demo/classifier.py", "demo/drawing.py"}


@pytest.mark.parametrize("kind", KINDS)
def test_front_matter(kind):
    found = front(kind)
    assert set(found) <= FIELDS
    assert (found["sdk"], found["app_file"], found["license"]) == ("gradio", "app.py", "apache-2.0")
    assert f"=={found['sdk_version']}" == str(OURS["gradio"].specifier)
    assert {found["colorFrom"], found["colorTo"]} <= COLOURS
    assert len(found["short_description"]) <= 60
    # transformers 5.23 needs Python 3.11; a Space without this line gets 3.10
    assert str(found["python_version"]).startswith("3.12")
    assert "tuner" in found["tags"]


def test_login_is_asked_for_by_the_trainer_alone():
    found = front("trainer")
    assert found["hf_oauth"] is True
    assert found["hf_oauth_scopes"] == ["read-repos", "gated-repos", "contribute-repos", "jobs"]
    assert 0 < found["hf_oauth_expiration_minutes"] <= 43_200
    assert not any("hf_oauth" in front(kind) for kind in ("demo", "zerogpu"))


def test_the_trainer_s_requirements_are_ours_with_the_login():
    found = pins(SPACES / "trainer" / "requirements.txt")
    assert found.keys() == OURS.keys()
    assert {name for name in found if str(found[name].specifier) != str(OURS[name].specifier)} == set()
    assert found["gradio"].extras == {"oauth"}


def test_zerogpu_s_requirements_are_ours_with_a_torch_it_takes():
    found = pins(SPACES / "zerogpu" / "requirements.txt")
    assert found.keys() == OURS.keys()
    assert {name for name in found if str(found[name].specifier) != str(OURS[name].specifier)} == {"torch"}
    assert str(found["torch"].specifier) == "==2.11.0"
    assert OURS["torch"].specifier.contains("2.11.0")
    assert front("zerogpu")["python_version"] == "3.12.12"


def test_the_demo_s_requirements_are_pinned_within_ours():
    found = pins(SPACES / "demo" / "requirements.txt")
    for name, pin in found.items():
        (spec,) = pin.specifier
        assert spec.operator == "=="
        assert OURS[name].specifier.contains(spec.version), name


@pytest.mark.parametrize("path", sorted(SPACES.rglob("*.py")), ids=lambda path: str(path.relative_to(SPACES)))
def test_the_package_spaces_is_imported_before_torch_and_by_apps_alone(path):
    names = [
        (node.names[0].name if isinstance(node, ast.Import) else node.module).split(".")[0]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert ("spaces" in names) == (path.name == "app.py" and path.parent.name != "trainer")
    if path.parent.name == "demo":
        assert "tuner" not in names
    lines = path.read_text()
    if "import spaces" in lines:
        heavy = [
            lines.index(word)
            for word in ("\nfrom tuner", "\nimport gradio", "\nimport torch", "\nfrom classifier")
            if word in lines
        ]
        assert lines.index("import spaces") < min(heavy)


def test_the_package_imports_spaces_nowhere():
    for path in (ROOT / "tuner").rglob("*.py"):
        assert not re.search(r"^\s*(import|from) spaces\b", path.read_text(), re.MULTILINE), path


def test_the_list_of_files_is_what_the_installed_package_holds():
    """`pip install` puts `spaces/` beside it by data-files: each file stands there."""
    import tomllib

    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["data-files"]
    for kind in KINDS:
        found = {path for pattern in listed[f"share/tuner/spaces/{kind}"] for path in ROOT.glob(pattern)}
        assert found == {path for path in (SPACES / kind).iterdir() if path.is_file()}
