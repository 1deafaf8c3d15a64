"""Training a finished run's model further."""

import pytest
import torch

from tests import tiny
from tuner import modeling, runs
from tuner.config import DataConfig, RunConfig
from tuner.data.labelled import load_labelled
from tuner.errors import ModelError, RunError, SettingsError, SourceError
from tuner.launch.estimate import estimate
from tuner.launch.local import continuation, prepare
from tuner.person import Person, acting
from tuner.scoring import evaluate
from tuner.structure import heads
from tuner.training import earlier
from tuner.training.build import build_model

LABELS = ("neg", "pos")


def weights(folder):
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


@pytest.fixture
def finished(train_here, tiny_config):
    return lambda architecture="bert", **more: train_here(tiny_config(architecture, **more))


def model_of(config):
    config = prepare(config)
    base = modeling.find_base_model(config.model.name)
    from tuner.data.labelled import load_labelled

    return build_model(config, base, modeling.load_tokenizer(base), load_labelled(config.data).labels)[0]


@pytest.mark.slow
@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_it_begins_with_the_weights_the_run_ended_with(finished, architecture):
    run = finished(architecture)
    begun = model_of(continuation(run)).state_dict()
    for name, tensor in weights(run.model_folder).items():
        assert torch.equal(begun[name], tensor), name


def test_labels_in_another_order_keep_their_rows_of_the_head(finished):
    run = finished()
    base = modeling.find_base_model(f"run:{run.id}")
    tokenizer = modeling.load_tokenizer(base)
    there = modeling.load_for_training(base, tokenizer, LABELS, 1, keep_head=True)
    back = modeling.load_for_training(base, tokenizer, LABELS[::-1], 1, keep_head=True)
    assert torch.equal(there.classifier.weight, back.classifier.weight.flip(0))
    assert torch.equal(there.classifier.bias, back.classifier.bias.flip(0))
    assert back.config.id2label == {0: "pos", 1: "neg"}


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_without_keep_head_a_classifier_gets_a_new_one(finished, architecture):
    run = finished(architecture, max_steps=1)
    base = modeling.find_base_model(f"run:{run.id}")
    tokenizer = modeling.load_tokenizer(base)
    kept, one, other = (
        heads.matrices(modeling.load_for_training(base, tokenizer, LABELS, seed, keep_head=kept))[-1].weight
        for seed, kept in ((1, True), (1, False), (2, False))
    )
    assert not torch.equal(kept, one)
    assert not torch.equal(one, other)


def test_other_labels_are_refused_before_the_start(finished, csv):
    run = finished(max_steps=1)
    other = csv(labels=("good", "bad"), name="other.csv")
    with pytest.raises(SettingsError, match=r"model.keep_head = True: the head of run:.* knows 'neg', 'pos'"):
        prepare(continuation(run, {"data": {"source": str(other)}}))


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (("neg", "pos"), r"'neu', 'pos'; the data has no rows of 'neu'; give rows of these"),
        (("neg", "neu", "pos", "odd"), r"the data has 'odd' besides; rename"),
        (("neg", "neu", "good"), r"the data has 'good' besides and has no rows of 'pos'; rename"),
    ],
)
def test_labels_that_are_missing_or_unknown_are_named(labels, told, tiny_models, tmp_path):
    """Once fewer labels than the head's were "others", to be renamed."""
    base = modeling.find_base_model(str(tiny_models["bert"]))
    modeling.load_for_training(base, modeling.load_tokenizer(base), ("neg", "neu", "pos"), 1).save_pretrained(tmp_path)
    modeling.load_tokenizer(base).save_pretrained(tmp_path)
    with pytest.raises(SettingsError, match=told):
        modeling.check_head(modeling.find_base_model(str(tmp_path)), labels)


def test_a_model_without_a_head_has_none_to_keep(tiny_config):
    with pytest.raises(SettingsError, match="has no classification head"):
        prepare(tiny_config(model={"keep_head": True}))


def test_held_out_rows_that_the_run_was_trained_on_are_told_and_counted(finished, train_here, csv):
    """Once the old rows with new ones behind them were split anew, and none of them counted as seen."""
    first = finished(source=csv(40), max_steps=1)
    settings = continuation(first, {"data": {"source": str(csv(80, name="more.csv"))}})
    trained = set(load_labelled(first.config.data).splits["train"].texts)
    test = load_labelled(settings.data).splits["test"].texts
    seen = sum(text in trained for text in test)
    assert 0 < seen < len(test)
    assert f"{seen} of {len(test)} test rows and " in estimate(settings).warnings[-1]
    further = train_here(settings)
    assert further.report.seen_in_training == seen
    assert f"{seen} of {len(test)} texts were trained on by run {first.id}" in further.report.notes[0]
    assert first.id in estimate(continuation(further)).warnings[-1]  # the run before the last one counts, too


