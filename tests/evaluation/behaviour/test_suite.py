"""The shipped tests, and files that people write."""

import itertools
import tomllib
from pathlib import Path

import pytest

from tuner.errors import SettingsError
from tuner.evaluation.behaviour import SHIPPED, load_tests
from tuner.evaluation.behaviour.cases import make_cases

OWN = """
lists:
  animal: [cat, dog]
tests:
  sounds:
    kind: MFT
    description: Animals are animals.
    cases:
      - expect: [animals]
        templates: ["A {animal} was here."]
"""


def test_the_shipped_tests_are_those_of_the_command_line():
    assert tuple(load_tests().tests) == SHIPPED


@pytest.mark.parametrize("labels", [("negative", "neutral", "positive"), ("neg", "pos")])
def test_every_shipped_test_that_can_run_has_ten_cases_or_more_without_open_slots(labels):
    suite = load_tests()
    for name, test in suite.tests.items():
        cases, _ = make_cases(name, test, suite, labels, ["I don't know", "Mary has 45 friends"] * 9, 42)
        if name in ("typos", "case", "punctuation", "urls_handles"):
            assert cases
        elif name != "negation_of_neutral" or "neutral" in labels:
            assert 10 <= len(cases) <= 60, name
        assert not any("{" in text or "}" in text for case in cases for text in case.texts)


def test_no_shipped_sentence_has_a_wrong_article():
    """Once "this is a app" stood in a test."""
    suite = load_tests()
    for name, test in suite.tests.items():
        for case in make_cases(name, test, suite, ("negative", "neutral", "positive"), [], 42)[0]:
            for text in case.texts:
                words = text.lower().split()
                assert not any(a == "a" and b[0] in "aeio" for a, b in itertools.pairwise(words)), text


def test_the_file_is_part_of_the_package():
    root = Path(__file__).parents[3]
    packed = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    listed = {path for package, names in packed.items() for name in names for path in (root / package).glob(name)}
    others = {path for path in (root / "tuner").rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    assert listed == others


def test_a_file_of_ones_own_is_the_whole_suite(write):
    assert list(load_tests(write("own.yaml", OWN)).tests) == ["sounds"]


def refusal(write, content):
    with pytest.raises(SettingsError) as caught:
        load_tests(write("own.yaml", content))
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "are empty; a mapping"),
        ("- a\n- b", "are a list; a mapping"),
        ("just words", "are a str; a mapping"),
        ("tests: [", "are no YAML"),
        ("a: !!python/object/apply:os.system [ls]", "are no YAML"),
        ("when: 2020-13-45", "are no YAML"),
        (b"\xff\xfe\x00", "are no UTF-8 text"),
        ("lists: {}", "'tests': Field required"),
        ("tests: {}", "'tests': "),
        ("tests: 3", "'tests': "),
        (OWN + "extra: 1", "'extra': Extra inputs are not permitted"),
        (OWN.replace("kind: MFT", "kind: XYZ"), "'tests.sounds'"),
        (OWN.replace("[animals]", "[1]"), "'tests.sounds.cases.0.expect.0': Input should be a valid string (it is '1')"),
        (OWN.replace("[cat, dog]", "[yes, dog]"), "'lists.animal.0': Input should be a valid string (it is 'True')"),
        (OWN.replace("{animal}", "{beast}"), "'tests.sounds.cases.0.templates.0' has {beast}, which is none of the lists"),
        (OWN.replace("[cat, dog]", "['a {slot}']"), "'lists.animal.0' has 'a {slot}': words hold no slots"),
        (OWN.replace("sounds:", "Big Sounds:"), "'tests.Big Sounds"),
    ],
)
def test_a_wrong_file_is_refused_by_entry_and_key(write, content, reason):
    assert reason in refusal(write, content)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ("change: nonsense", "'tests.x.change'"),
        ("change: swap", "'tests.x.lists' is empty, and 'swap' needs one"),
        ("change: add, lists: [nowhere]", "'tests.x.lists' names 'nowhere'"),
        ("change: groups, lists: [l]", "'tests.x.templates' is empty"),
        ("change: groups, lists: [l], templates: [plain]", "'plain' without {group}"),
        ("change: typos, tolerance: 2", "'tests.x.tolerance'"),
        ("change: typos, most: 0", "'tests.x.most'"),
    ],
)
def test_a_wrong_invariance_test_is_refused(write, fields, reason):
    content = f"lists: {{l: [a, b]}}\ntests: {{x: {{kind: INV, description: d, {fields}}}}}"
    assert reason in refusal(write, content)


def test_a_file_that_would_take_long_to_read_is_refused(write):
    assert "are nested too deeply" in refusal(write, "[" * 50_000)
    assert "are larger than 300 KB" in refusal(write, "# " + "a" * 300_000)


def test_all_mistakes_are_named_at_once(write):
    text = refusal(write, OWN.replace("[cat, dog]", "[1, dog]").replace("[animals]", "[2]"))
    assert "'lists.animal.0'" in text
    assert "'tests.sounds.cases.0.expect.0'" in text


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="cannot be read"):
        load_tests(tmp_path / "none.yaml")
