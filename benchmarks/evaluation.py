"""How long an evaluation takes: `python -m benchmarks.evaluation`.

The numbers of 100,000 made-up predictions with three classes, then the scoring of 2,000 tweets by sample:minilm with a fresh
head, beside the library's own pipeline. Scorers take turns, and ratios are taken within a round, so that a machine that is
busy for a while slows both sides of a ratio.
"""

import argparse
import itertools
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import transformers

from benchmarks.machine import describe_machine
from tuner import RunConfig, modeling
from tuner.data.labelled import LabelledData, load_labelled
from tuner.data.profiling import token_counts
from tuner.evaluation.bootstrap import RESAMPLES, intervals
from tuner.evaluation.calibration import calibration, coverage_curve, fit_temperature
from tuner.evaluation.compare import compare_scores
from tuner.evaluation.curves import precision_recall_curves, roc_curves
from tuner.evaluation.metrics import score, softmax
from tuner.evaluation.slices import slices
from tuner.hardware import resolve_precision, torch_device
from tuner.inference import Classifier

LABELS = ("negative", "neutral", "positive")
# Seconds for the parts of a report together; how many times as fast as the pipeline scoring is to be at least.
MOST_SECONDS = 5.0
TARGETS = {"pipeline(texts)": 3.0}


def predictions(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (rows × 3) and labels, about 80 % right."""
    random = np.random.default_rng(42)
    truth = random.choice(3, size=rows, p=(0.5, 0.36, 0.14))
    return softmax(2 * random.normal(size=(rows, 3)) + 4 * np.eye(3)[truth]), truth


def report_parts(rows: int, texts: list[str]) -> dict[str, Callable[[], Any]]:
    """Name → what is timed. The texts of the slices are the sample's tweets over and over."""
    probabilities, truth = predictions(rows)
    parts: dict[str, Callable[[], Any]] = {
        "numbers": lambda: score(probabilities, truth),
        f"intervals, {RESAMPLES:,} resamples": lambda: intervals(probabilities, truth),
        "curves": lambda: (roc_curves(probabilities, truth, LABELS), precision_recall_curves(probabilities, truth, LABELS)),
        "calibration and coverage": lambda: (
            calibration(probabilities, truth, 1.5, kept=True, fitted_on="validation", n_fitted=rows),
            coverage_curve(probabilities, truth),
        ),
    }
    many = list(itertools.islice(itertools.cycle(texts), rows))
    return parts | {"slices": lambda: slices(many, truth, probabilities, LABELS)}


def other_parts(rows: int) -> dict[str, Callable[[], Any]]:
    """What stands beside a report, timed but not counted."""
    probabilities, truth = predictions(rows)
    other = np.roll(probabilities, 1, axis=0)
    return {
        "fitting the temperature": lambda: fit_temperature(probabilities, truth),
        "comparing two classifiers": lambda: compare_scores(probabilities, other, truth),
    }


def seconds_of(parts: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Seconds of every part in every round."""
    found: dict[str, list[float]] = {name: [] for name in parts}
    for _, (name, part) in itertools.product(range(rounds), parts.items()):
        begun = time.perf_counter()
        part()
        found[name].append(time.perf_counter() - begun)
    return found


def fresh_classifier(data: LabelledData) -> Classifier:
    """sample:minilm with a new head that has learnt nothing: as fast as a trained one."""
    config = RunConfig()
    base = modeling.find_base_model(config.model.name)
    tokenizer = modeling.load_tokenizer(base)
    model = modeling.load_for_training(base, tokenizer, data.labels, config.training.seed)
    length = modeling.choose_max_length(base, config.model.max_length, token_counts(base, data.splits["train"]))
    return Classifier(config.model.name, model.eval(), tokenizer, data.labels, length)


def scorers(classifier: Classifier, texts: list[str]) -> dict[str, Callable[[], list[int]]]:
    """Name → a function that gives the label id of each text; the same model and tokenizer for all."""
    pipe = transformers.pipeline(
        "text-classification", model=classifier.model, tokenizer=classifier.tokenizer, device=torch_device()
    )

    def by_pipeline(**arguments: int) -> list[int]:
        return [classifier.labels.index(answer["label"]) for answer in pipe(texts, **arguments)]

    return {
        "ours": lambda: classifier.score(texts).argmax(axis=1).tolist(),
        "pipeline(texts)": by_pipeline,
        "pipeline(texts, batch_size=32)": lambda: by_pipeline(batch_size=32),
    }


def measure_scoring(classifier: Classifier, texts: list[str], rounds: int) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Texts/s of every scorer in every round, and the share of texts to which each answers as `ours` does."""
    found = scorers(classifier, texts)
    for scorer in scorers(classifier, texts[:64]).values():
        scorer()  # the first call of each is slower
    rates: dict[str, list[float]] = {name: [] for name in found}
    answers: dict[str, list[int]] = {}
    for number in range(rounds):
        for name in list(found) if number % 2 == 0 else list(found)[::-1]:
            begun = time.perf_counter()
            answers[name] = found[name]()
            rates[name].append(len(texts) / (time.perf_counter() - begun))
            print(f"round {number + 1} of {rounds}: {name} {rates[name][-1]:,.1f} texts/s", flush=True)
    return rates, {name: float(np.mean(np.equal(given, answers["ours"]))) for name, given in answers.items()}


def report_table(counted: dict[str, list[float]], others: dict[str, list[float]]) -> str:
    """Seconds as a Markdown table: the median of the rounds, and of their sums."""
    lines = ["| | seconds (median) | target | met |", "|---|--:|--:|---|"]
    lines += [f"| {name} | {statistics.median(values):.2f} | | |" for name, values in counted.items()]
    total = statistics.median(map(sum, zip(*counted.values(), strict=True)))
    lines.append(f"| together | {total:.2f} | ≤ {MOST_SECONDS:g} | {'yes' if total <= MOST_SECONDS else 'no'} |")
    lines += [f"| {name} (not counted) | {statistics.median(values):.2f} | | |" for name, values in others.items()]
    return "\n".join(lines)


def scoring_table(rates: dict[str, list[float]], same: dict[str, float]) -> str:
    """Rates and ratios as a Markdown table."""
    lines = ["| | texts/s (median) | ours is … times as fast (median, lowest – highest) | target | met | same label as ours |"]
    lines.append("|---|--:|--:|--:|---|--:|")
    for name, values in rates.items():
        spread = aim = met = ""
        if name != "ours":
            ratios = [own / other for own, other in zip(rates["ours"], values, strict=True)]
            spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} – {max(ratios):.2f})"
            if name in TARGETS:
                aim, met = f"≥ {TARGETS[name]:g}", "yes" if statistics.median(ratios) >= TARGETS[name] else "no"
        lines.append(f"| {name} | {statistics.median(values):,.1f} | {spread} | {aim} | {met} | {same[name]:.1%} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evaluation", description="How long an evaluation takes.")
    parser.add_argument("--rounds", type=int, default=3, help="times everything is measured (default 3)")
    parser.add_argument("--rows", type=int, default=100_000, help="predictions in the first part (default 100,000)")
    parser.add_argument("--texts", type=int, default=2_000, help="tweets scored in the second part (default 2,000)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers to a file too")
    given = parser.parse_args()
    if min(given.rounds, given.rows, given.texts) < 1:
        parser.error("--rounds, --rows and --texts must be at least 1")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    data = load_labelled(RunConfig().data)
    texts = list(data.splits["test"].texts)[: given.texts]
    seconds_of(report_parts(100, texts) | other_parts(100), 1)  # the first call imports
    counted = seconds_of(report_parts(given.rows, texts), given.rounds)
    others = seconds_of(other_parts(given.rows), given.rounds)
    print(f"{given.rows:,} predictions, 3 classes\n\n{report_table(counted, others)}\n", flush=True)
    rates, same = measure_scoring(fresh_classifier(data), texts, given.rounds)
    precision, why = resolve_precision("auto")
    print(f"\n{len(texts):,} tweets, precision auto = {precision} ({why})\n\n{scoring_table(rates, same)}\n")
    print(f"Machine: {describe_machine()}")
    if given.json:
        result = {"machine": describe_machine(), "seconds": counted | others, "texts_per_second": rates, "same_label": same}
        given.json.write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
