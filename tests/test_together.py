"""Many people at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests import tiny
from tuner.errors import ModelError, SourceError
from tuner.inference import load_classifier
from tuner.together import Batcher


class Slow:
    """A score function that says when it was called, and waits to be let go."""

    def __init__(self):
        self.calls, self.begun, self.go_on = [], threading.Semaphore(0), threading.Event()

    def __call__(self, texts):
        self.calls.append(list(texts))
        self.begun.release()
        assert self.go_on.wait(10)
        if "bad" in texts:
            raise ValueError("bad")
        if "NaN" in texts:
            raise ModelError("The answer is no number.", "Take another model.")
        return [f"answer to {text}" for text in texts]


def crowd(batcher, slow, requests):
    """One asks and is being scored; then the others ask, and all wait before it goes on."""
    with ThreadPoolExecutor(len(requests)) as pool:
        futures = [pool.submit(batcher.ask, requests[0])]
        assert slow.begun.acquire(timeout=10)
        futures += [pool.submit(batcher.ask, texts) for texts in requests[1:]]
        while len(batcher._waiting) < len(requests) - 1:
            pass
        slow.go_on.set()
        return [future.exception() or future.result() for future in futures]


def test_what_arrives_while_a_batch_is_scored_is_one_batch():
    slow = Slow()
    answers = crowd(Batcher(slow), slow, [[f"text {i}"] for i in range(20)])
    assert [len(call) for call in slow.calls] == [1, 19]
    assert answers == [[f"answer to text {i}"] for i in range(20)]


def test_a_batch_holds_at_most_128_texts_and_no_request_is_parted():
    slow = Slow()
    answers = crowd(Batcher(slow), slow, [[f"{person} {i}" for i in range(50)] for person in range(6)])
    assert [len(call) for call in slow.calls] == [50, 100, 100, 50]
    assert all(answers[person][7] == f"answer to {person} 7" for person in range(6))


def test_an_error_reaches_the_askers_of_its_batch_alone():
    slow = Slow()
    batcher = Batcher(slow)
    answers = crowd(batcher, slow, [["good"], ["bad"], ["beside it"]])
    assert answers[0] == ["answer to good"]
    assert {type(answer) for answer in answers[1:]} == {ValueError}
    assert batcher.ask(["afterwards"]) == ["answer to afterwards"]


def test_a_text_that_cannot_be_answered_fails_its_asker_alone():
    """A model whose answers to some texts are NaN fails no other asker."""
    slow = Slow()
    answers = crowd(Batcher(slow), slow, [["good"], ["NaN"], ["beside it"]])
    assert answers[::2] == [["answer to good"], ["answer to beside it"]]
    assert isinstance(answers[1], ModelError)


def test_an_empty_text_is_refused_before_it_joins_others():
    slow = Slow()
    answers = crowd(Batcher(slow), slow, [["one"], ["two"]])
    with pytest.raises(SourceError, match="Text 2 of 2 is empty"):
        Batcher(slow).ask(["fine", "\u200b "])
    assert answers == [["answer to one"], ["answer to two"]]
    assert Batcher(slow).ask([]) == []


def test_nobody_gets_the_answer_of_another(train_here, tiny_config):
    classifier = load_classifier(train_here(tiny_config(max_steps=2)))
    texts = [text for text, _ in tiny.labelled_rows(60)]
    batcher, barrier = Batcher(classifier.predict), threading.Barrier(20)

    def person(number):
        barrier.wait(10)
        return [answer for i in range(3) for answer in batcher.ask([texts[3 * number + i]])]

    with ThreadPoolExecutor(20) as pool:
        answers = [answer for answers in pool.map(person, range(20)) for answer in answers]
    assert [answer.text for answer in answers] == texts
    for answer in answers:
        assert answer.probabilities == pytest.approx(classifier.predict([answer.text])[0].probabilities, abs=1e-5)


def test_one_thread_scores_whoever_asks_and_ends_with_the_batcher():
    scorers = []

    def score(texts):
        scorers.append(threading.current_thread())
        return list(texts)

    batchers = [Batcher(score)]
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda number: batchers[0].ask([str(number)]), range(20)))
    assert len(set(scorers)) == 1
    batchers.clear()
    scorers[0].join(10)
    assert not scorers[0].is_alive()
