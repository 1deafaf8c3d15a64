"""Spaces on the Hub: a demo of one model, and the app itself. Rights first, one commit, and it can be repeated.

Spaces are private, and paid hardware is never taken, unless a person says so.
"""

from collections.abc import Mapping
from typing import Any, Literal

from tuner import hub_read
from tuner.errors import ModelError, NetworkError
from tuner.hub.client import Client, Repo
from tuner.hub.commit import push_files
from tuner.hub.space_files import ZERO_GPU, SpaceKind, app_files, demo_files
from tuner.hub.space_stage import Space, ask_for, looked_at, price_of, refuse_other

# Free hardware sleeps after 48 h without a visitor and cannot be told otherwise.
_FREE = ("cpu-basic", ZERO_GPU)
# Paid hardware never sleeps by itself. Whoever trains may have closed the page: their run has a day.
_SLEEP: dict[SpaceKind, int] = {"demo": 3_600, "trainer": 86_400, "zerogpu": 3_600}
_TAG = "tuner"


def make_demo(
    repo_id: str,
    model_id: str,
    *,
    token: str | bool | None = None,
    private: bool = True,
    hardware: str | None = None,
    lend_token: bool = False,
    endpoint: str | None = None,
) -> Space:
    """Makes a Space that shows a model of the Hub, or brings it up to date; the same again makes no new commit.

    Args:
        repo_id: "owner/name" of the Space.
        model_id: "owner/name" of a text classifier on the Hub.
        token: of the person; None: that of the login on this machine.
        private: as a new Space is made; one that is public already is refused then.
        hardware: the Hub's name of it; None: the free CPU, and what a Space that is there already has.
        lend_token: puts the token into the Space's secrets, by which it reads a private model.
        endpoint: another Hub than huggingface.co or that of HF_ENDPOINT.

    Raises:
        SettingsError: no name of a Space or no such hardware.
        ModelError: no text classifier, or a private one that the Space could not read.
        NetworkError: no token, no right, no plan for that hardware, or the Hub cannot be reached; it can be repeated.
        RunError: this installation holds no files for Spaces.
    """
    client = _client(token, endpoint)
    repo_id = client.spelled(repo_id)
    page = _check_model(client, model_id, repo_id if not lend_token else "")
    files = demo_files(repo_id, model_id, page, hardware)
    secrets = {"HF_TOKEN": client.token} if lend_token else {}
    return _deploy(client, repo_id, "demo", files, private, hardware, secrets, {}).model_copy(update={"model": model_id})


def deploy_trainer(
    repo_id: str,
    *,
    token: str | bool | None = None,
    hardware: str | None = None,
    private: bool = True,
    zerogpu: bool = False,
    keep_runs: str | None = None,
    endpoint: str | None = None,
) -> Space:
    """Makes a Space that holds the whole app, or brings it up to date; the same again makes no new commit.

    Args:
        zerogpu: Playground and evaluation alone, on a GPU that is lent for each answer.
        keep_runs: "owner/name" of a private data set repository that keeps the runs over restarts; the token is put into the
            Space's secrets for that.
        repo_id, token, hardware, private, endpoint: as `make_demo`.

    Raises:
        SettingsError, NetworkError, RunError: as `make_demo`; the repository for the runs is public, or cannot be written.
    """
    client = _client(token, endpoint)
    kind: Literal["trainer", "zerogpu"] = "zerogpu" if zerogpu else "trainer"
    secrets, variables = {}, {}
    if keep_runs:
        keep_runs = client.spelled(keep_runs)
        client.check(keep_runs, "dataset", private=True)
        secrets, variables = {"TUNER_KEEP_TOKEN": client.token}, {"TUNER_KEEP_REPO": keep_runs}
    wanted = ZERO_GPU if zerogpu else hardware
    return _deploy(client, client.spelled(repo_id), kind, app_files(kind), private, wanted, secrets, variables)


def _client(token: str | bool | None, endpoint: str | None) -> Client:
    return Client(hub_read.token() if token is None else token, endpoint)


