"""How fast Tuner answers beside a plain pipeline: `python -m benchmarks.inference [--run RUN]`.

Without a run one is made, of a few steps, in a folder that goes afterwards: how well a model answers does not change how fast.

The same model answers the same tweets in float32. Both sides take turns within a round and ratios are taken round by round, so
that a machine that is busy for a while slows both. The people ask a real server, which runs in a process of its own, over plain
HTTP as a program asks: one POST each. They sit on the server's cores, where real people do not, and so are as light as can be:
what they send is made before, and what they got is read after. (gradio_client makes a new TLS context for each request, 70 ms of
one process for all twenty, and httpx takes 2 ms.)
"""

import argparse
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

import numpy as np
from transformers import pipeline

from benchmarks.training import machine
from tuner import RunConfig, runs, train
from tuner.batch import answer_file
from tuner.data.labelled import load_labelled
from tuner.inference import load_classifier
from tuner.runs import Run
from tuner.ui.questions import PATH

# Ours over the pipeline's, people over one person, and seconds.
TARGETS = {"one text": 1.0, "file": 3.0, "people": 10.0, "first answer": 3.0}
_ONE_BY_ONE = 40
_PEOPLE = 20
_QUESTIONS = 5
# Between the server's first sign of life and the first question: somebody opens the page and types.
_READ_SECONDS = 5.0


def median_seconds(answer: Callable[[str], object], texts: list[str]) -> float:
    """p50 of the time that one text takes."""
    return statistics.median(_seconds(lambda text=text: answer(text)) for text in texts)


def measure_round(classifier, plain, texts: list[str], folder: Path) -> dict[str, float]:  # noqa: ANN001
    """p50 of one text in seconds and texts/s of a file, of both."""
    few = texts[:_ONE_BY_ONE]
    return {
        "one, pipeline": median_seconds(lambda text: plain(text), few),
        "one, ours": median_seconds(lambda text: classifier.predict([text]), few),
        "file, pipeline": len(texts) / _seconds(lambda: plain(texts)),
        "file, pipeline, batch_size=32": len(texts) / _seconds(lambda: plain(texts, batch_size=32)),
        "file, ours": len(texts) / _seconds(lambda: answer_file(classifier, texts, folder / "answers.csv")),
    }


def largest_difference(classifier, plain, texts: list[str]) -> float:  # noqa: ANN001
    """Of a probability in a batch from the plain pipeline's for the text alone."""
    own = [answer.probabilities for answer in classifier.predict(texts)]
    theirs = [{item["label"]: item["score"] for item in found} for found in plain(texts, top_k=None)]
    return max(abs(a[name] - b[name]) for a, b in zip(own, theirs, strict=True) for name in a)


