"""Every error Tuner raises on purpose, drawn as a tree.

TunerError                 cause + cure, exit code 2 (the person can mend it)
├── SettingsError          a RunConfig that cannot be honoured; lists every mistake at once
├── DoubtError             a run that would probably fail: a judgement a person may overrule
├── SourceError            data that cannot be read, or holds nothing to learn from
├── ModelError             a base model or classifier that cannot be loaded
├── NetworkError           the Hub cannot be reached, or refuses
├── RunError               an unknown run, or a run in the wrong state for what was asked
├── AccessError            something this person may not do, or not so much of
└── RunFailed              a training that ended in failure, exit code 1

They are translated at three borders only: the CLI's main, the UI's decorator and the
worker's main. Everything else lets them pass.
"""

import contextlib
import errno
from collections.abc import Callable, Iterator
from typing import Any


class TunerError(Exception):
    """Something a person can mend.

    Args:
        cause: one sentence that says what happened, with the value.
        cure: one sentence that says what to do about it.
    """

    exit_code = 2

    def __init__(self, cause: str, cure: str = "") -> None:
        super().__init__(f"{cause} {cure}".strip())
        self.cause = cause
        self.cure = cure

    def __reduce__(self) -> tuple[Callable[..., "TunerError"], tuple[object, ...]]:
        """A process hands an error on as it is; by itself pickle calls the class with its message, which is another error."""
        return _revived, (type(self), self.args, self.__dict__)


def _revived(kind: type[TunerError], args: tuple[str, ...], state: dict[str, Any]) -> TunerError:
    error = kind.__new__(kind, *args)
    error.__dict__ |= state
    return error


class SettingsError(TunerError):
    """Settings that cannot be honoured.

    Args:
        problems: one sentence each, naming the field, the value and the allowed range.
        cure: where they are no settings of a run; None: that they are to be corrected.
        rest: the RunConfig of those that are right, the wrong ones at their defaults; only to look for more problems in.
        wrong: "section" or "section.field" of all that the problems are about.
    """

    def __init__(
        self,
        problems: list[str],
        cure: str | None = None,
        rest: Any = None,  # noqa: ANN401
        wrong: frozenset[str] = frozenset(),
    ) -> None:
        many = f"{len(problems)} settings cannot be used: " if len(problems) > 1 else ""
        correct = f"Correct {'them' if many else 'it'} and start again; nothing was started."
        super().__init__(many + " ".join(problems), correct if cure is None else cure)
        self.problems = problems
        self.rest = rest
        self.wrong = wrong


class DoubtError(TunerError):
    """A run that would probably fail. It is a judgement: "proceed anyway" starts it."""


class SourceError(TunerError):
    """Data that cannot be read, or that holds nothing to learn from."""


class ModelError(TunerError):
    """A base model or a classifier that cannot be loaded."""


class NetworkError(TunerError):
    """The Hub cannot be reached within the deadline, or refuses."""


class RunError(TunerError):
    """An unknown run, or a run in the wrong state for what was asked."""


class AccessError(TunerError):
    """Something this person may not do here, or not so much of."""


class RunFailed(TunerError):
    """A training that ended in failure; its run folder says more."""

    exit_code = 1


@contextlib.contextmanager
def gathering(found: list[TunerError]) -> Iterator[None]:
    """Puts what is refused inside it into `found`, so that the next check is made as well; `raise_all` tells all of it."""
    try:
        yield
    except TunerError as error:
        found.append(error)


def raise_all(found: list[TunerError]) -> None:
    """Raises what was gathered: nothing, the only error as it is, or one that says what all of them say.

    Raises:
        TunerError: the only one.
        NetworkError: several, and the Hub alone is to blame.
        SettingsError: several.
    """
    if len(found) == 1:
        raise found[0]
    problems = [problem for error in found for problem in getattr(error, "problems", [str(error)])]
    if found and all(isinstance(error, NetworkError) for error in found):
        raise NetworkError(" ".join(dict.fromkeys(problems)))
    if found:
        raise SettingsError(list(dict.fromkeys(problems)))


def disk_is_full(error: BaseException) -> bool:
    """Whether a file could not be written for want of space; torch hides the cause and says where its writer stood."""
    signs = ("No space left", "unexpected pos", "iostream error", "disk is full")  # the last one: what `explain` made of it
    return (isinstance(error, OSError) and error.errno == errno.ENOSPC) or any(sign in str(error) for sign in signs)


def explain(error: BaseException) -> str:
    """Any exception as cause and cure in words, for the state `failed` of a run."""
    if isinstance(error, TunerError):
        return str(error)
    text = " ".join(str(error).split())
    if "out of memory" in text.lower() or "can't allocate memory" in text or isinstance(error, MemoryError):
        return "The machine ran out of memory. Halve the batch size and double the gradient accumulation, or cut max_length."
    if disk_is_full(error):
        return "The disk is full. Free some space, then resume: the last whole checkpoint is kept."
    return f"{type(error).__name__}: {text[:500]}. The log holds the details."
