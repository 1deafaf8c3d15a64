"""Every function of the app, walked over: called for the person who asks, and silent about the runs of others.

Nothing is listed here that a new handler would have to be added to: what has an input that can name a run is called.
"""

import shutil
import time
from types import SimpleNamespace

import gradio as gr
import gradio.oauth
import pytest
from gradio.context import LocalContext
from gradio.helpers import special_args

from tests.hub.conftest import environment, hf_home, hub, trained, tuner  # noqa: F401 (fixtures)
from tests.people import TOKENS
from tuner import runs
from tuner.access import LOCAL, acting
from tuner.evaluations import of_run
from tuner.ui import people
from tuner.ui.build import build_app
from tuner.ui.context import Context

LOGINS = {"OAUTH_CLIENT_ID": "x", "OAUTH_CLIENT_SECRET": "x", "OAUTH_SCOPES": "openid", "OPENID_PROVIDER_URL": "http://x"}


@pytest.fixture(scope="module")
def app():
    """The app as a Space builds it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"SPACE_ID": "chief/trainer", "SYSTEM": "spaces", **LOGINS}.items():
            patch.setenv(name, value)
            if hasattr(gradio.oauth, name):  # read when Gradio was imported
                patch.setattr(gradio.oauth, name, value)
        yield build_app(Context(local=False))


@pytest.fixture(autouse=True)
def space(monkeypatch):
    monkeypatch.setenv("SPACE_ID", "chief/trainer")
    monkeypatch.setenv("SPACE_AUTHOR_NAME", "chief")


def request_of(name, seconds=3600):
    """What Gradio hands a function whose caller has logged in; nobody for an empty name."""
    info = {"access_token": TOKENS.get(name, ""), "expires_at": time.time() + seconds, "scope": "openid"}
    info |= {"userinfo": {"preferred_username": name}}
    scope = {"session": {"oauth_info": info} if name else {}}
    inner = SimpleNamespace(scope=scope, session=scope["session"], query_params={}, headers={}, base_url="http://x/")
    return gr.Request(request=inner, session_hash=f"session of {name}")


def functions(app):
    return {number: found for number, found in app.fns.items() if found.fn is not None}


def test_every_function_is_called_for_the_person_who_asks(app):
    forgotten = [found.name for found in functions(app).values() if not people.is_attached(found.fn) and not _gradios(found)]
    assert len(functions(app)) > 100
    assert forgotten == []


def test_every_endpoint_takes_a_token_and_nothing_of_gradio_s_is_one(app):
    public = [found for found in functions(app).values() if found.api_visibility == "public"]
    assert len(public) > 10
    for found in public:
        assert people.is_attached(found.fn)
        assert next(iter(found.fn.__annotations__.items())) == ("oauth", gr.OAuthToken | None)


def _gradios(found):
    return found.fn.__module__.startswith("gradio.")


def values_of(found, run_id):
    """What a person sends who puts a run's id wherever it can stand, and leaves the rest as it is."""
    return [_value(component, run_id) for component in found.inputs]


def _value(component, run_id):
    value = getattr(component, "value", None)
    if isinstance(component, gr.Dropdown) and component.multiselect and component.elem_id in ("compare-with",):
        return [run_id]
    names = {"run-list", "playground-model", "side-model", "many-model", "other-run", "judge", "evaluate-model", "base-model"}
    if component.elem_id in names or (isinstance(component, gr.State) and value in ("", None)):
        return run_id
    if isinstance(component, gr.State) and value is False:
        return True
    texts = {"playground-text": "the film was great", "side-text": "the film was great", "many-lines": "the film was great"}
    return texts.get(component.elem_id, value)


def call(found, values, name):
    """What a function answers somebody; its error in words where it has one."""
    request = request_of(name)
    event = gr.SelectData(None, {"index": [0, 0], "value": "x", "row_value": ["train/0", "x"]})
    before = LocalContext.request.set(request)
    try:
        arguments, *_ = special_args(found.fn, list(values), request, event)
        return found.fn(*arguments)
    except gr.Error as error:
        return f"refused: {error.message}"
    finally:
        LocalContext.request.reset(before)


def said(answer):
    """All text in an answer; components stand for what they hold."""
    if isinstance(answer, dict):
        return " ".join(said(part) for pair in answer.items() for part in pair)
    if isinstance(answer, list | tuple):
        return " ".join(map(said, answer))
    if hasattr(answer, "to_json"):
        return str(answer.to_json())
    if isinstance(answer, gr.components.Component):
        return f"{answer.get_config()} {getattr(answer, 'choices', '')}"
    return str(answer)


def takes_a_run(found):
    probe = "20200101-000000-abcdef"
    return any(value != _value(component, "") for component, value in zip(found.inputs, values_of(found, probe), strict=True))


def state_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def secrets_of(run):
    """What the page shows of Anna's run, and of nothing else: its name, its source, the texts it was tested on."""
    return ["Anna's run", run.config.data.source, *of_run(run).predictions["text"]]


