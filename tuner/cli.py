"""The command line: a thin skin over the same functions the app and Python use.

Exit 0 done; 2 a mistake the person can mend (cause and cure on stderr); 1 a run that failed.
With `--json`, stdout is one JSON document and nothing else.
"""

import argparse
import dataclasses
import json
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tuner import catalog, runs
from tuner.config import RunConfig, check_split, merge, parse_assignments
from tuner.errors import RunFailed, SettingsError, TunerError
from tuner.runs import LIVING, Run
from tuner.words import duration


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except TunerError as error:
        print(f"error: {error.cause}" if error.cause else f"error: {error}", file=sys.stderr)
        if error.cure:
            print(error.cure, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tuner", description="Fine-tune a text classifier and put it to work.", epilog="RUN is a run's id, or `latest`."
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, function: Callable[[argparse.Namespace], int], help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=f"{help[0].upper()}{help[1:]}.")
        sub.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
        sub.set_defaults(command=function)
        return sub

    preview = command("preview", _preview, "show rows, label counts and token lengths of a source")
    preview.add_argument("source", metavar="SOURCE", help="sample:tweets, a file, or a Hub data set owner/name")
    preview.add_argument("--config", help="configuration of a Hub data set")
    preview.add_argument("--revision", help="commit, branch or tag of a Hub data set")
    preview.add_argument("--split", default="train", help="show rows of train, validation or test (default train)")
    preview.add_argument("--text-column", help="column that holds the text")
    preview.add_argument("--label-column", help="column that holds the label")
    preview.add_argument("--model", help="base model whose tokenizer counts")
    preview.add_argument("--suspicious", type=int, default=0, metavar="N", help="list the N most suspicious labels, too")
    preview.add_argument("--set", action="append", default=[], metavar="SECTION.FIELD=VALUE", help="a setting, such as a fix")

    train = command("train", _train, "train a classifier and score it on the test rows")
    _add_settings(train)
    train.add_argument("--queue", action="store_true", help="return at once; the run starts when its turn comes")

    finder = command("find-lr", _find_lr, "try growing learning rates on a fresh model and draw how the loss answers")
    _add_settings(finder)
    finder.add_argument("--steps", type=int, default=60, help="at most so many steps (default 60)")

    command("runs", _runs, "list the runs, newest first")
    for name, function, help in (
        ("show", _show, "show one run: state, scores, settings"),
        ("stop", _stop, "finish the step in hand, save, and end"),
        ("resume", _resume, "go on with a stopped, failed or lost run"),
        ("delete", _delete, "remove a run with its model and checkpoints"),
    ):
        command(name, function, help).add_argument("run", metavar="RUN")

    evaluate = command("evaluate", _evaluate, "score a classifier on a split")
    evaluate.add_argument("model", metavar="RUN|MODEL", help="a run, a local folder or a Hub id")
    evaluate.add_argument("--data", metavar="SOURCE", help="source of the rows (default: the run's own)")
    evaluate.add_argument("--split", default="test", help="train, validation or test (default test)")

    predict = command("predict", _predict, "classify texts")
    predict.add_argument("model", metavar="RUN|MODEL", help="a run, a local folder or a Hub id")
    predict.add_argument("text", metavar="TEXT", nargs="*", help="texts; without any, lines of standard input")
    predict.add_argument("--input", type=Path, metavar="FILE", help="table or .txt file with texts")
    predict.add_argument("--output", type=Path, metavar="FILE", help="where the answers go: .csv, .jsonl or .parquet")
    predict.add_argument("--text-column", help="column of --input that holds the text")

    app = command("app", _app, "serve the app in the browser")
    app.add_argument("--host", default="127.0.0.1", help="address to serve at (default 127.0.0.1)")
    app.add_argument("--port", type=int, default=7860, help="port to serve at (default 7860)")
    return parser


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", metavar="SOURCE", help=f"source of examples (default {catalog.SAMPLE_TWEETS})")
    parser.add_argument("--model", help=f"base model (default {catalog.SAMPLE_MINILM})")
    parser.add_argument("--preset", help=f"named settings: {', '.join(catalog.PRESETS)} (default {catalog.DEFAULT_PRESET})")
    parser.add_argument("--file", type=Path, metavar="RUN.yaml", help="settings file, any part of a RunConfig")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.FIELD=VALUE", help="one setting; may be repeated")
    parser.add_argument("--name", help="a name for people to read")


