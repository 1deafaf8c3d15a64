"""The tests as a file: what `tests.yaml`, or one a person wrote, may hold, and every mistake in it by entry and key."""

import importlib.resources
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from tuner.errors import SettingsError

# The shipped file has 20 KB; PyYAML reads some 100 KB a second.
_MOST_BYTES = 300_000
_CURE = "Correct the file; the shipped tests.yaml shows how."
SLOT = re.compile(r"\{([a-z_]+)\}")
# What a template of an identity test puts each group into.
GROUP = "group"
# A probability may move by two points before a DIR test fails: as much as an added filler word moves it.
DIR_TOLERANCE = 0.02

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$", strict=True)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=1_000, strict=True)]
Words = Annotated[list[Text], Field(min_length=1, max_length=1_000)]
Texts = Annotated[list[Text], Field(max_length=1_000)]
Count = Annotated[int, Field(ge=1, le=500)]
Share = Annotated[float, Field(ge=0, le=1)]
Change = Literal["typos", "case", "contractions", "punctuation", "add", "swap", "numbers", "groups"]
_NEEDS_LISTS = ("add", "swap", "groups")


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Test(_Entry):
    """Attributes:
    description: what passes, in a sentence.
    needs: labels without which it is skipped; names without regard to case, and pos, neg, neu for the long ones.
    language: "en" skips it where the texts that are evaluated do not look English.
    most: cases at most.
    """

    description: Text
    needs: list[Text] = []
    language: Literal["", "en"] = ""
    most: Count = 60


class Expectation(_Entry):
    """Texts with a known answer; `expect` names every label that is right."""

    expect: Words
    templates: Words


class MinimumTest(_Test):
    """MFT: minimum functionality."""

    kind: Literal["MFT"]
    cases: Annotated[list[Expectation], Field(min_length=1)]


class Move(_Entry):
    """A template, changed ones, and where the probability of `label` must not go."""

    label: Text
    must_not: Literal["fall", "rise"]
    template: Text
    changed: Words


class DirectionTest(_Test):
    """DIR: directional expectation."""

    kind: Literal["DIR"]
    tolerance: Share = DIR_TOLERANCE
    cases: Annotated[list[Move], Field(min_length=1)]


class InvarianceTest(_Test):
    """INV: invariance.

    Attributes:
        change: how a text is changed; "add" one of `lists` to it, "swap" a word of a list for another one of the same list,
            "groups" puts every word of a list into a template.
        templates: texts to change where fewer than 20 of the given ones can be.
        tolerance: how far the label's probability may move; None for as far as the label stays.
    """

    kind: Literal["INV"]
    change: Change
    lists: list[Name] = []
    templates: Texts = []
    tolerance: Share | None = None


Test = Annotated[MinimumTest | DirectionTest | InvarianceTest, Field(discriminator="kind")]


class Suite(_Entry):
    """Word lists, and tests by the name that the command line knows them by."""

    lists: dict[Name, Words] = {}
    tests: Annotated[dict[Name, Test], Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _lists_exist(self) -> "Suite":
        problems = [
            f"'lists.{name}.{i}' has {word[:60]!r}: words hold no slots"
            for name, words in self.lists.items()
            for i, word in enumerate(words)
            if SLOT.search(word)
        ]
        problems += [problem for name, test in self.tests.items() for problem in self._problems(f"tests.{name}", test)]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _problems(self, where: str, test: Test) -> list[str]:
        grouped = isinstance(test, InvarianceTest) and test.change == "groups"
        known = {*self.lists, GROUP} if grouped else set(self.lists)
        found = [
            f"'{where}.{key}' has {{{slot}}}, which is none of the lists"
            for key, template in _templates(test)
            for slot in SLOT.findall(template)
            if slot not in known
        ]
        if isinstance(test, InvarianceTest):
            found += [f"'{where}.lists' names '{name}', which is none of the lists" for name in set(test.lists) - set(self.lists)]
            if test.change in _NEEDS_LISTS and not test.lists:
                found.append(f"'{where}.lists' is empty, and '{test.change}' needs one")
            if grouped and not test.templates:
                found.append(f"'{where}.templates' is empty, and 'groups' needs one")
            wrong = [t for t in test.templates if grouped and f"{{{GROUP}}}" not in t]
            found += [f"'{where}.templates' has '{template[:60]}' without {{group}}" for template in wrong]
        return found


def load_tests(path: Path | None = None) -> Suite:
    """The tests of a file alone; None for those that Tuner ships.

    Raises:
        SettingsError: the file cannot be read, is no YAML mapping, or has entries that are wrong; all of them are named.
    """
    return _validated(_read(path), path)


def _read(path: Path | None) -> dict[str, Any]:
    try:
        raw = importlib.resources.files(__package__).joinpath("tests.yaml").read_bytes() if path is None else _bytes(path)
        found = yaml.safe_load(raw.decode("utf-8"))
    except OSError as error:
        raise SettingsError([f"The behaviour tests {path} cannot be read ({error.strerror})."], _CURE) from None
    except UnicodeDecodeError:
        raise SettingsError([f"The behaviour tests {path} are no UTF-8 text."], _CURE) from None
    except RecursionError:
        raise SettingsError([f"The behaviour tests {path} are nested too deeply."], _CURE) from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2020-13-45
        raise SettingsError([f"The behaviour tests {path} are no YAML: {' '.join(str(error).split())[:300]}."], _CURE) from None
    if not isinstance(found, dict):
        kind = "empty" if found is None else f"a {type(found).__name__}"
        raise SettingsError([f"The behaviour tests {path} are {kind}; a mapping with the key 'tests' is needed."], _CURE)
    return found


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        raw = file.read(_MOST_BYTES + 1)
    if len(raw) > _MOST_BYTES:
        raise SettingsError([f"The behaviour tests {path} are larger than {_MOST_BYTES // 1000} KB."], _CURE)
    return raw


def _validated(given: dict[str, Any], path: Path | None) -> Suite:
    try:
        return Suite.model_validate(given)
    except ValidationError as error:
        problems = [line for item in error.errors(include_url=False) for line in _sentences(item)]
        raise SettingsError([f"{path}: {problem}." for problem in problems[:20]], _CURE) from None


def _sentences(item: Any) -> list[str]:  # noqa: ANN401
    if item["type"] == "value_error":
        return str(item["ctx"]["error"]).split("\n")
    # Pydantic puts the kind of the test between its name and its key.
    kinds = ("MFT", "INV", "DIR")
    place = ".".join(str(part)[:60] for i, part in enumerate(item["loc"]) if not (i == 2 and part in kinds))
    shown = "" if isinstance(item["input"], dict | list) else f" (it is {str(item['input'])[:60]!r})"
    return [f"'{place}': {item['msg']}{shown}"]


def _templates(test: Test) -> list[tuple[str, str]]:
    """(key, template) of every template of a test."""
    if isinstance(test, InvarianceTest):
        return [(f"templates.{i}", template) for i, template in enumerate(test.templates)]
    if isinstance(test, MinimumTest):
        return [(f"cases.{i}.templates.{j}", text) for i, case in enumerate(test.cases) for j, text in enumerate(case.templates)]
    firsts = [(f"cases.{i}.template", case.template) for i, case in enumerate(test.cases)]
    return firsts + [(f"cases.{i}.changed.{j}", text) for i, case in enumerate(test.cases) for j, text in enumerate(case.changed)]
