"""Every offered architecture: trains, saves, loads elsewhere, and padding changes no answer."""

import numpy as np
import pytest
import torch

from tests import tiny
from tuner.inference import load_classifier

TEXTS = [
    "what great",
    "i hate this awful boring film so much today",
    "okay",
    "the city was wonderful today and the coffee was superb",
]


@pytest.fixture(scope="module", params=tiny.ARCHITECTURES)
def trained(request, tiny_models, tmp_path_factory):
    """A run's model folder, trained for six steps."""
    from tuner import runs
    from tuner.config import RunConfig
    from tuner.launch.local import prepare
    from tuner.training import worker

    folder = tmp_path_factory.mktemp("trained")
    source = folder / "rows.csv"
    source.write_text("\n".join(["text,label", *(f"{text},{label}" for text, label in tiny.labelled_rows(40))]))
    settings = {
        "max_steps": 6,
        "per_device_train_batch_size": 8,
        "precision": "fp32",
        "eval_strategy": "no",
        "save_strategy": "no",
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNER_HOME", str(folder))
        patch.setattr("signal.signal", lambda *_: None)
        config = RunConfig(data={"source": str(source)}, model={"name": str(tiny_models[request.param])}, training=settings)
        run = runs.create(prepare(config))
        assert worker.main(run.id) == 0, run.status.message
    return run.model_folder


def probabilities(predictions):
    return np.array([list(prediction.probabilities.values()) for prediction in predictions])


def plain(folder):
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    return AutoModelForSequenceClassification.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)


def test_a_plain_pipeline_loads_it_and_agrees(trained):
    from transformers import pipeline

    # The run cut its texts; a pipeline does so only when told to.
    answers = pipeline("text-classification", model=str(trained), top_k=None)(TEXTS, truncation=True)
    ours = load_classifier(str(trained)).plain().predict(TEXTS)
    assert {answer["label"] for answer in answers[0]} == {"neg", "pos"}
    for answer, prediction in zip(answers, ours, strict=True):
        assert {a["label"]: a["score"] for a in answer} == pytest.approx(prediction.probabilities, abs=1e-5)


def test_a_batch_is_answered_as_its_texts_alone(trained):
    classifier = load_classifier(str(trained))
    alone = [classifier.predict([text])[0] for text in TEXTS]
    np.testing.assert_allclose(probabilities(classifier.predict(TEXTS)), probabilities(alone), atol=1e-5)


def test_padding_changes_nothing_after_a_plain_reload(trained):
    model, tokenizer = plain(trained)
    with torch.no_grad():
        batch = model(**tokenizer(TEXTS, padding=True, return_tensors="pt")).logits
        alone = torch.cat([model(**tokenizer(text, return_tensors="pt")).logits for text in TEXTS])
    assert tokenizer.padding_side == "right"
    torch.testing.assert_close(batch, alone, atol=1e-5, rtol=0)


def test_model_and_tokenizer_agree_on_the_pad_token(trained):
    model, tokenizer = plain(trained)
    assert tokenizer.pad_token_id is not None
    assert model.config.pad_token_id == tokenizer.pad_token_id


def test_a_text_longer_than_the_model_reads_is_cut_and_said_to_be(trained):
    prediction = load_classifier(str(trained)).predict(["great " * 500])[0]
    assert prediction.cut
    assert prediction.tokens <= tiny.LIMIT


def test_weights_are_float32(trained):
    assert {parameter.dtype for parameter in plain(trained)[0].parameters()} == {torch.float32}
