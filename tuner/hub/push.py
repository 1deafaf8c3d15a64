"""A run's model on the Hub: rights first, one commit, then whether it answers there as it does here.

A step of its own after the training, which it never touches; pushing again what was broken off ends in the same state.
"""

import time
from dataclasses import dataclass

from tuner import hub_read, runs
from tuner.errors import RunError, TunerError, explain
from tuner.hub.answers import compare_answers
from tuner.hub.client import Client, Repo, check_branch
from tuner.hub.commit import OnProgress, Pushed, push_files, seconds_for, size_of
from tuner.hub.files import Files, model_files
from tuner.hub.state import PushState, Wanted, note, push_state
from tuner.runs import Run

# Progress is written so often, seconds.
_EVERY = 0.5


def push(
    run: Run | str,
    repo_id: str,
    *,
    token: str | bool | None = None,
    private: bool = True,
    branch: str | None = None,
    pull_request: bool = False,
    adapter: bool = False,
    compare: bool = True,
    on_progress: OnProgress | None = None,
    endpoint: str | None = None,
) -> Pushed:
    """Puts a run's model on the Hub as "owner/name"; the same model again makes no new commit.

    How far it is, and what came of it, stands in `push_state(run)`, where the comparison of answers is, too.

    Args:
        run: a run, or its id.
        token: of the person who pushes; None: that of the login on this machine. It is kept nowhere.
        private: as a new repository is made; one that is public already is refused then.
        branch: where the commit goes, made where there is none; None: main.
        pull_request: proposes the commit instead, also at repositories of others.
        adapter: with the LoRA adapter of the run, in `adapter/`.
        compare: fetches the model from there afterwards and compares its answers.
        on_progress: called with the bytes sent so far, and all of them.
        endpoint: another Hub than huggingface.co or that of HF_ENDPOINT.

    Raises:
        RunError: this is no run, or it has no model, is being pushed already, or a file holds a secret.
        SettingsError: no name of a repository or branch, or the Hub refuses the card.
        NetworkError: no token, no right to write, or the Hub cannot be reached; the push can be repeated.
    """
    if not isinstance(run, Run | str):
        raise RunError(f"{repr(run)[:40]} is no run.", "Give a run, or its id.")
    wanted = Wanted(
        repo_id=repo_id, private=private, branch=branch or None, pull_request=pull_request, adapter=adapter, compare=compare
    )
    return begin(runs.get(run) if isinstance(run, str) else run, wanted, token, endpoint).finish(on_progress)


@dataclass(frozen=True)
class Push:
    """A push whose rights were checked and whose state is written: `finish` sends it, in this thread or in another."""

    run: Run
    client: Client
    state: PushState

    def finish(self, on_progress: OnProgress | None = None) -> Pushed:
        """Sends the files and compares the answers; whatever happens, `push.json` says how it ended.

        Raises:
            RunError, SettingsError, NetworkError: as `push`.
        """
        try:
            pushed, total = self._send(on_progress)
        except BaseException as error:
            cause, cure = (error.cause, error.cure) if isinstance(error, TunerError) else (explain(error), "Push again.")
            self._note(state="failed", cause=cause, cure=cure)
            raise
        self._compare(pushed, total)
        return pushed

    def _send(self, on_progress: OnProgress | None) -> tuple[Pushed, int]:
        wanted = self.state.wanted
        files = model_files(self.run, adapter=wanted.adapter, repo_id=wanted.repo_id)
        total = sum(map(size_of, files.values()))
        begun = time.time()
        self._note(stage="sending", since=begun, total=total)
        written = time.monotonic()

        def told(sent: int, total: int) -> None:
            nonlocal written
            if time.monotonic() - written > _EVERY:
                written = time.monotonic()
                self._note(stage="sending", since=begun, sent=sent, total=total)
            if on_progress:
                on_progress(sent, total)

        return self._commit(files, told), total

    def _commit(self, files: Files, told: OnProgress) -> Pushed:
        wanted = self.state.wanted
        if wanted.pull_request:
            repo: Repo = self.client.readable(wanted.repo_id, "model", wanted.private)
        else:
            repo = self.client.writable(wanted.repo_id, "model", wanted.private)
        if wanted.branch and not wanted.pull_request:
            repo = self.client.on_branch(repo, wanted.branch)
        message = f"{'Adapter and model' if wanted.adapter else 'Model'} of run {self.run.id}, by Tuner"
        return push_files(self.client, repo, files, message, pull_request=wanted.pull_request, on_progress=told)

    def _compare(self, pushed: Pushed, total: int) -> None:
        """A comparison that fails undoes nothing: the model is on the Hub."""
        if not self.state.wanted.compare:
            self._note(state="done", sent=total, total=total, pushed=pushed)
            return
        self._note(stage="comparing", since=time.time(), sent=total, total=total, pushed=pushed)
        more = {}
        try:
            at = pushed.revision if pushed.pull_request else pushed.commit
            found = compare_answers(
                self.run, pushed.repo_id, at, token=self.client.token, seconds=seconds_for(total), endpoint=self.client.endpoint
            )
            more = {"compared": found, "answers": str(found)}
        except TunerError as error:
            more = {"answers": str(error)}
        finally:
            self._note(state="done", sent=total, total=total, pushed=pushed, **more)

    def _note(self, **changes: object) -> None:
        note(self.run, self.state.model_copy(update={**changes, "at": time.time()}))


def begin(run: Run, wanted: Wanted, token: str | bool | None = None, endpoint: str | None = None) -> Push:
    """Asks all that would refuse the push, and writes that it is under way.

    Raises:
        RunError, SettingsError, NetworkError: as `push`; nothing was made or sent.
    """
    check_run(run)
    if wanted.branch and wanted.pull_request:
        raise RunError("A pull request has a branch of its own.", "Choose a branch or a pull request, not both.")
    if wanted.branch:
        check_branch(wanted.branch)
    client = Client(hub_read.token() if token is None else token, endpoint)
    client.check(wanted.repo_id, "model", wanted.private, pull_request=wanted.pull_request)
    wanted = wanted.model_copy(update={"repo_id": client.spelled(wanted.repo_id)})
    return Push(run, client, note(run, PushState(wanted=wanted)))


def check_run(run: Run) -> None:
    """Refuses a run that has nothing to push, or is being pushed.

    Raises:
        RunError: with the reason.
    """
    if not run.has_model or runs.is_living(run):
        raise RunError(f"Run {run.id} has no finished model to push.", "Wait until it is completed, or choose another run.")
    before = push_state(run)
    if before and before.state == "pending":
        raise RunError(f"Run {run.id} is being pushed to '{before.wanted.repo_id}' already.", "Wait until that has ended.")