def _preview(options: argparse.Namespace) -> int:
    from tuner import augmentation, modeling
    from tuner.data import load_labelled, profile, suspicious_in

    chosen = {
        "source": options.source,
        "config": options.config,
        "revision": options.revision,
        "text_column": options.text_column,
        "label_column": options.label_column,
        "max_train_samples": None,
    }
    model = {"name": options.model} if options.model else {}
    config = RunConfig(**merge({"data": chosen, "model": model}, parse_assignments(options.set)))
    data = load_labelled(config.data)
    found = profile(config, data, split=check_split(options.split))
    suspicious = suspicious_in(data, most=options.suspicious) if options.suspicious > 0 else []
    base = modeling.find_base_model(config.model.name, config.model.revision)
    copies = augmentation.preview(data.splits["train"].texts, config.augmentation, base, config.augmentation.seed)
    if options.json:
        listed = {"suspicious": [dataclasses.asdict(row) for row in suspicious]} if options.suspicious else {}
        if copies:
            listed["augmented"] = [{"text": text, "altered": altered, "strategies": names} for text, altered, names in copies]
        return _print_json({**found.model_dump(mode="json"), **listed})
    print(f"{found.source}: text in {', '.join(found.text_column)} ({found.text_reason}),")
    print(f"label in {found.label_column} ({found.label_reason}).")
    print()
    _print_table(
        ["label", *found.splits],
        [[label, *(f"{split.label_counts[label]:,}" for split in found.splits.values())] for label in found.labels]
        + [["all", *(f"{split.rows:,}" for split in found.splits.values())]],
    )
    tokens = found.tokens
    which = f"the first {tokens.rows:,}" if tokens.sampled else f"all {tokens.rows:,}"
    print(f"\nTokens of {tokens.model} ({which} training rows): " + ", ".join(f"{k} ≤ {v}" for k, v in tokens.quantiles.items()))
    print(f"Texts are cut at {tokens.max_length} tokens ({tokens.share_cut:.1%} of them); the model's limit is {tokens.limit:,}.")
    for finding in found.findings:
        print(f"- [{finding.severity}] {finding.what} {finding.why}")
        if finding.fix:
            print(f"  {finding.fix.title}: {_as_flags(finding.fix.changes)}")
    for line in found.notes:
        print(f"- {line}")
    print(f"\nA sample of the {options.split} rows:")
    for row in found.sample:
        print(f"  {row['label']:>10}  {' '.join(row['text'].split())[:110]}")
    if suspicious:
        print("\nLabels that fit their texts least, by word counts of the other rows (a ranked list, not a count of errors):")
    for row in suspicious:
        doubt = f"{row.label} {row.probability_label:.0%}, {row.suggested} {row.probability_suggested:.0%}"
        print(f"  {row.row_id:>14}  {doubt}  {' '.join(row.text.split())[:80]}")
    for text, altered, names in copies:
        print(f"\n  {' '.join(text.split())[:110]}\n→ {' '.join(altered.split())[:110]}  ({', '.join(names)})")
    return 0


def _as_flags(changes: dict[str, dict[str, Any]]) -> str:
    """Changes of settings as the flags that make them."""
    flags = [f"{section}.{field}={json.dumps(value)}" for section, part in changes.items() for field, value in part.items()]
    return " ".join(f"--set {shlex.quote(flag)}" for flag in flags)


def _train(options: argparse.Namespace) -> int:
    from tuner.launch import local

    config = _config_from(options)
    run = local.start(config)
    if options.queue:
        return _print_json(_outcome(run)) if options.json else _say(f"Run {run.id} is queued. `python -m tuner show {run.id}`")
    return _see_through(run, options.json)