@pytest.fixture
def anna_s(request):
    """A completed run of Anna."""
    with acting(LOCAL):
        run = request.getfixturevalue("trained")
        runs.write_status(run, owner="anna")
    return run


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ben", ""])
@pytest.mark.parametrize("prefix", ["", "untouched:", "run:"])
def test_no_function_of_the_page_tells_a_stranger_of_a_run_or_changes_it(app, anna_s, name, prefix):
    before, asked, secrets = state_of(anna_s.folder), 0, secrets_of(anna_s)
    assert len(secrets) > 5
    for found in functions(app).values():
        if _gradios(found) or found.api_visibility == "public" or not takes_a_run(found):
            continue
        asked += 1
        answer = said(call(found, values_of(found, f"{prefix}{anna_s.id}"), name))
        assert not [secret for secret in secrets if secret in answer], found.name
    assert asked > 40
    assert state_of(anna_s.folder) == before
    assert [run.id for run in runs.all_runs()] == [anna_s.id]


@pytest.mark.slow
def test_the_same_functions_do_tell_anna_and_the_owner(app, anna_s, tmp_path):
    """Else the walk above would prove nothing."""
    secrets = secrets_of(anna_s)
    copy = shutil.copytree(anna_s.folder, tmp_path / "copy")
    for name in ("anna", "chief"):
        told = 0
        for found in functions(app).values():
            if not _gradios(found) and found.api_visibility != "public" and takes_a_run(found):
                answer = said(call(found, values_of(found, anna_s.id), name))
                told += any(secret in answer for secret in secrets)
                if not anna_s.folder.is_dir():  # deleted, which is her right
                    shutil.copytree(copy, anna_s.folder)
        assert told >= 10, name


# Endpoint → what is asked of it, RUN standing for a run of somebody else; None: it names no run.
ENDPOINTS = {
    "preview": ("sample:tweets", None, "train", None, None, "run:RUN"),
    "evaluate": ("RUN",),
    "compare": (["RUN", "latest"],),
    "predict": ("RUN", ["the film was great"]),
    "explain": ("RUN", "the film was great"),
    "start_run": ({"model": {"name": "run:RUN"}},),
    "estimate": ({"model": {"name": "run:RUN"}},),
    "push": ("RUN", "ben/model"),
    "stop_run": ("RUN",),
    "resume_run": ("RUN",),
    "move_run": ("RUN", 1),
    "delete_run": ("RUN",),
    "share_run": ("RUN",),
    "run_status": ("RUN",),
    "run_events": ("RUN", 0),
    "list_runs": None,
}


def with_run(asked, run_id):
    if isinstance(asked, str):
        return asked.replace("RUN", run_id)
    if isinstance(asked, dict):
        return {key: with_run(value, run_id) for key, value in asked.items()}
    return [with_run(part, run_id) for part in asked] if isinstance(asked, list | tuple) else asked


def endpoints(app):
    return {found.api_name: found for found in functions(app).values() if found.api_visibility == "public"}


def test_each_endpoint_is_asked_below(app):
    """A new one has to say how it names a run."""
    assert set(endpoints(app)) == set(ENDPOINTS)


@pytest.mark.parametrize("name", ["ben", ""])
@pytest.mark.parametrize("endpoint", [name for name, asked in ENDPOINTS.items() if asked])
def test_no_endpoint_knows_a_run_of_somebody_else(app, anna_s, endpoint, name):
    before = state_of(anna_s.folder)
    answer = call(endpoints(app)[endpoint], with_run(ENDPOINTS[endpoint], anna_s.id), name)
    assert answer.startswith("refused: "), answer
    if name:  # who is not logged in is told so by some before the run is looked for
        assert answer.startswith(f"refused: There is no run '{anna_s.id}'")
    assert state_of(anna_s.folder) == before


def test_lists_hold_one_s_own(app, anna_s):
    assert [len(call(endpoints(app)["list_runs"], (), name)) for name in ("anna", "chief", "ben", "")] == [1, 1, 0, 0]


def test_a_login_is_known_to_end():
    assert people.person_of(Context(local=False), request_of("anna", 60).request.scope).until == pytest.approx(
        time.time() + 60, abs=5
    )


def test_a_login_that_has_ended_asks_for_another(app, anna_s):
    request = request_of("anna", seconds=-1)
    assert people.person_of(Context(local=False), request.request.scope).expired
    before = LocalContext.request.set(request)
    try:
        with pytest.raises(gr.Error, match=r"Your login has expired. Log in again"):
            endpoints(app)["run_status"].fn(None, anna_s.id)
    finally:
        LocalContext.request.reset(before)


def test_who_comes_over_the_network_to_a_machine_of_one_user_borrows_no_token(monkeypatch):
    monkeypatch.delenv("SPACE_ID")
    guest = people.person_of(Context(local=False), None)
    assert (guest.local, guest.token) == (True, False)
    assert people.person_of(Context(local=True), None).token is None
