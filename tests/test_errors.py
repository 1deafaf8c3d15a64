"""Errors say cause and cure."""

import pickle

import pytest

from tuner import errors
from tuner.errors import RunFailed, SettingsError, SourceError, TunerError, explain


def test_an_error_reads_cause_then_cure():
    error = SourceError("The file is empty.", "Choose another.")
    assert (str(error), error.cause, error.cure) == (
        "The file is empty. Choose another.",
        "The file is empty.",
        "Choose another.",
    )


def test_every_error_of_ours_is_drawn_in_the_tree():
    classes = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, TunerError)]
    assert len(classes) == 9
    assert all(cls.__name__ in errors.__doc__ for cls in classes)


def test_only_a_failed_run_exits_with_one():
    assert (TunerError.exit_code, SourceError.exit_code, RunFailed.exit_code) == (2, 2, 1)


def test_several_mistakes_are_counted():
    assert str(SettingsError(["a.", "b."])).startswith("2 settings cannot be used: a. b.")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (SourceError("Gone.", "Look."), "Gone. Look."),
        (MemoryError(), "ran out of memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate"), "Halve the batch size"),
        (OSError(28, "No space left on device"), "The disk is full"),
        (RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0"), "The disk is full"),
        (KeyError("x"), "KeyError: 'x'. The log holds the details."),
    ],
)
def test_any_exception_becomes_words(error, words):
    assert words in explain(error)


@pytest.mark.parametrize("error", [SourceError("It is empty.", "Choose another."), SettingsError(["a.", "b."], "Mend them.")])
def test_an_error_is_the_same_after_a_pickle(error):
    """SettingsError came back with each letter of its message as a problem."""
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


@pytest.mark.parametrize(
    ("problems", "cure"), [(["a"], "Correct it and start again"), (["a", "b"], "Correct them and start again")]
)
def test_a_cure_speaks_of_as_many_settings_as_there_are(problems, cure):
    assert cure in str(SettingsError(problems))
