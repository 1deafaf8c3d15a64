"""predict --explain."""

import json

import pytest

from tuner.cli import main


@pytest.fixture
def call(capsys, planted):
    def run(*arguments):
        code = main(["predict", planted["bert"].name, *arguments])
        return code, *capsys.readouterr()

    return run


def test_words_are_listed_strongest_first_with_their_sign(call):
    code, out, _ = call("what a great film", "--explain")
    first = out.splitlines()[2].split()
    assert code == 0
    assert first[1] == "great"
    assert float(first[0]) > 0.2


def test_json_holds_the_explanation(call):
    options = ("--explain", "--method", "integrated_gradients", "--explain-label", "neg", "--json")
    (answer,) = json.loads(call("what a great film", *options)[1])
    found = answer["explanation"]
    assert (answer["label"], found["label"], found["method"]) == ("pos", "neg", "integrated_gradients")
    assert min(found["words"], key=lambda word: word["score"])["text"] == "great"
    assert found["delta"] >= 0


def test_a_terminal_gets_no_control_characters(call):
    assert "\x1b" not in call("a gre\x1b[31mat film", "--explain")[1].partition("\n")[2]


@pytest.mark.parametrize(
    "options",
    [
        ("--explain", "--input", "x.csv"),
        ("--method", "attention"),
        ("--explain-label", "pos"),
        ("--explain", "--explain-label", "P"),
    ],
)
def test_what_does_not_go_together_is_refused(call, options):
    code, _, err = call("fine", *options)
    assert code == 2
    assert "Traceback" not in err