def test_on_the_same_rows_nothing_was_seen_and_a_run_that_is_gone_is_told(finished, train_here):
    first = finished(max_steps=1)
    further = train_here(continuation(first))
    assert (further.report.seen_in_training, further.report.notes) == (0, [])
    runs.delete(first)
    assert f"What run {first.id} was trained on" in evaluate(further, split="validation").notes[0]


def test_what_shaped_the_model_is_not_done_twice(finished):
    run = finished(model={"num_hidden_layers": 1, "intermediate_size": 16, "mean_pooling": True})
    further = continuation(run)
    assert (further.model.num_hidden_layers, further.model.intermediate_size) == (None, None)
    assert model_of(further).config.num_hidden_layers == 2


@pytest.fixture
def of_a_hub_set(finished):
    """A finished run whose settings say of its data what only one set on the Hub has."""
    run = finished(max_steps=1)
    said = {"source": "owner/name", "config": "en", "revision": "abc", "train_split": "big", "validation_split": "v",
            "test_split": "t", "text_column": "tweet", "label_column": "mood", "label_map": {"a": "neg"}, "overlay": "0" * 12,
            "max_train_samples": 30}  # fmt: skip
    (run.folder / "config.yaml").write_text(run.config.with_changes({"data": said}).to_yaml())
    return run


def test_what_was_said_of_the_old_source_is_not_asked_of_another(of_a_hub_set, csv):
    other = csv(name="other.csv")
    data = continuation(of_a_hub_set, {"data": {"source": str(other)}}).data
    assert data == DataConfig(source=str(other), max_train_samples=30)
    assert prepare(RunConfig(data=data)).data.revision is None


def test_what_is_said_of_the_other_source_holds(of_a_hub_set, csv):
    said = {"source": str(csv(name="other.csv")), "text_column": "text"}
    assert continuation(of_a_hub_set, {"data": said}).data.text_column == "text"


@pytest.mark.parametrize("changes", [{}, {"data": {"source": "owner/name"}}, {"training": {"seed": 1}}], ids=str)
def test_on_its_own_source_a_run_keeps_what_was_said_of_it(of_a_hub_set, changes):
    data = continuation(of_a_hub_set, changes).data
    assert (data.revision, data.text_column, data.label_map) == ("abc", "tweet", {"a": "neg"})


def test_the_name_says_what_it_is_and_may_be_another(finished):
    run = finished(max_steps=1, name="mine")
    assert (continuation(run).name, continuation(run, {"name": "other"}).name) == ("mine, further", "other")


def test_a_run_without_a_model_cannot_be_continued():
    run = runs.create(RunConfig())
    with pytest.raises(RunError, match="is queued and has no finished model"):
        continuation(run)
    with pytest.raises(ModelError, match="is queued and has no finished model"):
        modeling.find_base_model(f"run:{run.id}")


def test_an_unknown_run_is_no_base_model():
    with pytest.raises(RunError, match="There is no run"):
        modeling.find_base_model("run:../../etc")


def test_the_latest_run_is_no_base_model(finished):
    """It would be another one soon; once the new run itself, which has no model."""
    finished(max_steps=1)
    with pytest.raises(ModelError, match="'run:latest' would be another run soon"):
        modeling.find_base_model("run:latest")


def test_whose_training_rows_a_text_is_among_is_told_nobody_who_may_not_read_them(train_here, tiny_config, monkeypatch):
    """What one person's question had read was once told the next one who asked."""
    sizes = {"max_train_samples": 40, "max_eval_samples": 20}
    run = train_here(prepare(tiny_config(source="sample:tweets", data=sizes, max_steps=1)))
    runs.share(run, True)
    config = RunConfig(model={"name": f"run:{run.id}"})
    with acting(Person("anna", False)):
        assert earlier.seen_before(config, "other rows", ["a text"]).unknown == ()

    def refused(*_):
        raise SourceError("These rows are Anna's.")

    monkeypatch.setattr(earlier, "load_labelled", refused)
    for name, unknown in (("anna", ()), ("ben", (run.id,))):
        with acting(Person(name, False)):
            assert earlier.seen_before(config, "other rows", ["a text"]).unknown == unknown
