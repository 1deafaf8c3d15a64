"""Requests that arrive together are scored together."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from tuner.errors import TunerError
from tuner.inference import Prediction, check_texts

# Texts scored in one go; a request for more goes alone.
_MOST_TEXTS = 128


@dataclass(frozen=True, eq=False)
class _Request:
    texts: list[str]
    answers: "Future[list[Prediction]]" = field(default_factory=Future)


class Batcher:
    """Scores the texts of several askers at once: while a batch is scored the next one gathers.

    In one thread of its own, which ends with it: a thread that scores for the first time makes memory and helpers of its own,
    and with a server's forty taking turns twenty people waited a sixth longer.

    Args:
        score: answers texts, in their order; called by one thread at a time.
    """

    def __init__(self, score: Callable[[list[str]], list[Prediction]]) -> None:
        self._score = score
        self._waiting: deque[_Request] = deque()
        self._thread = ThreadPoolExecutor(1, "answers")

    def ask(self, texts: Sequence[str]) -> list[Prediction]:
        """The answers to texts, in their order, when their batch was scored.

        Raises:
            SourceError: a text is empty; the others in the batch do not notice.
            TunerError: as the function that answers; of the others' texts as little.
        """
        request = _Request(check_texts(texts))
        self._waiting.append(request)
        self._thread.submit(_score_batch, self._score, self._waiting)
        return request.answers.result()


def _score_batch(score: Callable[[list[str]], list[Prediction]], waiting: deque[_Request]) -> None:
    """Answers those who wait, as many as go into a batch; there is nobody where an earlier one took them along."""
    batch: list[_Request] = []
    count = 0
    while waiting and (not batch or count + len(waiting[0].texts) <= _MOST_TEXTS):
        batch.append(waiting.popleft())
        count += len(batch[-1].texts)
    if batch:
        _answer(score, batch)


def _answer(score: Callable[[list[str]], list[Prediction]], batch: list[_Request]) -> None:
    try:
        found = iter(score([text for request in batch for text in request.texts]))
        answers = [[next(found) for _ in request.texts] for request in batch]
    except BaseException as error:
        if isinstance(error, TunerError) and len(batch) > 1:  # a text the model answers with NaN is its asker's alone
            for request in batch:
                _answer(score, [request])
            return
        for request in batch:
            request.answers.set_exception(error)
    else:
        for request, own in zip(batch, answers, strict=True):
            request.answers.set_result(own)