def _find_lr(options: argparse.Namespace) -> int:
    from tuner.training.lr_finder import find_learning_rate

    def progress(step: int, steps: int) -> None:
        print(f"\rstep {step} of {steps}", end="", file=sys.stderr, flush=True)

    curve = find_learning_rate(_config_from(options), options.steps, None if options.json else progress)
    if options.json:
        return _print_json(curve.model_dump())
    print(file=sys.stderr)
    low, high = min(curve.losses), max(curve.losses)
    for rate, loss in zip(curve.rates, curve.losses, strict=True):
        bar = "█" * round(40 * (loss - low) / ((high - low) or 1))
        print(f"{rate:8.1e}  {loss:7.3f}  {bar}")
    if curve.suggestion is None:
        return _say("The loss never fell: look at the data and the model before the learning rate.")
    return _say(f"The loss falls fastest at {curve.suggestion:.1e}: --set training.learning_rate={curve.suggestion:.1e}")


def _config_from(options: argparse.Namespace) -> RunConfig:
    settings: dict[str, Any] = {}
    if options.file:
        try:
            text = options.file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError([f"The settings file {options.file} cannot be read ({type(error).__name__})."]) from None
        settings = RunConfig.parse_yaml(text)
    if options.preset:
        settings["preset"] = options.preset
    if options.name:
        settings["name"] = options.name
    if options.data:
        settings = merge(settings, {"data": {"source": options.data}})
    if options.model:
        settings = merge(settings, {"model": {"name": options.model}})
    return RunConfig(**merge(settings, parse_assignments(options.set)))


def _see_through(run: Run, as_json: bool) -> int:
    """Follows a run to its end and reports it; with `--json` a failed run gets its document too."""
    try:
        _follow(run, quiet=as_json)
    except RunFailed:
        if as_json:
            _print_json(_outcome(run))
        raise
    return _report_end(run, as_json)


def _follow(run: Run, quiet: bool) -> None:
    """Shows progress until the run ends; Ctrl-C asks it to stop and save, a second one lets it be."""
    from tuner.launch import local

    show = (lambda event: None) if quiet else _Progress(run)
    if not quiet:
        _say(f"Run {run.id}  ({run.title})")
    try:
        local.follow(run, show)
    except KeyboardInterrupt:
        runs.request_stop(run)
        print("\nStopping after this step and saving; Ctrl-C again to leave it to itself.", file=sys.stderr)
        local.follow(run, show)


