"""How long a table of up to a million rows takes until it can be looked at: `python -m benchmarks.data`.

Every size runs in a process of its own, whose memory is that of the app's process: the parsing child is counted apart.
The texts are made of the sample's tweets, with planted repeats, so that the searches find what they look for.
"""

import argparse
import csv
import json
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.machine import describe_machine

SIZES = (10_000, 100_000, 1_000_000)
# At 1,000,000 rows, on two cores.
TARGETS = {"first page, s": 3.0, "whole profile, s": 60.0, "memory above start, GiB": 1.5, "page or label filter, s": 0.5}
_LABELS = ("negative", "neutral", "positive")


def generate(path: Path, rows: int, seed: int = 42) -> None:
    """Writes a CSV of about 150 bytes a row: two tweets mixed, 2 % repeats, a few handles and addresses as they come."""
    from tuner.data import tweets

    texts = tweets.load_splits(tweets.corpus_path())["train"]["text"]
    draw = random.Random(seed)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["id", "text", "label"])
        text = ""
        for number in range(rows):
            if draw.random() >= 0.02 or not text:
                words = f"{draw.choice(texts)} {draw.choice(texts)}".split()
                start = draw.randrange(max(1, len(words) - 20))
                text = f"{' '.join(words[start : start + 20])} {number}"
            table.writerow([number, text, draw.choices(_LABELS, (5, 3, 2))[0]])


def measure(path: Path) -> dict[str, float]:
    """Seconds and memory of one table in this process; the parsed table is not cached before."""
    import datasets  # noqa: F401 (what the app has loaded before anybody looks at data)

    from tuner.config import RunConfig
    from tuner.data.browsing import matching, rows_page
    from tuner.data.files import head
    from tuner.data.labelled import load_labelled
    from tuner.data.profiling import profile

    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    config = RunConfig(data={"source": str(path), "max_train_samples": None})
    found: dict[str, float] = {"first page, s": _seconds(lambda: head(path, 15))[0]}
    found["read and split, s"], data = _seconds(lambda: load_labelled(config.data))
    described, report = _seconds(lambda: profile(config, data))
    # A person waits for both: rows are read, then looked through.
    found["whole profile, s"] = found["read and split, s"] + described
    data.splits["train"].by_length  # noqa: B018 (sorted once, kept)
    pages = [
        lambda: rows_page(data, "train", len(data.splits["train"]) - 20, 15),
        lambda: rows_page(data, "train", 1_000, 15, label="positive"),
        lambda: rows_page(data, "train", 0, 15, label="neutral", order="longest"),
        lambda: matching(data, "train", of=report.rows_of("duplicates"))[:15],
    ]
    found["page or label filter, s"] = max(_seconds(page)[0] for page in pages)
    found["search for words, s"] = _seconds(lambda: rows_page(data, "train", 0, 15, search="great"))[0]
    found["memory above start, GiB"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start) / 2**20
    found["parsing child, GiB"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    return found


def table(results: dict[int, dict[str, float]]) -> str:
    """The growth with the rows as a Markdown table."""
    largest = max(results)
    lines = [
        "| | " + " | ".join(f"{rows:,} rows" for rows in results) + " | target | met |",
        "|---|" + "--:|" * (len(results) + 1) + "---|",
    ]
    for name in results[largest]:
        values = " | ".join(f"{results[rows][name]:.2f}" for rows in results)
        target = TARGETS.get(name) if largest == SIZES[-1] else None
        met = "" if target is None else "yes" if results[largest][name] <= target else "no"
        lines.append(f"| {name} | {values} | {'' if target is None else f'≤ {target:g}'} | {met} |")
    return "\n".join(lines)


def _seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.perf_counter()
    result = work()
    return time.perf_counter() - begun, result


def _apart(rows: int, folder: Path) -> dict[str, float]:
    """Measures a fresh table in a fresh process with a fresh home."""
    path = folder / f"{rows}.csv"
    generate(path, rows)
    command = [sys.executable, "-m", "benchmarks.data", "--measure", str(path)]
    environment = {**os.environ, "TUNER_HOME": str(folder / f"home-{rows}")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return {"file, MB": path.stat().st_size / 1e6, **json.loads(done.stdout)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.data", description="Reading and profiling large tables.")
    parser.add_argument(
        "--rows", type=int, nargs="+", default=list(SIZES), help="sizes to measure (default 10000 100000 1000000)"
    )
    parser.add_argument("--measure", type=Path, metavar="FILE", help="measure one table in this process, and print JSON")
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(given.measure)))
        return
    with tempfile.TemporaryDirectory() as folder:
        results = {}
        for rows in given.rows:
            results[rows] = _apart(rows, Path(folder))
            print(f"{rows:,} rows: {results[rows]['whole profile, s']:.1f} s", flush=True)
    print(f"\n{table(results)}\n\nMachine: {describe_machine()}, Python {platform.python_version()}")


if __name__ == "__main__":
    main()
