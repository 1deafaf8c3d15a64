"""predict and export: a classifier at work."""

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from tuner.commands import explaining
from tuner.commands.common import AddCommand, add_columns, print_json, print_table, score
from tuner.errors import SettingsError

if TYPE_CHECKING:
    from tuner.batch import Texts
    from tuner.inference import Classifier


def add(command: AddCommand) -> None:
    """Adds the commands of this module to the CLI."""
    export = command("export", _export, "write a run's model as ONNX, and measure it")
    export.add_argument("run", metavar="RUN")
    export.add_argument("--int8", action="store_true", help="with 8-bit weights too")
    export.add_argument("--output", type=Path, metavar="FOLDER", help="where it goes (default: onnx in the run's folder)")
    predict = command("predict", _predict, "classify texts")
    predict.add_argument("model", metavar="RUN|MODEL", help="a run, untouched:RUN, a local folder or a Hub id")
    predict.add_argument("text", metavar="TEXT", nargs="*", help="texts; without any, lines of standard input")
    predict.add_argument("--input", type=Path, metavar="FILE", help="table or .txt file with texts")
    predict.add_argument("--output", type=Path, metavar="FILE", help="where the answers go: .csv, .jsonl or .parquet")
    predict.add_argument("--against", metavar="MODEL", help="a second model for the same file: other_label, other_probability")
    add_columns(predict, "--input", label=False)
    explaining.add_options(predict)


def _predict(options: argparse.Namespace) -> int:
    from tuner import batch
    from tuner.data.reading import is_blank
    from tuner.inference import load_classifier
    from tuner.scoring import trained_with

    explaining.check_options(options)
    _check_options(options)
    classifier = load_classifier(options.model)
    if options.input:
        found = batch.read_texts(options.input, options.text_column, trained_with(options.model))
        if options.output:
            return _answer_file(options, classifier, found)
        _tell_columns(options, found, sys.stderr)
        texts = list(found)
    else:
        texts = options.text or _lines_of_stdin()
    filled = texts if options.text else [text for text in texts if not is_blank(text)]
    if not filled:
        raise SettingsError(["There is no text to classify: give one after the model, or lines on standard input."])
    answers = zip(classifier.predict(filled), explaining.explanations(options, classifier, filled), strict=True)
    found = [next(answers) if options.text or not is_blank(text) else (None, None) for text in texts]  # row n is answer n
    if options.json:
        nothing = {"label": "", "probabilities": {}}  # as in a file of answers
        return print_json([
            (answer.to_json() if answer else {"text": text, **nothing}) | ({"explanation": why.to_json()} if why else {})
            for text, (answer, why) in zip(texts, found, strict=True)
        ])  # fmt: skip
    for prediction, why in found:
        if prediction is None:
            print("(empty)")
            continue
        shares = "  ".join(f"{name} {share:.1%}" for name, share in prediction.probabilities.items())
        cut = f"  (only the first {prediction.tokens} tokens were read)" if prediction.cut else ""
        unsure = "unsure, perhaps " if prediction.unsure else ""
        print(f"{unsure}{prediction.label}  [{shares}]  {' '.join(prediction.text.split())[:80]}{cut}")
        if why:
            explaining.print_words(why)
    return 0


def _lines_of_stdin() -> list[str]:
    """As the lines of a `.txt` file: a byte order mark is no part of the first, and only line ends part them."""
    sys.stdin.reconfigure(encoding="utf-8-sig", errors="surrogateescape")  # half characters are refused with the texts
    return [line.rstrip("\n") for line in sys.stdin]


def _check_options(options: argparse.Namespace) -> None:
    if options.text and options.input:
        raise SettingsError(["Texts after the model do not go with --input."], "Give the texts or the file.")
    for name in ("output", "text_column"):
        if getattr(options, name) and not options.input:
            raise SettingsError([f"--{name.replace('_', '-')} needs --input."], "Add --input FILE.")
    if options.against and not options.output:
        raise SettingsError(["--against needs --output."], "Add --output FILE.")


def _answer_file(options: argparse.Namespace, classifier: "Classifier", texts: "Texts") -> int:
    from tuner import batch
    from tuner.inference import load_classifier
    from tuner.scoring import trained_with

    other = load_classifier(options.against) if options.against else None
    other_texts = batch.read_texts(options.input, options.text_column, trained_with(options.against)) if other else None

    def tell(done: int) -> None:
        end = "\r" if done < len(texts) else "\n"
        print(f"{done:,} of {len(texts):,} texts", end=end, file=sys.stderr, flush=True)

    done = batch.answer_file(
        classifier, texts, options.output, other=other, other_texts=other_texts,
        on_progress=tell if sys.stderr.isatty() else None,
    )  # fmt: skip
    if options.json:
        counts = dataclasses.asdict(done)
        del counts["first"]
        noted = {"note": texts.note} if texts.note else {}
        return print_json(counts | {"output": str(options.output), "column": texts.column} | noted)
    shares = ", ".join(f"{count:,} {name}" for name, count in done.labels.items())
    empty = f", {done.empty:,} empty" if done.empty else ""
    unsure = f", {done.unsure:,} of them unsure" if done.unsure else ""
    print(f"{done.rows:,} rows written to {options.output}: {shares}{empty}{unsure}.")
    if other:
        answered = done.rows - done.empty
        print(f"{options.model} and {options.against} give the same label to {done.agree:,} of {answered:,}.")
    _tell_columns(options, texts, sys.stdout)
    return 0


def _tell_columns(options: argparse.Namespace, texts: "Texts", where: TextIO) -> None:
    """Which columns were read where nobody named them."""
    if texts.note:
        print(texts.note, file=where)
    elif texts.columns and not options.text_column:
        columns = "column" if len(texts.columns) == 1 else "columns"
        print(f"The texts are those of the {columns} {', '.join(map(repr, texts.columns))}.", file=where)


def _export(options: argparse.Namespace) -> int:
    from tuner import onnx_export, runs

    found = onnx_export.export(runs.get(options.run), options.output, options.int8)
    if options.json:
        return print_json(found.to_json())
    print(f"Written to {found.folder}; measured on {found.rows:,} test rows.")
    header = ["form", "MB", "one text, ms", "texts/s", "accuracy", "macro F1", "same answer"]
    rows = [
        [
            f.form,
            *(f"{n:,.1f}" for n in (f.size, f.latency, f.throughput)),
            score(f.accuracy),
            score(f.macro_f1),
            f"{f.agreement:.1%}",
        ]
        for f in found.forms
    ]
    print_table(header, rows)
    return 0