class _Progress:
    """Prints a line for every event of a run, to stderr."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.max_steps = 0

    def __call__(self, event: dict[str, Any]) -> None:
        kind, step = event["event"], event.get("step", 0)
        self.max_steps = event.get("max_steps", self.max_steps)
        if kind == "log":
            eta = runs.read_status(self.run).eta
            left = f", about {duration(eta)} left" if eta else ""
            print(
                f"step {step:>5}/{self.max_steps}  loss {event['loss']:.3f}  lr {event['learning_rate']:.2e}  "
                f"grad norm {event['grad_norm']:.2f}  {event['train_samples_per_second']:.0f} samples/s{left}",
                file=sys.stderr,
            )
        elif kind == "evaluate":
            scores = "  ".join(f"{k.removeprefix('eval_')} {event[k]:.3f}" for k in _VALIDATION_SCORES if k in event)
            print(f"step {step:>5}/{self.max_steps}  validation: {scores}", file=sys.stderr)
        elif kind in ("note", "state") and event.get("message"):
            print(event["message"], file=sys.stderr)


_VALIDATION_SCORES = ("eval_loss", "eval_accuracy", "eval_macro_f1", "eval_macro_recall")


def _report_end(run: Run, as_json: bool) -> int:
    if as_json:
        return _print_json(_outcome(run))
    status = run.status
    print(f"\nRun {run.id} is {status.state}. {status.message}".rstrip())
    if run.report:
        _print_report(run.report)
    _say(f'\nTry it: python -m tuner predict {run.id} "I love it"')
    return 0


def _outcome(run: Run) -> dict[str, Any]:
    status = run.status
    return {
        "run_id": run.id,
        "state": status.state,
        "message": status.message,
        "folder": str(run.folder),
        "metrics": status.metrics,
        "train_samples_per_second": status.train_samples_per_second,
        "train_runtime": status.train_runtime,
    }


def _runs(options: argparse.Namespace) -> int:
    rows = [runs.summary(run) for run in runs.list_runs()]
    if options.json:
        return _print_json(rows)
    if not rows:
        return _say("There is no run yet. Start one with `python -m tuner train`.")
    _print_table(
        ["run", "state", "name", "step", "macro F1"],
        [
            [r["run_id"], r["state"], r["title"][:40], f"{r['step']}/{r['max_steps']}", _score(r["metrics"].get("macro_f1"))]
            for r in rows
        ],
    )
    return 0


def _show(options: argparse.Namespace) -> int:
    run = runs.get(options.run)
    if options.json:
        return _print_json({**_outcome(run), **runs.summary(run), "config": run.config.model_dump(mode="json")})
    status = run.status
    print(f"{run.title}\n{run.id}  {status.state}  step {status.step}/{status.max_steps}  {status.message}".rstrip())
    if run.report:
        _print_report(run.report)
    print(f"\n{run.config.to_yaml()}\nFolder: {run.folder}")
    return 0


def _stop(options: argparse.Namespace) -> int:
    run = runs.get(options.run)
    runs.request_stop(run)
    deadline = time.monotonic() + 60
    while run.status.state in LIVING and time.monotonic() < deadline:
        time.sleep(0.2)
    return _print_json(_outcome(run)) if options.json else _say(f"Run {run.id} is {run.status.state}.")


def _resume(options: argparse.Namespace) -> int:
    from tuner.launch import local

    return _see_through(local.resume(runs.get(options.run)), options.json)


def _delete(options: argparse.Namespace) -> int:
    run = runs.get(options.run)
    runs.delete(run)
    return _print_json({"run_id": run.id, "deleted": True}) if options.json else _say(f"Run {run.id} was deleted.")


def _evaluate(options: argparse.Namespace) -> int:
    from tuner.inference import evaluate

    report = evaluate(options.model, options.data, options.split)
    if options.json:
        return _print_json(report.model_dump(mode="json"))
    _print_report(report)
    return 0


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
            return _print_json(done) if options.json else _say(f"{count:,} rows written to {options.output}.")
        texts = [row["text"] for row in rows]
    else:
        texts = options.text or [line for line in sys.stdin.read().splitlines() if line.strip()]
    if not texts:
        raise SettingsError(["There is no text to classify: give one after the model, or lines on standard input."])
    predictions = classifier.predict(texts)
    if options.json:
        return _print_json([prediction.to_json() for prediction in predictions])
    for prediction in predictions:
        shares = "  ".join(f"{name} {share:.1%}" for name, share in prediction.probabilities.items())
        cut = f"  (only the first {prediction.tokens} tokens were read)" if prediction.cut else ""
        print(f"{prediction.label}  [{shares}]  {' '.join(prediction.text.split())[:80]}{cut}")
    return 0


def _app(options: argparse.Namespace) -> int:
    from tuner.ui.serve import serve

    serve(options.host, options.port)
    return 0


def _print_report(report: Any) -> None:  # noqa: ANN401
    print(f"\n{report.headline}")
    names = {"accuracy": "accuracy", "macro_f1": "macro F1", "macro_recall": "macro recall"}
    for key, name in names.items():
        low, high = report.intervals[key]
        print(f"{name:>13} {getattr(report, key):.3f}  (n = {report.n:,}, 95 % {low:.3f}–{high:.3f})")
    print(f"{'log loss':>13} {report.log_loss:.3f}\n{'ECE':>13} {report.ece:.3f}\n")
    _print_table(
        ["label", "precision", "recall", "F1", "support"],
        [[k, f"{v.precision:.3f}", f"{v.recall:.3f}", f"{v.f1:.3f}", f"{v.support:,}"] for k, v in report.per_class.items()],
    )
    print("\nRows: true label, columns: predicted")
    rows = zip(report.labels, report.confusion_matrix, strict=True)
    _print_table(["", *report.labels], [[label, *(f"{count:,}" for count in row)] for label, row in rows])


def _print_table(header: list[str], rows: list[list[str]]) -> None:
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, *rows]:
        print(
            "  ".join(
                cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
        )


def _print_json(value: Any) -> int:  # noqa: ANN401
    print(json.dumps(value, ensure_ascii=False, indent=1))
    return 0


def _say(line: str) -> int:
    print(line)
    return 0


def _score(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
