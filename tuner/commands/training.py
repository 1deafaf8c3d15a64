"""train, find-lr and what can be done with a run."""

import argparse
import sys
import time
from typing import Any

from tuner import hub_read, queue, runs
from tuner.commands import job_commands, pushing, study_report
from tuner.commands.common import AddCommand, add_settings, config_from, print_json, print_table, say, score
from tuner.commands.report import print_report
from tuner.config import RunConfig, merge, parse_assignments
from tuner.data import uploads
from tuner.environment import provenance
from tuner.errors import RunFailed, TunerError
from tuner.runs import LIVING, Run
from tuner.study.results import results
from tuner.training.estimate import gigabytes
from tuner.words import duration


def add(command: AddCommand) -> None:
    """Adds the commands of this module to the CLI."""
    train = command("train", _train, "train a classifier and score it on the test rows")
    add_settings(train)
    train.add_argument("--processes", type=int, metavar="N", help="train in N processes, one GPU each (training.num_processes)")
    add_start(train)
    train.add_argument(
        "--push-to",
        metavar="OWNER/NAME",
        help="push the model there, private, once this command has seen it through; the rights are asked for before",
    )
    job_commands.add_backend(train)
    train.add_argument("--estimate", action="store_true", help="time a few steps, say what the run would take, and start nothing")

    finder = command("find-lr", _find_lr, "try growing learning rates on a fresh model and draw how the loss answers")
    add_settings(finder)
    finder.add_argument("--steps", type=int, default=60, help="at most so many steps (default 60)")

    command("runs", _runs, "list the runs, newest first")
    for name, function, help in (
        ("show", _show, "show one run: state, scores, settings"),
        ("stop", _stop, "finish the step in hand, save, and end"),
        ("resume", _resume, "go on with a stopped, failed or lost run"),
        ("continue", _continue, "train a finished run's model further, on its own or other data, as a new run"),
        ("delete", _delete, "remove a run with its model and checkpoints"),
    ):
        sub = command(name, function, help)
        sub.add_argument("run", metavar="RUN")
        if name == "resume":
            job_commands.add_machine(sub, " where another job must begin (default: as before)")
        if name == "delete":
            sub.add_argument("--yes", action="store_true", help="do not ask; without a terminal nothing is asked anyway")
        if name == "continue":
            sub.add_argument(
                "--data", metavar="SOURCE", help="source of examples, its columns and splits found anew (default: the run's own)"
            )
            sub.add_argument(
                "--set", action="append", default=[], metavar="SECTION.FIELD=VALUE", help="a setting; may be repeated"
            )

    move = command("move", _move, "put a queued run at another place in the queue")
    move.add_argument("run", metavar="RUN")
    move.add_argument("place", type=int, help="1 is the next to train")


