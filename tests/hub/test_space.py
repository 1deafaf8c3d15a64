"""Spaces on the loopback Hub: exactly the files they need, one commit, hardware that was asked for, and faults in words."""

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.hub.server import TOKEN
from tests.serving import ROOT
from tuner.errors import ModelError, NetworkError, SettingsError
from tuner.hub.client import Client
from tuner.hub.space import deploy_trainer, make_demo
from tuner.hub.space_files import app_files, demo_files
from tuner.hub.space_stage import wait

SPACE = ("space", "owner/model-demo")
DEMO_FILES = {
    "README.md", "app.py", "classifier.py", "colours.py", "drawing.py", "requirements.txt", "spans.py", "theme.py"
}  # fmt: skip


@pytest.fixture
def model(hub, files):
    """A model on the Hub, as far as one is looked at before a demo of it is made."""
    folder = files("model", {"config.json": "{}", "model.safetensors": "weights"})
    hub.add("model", "owner/model", folder)
    return "owner/model"


def demo(hub, **more):
    return make_demo("owner/model-demo", "owner/model", token=TOKEN, endpoint=hub.url, **more)


def uploaded(hub, name="owner/model-demo"):
    return {path: file.read_text() for path, file in hub.repos["space", name].files.items() if path != ".gitattributes"}


def front_of(readme):
    return yaml.safe_load(readme.split("---\n")[1])


def test_a_demo_is_a_private_space_of_eight_files_on_the_free_cpu(hub, model):
    made = demo(hub)
    assert set(uploaded(hub)) == DEMO_FILES
    assert (made.link, made.private, made.stage) == (f"{hub.url}/spaces/owner/model-demo", True, "BUILDING")
    assert (hub.repos[SPACE].fault, hub.spaces["owner/model-demo"].hardware) == ("private", "cpu-basic")
    assert hub.commits == ["Demo, by Tuner"]


def test_its_front_matter_names_the_model_and_our_gradio(hub, model):
    demo(hub)
    front = front_of(uploaded(hub)["README.md"])
    assert (front["models"], front["title"], front["sdk"]) == (["owner/model"], "model", "gradio")
    assert f"gradio=={front['sdk_version']}" in uploaded(hub)["requirements.txt"].splitlines()
    assert len(front["short_description"]) <= 60
    assert "{{" not in uploaded(hub)["README.md"]


def test_the_same_again_makes_no_commit(hub, model):
    first, again = demo(hub), demo(hub)
    assert (first.unchanged, again.unchanged, again.commit) == (False, True, first.commit)
    assert len(hub.commits) == 1


def test_an_answer_lost_after_the_commit_makes_one_commit(hub, model):
    hub.fail("commit", "lost")
    assert not demo(hub).unchanged
    assert len(hub.commits) == 1


def test_a_private_model_is_refused_unless_a_token_is_lent(hub, files, model):
    hub.add("model", "owner/model", hub.repos["model", "owner/model"].folder, "private")
    with pytest.raises(ModelError, match=r"is private: the Space .* could not read it\. Lend the Space your token"):
        demo(hub)
    assert SPACE not in hub.repos
    demo(hub, lend_token=True)
    assert hub.spaces["owner/model-demo"].secrets == {"HF_TOKEN": TOKEN}
    assert TOKEN not in "".join(uploaded(hub).values())
    assert demo(hub).unchanged  # the secret is there already


@pytest.mark.parametrize(("name", "words"), [("owner/none", "There is no model"), ("owner/empty", "holds no model")])
def test_what_is_no_model_is_refused_before_anything_is_made(hub, files, name, words):
    hub.add("model", "owner/empty", files("empty", {"README.md": "nothing"}))
    with pytest.raises(ModelError, match=words):
        make_demo("owner/model-demo", name, token=TOKEN, endpoint=hub.url)
    assert SPACE not in hub.repos


def test_paid_hardware_says_its_price_and_sleeps(hub, model):
    made = demo(hub, hardware="t4-small")
    assert made.price == "t4-small: Nvidia T4 - small, 4 vCPU, 15 GB, 0.40 USD an hour while it runs."
    assert (hub.spaces["owner/model-demo"].hardware, hub.spaces["owner/model-demo"].sleep) == ("t4-small", 3600)


def test_a_space_that_is_there_moves_to_the_hardware_that_is_asked_for(hub, model):
    demo(hub)
    demo(hub, hardware="t4-small")
    assert hub.spaces["owner/model-demo"].hardware == "t4-small"
    asked = [request.path for request in hub.requests if request.method == "POST" and request.path.endswith("/hardware")]
    demo(hub, hardware="t4-small")
    assert len(asked) == 1
    assert sum(r.method == "POST" and r.path.endswith("/hardware") for r in hub.requests) == 1


def test_hardware_that_does_not_exist_is_refused_with_those_that_do(hub, model):
    with pytest.raises(SettingsError, match="'t5-huge': Spaces run on cpu-basic, cpu-upgrade, t4-small, zero-a10g"):
        demo(hub, hardware="t5-huge")
    assert SPACE not in hub.repos


def test_on_zerogpu_python_and_torch_are_those_it_has(hub, model):
    demo(hub, hardware="zero-a10g")
    assert front_of(uploaded(hub)["README.md"])["python_version"] == "3.12.12"
    assert "torch==2.11.0" in uploaded(hub)["requirements.txt"].splitlines()


