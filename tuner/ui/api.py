"""The endpoints other programs call: stable names, plain JSON, the same functions as the page."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from tuner import access, hub_read, queue, runs
from tuner.catalog import SAMPLE_MINILM
from tuner.comparisons import compare as compare_models
from tuner.config import RunConfig, check_split
from tuner.data.profiling import profile
from tuner.errors import SettingsError, SourceError
from tuner.explain import explain as explain_text
from tuner.hub import push_state
from tuner.hub.push import push as push_run
from tuner.launch import jobs, local
from tuner.launch.estimate import estimate as estimate_run
from tuner.launch.refusals import told_at_once
from tuner.runs import Run
from tuner.scoring import Extras
from tuner.ui.context import Context
from tuner.ui.errors import toast
from tuner.ui.sharing import own_token

MOST_TEXTS = 1_000
MOST_ASKERS = 64
# No file is longer than this, in bytes; a file system refuses to look further.
_MOST_WHOLE = 10**12


def add_endpoints(context: Context) -> None:
    """Adds every endpoint to the app being built."""
    for endpoint in (
        *_about_data_and_models(context),
        *_that_start(context),
        _push(context),
        stop_run,
        resume_run,
        move_run,
        delete_run,
        share_run,
    ):
        asks = endpoint.__name__ == "predict"  # these are scored together
        queued = not asks or context.answers_queue
        gr.api(
            toast(endpoint, page=False), api_name=endpoint.__name__, concurrency_limit=MOST_ASKERS if asks else 2, queue=queued
        )
    # Polled by many: each has its own queue without a limit, and reads one or a few small files.
    for endpoint in (run_status, run_events, list_runs):
        gr.api(toast(endpoint, page=False), api_name=endpoint.__name__, concurrency_limit=None)


def _about_data_and_models(context: Context) -> list[Any]:
    """Endpoints that look at data and use classifiers."""

    def preview(
        source: str,
        config: str | None = None,
        split: str = "train",
        text_column: str | list | None = None,
        label_column: str | None = None,
        model: str = SAMPLE_MINILM,
    ) -> dict:
        """A source as a training would see it, with ten rows of `split`. `config`: configuration of a Hub data set."""
        data = {"source": source, "config": config or None, "max_train_samples": None}
        columns = {"text_column": text_column or None, "label_column": label_column or None}
        settings = RunConfig(data={**data, **columns}, model={"name": model})
        context.check_model(model)
        return profile(settings, context.data(settings.data), check_split(split or "train")).model_dump(mode="json")

    def evaluate(
        model: str,
        source: str | None = None,
        split: str | None = None,
        text_column: str | list | None = None,
        label_column: str | None = None,
    ) -> dict:
        """The report of a run, folder or Hub model on a source (None: the run's own data).

        `split`: train, validation, test or all; None for the test rows, and for all of a source that has none. `text_column`:
        the source's column of the text, or a list of such; None for those that the run was trained with, or a guess.
        """
        context.check_model(model)
        if source:
            context.check_source(source)
        extras = Extras(text_column=_columns(text_column), label_column=label_column or None)
        return context.evaluate(model, source or None, split or None, extras).report.model_dump(mode="json")

    def compare(
        models: list,
        source: str | None = None,
        split: str | None = None,
        text_column: str | list | None = None,
        label_column: str | None = None,
    ) -> dict:
        """Two or more runs, folders or Hub models on the rows they share: the first against each other one.

        Further arguments as in `/evaluate`.
        """
        if not isinstance(models, list) or not all(isinstance(name, str) for name in models):
            raise SourceError("models is not a list of names.", "Give a JSON list of run ids or Hub models.")
        for name in models:
            context.check_model(name)
        if source:
            context.check_source(source)
        columns: dict[str, Any] = {"text_column": _columns(text_column), "label_column": label_column or None}
        return compare_models(models, source or None, split or None, **columns).to_json()

    def explain(model: str, text: str, label: str | None = None, method: str = "leave_one_out") -> dict:
        """Every word's part in a label (None: the predicted one), by one of the methods of `tuner.explain`."""
        if not isinstance(text, str):
            raise SourceError("text is no text.", 'Give a JSON string such as "I love it".')
        return explain_text(context.classifier(model), text, label or None, method or "leave_one_out").to_json()

    return [preview, evaluate, compare, predictor(context), explain]


def predictor(context: Context) -> Callable[[str, list], list]:
    """The endpoint /predict."""

    def predict(model: str, texts: list) -> list:
        """Label and probabilities of each text, by a run, folder or Hub model."""
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise SourceError("texts is not a list of texts.", 'Give a JSON list such as ["I love it"].')
        if not 0 < len(texts) <= MOST_TEXTS:
            raise SourceError(f"texts holds {len(texts):,} texts.", f"Give between 1 and {MOST_TEXTS:,} at a time.")
        return [prediction.to_json() for prediction in context.predict(model, texts)]

    return predict


def _that_start(context: Context) -> list[Any]:
    """Endpoints that take settings."""

    def start_run(config: dict, proceed_anyway: bool = False) -> dict:
        """Starts a training; any part of a RunConfig, the preset fills the rest. Refuses what probably does not fit."""
        return {"run_id": local.start(_settings(context, config), proceed_anyway=bool(proceed_anyway)).id}

    def estimate(config: dict) -> dict:
        """Steps, memory and disk a training would take, warnings, and doubts that need `proceed_anyway`."""
        settings = _settings(context, config)
        return estimate_run(settings, context.data(settings.data)).model_dump()

    return [start_run, estimate]


def _push(context: Context) -> Any:  # noqa: ANN401
    def push(run_id: str, repo_id: str, private: bool = True) -> dict:
        """Puts a run's model on the Hub as "owner/name" with the login of this machine; answers when it is there."""
        run, token = _run(run_id, "push"), own_token(context.local)
        if not isinstance(repo_id, str):
            raise SettingsError(["repo_id is no text."], 'Give a string such as "owner/name".')
        pushed = push_run(run, repo_id, token=token, private=bool(private))
        state = push_state(run)
        return {**pushed.model_dump(), "answers": state.answers if state else ""}

    return push


def stop_run(run_id: str) -> dict:
    """Asks a run to finish its step, save and end; asked again, ends it at once."""
    runs.request_stop(_run(run_id, "stop"))
    return {"run_id": run_id, "stopping": True}


def resume_run(run_id: str) -> dict:
    """Goes on with a stopped, failed or lost run."""
    return {"run_id": local.resume(_run(run_id, "resume")).id}


def move_run(run_id: str, place: float = 1) -> dict:
    """Puts a queued run at a place in the queue, 1 being the next; gives the queue, as far as you may see it."""
    access.move(_run(run_id, "move"), _whole("place", place))
    return {"queue": [run.id for run in queue.waiting() if runs.may_see(run)]}


def delete_run(run_id: str) -> dict:
    """Removes a run that is not going on."""
    jobs.delete(_run(run_id, "delete"), hub_read.token())
    return {"run_id": run_id, "deleted": True}


def share_run(run_id: str, shared: bool = True) -> dict:
    """Shows a run of yours to everybody who comes to this Space, or hides it again."""
    return {"run_id": run_id, "shared": access.share(_run(run_id, "share").id, bool(shared)).shared}


def run_status(run_id: str) -> dict:
    """State, message, step, max_steps, metrics, eta … of a run."""
    return runs.summary(_run(run_id))


def run_events(run_id: str, offset: float = 0) -> dict:
    """Events since a byte offset, and the offset to ask with next time."""
    events, following = runs.read_events(_run(run_id), _whole("offset", offset))
    return {"events": events, "offset": following}


def list_runs() -> list:
    """The runs you may see, newest first."""
    return [runs.summary(run) for run in access.visible()]


def _run(run_id: Any, right: str = "see") -> Run:  # noqa: ANN401
    """`access.get` for what a program gave.

    Raises:
        SettingsError: it is no text.
        RunError, AccessError: as `access.get`.
    """
    if not isinstance(run_id, str):
        raise SettingsError([f"run_id = {_cut(run_id)} is no text."], "Give the id of a run, as /list_runs has it.")
    return access.get(run_id, right)


def _whole(name: str, value: Any) -> int:  # noqa: ANN401
    """A number from 0 that a file's or a queue's place can be, without its fraction.

    Raises:
        SettingsError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MOST_WHOLE:
        raise SettingsError([f"{name} = {_cut(value)} is no number from 0 to {_MOST_WHOLE:,}."], "Give a whole number from 0.")
    return int(value)


def _columns(named: Any) -> tuple[str, ...]:  # noqa: ANN401
    """The columns of the text that a program named: one, several, or none.

    Raises:
        SettingsError: it is something else.
    """
    columns = [named] if isinstance(named, str) else named or []
    if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
        cure = 'Give the name of a column, or a list of names such as ["title", "body"].'
        raise SettingsError([f"text_column = {_cut(named)} names no column."], cure)
    return tuple(name for name in columns if name)


def _cut(value: Any) -> str:  # noqa: ANN401
    return repr(value)[:80]


def _settings(context: Context, config: Any) -> RunConfig:  # noqa: ANN401
    with told_at_once(context.check):
        settings = RunConfig(**_a_dict(config))
    context.check(settings)
    return settings


def _a_dict(config: Any) -> dict[str, Any]:  # noqa: ANN401
    if not isinstance(config, dict):
        raise SettingsError([f"config is a {type(config).__name__}, not an object with sections."])
    return {str(key): value for key, value in config.items()}
