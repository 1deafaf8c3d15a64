"""Two people, the owner and a visitor on one Space: a real server, real logins, real clients, the loopback Hub."""

import base64
import json
import os
import signal
import threading
import time

import httpx
import psutil
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from tests import tiny
from tests.hub.conftest import as_csv
from tests.hub.server import Hub
from tests.people import SPACE_TOKEN, TOKENS, client, cookie_of, start_space
from tests.ui.test_guard import status
from tuner.runs import LIVING

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
QUICK = {"max_steps": 3, "per_device_train_batch_size": 4, "eval_strategy": "no", "save_strategy": "no", "precision": "fp32"}
SETTINGS = {"data": {"source": "anna/rows"}, "model": {"name": "public/tiny"}, "training": QUICK, "name": "Anna's"}


class Space:
    """The running Space, with everything that anybody was answered, and what its processes could be asked about themselves."""

    def __init__(self, folder, models):
        self.folder, self.hub = folder, Hub()
        for name in ("hf", "home", "tmp", "rows", "gated"):
            (folder / name).mkdir()
        for name in ("rows", "gated"):
            (folder / name / "train.csv").write_text(as_csv(tiny.labelled_rows(60)))
        self.hub.add("dataset", "anna/rows", folder / "rows", "private")
        self.hub.add("dataset", "team/gated", folder / "gated", "gated")
        self.hub.add("model", "public/tiny", models["bert"])
        self.hub.granted = {"anna"}
        places = {"TMPDIR": str(folder / "tmp"), "GRADIO_TEMP_DIR": str(folder / "tmp" / "gradio")}
        self.process, self.url = start_space(self.hub, folder / "home", folder / "hf", folder / "server.log", **places)
        self.answers, self.seen = [], {}
        self.clients = {name: client(self.url, cookie_of(self.hub, self.url, name) if name else "") for name in (*TOKENS, "")}
        self._watching = threading.Thread(target=self._watch, daemon=True)
        self._watching.start()

    def ask(self, name, endpoint, *arguments):
        """What somebody is answered; a refusal as its sentence."""
        try:
            answer = self.clients[name].predict(*arguments, api_name=endpoint)
        except AppError as error:
            answer = f"refused: {error}"
        self.answers.append(answer)
        return answer

    def wait_for(self, name, run_id):
        for _ in range(400):
            status = self.ask(name, "/run_status", run_id)
            if status["state"] not in LIVING:
                return status
            time.sleep(0.25)
        raise AssertionError(status)

    def _watch(self):
        """Arguments and environments of the server's children, as anybody with its user can read them."""
        own = " ".join(psutil.Process(self.process.pid).cmdline())
        while self.process.poll() is None:
            for child in psutil.Process(self.process.pid).children(recursive=True):
                try:
                    about = [" ".join(child.cmdline()), *(f"{key}={value}" for key, value in child.environ().items())]
                except psutil.Error:
                    continue
                if len(about) > 1 and about[0] != own:  # else it is not yet the program it is to be
                    self.seen[child.pid, about[0]] = about
            time.sleep(0.02)

    def close(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(20)
        self.hub.__exit__()


@pytest.fixture(scope="module")
def space(tmp_path_factory, tiny_models):
    made = Space(tmp_path_factory.mktemp("space"), tiny_models)
    yield made
    made.close()


@pytest.fixture(scope="module")
def run(space):
    """Id of Anna's completed run on rows that she alone may read."""
    run_id = space.ask("anna", "/start_run", SETTINGS)["run_id"]
    status = space.wait_for("anna", run_id)
    assert (status["state"], status["owner"]) == ("completed", "anna"), status
    return run_id


def test_a_worker_reads_with_the_token_of_who_started_it(space, run):
    asked = {request.authorization for request in space.hub.requests if "anna/rows" in request.path}
    assert asked == {f"Bearer {TOKENS['anna']}"}


FOREIGN = {
    "/run_status": (), "/run_events": (0,), "/stop_run": (), "/resume_run": (), "/move_run": (1,), "/delete_run": (),
    "/share_run": (), "/push": ("ben/model",), "/evaluate": (), "/predict": (["fine"],), "/explain": ("fine",),
}  # fmt: skip


@pytest.mark.parametrize("endpoint", FOREIGN)
@pytest.mark.parametrize("name", ["ben", ""])
def test_neither_ben_nor_a_visitor_can_touch_anna_s_run(space, run, endpoint, name):
    answer = space.ask(name, endpoint, run, *FOREIGN[endpoint])
    assert f"There is no run '{run}'" in answer
    assert space.ask("anna", "/run_status", run)["state"] == "completed"


def test_each_sees_their_own_and_the_owner_all(space, run):
    assert [[row["run_id"] for row in space.ask(name, "/list_runs")] for name in ("anna", "ben", "", "chief")] == [
        [run], [], [], [run]
    ]  # fmt: skip


def test_what_is_being_trained_is_hidden_and_cannot_be_stopped_by_others(space, run):
    long = {**SETTINGS, "training": {**QUICK, "max_steps": 100_000}}
    living = space.ask("anna", "/start_run", long)["run_id"]
    for endpoint in ("/stop_run", "/resume_run", "/delete_run"):
        assert "There is no run" in space.ask("ben", endpoint, living)
    waiting = space.ask("anna", "/start_run", SETTINGS)["run_id"]
    assert "There is no run" in space.ask("ben", "/move_run", waiting)
    assert space.ask("anna", "/run_status", living)["state"] in LIVING
    for run_id in (waiting, living):
        space.ask("anna", "/stop_run", run_id)
        assert space.wait_for("anna", run_id)["state"] == "stopped"
        assert space.ask("chief", "/delete_run", run_id)["deleted"]


def test_a_shared_run_is_used_and_no_more(space, run):
    space.ask("anna", "/share_run", run)
    try:
        for name in ("ben", ""):
            assert [row["run_id"] for row in space.ask(name, "/list_runs")] == [run]
            assert set(space.ask(name, "/predict", run, ["fine"])[0]["probabilities"]) == {"neg", "pos"}
            for endpoint in ("/stop_run", "/resume_run", "/delete_run", "/share_run", "/move_run"):
                assert "refused: You " in space.ask(name, endpoint, run)
        assert "You may not push" in space.ask("ben", "/push", run, "ben/model")
        assert space.ask("ben", "/evaluate", run)["n"] > 0
    finally:
        space.ask("anna", "/share_run", run, False)
    assert "There is no run" in space.ask("ben", "/predict", run, ["fine"])


@pytest.mark.parametrize(("source", "why"), [("anna/rows", "not on the Hub, or it is private"), ("team/gated", "is gated")])
def test_what_one_may_read_is_not_answered_to_another_from_a_cache(space, source, why):
    """Anna looks first: by then the rows lie in three caches of the server."""
    for _ in range(2):
        assert space.ask("anna", "/preview", source, None, "train", None, None, "public/tiny")["labels"] == ["neg", "pos"]
        for name in ("ben", ""):
            assert why in space.ask(name, "/preview", source, None, "train", None, None, "public/tiny")
            assert why in space.ask(name, "/estimate", {"data": {"source": source}, "model": {"name": "public/tiny"}})


def test_a_foreign_host_gets_the_page_and_nothing_else(space):
    """Who looks whether the Space is up may not know its name."""
    assert status(space.url, headers={"Host": "10.1.2.3:7860"}) == 200
    assert status(f"{space.url}/config", headers={"Host": "evil.example"}) == 400


def test_a_visitor_starts_nothing(space):
    assert "You have to log in to train here" in space.ask("", "/start_run", SETTINGS)


def test_a_visitor_uploads_nothing(space):
    body = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.csv"\r\n\r\ntext\r\n--x--\r\n'
    for cookie, code in (("", 401), (cookie_of(space.hub, space.url, "anna"), 200)):
        headers = {"Content-Type": "multipart/form-data; boundary=x", "Cookie": cookie}
        assert status(f"{space.url}/gradio_api/upload", method="POST", headers=headers, body=body) == code


def test_a_token_is_taken_where_a_program_hands_it_over_and_nowhere_else(space, run):
    """gradio_client sends `token`, by default the one that lies on its machine, to every app; `oauth_token` is meant for this."""
    given = Client(space.url, oauth_token=TOKENS["anna"], verbose=False)
    assert [row["run_id"] for row in given.predict(api_name="/list_runs")] == [run]
    sent = Client(space.url, token=TOKENS["anna"], headers={"Authorization": f"Bearer {TOKENS['anna']}"}, verbose=False)
    assert sent.predict(api_name="/list_runs") == []
    with pytest.raises(AppError, match=r"does not know|does not accept"):
        Client(space.url, oauth_token="hf_invented", verbose=False).predict(api_name="/list_runs")


def test_one_post_answers_who_logged_in_or_hands_over_a_token(space, run):
    def ask(headers=None, **more):
        body = json.dumps({"data": [run, ["fine"]], **more})
        return httpx.post(f"{space.url}/gradio_api/run/predict", content=body, headers=headers, timeout=60).json()

    assert "There is no run" in ask()["error"]
    for answered in (ask(oauth_token=TOKENS["anna"]), ask({"Cookie": cookie_of(space.hub, space.url, "anna")})):
        assert answered["data"][0][0]["text"] == "fine"


def test_a_forged_cookie_is_nobody(space, run):
    info = {"access_token": "x", "expires_at": time.time() + 60, "scope": "", "userinfo": {"preferred_username": "anna"}}
    forged = base64.b64encode(json.dumps({"oauth_info": info}).encode()).decode()
    assert client(space.url, f"session={forged}.aaaa.bbbb").predict(api_name="/list_runs") == []


def files_of(folder):
    return (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def files_with(folder, forms):
    return [path for path in files_of(folder) if any(form in path.read_bytes() for form in forms)]


def test_after_a_push_no_token_is_found_anywhere(space, run):
    space.ask("anna", "/evaluate", run, "anna/rows", "validation")
    space.ask("anna", "/explain", run, "i love this film")
    pushed = space.ask("anna", "/push", run, "anna/model")
    assert pushed["commit"], pushed
    assert "as the model of this machine does" in pushed["answers"]
    tokens = [*TOKENS.values(), SPACE_TOKEN]
    wanted = [form for token in tokens for form in (token.encode(), base64.b64encode(token.encode()).rstrip(b"=")[:-1])]
    assert len(space.seen) >= 3, "the workers were not seen"
    texts = {"answers": json.dumps(space.answers), **{str(key): "\0".join(about) for key, about in space.seen.items()}}
    planted = space.folder / "home" / "planted"
    planted.write_bytes(b"..." + base64.b64encode(TOKENS["anna"].encode()))
    assert files_with(space.folder, wanted) == [planted]  # it would be found
    planted.unlink()
    files = list(files_of(space.folder))
    assert {"status.json", "events.jsonl", "train.log", "push.json", "config.yaml", "server.log"} <= {path.name for path in files}
    assert [name for name, text in texts.items() if any(form.decode() in text for form in wanted)] == []
    assert files_with(space.folder, wanted) == []
    sent = [path for repo in space.hub.repos.values() for path in repo.files.values()]
    assert [path for path in sent if any(form in path.read_bytes() for form in wanted)] == []


def test_the_token_of_the_space_was_never_used(space, run):
    assert [each.path for each in space.hub.requests if each.authorization == f"Bearer {SPACE_TOKEN}"] == []
