"""Further training rows: behind train, never in validation or test, and the same ones however much feedback comes."""

import pytest

from tests import tiny
from tuner import feedback
from tuner.config import DataConfig
from tuner.data.columns_of_rows import load_columns
from tuner.data.labelled import load_for_scoring, load_labelled, load_whole
from tuner.data.sources import kind_of, load_raw
from tuner.errors import SourceError
from tuner.feedback import Feedback
from tuner.launch.local import prepare
from tuner.scoring import evaluate

NEW = [Feedback("entirely new words", "pos"), Feedback("other new words", "neg")]


@pytest.fixture
def source(csv):
    return str(csv(60))


@pytest.fixture
def load(source):
    """The rows with what was judged: `load(Feedback(…), fixes=[…])`."""

    def load_rows(*judged, **settings):
        feedback.add("mine", *judged)
        return load_labelled(DataConfig(source=source, extra_source="feedback:mine", **settings))

    return load_rows


@pytest.fixture
def plain(source):
    return load_labelled(DataConfig(source=source))


def pairs(data, split="train"):
    rows = data.splits[split]
    return [(text, data.labels[label]) for text, label in zip(rows.texts, rows.labels, strict=True)]


def test_extra_rows_stand_behind_the_training_rows(load, plain):
    data = load(*NEW)
    assert pairs(data) == [*pairs(plain), ("entirely new words", "pos"), ("other new words", "neg")]
    assert [data.splits["train"].row_name(i) for i in (-2, -1)] == ["extra/0", "extra/1"]
    assert "2 extra rows were added to the training rows." in data.notes


def test_validation_and_test_stay_as_they_are(load, plain):
    data = load(*NEW)
    assert [data.splits[role] for role in ("validation", "test")] == [plain.splits[role] for role in ("validation", "test")]


@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_text_that_is_scored_is_not_trained_on(split, load, plain):
    leak = plain.splits[split].texts[0].upper() + " "
    data = load(*NEW, Feedback(leak, "pos"))
    assert len(data.splits["train"]) == len(plain.splits["train"]) + 2
    assert "1 extra rows stand in validation or test, too, and were left out." in data.notes


def test_a_text_that_is_trained_on_takes_the_new_label(load, plain):
    text, label = pairs(plain)[3]
    other = {"neg": "pos", "pos": "neg"}[label]
    data = load(Feedback(f"  {text.upper()}", other))
    assert pairs(data) == [*pairs(plain)[:3], (text, other), *pairs(plain)[4:]]
    assert any("1 of these rows got another label" in note for note in data.notes)


def test_rows_of_other_labels_are_counted_and_left_out(load, plain):
    data = load(*NEW, Feedback("what now", "sideways"))
    assert len(data.splits["train"]) == len(plain.splits["train"]) + 2
    assert data.labels == plain.labels
    assert "1 extra rows whose label is none of the data's were left out." in data.notes


def test_rows_of_other_labels_alone_are_refused(load):
    with pytest.raises(SourceError, match="No row of the extra source 'feedback:mine@1' has one of the labels neg, pos"):
        load(Feedback("what now", "sideways"))


def test_masks_are_laid_over_extra_rows_too(load):
    assert load(Feedback("ask @somebody", "pos"), fixes=["mask_handle"]).splits["train"].texts[-1] == "ask <USER>"


def test_the_limit_is_of_the_datas_own_rows(load):
    assert len(load(*NEW, max_train_samples=10).splits["train"]) == 12


def test_a_fold_that_validates_is_not_trained_on(source, plain):
    judged = [Feedback(text, label) for text, label in pairs(plain)]
    feedback.add("mine", *judged)
    folds = [
        load_labelled(DataConfig(source=source, extra_source="feedback:mine", num_folds=3, fold=fold, test_size=6))
        for fold in (0, 1)
    ]
    for data in folds:
        assert not set(data.splits["train"].texts) & set(data.splits["validation"].texts)


