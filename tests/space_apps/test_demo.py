"""The demo Space's app in a clean environment from its own requirements: its answers are the model's, and it shows them."""

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from playwright.sync_api import expect

from tests.e2e.conftest import shot
from tests.hub.server import TOKEN
from tests.space_apps import clean
from tests.space_apps.conftest import written
from tuner.explain import explain
from tuner.hub.push import push
from tuner.hub.space import make_demo
from tuner.inference import Answering, load_classifier, save_answering

TEXT = "the film was superb today , the train was awful & <b>late</b>"


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The Python of an environment that holds the demo's requirements alone."""
    from tuner.hub.space_files import demo_files

    wanted = demo_files("owner/a", "owner/b", "")["requirements.txt"].decode()
    return clean.environment(tmp_path_factory.mktemp("demo") / "venv", clean.closure(clean.requirements(wanted)))


@pytest.fixture
def folder(hub, trained, tmp_path):
    """The files of a demo of a pushed run with a temperature and a threshold, as they lie on the Hub."""
    threshold = {"value": 0.9, "rule": "precision", "coverage": 0.5, "precision": 0.9, "n_fitted": 20, "target": 0.9}
    save_answering(trained.model_folder, Answering(temperature=1.7, threshold=threshold))
    where = {"token": TOKEN, "endpoint": hub.url}
    push(trained, "owner/model", private=False, compare=False, **where)
    make_demo("owner/model-demo", "owner/model", **where)
    return written(hub, "owner/model-demo", tmp_path / "space")


@pytest.mark.slow
def test_it_answers_and_explains_as_tuner_does(start, python, folder, trained):
    own = load_classifier(trained)
    texts = [TEXT, "a great phone", "meh", "long " * 200]
    with start(python, folder) as url:
        client = Client(url, verbose=False)
        answers = client.predict(texts, api_name="/predict")
        for found, expected in zip(answers, own.predict(texts), strict=True):
            assert (found["label"], found["unsure"]) == (expected.label, expected.unsure)
            assert found["probabilities"] == pytest.approx(expected.probabilities, abs=1e-5)
        for text in texts:
            found, expected = client.predict(text, api_name="/explain"), explain(own, text, None, "leave_one_out")
            assert [word["text"] for word in found["words"]] == [word.text for word in expected.words]
            assert [w["score"] for w in found["words"]] == pytest.approx([w.score for w in expected.words], abs=1e-5)
        other = client.predict("a great phone", "neg", api_name="/explain")
        assert other["label"] == "neg"


@pytest.mark.slow
def test_bad_input_is_a_sentence(start, python, folder):
    with start(python, folder) as url:
        client = Client(url, verbose=False)
        bad = {" ": "is empty", "\u200b": "is empty", ("a",) * 201: "Between 1 and 200 texts", (): "Between 1 and 200 texts"}
        for texts, words in bad.items():
            with pytest.raises(AppError, match=words):
                client.predict(texts if isinstance(texts, str) else list(texts), api_name="/predict")
        with pytest.raises(AppError, match="has no label 'x'"):
            client.predict("fine", "x", api_name="/explain")
        assert client.predict("\x00\x1b[0m great 😀 ‮abc", api_name="/predict")[0]["label"] in ("neg", "pos")
        assert len(client.predict("word " * 200_000, api_name="/predict")) == 1
    assert "Traceback" not in start.log.read_text()


@pytest.mark.slow
def test_it_shows_in_a_browser(start, python, folder, page_of):
    with start(python, folder) as url:
        for dark in (False, True):
            with page_of(url, dark) as page:
                expect(page.locator("body")).to_contain_text("accuracy")
                expect(page.locator("body")).to_contain_text("intervals are 95 %")
                page.locator("#text textarea").fill(TEXT)
                expect(page.locator("#answer")).to_contain_text("Only the first 16 tokens were read")
                page.click("#explain")
                expect(page.locator("#words")).to_contain_text("<b>late</b>")
                assert page.locator("#words b").count() == 0
                shot(page, f"demo-one-{'dark' if dark else 'light'}")
                page.get_by_role("tab", name="Many texts", exact=True).click()
                page.locator("#lines textarea").fill("a great phone\n\nawful coffee\n=1+1")
                page.get_by_role("button", name="Answer all", exact=True).click()
                expect(page.locator("#answers")).to_contain_text("awful coffee")
                shot(page, f"demo-many-{'dark' if dark else 'light'}")


@pytest.mark.slow
def test_a_private_model_is_read_with_the_secret_and_refused_without(start, python, folder, hub):
    repo = hub.repos["model", "owner/model"]
    hub.add("model", "owner/model", repo.folder, "private")
    with start(python, folder) as url, pytest.raises(AppError, match="is not on the Hub, or it is private"):
        Client(url, verbose=False).predict("fine", api_name="/predict")
    with start(python, folder, HF_TOKEN=TOKEN) as url:
        assert Client(url, verbose=False).predict("fine", api_name="/predict")[0]["label"] in ("neg", "pos")
    assert TOKEN not in start.log.read_text()


def test_the_environment_holds_no_tuner_and_no_training():
    from tuner.hub.space_files import demo_files

    wanted = demo_files("owner/a", "owner/b", "")["requirements.txt"].decode()
    assert not {"tuner", "datasets", "scikit-learn", "pytest", "captum"} & clean.closure(clean.requirements(wanted)).keys()