def _deploy(
    client: Client, repo_id: str, kind: SpaceKind, files: dict[str, bytes], private: bool, hardware: str | None,
    secrets: Mapping[str, str], variables: Mapping[str, str],
) -> Space:  # fmt: skip
    price = price_of(hardware, client) if hardware else ""
    repo = _place(client, repo_id, kind, private, hardware)
    for name, value in secrets.items():
        client.call(lambda api, name=name, value=value: api.add_space_secret(repo_id, name, value), repo_id, "space")
    for name, value in variables.items():
        client.call(lambda api, name=name, value=value: api.add_space_variable(repo_id, name, value), repo_id, "space")
    stale = _stale(client, repo_id, files)
    pushed = push_files(client, repo, files, f"{kind.capitalize()}, by Tuner", remove=stale)
    space = Space(
        repo_id=repo_id, kind=kind, link=pushed.link, commit=pushed.commit, private=pushed.private, unchanged=pushed.unchanged,
        hardware=hardware, price=price,
    )  # fmt: skip
    return looked_at(space, client)


def _place(client: Client, repo_id: str, kind: SpaceKind, private: bool, hardware: str | None) -> Repo:
    """The Space, made where there is none, on the hardware that was asked for."""
    sleep = None if hardware in (None, *_FREE) else _SLEEP[kind]
    if client.check(repo_id, "space", private):
        _check_ours(client, repo_id)
        repo = client.writable(repo_id, "space", private, {"space_sdk": "gradio"})
        if hardware:
            ask_for(hardware, repo_id, sleep, client)
        return repo
    made: dict[str, Any] = {"space_sdk": "gradio", "space_hardware": hardware, "space_sleep_time": sleep}
    return client.writable(repo_id, "space", private, made)


def _stale(client: Client, repo_id: str, files: Mapping[str, bytes]) -> list[str]:
    """What lies in our own folders there and is no file of ours any more; other files are the person's."""
    folders = {name.partition("/")[0] + "/" for name in files if "/" in name}
    there = client.call(lambda api: api.list_repo_files(repo_id, repo_type="space"), repo_id, "space")
    return [path for path in there if path.startswith(tuple(folders)) and path not in files]


def _check_ours(client: Client, repo_id: str) -> None:
    """Another app is not written over.

    Raises:
        NetworkError: the Space holds one.
    """
    found = client.call(lambda api: api.space_info(repo_id), repo_id, "space")
    if found.sdk not in (None, "gradio"):
        refuse_other(repo_id, f"an app of another kind ({found.sdk})")
    tags = (found.card_data.get("tags") if found.card_data else None) or []
    if _TAG not in tags and any(file.rfilename == "app.py" for file in found.siblings or []):
        refuse_other(repo_id, "another app")


def _check_model(client: Client, model_id: str, reader: str) -> str:
    """The page of a model that a demo can show.

    Args:
        reader: the Space that would have to read it without a token; empty where it gets one.

    Raises:
        ModelError: it cannot.
    """
    try:
        found = client.call(lambda api: api.model_info(model_id), model_id, "model")
    except NetworkError as error:
        if "not a model" not in error.cause:
            raise
        raise ModelError(
            f"There is no model '{model_id}' on the Hub that you may read.", "Push one, or correct its name."
        ) from None
    names = {file.rfilename for file in found.siblings or []}
    if "config.json" not in names or not any(name.endswith(".safetensors") for name in names):
        raise ModelError(f"'{model_id}' holds no model with safetensors weights on its main branch.", "Push one there first.")
    if reader and (found.private or found.gated) and not _has_secret(client, reader):
        raise ModelError(
            f"'{model_id}' is {'private' if found.private else 'gated'}: the Space '{reader}' could not read it.",
            "Lend the Space your token, or make the model public, or put a token that may read it alone into the Space's secret "
            "HF_TOKEN.",
        )
    return f"{client.page}/{model_id}"


def _has_secret(client: Client, repo_id: str) -> bool:
    """Whether a person gave the Space a token already."""
    try:
        return "HF_TOKEN" in client.call(lambda api: api.get_space_secrets(repo_id), repo_id, "space")
    except NetworkError:  # there is no such Space yet
        return False