@contextmanager
def server() -> Iterator[str]:
    """The URL of an app in a fresh process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "tuner", "app", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(url, timeout=5).close()
                break
            except OSError:
                time.sleep(0.2)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


class Person:
    """Somebody with a connection of their own to a server."""

    def __init__(self, url: str) -> None:
        self._host = url.removeprefix("http://")
        name, port = self._host.split(":")
        self._socket = socket.create_connection((name, int(port)), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answers: list[tuple[str, bytes]] = []

    def ask(self, question: dict[str, list]) -> float:
        """Seconds from the first byte sent to the last one received."""
        body = json.dumps(question).encode()
        head = (
            f"POST {PATH} HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        request, begun = head.encode() + body, time.perf_counter()
        self._socket.sendall(request)
        got = b""
        while not (end := got.find(b"\r\n\r\n") + 4) > 4 or len(got) < end + _length(got[:end]):
            got += self._socket.recv(65_536) or _fail("the server closed the connection")
        seconds = time.perf_counter() - begun
        self._answers.append((question["data"][1][0], got[end:]))
        return seconds

    def check(self) -> None:
        """Ends the benchmark where an answer is not the one to its question."""
        for text, got in self._answers:
            answered = json.loads(got)["data"][0][0]["text"]
            if answered != text:
                _fail(f"the answer to another text came: {answered!r}")


def _length(head: bytes) -> int:
    found = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    return int(found[1]) if found else _fail(f"no length in {head!r}")


def _fail(why: str) -> NoReturn:
    raise SystemExit(why)


def ask_server(run_id: str, texts: list[str]) -> dict[str, float]:
    """Seconds until the first answer, p50 of one person alone, p95 of twenty at once; all answers are checked."""
    with server() as url:
        time.sleep(_READ_SECONDS)
        people = [Person(url) for _ in range(_PEOPLE)]

        def ask(number: int, text: str) -> float:
            return people[number].ask({"data": [run_id, [text]]})

        first = ask(0, texts[0])
        alone = statistics.median(ask(0, text) for text in texts[:_ONE_BY_ONE])
        for number in range(_PEOPLE):  # connects
            ask(number, texts[number])
        barrier = threading.Barrier(_PEOPLE)

        def person(number: int) -> list[float]:
            barrier.wait(60)
            return [ask(number, texts[number * _QUESTIONS + i]) for i in range(_QUESTIONS)]

        with ThreadPoolExecutor(_PEOPLE) as pool:
            times = [seconds for found in pool.map(person, range(_PEOPLE)) for seconds in found]
    for each in people:
        each.check()
    return {"first": first, "alone": alone, "p95": float(np.quantile(times, 0.95))}


def table(rounds: list[dict[str, float]], served: list[dict[str, float]]) -> str:
    """Medians over the rounds, and ratios taken within each, as a Markdown table."""
    over = {
        "one text": [row["one, ours"] / row["one, pipeline"] for row in rounds],
        "file": [row["file, ours"] / row["file, pipeline"] for row in rounds],
        "people": [row["p95"] / row["alone"] for row in served],
        "first answer": [row["first"] for row in served],
    }
    middle = {name: statistics.median(row[name] for row in rounds) for name in rounds[0]}
    asked = {name: statistics.median(row[name] for row in served) for name in served[0]}
    lines = [
        (
            "one text, p50",
            f"{1000 * middle['one, ours']:.1f} ms",
            f"pipeline {1000 * middle['one, pipeline']:.1f} ms",
            "one text",
        ),
        ("file", f"{middle['file, ours']:,.0f} texts/s", f"pipeline {middle['file, pipeline']:,.0f} texts/s", "file"),
        (
            f"{_PEOPLE} people at once, p95",
            f"{1000 * asked['p95']:.0f} ms",
            f"one person, p50 {1000 * asked['alone']:.0f} ms",
            "people",
        ),
        ("first answer of a new server", f"{asked['first']:.1f} s", "", "first answer"),
    ]
    found = ["| | Tuner | beside it | ratio (median, lowest – highest) | target | met |", "|---|--:|--:|--:|--:|---|"]
    for what, ours, beside, name in lines:
        value, least = statistics.median(over[name]), name == "file"
        met = value >= TARGETS[name] if least else value <= TARGETS[name]
        sign, unit = "≥" if least else "≤", " s" if name == "first answer" else ""
        ratio = f"{value:.2f}{unit} ({min(over[name]):.2f} – {max(over[name]):.2f})"
        found.append(f"| {what} | {ours} | {beside} | {ratio} | {sign} {TARGETS[name]:g}{unit} | {'yes' if met else 'no'} |")
    batched = statistics.median(row["file, ours"] / row["file, pipeline, batch_size=32"] for row in rounds)
    found.append(
        f"| file, beside batches of 32 | {middle['file, ours']:,.0f} texts/s | pipeline "
        f"{middle['file, pipeline, batch_size=32']:,.0f} texts/s | {batched:.2f} | | |"
    )
    return "\n".join(found)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inference", description="Answering texts.")
    parser.add_argument("--run", help="a run of sample:minilm on sample:tweets (default: one of six steps, made for it)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--texts", type=int, default=600, help="texts of the file (default 600)")
    given = parser.parse_args()
    with ExitStack() as stack:
        if given.run is None:
            os.environ["TUNER_HOME"] = stack.enter_context(TemporaryDirectory())
            train(RunConfig(data={"max_train_samples": 500}, training={"max_steps": 6}))
        measure(runs.get(given.run or "latest"), given.texts, given.rounds)


def measure(run: Run, count: int, most_rounds: int) -> None:
    """Prints the table for a run's model."""
    classifier = load_classifier(run).plain()
    plain = pipeline("text-classification", str(run.model_folder), truncation=True, max_length=classifier.max_length)
    texts = list(load_labelled(RunConfig().data).splits["test"].texts[:count])
    print(f"largest difference of a probability: {largest_difference(classifier, plain, texts[:200]):.1e}", flush=True)
    rounds, served = [], []
    with TemporaryDirectory() as folder:
        measure_round(classifier, plain, texts[:50], Path(folder))  # warm
        for number in range(most_rounds):
            rounds.append(measure_round(classifier, plain, texts, Path(folder)))
            served.append(ask_server(run.id, texts))
            print(f"round {number + 1} of {most_rounds}: {rounds[-1] | served[-1]}", flush=True)
    print(f"\n{table(rounds, served)}\n\n{len(texts)} tweets, {machine()}")


if __name__ == "__main__":
    main()