@pytest.mark.parametrize(
    ("step", "fault", "words"),
    [
        ("create", 402, "does not give 'owner/model-demo' that hardware.*zero-a10g"),
        ("create", 403, "no more room"),
        ("create", 503, "answered 503"),
        ("commit", 401, "does not accept your token"),
        ("commit", "drop", "connection to the Hub broke"),
        ("auth-check", 403, "no more room|may not write"),
    ],
)
def test_faults_are_sentences_and_it_can_be_made_again(hub, model, step, fault, words):
    hub.fail(step, fault)
    with pytest.raises(NetworkError, match=words):
        demo(hub)
    assert not demo(hub).unchanged
    assert len(hub.commits) == 1


def test_the_app_of_somebody_else_is_not_written_over(hub, model, files):
    for name, readme in (("owner/other", "sdk: gradio"), ("owner/docker", "sdk: docker")):
        hub.add("space", name, files(name, {"README.md": f"---\n{readme}\n---\n", "app.py": "print()"}), "private")
        with pytest.raises(NetworkError, match="holds an"):
            make_demo(name, "owner/model", token=TOKEN, endpoint=hub.url)
    assert hub.commits == []


@pytest.mark.parametrize("name", ["model", "owner/a b", "somebody/demo"])
def test_names_that_nobody_or_somebody_else_may_write_to(hub, model, name):
    with pytest.raises((SettingsError, NetworkError), match=r"no name of a repository|You cannot write under 'somebody'"):
        make_demo(name, "owner/model", token=TOKEN, endpoint=hub.url)


def test_an_owner_in_other_letters_is_the_person(hub, model):
    made = make_demo("OWNER/model-demo", "owner/model", token=TOKEN, endpoint=hub.url)
    assert (made.repo_id, SPACE in hub.repos) == ("owner/model-demo", True)


def test_a_public_space_is_not_taken_for_a_private_one(hub, model):
    demo(hub, private=False)
    with pytest.raises(NetworkError, match="everybody may read it"):
        demo(hub)


def test_stages_are_followed_until_they_change_no_more(hub, model):
    made = demo(hub)
    hub.spaces["owner/model-demo"].stages = ["BUILDING", "APP_STARTING", "RUNNING"]
    found = wait(made, Client(TOKEN, hub.url), every=0.01)
    assert (found.stage, str(found), found.going_on) == ("RUNNING", "It is running.", False)


def test_a_build_that_goes_on_is_waited_for_only_so_long(hub, model):
    assert wait(demo(hub), Client(TOKEN, hub.url), seconds=0.2, every=0.05).stage == "BUILDING"


def test_a_failed_build_says_why_and_where_its_log_is(hub, model):
    made = demo(hub)
    hub.spaces["owner/model-demo"].stages, hub.spaces["owner/model-demo"].problem = ["BUILD_ERROR"], "No matching\ndistribution"
    found = wait(made, Client(TOKEN, hub.url))
    assert str(found) == f"It could not be built. (No matching distribution) Its log: {made.link}?logs=build"


def test_a_hub_that_does_not_say_how_far_it_is_fails_nothing(hub, model):
    hub.fail("runtime", 500)
    made = demo(hub)
    assert (made.stage, made.unchanged) == ("UNKNOWN", False)


def test_the_trainer_holds_the_package_as_git_knows_it(hub):
    made = deploy_trainer("owner/tuner", token=TOKEN, endpoint=hub.url)
    files = uploaded(hub, "owner/tuner")
    known = subprocess.run(["git", "ls-files", "tuner"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert {path for path in files if path.startswith("tuner/")} == set(known)
    assert {path for path in files if not path.startswith("tuner/")} == {"README.md", "app.py", "requirements.txt"}
    assert all(files[path] == (ROOT / path).read_text() for path in known)
    assert (made.kind, deploy_trainer("owner/tuner", token=TOKEN, endpoint=hub.url).unchanged) == ("trainer", True)


def test_a_module_that_is_gone_goes_from_the_trainer_and_a_person_s_own_file_stays(hub):
    deploy_trainer("owner/tuner", token=TOKEN, endpoint=hub.url)
    there = hub.repos["space", "owner/tuner"]
    for name in ("tuner/gone.py", "notes.md"):
        (there.folder / name).write_text("old")
    again = deploy_trainer("owner/tuner", token=TOKEN, endpoint=hub.url)
    assert (again.unchanged, "tuner/gone.py" in there.files, "notes.md" in there.files) == (False, False, True)
    assert deploy_trainer("owner/tuner", token=TOKEN, endpoint=hub.url).unchanged


def test_a_file_that_lies_about_in_the_package_is_not_sent():
    stray = ROOT / "tuner" / "stray_secret_notes.md"
    stray.write_text("mine")
    try:
        assert "tuner/stray_secret_notes.md" not in app_files("trainer")
    finally:
        stray.unlink()


def test_zerogpu_runs_on_zerogpu(hub):
    deploy_trainer("owner/ask", token=TOKEN, endpoint=hub.url, zerogpu=True)
    assert hub.spaces["owner/ask"].hardware == "zero-a10g"
    assert "TUNER_TRAINS" in uploaded(hub, "owner/ask")["app.py"]


def test_no_file_of_a_space_holds_a_secret_or_a_path_of_this_machine():
    every = {**demo_files("owner/a", "owner/b", "https://huggingface.co/owner/b"), **app_files("trainer"), **app_files("zerogpu")}
    said = b"\n".join(every.values()).decode()
    assert [word for word in (str(Path.home()) + "/", str(ROOT)) if len(word) > 7 and word in said] == []
