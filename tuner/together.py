"""Requests that arrive together are scored together. No thread is kept between requests: the first asker scores for all."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tuner.inference import Prediction, check_texts

# Texts scored in one go; a request for more goes alone.
_MOST_TEXTS = 128
# Those who got the last batch's answers ask again at about the same time. A batch that begins with the first of them makes all
# others wait for two: it waits for them, at most half as long as the last batch took and never longer than this.
_GATHER_SECONDS = 0.2


@dataclass(eq=False)
class _Request:
    texts: list[str]
    # Set when it was answered, or is to score the next batch.
    woken: threading.Event = field(default_factory=threading.Event)
    answers: list[Prediction] | None = None
    error: BaseException | None = None


class Batcher:
    """Scores the texts of several askers at once.

    Args:
        score: answers texts, in their order; called by one thread at a time.
    """

    def __init__(self, score: Callable[[list[str]], list[Prediction]]) -> None:
        self._score = score
        self._lock = threading.Lock()
        self._arrived = threading.Condition(self._lock)
        self._waiting: deque[_Request] = deque()
        self._busy = False
        self._last_askers, self._last_seconds = 1, 0.0

    def ask(self, texts: Sequence[str]) -> list[Prediction]:
        """The answers to texts, in their order, when their batch was scored.

        Raises:
            SourceError: a text is empty; the others in the batch do not notice.
        """
        check_texts(texts)
        request = _Request(list(texts))
        with self._lock:
            self._waiting.append(request)
            self._arrived.notify()
            leads, self._busy = not self._busy, True
        if not leads:
            request.woken.wait()
        if request.answers is None and request.error is None:
            self._lead()
        if request.error is not None:
            raise request.error
        return request.answers or []

    def _lead(self) -> None:
        """Scores what waits from the longest waiting request on, which is the caller's own, then hands on to the next."""
        batch = self._take()
        begun = time.monotonic()
        try:
            found = iter(self._score([text for request in batch for text in request.texts]))
            for request in batch:
                request.answers = [next(found) for _ in request.texts]
        except BaseException as error:  # given to everybody who asked
            for request in batch:
                request.answers, request.error = None, error
        finally:
            with self._lock:
                self._last_askers, self._last_seconds = len(batch), time.monotonic() - begun
                self._busy = bool(self._waiting)
                following = list(self._waiting)[:1]
            for request in (*batch, *following):
                request.woken.set()

    def _take(self) -> list[_Request]:
        with self._lock:
            seconds = min(self._last_seconds / 2, _GATHER_SECONDS)
            self._arrived.wait_for(lambda: len(self._waiting) >= self._last_askers, seconds)
            batch = [self._waiting.popleft()]
            count = len(batch[0].texts)
            while self._waiting and count + len(self._waiting[0].texts) <= _MOST_TEXTS:
                batch.append(self._waiting.popleft())
                count += len(batch[-1].texts)
        return batch
