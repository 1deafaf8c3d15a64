"""predict: a classifier at work."""

import argparse
import sys
from pathlib import Path

from tuner.commands.common import AddCommand, print_json, say
from tuner.errors import SettingsError


def add(command: AddCommand) -> None:
    """Adds the commands of this module to the CLI."""
    predict = command("predict", _predict, "classify texts")
    predict.add_argument("model", metavar="RUN|MODEL", help="a run, a local folder or a Hub id")
    predict.add_argument("text", metavar="TEXT", nargs="*", help="texts; without any, lines of standard input")
    predict.add_argument("--input", type=Path, metavar="FILE", help="table or .txt file with texts")
    predict.add_argument("--output", type=Path, metavar="FILE", help="where the answers go: .csv, .jsonl or .parquet")
    predict.add_argument("--text-column", help="column of --input that holds the text")


def _predict(options: argparse.Namespace) -> int:
    from tuner import batch
    from tuner.inference import load_classifier

    if options.output and not options.input:
        raise SettingsError(["--output needs --input."])
    classifier = load_classifier(options.model)
    if options.input:
        rows = batch.predict_texts(classifier, batch.read_texts(options.input, options.text_column))
        if options.output:
            count = batch.write_rows(options.output, rows)
            done = {"rows": count, "output": str(options.output)}
            return print_json(done) if options.json else say(f"{count:,} rows written to {options.output}.")
        texts = [row["text"] for row in rows]
    else:
        texts = options.text or [line for line in sys.stdin.read().splitlines() if line.strip()]
    if not texts:
        raise SettingsError(["There is no text to classify: give one after the model, or lines on standard input."])
    predictions = classifier.predict(texts)
    if options.json:
        return print_json([prediction.to_json() for prediction in predictions])
    for prediction in predictions:
        shares = "  ".join(f"{name} {share:.1%}" for name, share in prediction.probabilities.items())
        cut = f"  (only the first {prediction.tokens} tokens were read)" if prediction.cut else ""
        unsure = "unsure, perhaps " if prediction.unsure else ""
        print(f"{unsure}{prediction.label}  [{shares}]  {' '.join(prediction.text.split())[:80]}{cut}")
    return 0