def add_start(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that say how a run is started."""
    parser.add_argument("--queue", action="store_true", help="return at once; the run starts when its turn comes")
    parser.add_argument("--proceed-anyway", action="store_true", help="start also where memory or disk seem too small")


def _train(options: argparse.Namespace) -> int:
    if options.processes is not None:
        options.set.append(f"training.num_processes={options.processes}")
    from tuner.launch.refusals import ANY_MACHINE, told_at_once

    with told_at_once(machine=ANY_MACHINE if options.backend == "jobs" else None):
        config = config_from(options)
    if options.estimate:
        return _estimate(config, options.json)
    if options.backend == "local":
        job_commands.refuse_machine(options)
    if options.push_to:
        pushing.check_before(options.push_to, options.queue)
    return begin(config, options)


def begin(config: RunConfig, options: argparse.Namespace) -> int:
    """Starts a run and follows it to its end; with `--queue` it is left to its turn."""
    from tuner.launch import local

    if getattr(options, "backend", "local") == "jobs":
        run = job_commands.start(config, options)
    else:
        run = local.start(config, proceed_anyway=options.proceed_anyway)
    return begun(run, options)


def begun(run: Run, options: argparse.Namespace) -> int:
    """Leaves a run that was started to its turn with `--queue`, and else follows it to its end."""
    if options.queue:
        for event in [] if options.json else runs.read_events(run)[0]:  # what the estimate warns of
            _Progress(run)(event)
        return print_json(_outcome(run)) if options.json else say(f"Run {run.id} is queued. `python -m tuner show {run.id}`")
    return see_through(run, options.json, getattr(options, "push_to", None))


def _estimate(config: RunConfig, as_json: bool) -> int:
    from tuner.launch import local, timer

    found = local.estimate(local.prepare(config), timing=timer.time_steps(config))
    return print_json(found.model_dump()) if as_json else say("\n".join([found.line, *found.warnings, *found.doubts]))


def _find_lr(options: argparse.Namespace) -> int:
    from tuner.training.lr_finder import NO_RATE, NO_RATE_CURE, find_learning_rate

    def progress(step: int, steps: int) -> None:
        print(f"\rstep {step} of {steps}", end="", file=sys.stderr, flush=True)

    curve = find_learning_rate(config_from(options), options.steps, None if options.json else progress)
    if options.json:
        return print_json(curve.model_dump())
    print(file=sys.stderr)
    low, high = min(curve.losses), max(curve.losses)
    for rate, loss in zip(curve.rates, curve.losses, strict=True):
        bar = "█" * round(40 * (loss - low) / ((high - low) or 1))
        print(f"{rate:8.1e}  {loss:7.3f}  {bar}")
    if curve.suggestion is None:
        return say(f"{NO_RATE} {NO_RATE_CURE}")
    return say(f"The loss falls fastest at {curve.suggestion:.1e}: --set training.learning_rate={curve.suggestion:.1e}")


def see_through(run: Run, as_json: bool, push_to: str | None = None, skip: int = 0) -> int:
    """Follows a run to its end, reports and pushes it; with `--json` a failed run gets its document too.

    Args:
        skip: so many of its first events are not shown.
    """
    try:
        _follow(run, as_json, skip)
    except RunFailed:
        if as_json:
            print_json(_outcome(run))
        raise
    if push_to is None:
        return _report_end(run, as_json)
    return _push(run, as_json, push_to)


def _push(run: Run, as_json: bool, repo_id: str) -> int:
    """The end of a run that is pushed: one document, whatever becomes of the push."""
    if not as_json:
        _report_end(run, as_json)
    done = None
    try:
        if run.status.state == "completed":
            done = pushing.push_run(run, repo_id, as_json)
        elif not as_json:
            say(f"It is not completed and was not pushed. To push it: python -m tuner push {run.id} {repo_id}")
    except TunerError:
        if as_json:
            print_json({**_outcome(run), "pushed": None})
        raise
    if as_json:
        return print_json({**_outcome(run), "pushed": done})
    return pushing.say_pushed(done) if done else 0


def _follow(run: Run, quiet: bool, skip: int) -> None:
    """Shows progress until the run ends; Ctrl-C asks it to stop and save, a second one lets it be."""
    from tuner.launch import local

    progress = _Progress(run)
    show = None if quiet else progress
    if not quiet:
        say(f"Run {run.id}  ({run.title})")
    try:
        local.follow(run, show, skip)
    except KeyboardInterrupt:  # `follow` asked it to stop
        print("\nStopping after this step and saving; Ctrl-C again to leave it to itself.", file=sys.stderr)
        local.follow(run, show, skip + progress.shown)


class _Progress:
    """Prints a line for every event of a run, to stderr."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.max_steps = 0
        self.shown = 0

    def __call__(self, event: dict[str, Any]) -> None:
        self.shown += 1
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
            mean = " of the mean" if event.get("averaged") else ""
            scores = "  ".join(f"{k.removeprefix('eval_')} {event[k]:.3f}" for k in _VALIDATION_SCORES if k in event)
            print(f"step {step:>5}/{self.max_steps}  validation{mean}: {scores}", file=sys.stderr)
        elif kind == "trial":
            print(study_report.trial_line(event), file=sys.stderr)
        elif kind in ("note", "state") and event.get("message"):
            print(event["message"], file=sys.stderr)


_VALIDATION_SCORES = ("eval_loss", "eval_accuracy", "eval_macro_f1", "eval_macro_recall")


def _report_end(run: Run, as_json: bool) -> int:
    if as_json:
        return print_json(_outcome(run))
    status = run.status
    print(f"\nRun {run.id} is {status.state}. {status.message}".rstrip())
    if status.kind != "run":
        study_report.print_study(results(run))
        return 0
    if run.report:
        print_report(run.report)
    say(f'\nTry it: python -m tuner predict {run.id} "I love it"')
    return 0


def _outcome(run: Run) -> dict[str, Any]:
    status = run.status
    if status.kind != "run":
        return study_report.document(run)
    return {
        "run_id": run.id,
        "state": status.state,
        "message": status.message,
        "folder": str(run.folder),
        "metrics": status.metrics,
        "train_samples_per_second": status.train_samples_per_second,
        "train_runtime": status.train_runtime,
        **job_commands.document(run),
    }


def _runs(options: argparse.Namespace) -> int:
    rows = [runs.summary(run) for run in runs.list_runs()]
    if options.json:
        return print_json(rows)
    if not rows:
        return say("There is no run yet. Start one with `python -m tuner train`.")
    print_table(
        ["run", "state", "name", "step", "macro F1"],
        [
            [r["run_id"], r["state"], r["title"][:40], f"{r['step']}/{r['max_steps']}", score(r["metrics"].get("macro_f1"))]
            for r in rows
        ],
    )
    return 0


def _show(options: argparse.Namespace) -> int:
    run = runs.get(options.run)
    if options.json:
        settings = {"config": run.config.model_dump(mode="json"), "environment": run.environment}
        return print_json({**_outcome(run), **runs.summary(run), **settings})
    status = run.status
    done = f"{'step' if status.kind == 'run' else 'trial'} {status.step}/{status.max_steps or '?'}"
    print(f"{runs.summary(run)['title']}\n{run.id}  {status.state}  {done}  {status.message}".rstrip())
    if status.kind != "run":
        study_report.print_study(results(run))
        print(f"\nThe plan:\n{run.plan_text}\nThe settings that are not varied:")
    if run.report:
        print_report(run.report)
    print(f"\n{run.config.to_yaml()}")
    for line in provenance(run):
        print(line)
    for line in job_commands.lines(run):
        print(line)
    print(f"Folder: {run.folder}")
    return 0


def _stop(options: argparse.Namespace) -> int:
    run = runs.get(options.run)
    runs.request_stop(run)
    deadline = time.monotonic() + 60
    while run.status.state in LIVING and time.monotonic() < deadline:
        time.sleep(0.2)
    return print_json(_outcome(run)) if options.json else say(f"Run {run.id} is {run.status.state}.")


def _resume(options: argparse.Namespace) -> int:
    run = runs.get(options.run)
    earlier = len(runs.read_events(run)[0])
    return see_through(job_commands.resume(run, options), options.json, skip=earlier)


def _continue(options: argparse.Namespace) -> int:
    from tuner.launch import local

    changes = parse_assignments(options.set)
    if options.data:
        changes = merge({"data": {"source": options.data}}, changes)
    return see_through(local.start(local.continuation(runs.get(options.run), changes)), options.json)


def _move(options: argparse.Namespace) -> int:
    run = runs.get(options.run)
    queue.move(run, options.place)
    order = [other.id for other in queue.waiting()]
    return print_json({"run_id": run.id, "queue": order}) if options.json else say("\n".join(order))


def _delete(options: argparse.Namespace) -> int:
    from tuner.launch import jobs

    run = runs.get(options.run)
    runs.check_delete(run)  # before the question: what is refused need not be asked about
    if sys.stdin and sys.stdin.isatty() and not options.yes and not _sure(run):
        kept = f"Run {run.id} was not deleted."
        return print_json({"run_id": run.id, "deleted": False}) if options.json else say(kept)
    jobs.delete(run, hub_read.token())
    return print_json({"run_id": run.id, "deleted": True}) if options.json else say(f"Run {run.id} was deleted.")


def _sure(run: Run) -> bool:
    """Whether the person at the terminal says yes to what goes. The question stands on stderr: stdout may be one document."""
    row = runs.summary(run)
    frees = gigabytes(uploads.size(run.folder))
    print(f"{row['title']} ({run.id}, {row['state']}): its model, checkpoints and report go for good.", file=sys.stderr)
    if further := [other.id for other in runs.resting_on(run)]:
        stay = "What was trained further from it stays, but that training can no longer be repeated"
        print(f"{stay}: {', '.join(further)}.", file=sys.stderr)
    print(f"Delete it and free {frees}? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
