"""The apps of the trainer and ZeroGPU Spaces, started from what was uploaded, with the variables a Space has."""

import urllib.error
import urllib.request

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from playwright.sync_api import expect

from tests.e2e.conftest import shot
from tests.hub.server import TOKEN
from tests.space_apps import clean
from tests.space_apps.conftest import written
from tuner.hub.space import deploy_trainer
from tuner.hub.space_files import app_files

HOST = "owner-tuner.hf.space"
SPACE = {"SPACE_ID": "owner/tuner", "SPACE_HOST": HOST, "SPACE_AUTHOR_NAME": "owner", "ACCELERATOR": "none"}


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """An environment of the requirements; of ZeroGPU's torch 2.11.0 and of the login's packages it takes what is here."""
    wanted = clean.requirements(app_files("zerogpu")["requirements.txt"].decode())
    for each in wanted:
        each.specifier = each.specifier if each.name != "torch" else type(each.specifier)(">=2.10,<2.14")
    return clean.environment(tmp_path_factory.mktemp("app") / "venv", clean.closure(wanted))


# Gradio itself puts the Space's name on a page whose SPACE_ID is set.
GRADIO_S_HEADER = ("https://fonts.googleapis.com/", "https://huggingface.co/")


def deployed(hub, folder, kind):
    deploy_trainer("owner/tuner", token=TOKEN, endpoint=hub.url, zerogpu=kind == "zerogpu")
    return written(hub, "owner/tuner", folder / "space")


def status(url, host):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Host": host}), timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.slow
def test_the_trainer_serves_its_space_and_no_other_host(start, python, hub, tmp_path, page_of):
    folder = deployed(hub, tmp_path, "trainer")
    with start(python, folder, host="0.0.0.0", **SPACE) as url:
        asked = f"{url.rstrip('/')}/gradio_api/info"
        assert (status(asked, HOST), status(asked, "evil.example")) == (200, 400)
        assert Client(url, verbose=False).predict(api_name="/list_runs") == []
        with pytest.raises(AppError, match="Paths are not read here"):
            Client(url, verbose=False).predict("/etc/passwd", api_name="/preview")
        with page_of(url, allowed=GRADIO_S_HEADER) as page:
            expect(page.get_by_role("tab", name="Train", exact=True)).to_be_visible()
            shot(page, "space-trainer")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_zerogpu_answers_and_evaluates_alone(start, python, hub, files, tiny_models, tmp_path, page_of, learnt):
    from tests import tiny
    from tests.hub.conftest import as_csv

    model = files("learnt", {})
    model.mkdir(parents=True)
    learnt.model.save_pretrained(model)
    learnt.tokenizer.save_pretrained(model)
    hub.add("model", "owner/learnt", model)
    hub.add("dataset", "owner/rows", files("rows", {"train.csv": as_csv(tiny.labelled_rows(60))}))
    with start(python, deployed(hub, tmp_path, "zerogpu"), host="0.0.0.0", **SPACE) as url:
        client = Client(url, verbose=False)
        (found,) = client.predict("owner/learnt", ["a superb film"], api_name="/predict")
        assert (found["label"], found["probabilities"]) == (
            "pos",
            pytest.approx(learnt.predict(["a superb film"])[0].probabilities),
        )
        assert client.predict("owner/learnt", "owner/rows", "all", api_name="/evaluate")["n"] == 60
        settings = {"data": {"source": "owner/rows"}, "model": {"name": "owner/learnt"}}
        with pytest.raises(AppError, match="Nothing is trained here"):
            client.predict(settings, api_name="/start_run")
        for dark in (False, True):
            with page_of(url, dark, GRADIO_S_HEADER) as page:
                tabs = page.locator("#tabs > .tab-wrapper").get_by_role("tab")
                expect(tabs.filter(visible=True)).to_have_text(["Evaluate", "Playground"])
                expect(page.locator("body")).to_contain_text("Nothing is trained here")
                expect(page.get_by_role("tab", name="Playground", exact=True)).to_have_attribute("aria-selected", "true")
                page.get_by_role("tab", name="Evaluate", exact=True).click()
                expect(page.locator("#answer")).to_contain_text("Name a model")
                page.locator("#evaluate-model textarea, #evaluate-model input").fill("owner/learnt")
                page.locator("#evaluate-source input").fill("owner/rows")
                page.keyboard.press("Enter")
                page.get_by_role("radio", name="all", exact=True).check()
                page.click("#evaluate")
                expect(page.locator("#answer")).to_contain_text("60 rows")
                shot(page, f"space-zerogpu-{'dark' if dark else 'light'}")
    said = start.log.read_text()  # Gradio's reloader misses the package that a Space installs
    assert said.count("Traceback") == said.count("`spaces` package is required to run hot-reloading")
