"""deploy, and push --space, as commands: what they print, how they end, and what they refuse."""

import json

import pytest

from tests.hub.server import TOKEN
from tests.hub.test_space import DEMO_FILES, model, uploaded  # noqa: F401 (a fixture)
from tuner.hub import space_of


def test_a_push_makes_a_demo_beside_the_model(hub, trained, tuner):
    done = tuner("push", trained.id, "owner/model", "--public", "--space", "--no-compare", "--json", HF_TOKEN=TOKEN).json
    assert (done["repo_id"], done["space"]["repo_id"], done["space"]["private"]) == ("owner/model", "owner/model-demo", False)
    assert set(uploaded(hub)) == DEMO_FILES
    assert space_of(trained).link == f"{hub.url}/spaces/owner/model-demo"
    assert TOKEN not in (trained.folder / "space.json").read_text()


def test_a_private_one_needs_a_token_that_is_lent_and_nothing_is_pushed_without(hub, trained, tuner):
    refused = tuner("push", trained.id, "owner/model", "--space", HF_TOKEN=TOKEN)
    assert (refused.code, "--lend-token" in refused.err, hub.commits) == (2, True, [])
    done = tuner("push", trained.id, "owner/model", "--space", "owner/show", "--lend-token", "--no-compare", HF_TOKEN=TOKEN)
    assert f"The Space is on the Hub, private: {hub.url}/spaces/owner/show" in done.out
    assert hub.spaces["owner/show"].secrets == {"HF_TOKEN": TOKEN}


def test_deploy_says_where_it_is_what_it_costs_and_how_far_it_is(hub, tuner):
    done = tuner("deploy", "trainer", "--repo", "owner/tuner", "--hardware", "t4-small", HF_TOKEN=TOKEN)
    assert done.out.splitlines() == [
        f"The Space is on the Hub, private: {hub.url}/spaces/owner/tuner",
        "Hardware t4-small: Nvidia T4 - small, 4 vCPU, 15 GB, 0.40 USD an hour while it runs.",
        "It is being built; that takes some minutes.",
        "Its runs are lost when it restarts, unless a bucket is mounted at /data or a repository keeps them: --keep-runs "
        "OWNER/DATASET, or see its README.",
    ]
    assert "TUNER_KEEP_TOKEN" in uploaded(hub, "owner/tuner")["README.md"]
    again = tuner("deploy", "trainer", "--repo", "owner/tuner", "--json", HF_TOKEN=TOKEN).json
    assert (again["unchanged"], again["hardware"]) == (True, "t4-small")


def test_a_trainer_can_be_given_a_repository_that_keeps_its_runs(hub, tuner, files):
    deploy = ("deploy", "trainer", "--repo", "owner/tuner", "--keep-runs")
    hub.add("dataset", "owner/open", files("open", {"README.md": "open"}))
    refused = tuner(*deploy, "owner/open", HF_TOKEN=TOKEN)
    assert (refused.code, "public" in refused.err, hub.spaces) == (2, True, {})
    assert "Its runs are kept in owner/runs." in tuner(*deploy, "owner/runs", HF_TOKEN=TOKEN).out
    made = hub.spaces["owner/tuner"]
    assert (made.variables, made.secrets) == ({"TUNER_KEEP_REPO": "owner/runs"}, {"TUNER_KEEP_TOKEN": TOKEN})


def test_a_build_that_fails_ends_with_1(hub, model, tuner):  # noqa: F811
    demo = ("deploy", "demo", "--repo", "owner/model-demo", "--model", "owner/model", "--json")
    tuner(*demo, HF_TOKEN=TOKEN)
    hub.spaces["owner/model-demo"].stages = ["BUILDING", "BUILD_ERROR"]
    answer = tuner(*demo, "--wait", HF_TOKEN=TOKEN)
    assert (answer.code, json.loads(answer.out)["stage"]) == (1, "BUILD_ERROR")


def test_a_dry_run_lists_the_files_and_asks_nothing(hub, tuner):
    listed = tuner("deploy", "demo", "--repo", "owner/a", "--model", "owner/b", "--dry-run", "--json").json
    assert {file["path"] for file in listed["files"]} == DEMO_FILES
    assert "tuner/ui/serve.py" in tuner("deploy", "trainer", "--repo", "owner/a", "--dry-run").out
    assert hub.requests == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("demo",), "--model is missing"),
        (("trainer", "--model", "owner/model"), "--model is for a demo"),
        (("trainer", "--lend-token"), "--lend-token is for a demo"),
        (("zerogpu", "--keep-runs", "owner/runs"), "--keep-runs is for a trainer"),
        (("zerogpu", "--hardware", "t4-small"), "zero-a10g alone"),
        (("trainer",), "no Hugging Face token"),
    ],
)
def test_what_cannot_be_is_refused_in_two_lines(tuner, arguments, words):
    answer = tuner("deploy", *arguments, "--repo", "owner/space")
    assert (answer.code, len(answer.err.strip().splitlines())) == (2, 2)
    assert words in answer.err