def test_another_file_is_an_extra_source_with_its_own_columns(source, jsonl, plain):
    more = jsonl([{"review": f"new {i}", "stars": ("neg", "pos")[i % 2]} for i in range(8)], "more.jsonl")
    data = load_labelled(DataConfig(source=source, extra_source=str(more)))
    assert pairs(data)[-8:] == [(f"new {i}", ("neg", "pos")[i % 2]) for i in range(8)]
    assert data.extra == str(more)


def test_the_label_map_is_of_the_data_and_not_of_feedback(source, jsonl, load):
    swap = {"neg": "pos", "pos": "neg"}
    assert pairs(load(Feedback("entirely new", "pos"), label_map=swap))[-1] == ("entirely new", "pos")
    more = jsonl([{"text": f"new {i}", "label": ("neg", "pos")[i % 2]} for i in range(8)], "more.jsonl")
    assert pairs(load_labelled(DataConfig(source=source, extra_source=str(more), label_map=swap)))[-1] == ("new 7", "neg")


def test_the_fingerprint_is_of_the_extra_rows_too(load, plain):
    assert load(*NEW).fingerprint != plain.fingerprint


def test_a_run_keeps_its_rows_while_feedback_grows(tiny_config):
    feedback.add("mine", *NEW)
    config = prepare(tiny_config(data={"extra_source": "feedback:mine"}))
    feedback.add("mine", Feedback("one more", "neg"), Feedback("entirely new words", "neg"))
    assert config.data.extra_source == "feedback:mine@2"
    assert load_labelled(config.data).fingerprint == config.data.fingerprint


def test_a_run_on_feedback_alone_is_pinned_too(tiny_config):
    feedback.add("mine", *(Feedback(text, label) for text, label in tiny.labelled_rows(40)))
    assert prepare(tiny_config(source="feedback:mine")).data.source == "feedback:mine@40"


@pytest.mark.parametrize("source", ["feedback:mine", "feedback:mine@3", " feedback:a.b-c_1 "])
def test_feedback_is_a_kind_of_source(source):
    assert kind_of(source) == "feedback"


@pytest.mark.parametrize(
    "source", ["feedback:", "feedback:../x", "feedback:A", "feedback:mine@", "feedback:mine@0", "feedback:a/b"]
)
def test_a_name_that_is_none_of_feedback_is_refused(source):
    with pytest.raises(SourceError, match="is no source of examples"):
        kind_of(source)


def test_an_unknown_set_is_refused():
    with pytest.raises(SourceError, match="no feedback 'mine'"):
        load_raw("feedback:mine")


def test_feedback_is_scored_as_any_source():
    feedback.add("mine", *NEW)
    data, split = load_for_scoring(DataConfig(source="feedback:mine"), None)
    assert (split, data.splits[split].texts) == ("all", load_whole(DataConfig(source="feedback:mine")).splits["all"].texts)
    assert sorted(data.splits[split].texts) == ["entirely new words", "other new words"]


def test_extra_rows_have_no_further_columns(jsonl):
    """Their ids are none of the source's: the last rows' columns were taken for theirs."""
    rows = [{"text": text, "label": label, "shop": f"s{i}"} for i, (text, label) in enumerate(tiny.labelled_rows(40))]
    feedback.add("mine", *NEW)
    config = DataConfig(source=str(jsonl(rows)), extra_source="feedback:mine")
    data = load_labelled(config)
    shops = load_columns(config, data, "train")["shop"]
    assert shops[-2:] == [None, None]
    assert shops[:-2] == [f"s{i}" for i in data.splits["train"].row_ids[:-2]]


def test_a_run_trained_with_feedback_is_scored_after_it_grew(tiny_config, train_here):
    feedback.add("mine", *NEW)
    run = train_here(tiny_config(data={"extra_source": "feedback:mine"}, max_steps=2))
    assert run.status.state == "completed"
    feedback.add("mine", Feedback("one more", "neg"))
    assert evaluate(run, split="train").n == len(load_labelled(run.config.data).splits["train"])
    assert run.report.seen_in_training == 0
