"""From raw splits to labelled rows."""

from collections import Counter

import datasets
import pytest

from tests import tiny
from tuner.config import DataConfig, RunConfig
from tuner.data import labelled, overlay
from tuner.data.labelled import load_labelled
from tuner.data.raw import RawData
from tuner.errors import SettingsError, SourceError

# DataConfig field → the test that shows what it does
DATA_FIELDS = {
    "source": "test_the_source_decides_the_rows",
    "config": "test_config_and_revision_belong_to_the_hub",
    "revision": "test_config_and_revision_belong_to_the_hub",
    "train_split": "test_splits_are_taken_as_named",
    "validation_split": "test_splits_are_taken_as_named",
    "test_split": "test_splits_are_taken_as_named",
    "text_column": "test_several_text_columns_are_joined_by_a_blank_line",
    "text_separator": "test_several_text_columns_are_joined_by_the_separator",
    "label_column": "test_the_label_column_is_taken_as_named",
    "label_map": "test_label_map_merges_renames_and_leaves_out",
    "max_train_samples": "test_sample_limits",
    "max_eval_samples": "test_sample_limits",
    "train_samples_seed": "test_a_draw_in_shares_holds_every_smaller_one",
    "validation_size": "test_sizes_cut_so_many_rows",
    "test_size": "test_sizes_cut_so_many_rows",
    "num_folds": "test_each_row_is_in_just_one_fold",
    "fold": "test_each_row_is_in_just_one_fold",
    "fixes": "test_fixes_mend_the_rows",
    "overlay": "test_decisions_of_an_overlay_reach_the_rows",
    "extra_source": "test_an_extra_source_is_trained_on",
    "seed": "test_the_seed_decides_the_draw",
    "fingerprint": "test_the_fingerprint_changes_with_the_rows",
}


def rows(count=40, labels=("neg", "pos")):
    return [{"text": text, "label": label} for text, label in tiny.labelled_rows(count, labels)]


def labelled_as(values):
    """40 rows whose labels are these values in turn."""
    return [{"text": row["text"], "label": values[i % len(values)]} for i, row in enumerate(rows())]


@pytest.fixture
def hub(monkeypatch):
    """Hands in a source's splits as the Hub would: `hub(train=Dataset, …)`."""

    def hand_in(**splits):
        monkeypatch.setattr(labelled, "load_raw", lambda *_: RawData("owner/name", splits, "abc", "abc"))

    return hand_in


@pytest.fixture
def load(jsonl):
    def load_rows(objects, **settings):
        return load_labelled(DataConfig(source=str(jsonl(objects)), **settings))

    return load_rows


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (["b", "a"], ("a", "b")),
        ([10, 9], ("9", "10")),
        (["10", "9"], ("9", "10")),
        ([True, False], ("False", "True")),
        ([1.0, 0.0, 2.0], ("0", "1", "2")),
        ([" a ", "a", "b"], ("a", "b")),
    ],
    ids=["strings", "ints", "digits", "booleans", "whole floats", "blanks around"],
)
def test_kinds_of_labels(values, names, load):
    assert load(labelled_as(values)).labels == names


def test_classlabel_names_and_their_order_are_kept(hub):
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["zoo", "ape"])})
    hub(train=datasets.Dataset.from_list(labelled_as([0, 1]), features=features))
    assert load_labelled(DataConfig(source="owner/name")).labels == ("zoo", "ape")


def test_label_minus_one_of_a_classlabel_is_missing(hub):
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["zoo", "ape"])})
    hub(train=datasets.Dataset.from_list(labelled_as([0, 1, 1, -1]), features=features))
    assert "10 of 40 rows of train without a label were left out." in load_labelled(DataConfig(source="owner/name")).notes


def test_a_label_text_column_names_whole_number_labels(load):
    names = {0: "negative", 1: "neutral", 2: "positive"}
    data = load([{**row, "label_text": names[row["label"]]} for row in labelled_as([2, 0, 1])])
    assert data.labels == ("negative", "neutral", "positive")
    assert data.label.names == ("label",)


def test_a_label_text_column_may_name_missing_labels_too(load):
    """Once this ended in a TypeError: None and 0 cannot be sorted."""
    names = {0: "no", 1: "yes", None: "unknown"}
    data = load([{**row, "label_text": names[row["label"]]} for row in labelled_as([1, 0, None, 1])])
    assert data.labels == ("no", "yes")
    assert "10 of 40 rows of train without a label were left out." in data.notes


def test_a_label_text_column_that_contradicts_itself_is_not_used(load):
    data = load([{**row, "label_text": f"name {i % 3}"} for i, row in enumerate(labelled_as([0, 1]))])
    assert data.labels == ("0", "1")


def test_fractions_are_no_classes(load):
    with pytest.raises(SourceError, match=r"holds fractions such as 0\.5"):
        load(labelled_as([0.5, 1.0]))


def test_nan_labels_are_missing_ones(load):
    """Once a NaN among number labels ended in a ValueError of Python's."""
    data = load(labelled_as([0.0, 1.0, 1.0, float("nan")]))
    assert data.labels == ("0", "1")
    assert "10 of 40 rows of train without a label were left out." in data.notes


def test_infinite_labels_are_no_classes(load):
    with pytest.raises(SourceError, match="holds fractions such as inf"):
        load(labelled_as([0.0, float("inf")]))


def test_lists_of_labels_are_refused(hub):
    """Once this ended in an ArrowNotImplementedError."""
    hub(train=datasets.Dataset.from_list(labelled_as([["a"], ["a", "b"]])))
    with pytest.raises(SourceError, match="holds lists"):
        load_labelled(DataConfig(source="owner/name", label_column="label"))


@pytest.mark.parametrize(
    "labels", [[["joy"], ["joy", "pride"]], ['["joy"]', '["joy", "pride"]'], ["['joy']", "['joy', 'pride']"]]
)
def test_lists_of_labels_in_a_file_are_refused(labels, load):
    """Once every different list became a class, without a word."""
    with pytest.raises(SourceError, match="holds lists such as "):
        load(labelled_as(labels))


def test_lists_of_labels_beside_their_names_are_refused(hub):
    rows = [{**row, "label_text": "several"} for row in labelled_as([[0], [0, 1]])]
    hub(train=datasets.Dataset.from_list(rows))
    with pytest.raises(SourceError, match="holds lists"):
        load_labelled(DataConfig(source="owner/name", label_column="label"))


def test_lists_of_one_label_are_that_label(load):
    data = load(labelled_as([["joy"], ["pride"], []]))
    assert data.labels == ("joy", "pride")
    assert "Column 'label' holds lists of one item each; the items were read." in data.notes


@pytest.mark.parametrize("missing", [None, "", "  "])
def test_rows_without_a_label_are_left_out_and_counted(missing, load):
    data = load(labelled_as(["a", "b", "a", missing]))
    assert "10 of 40 rows of train without a label were left out." in data.notes
    assert sum(len(split) for split in data.splits.values()) == 30


@pytest.mark.parametrize("missing", [None, "", " \n"])
def test_rows_without_text_are_left_out_and_counted(missing, load):
    data = load([{**row, "text": missing} if i < 3 else row for i, row in enumerate(rows())])
    assert "3 of 40 rows of train without text were left out." in data.notes
    assert sum(len(split) for split in data.splits.values()) == 37


def test_one_class_is_refused(load):
    with pytest.raises(SourceError, match=r"Column 'label' has one class \('a'\).*Choose another label column"):
        load(labelled_as(["a"]))


def test_too_many_classes_are_refused(load):
    with pytest.raises(SourceError, match="at most 1,000 classes"):
        load([{"text": f"text {i}", "label": f"class {i // 6}"} for i in range(6 * 1001)])


def test_splits_are_found_by_name(hub):
    hub(
        training=datasets.Dataset.from_list(rows()),
        dev=datasets.Dataset.from_list(rows(10)),
        test=datasets.Dataset.from_list(rows(8)),
    )
    data = load_labelled(DataConfig(source="owner/name"))
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 40, "validation": 10, "test": 8}


def test_splits_are_taken_as_named(hub):
    hub(a=datasets.Dataset.from_list(rows(10)), b=datasets.Dataset.from_list(rows(20)), c=datasets.Dataset.from_list(rows(30)))
    data = load_labelled(DataConfig(source="owner/name", train_split="c", validation_split="a", test_split="b"))
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 30, "validation": 10, "test": 20}


def test_an_unknown_split_is_refused_with_those_there_are(load):
    with pytest.raises(SourceError, match=r"no split 'dev', only train\. Set data\.validation_split"):
        load(rows(), validation_split="dev")


def test_testing_on_the_training_rows_is_refused(load):
    with pytest.raises(SourceError, match="are both 'train'"):
        load(rows(), test_split="train")


def test_missing_splits_are_cut_from_train_and_share_no_row(load):
    data = load(rows(100))
    ids = [set(split.row_ids) for split in data.splits.values()]
    assert [len(part) for part in (data.splits[name] for name in ("train", "validation", "test"))] == [81, 9, 10]
    assert set.union(*ids) == set(range(100))


def test_cut_splits_keep_the_shares_of_the_labels(load):
    data = load(labelled_as(["a", "a", "a", "b"]) * 5)
    assert data.counts("test") == {"a": 15, "b": 5}


def test_a_label_of_one_row_stays_in_train(load):
    data = load([*rows(60), {"text": "alone", "label": "rare"}])
    assert data.counts("train")["rare"] == 1


def test_too_few_rows_are_refused(load):
    with pytest.raises(SourceError, match="3 rows of 2 classes are too few"):
        load(rows(3))


def sizes(data):
    return {role: len(split) for role, split in data.splits.items()}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"validation_size": 30, "test_size": 8}, {"train": 62, "validation": 30, "test": 8}),
        ({"validation_size": 0.25, "test_size": 0.2}, {"train": 60, "validation": 20, "test": 20}),
        ({"test_size": 20}, {"train": 72, "validation": 8, "test": 20}),
    ],
    ids=["counts", "shares", "one of them"],
)
def test_sizes_cut_so_many_rows(settings, expected, load):
    assert sizes(load(rows(100), **settings)) == expected


def test_sizes_cut_from_train_also_where_the_source_has_such_splits(hub):
    names = ("train", "validation", "test")
    hub(**{name: datasets.Dataset.from_list(rows(100)[i * 30 : i * 30 + 30]) for i, name in enumerate(names)})
    data = load_labelled(DataConfig(source="owner/name", validation_size=6, test_size=4))
    assert sizes(data) == {"train": 20, "validation": 6, "test": 4}
    assert {split.origin for split in data.splits.values()} == {"train"}
    assert data.cut == ("validation", "test")


def test_each_row_is_in_just_one_fold(load):
    folds = [load(rows(100), num_folds=4, fold=fold, test_size=20) for fold in range(4)]
    held = [row for data in folds for row in data.splits["validation"].row_ids]
    tested = {data.splits["test"].row_ids for data in folds}
    assert len(tested) == 1
    assert sorted([*held, *tested.pop()]) == list(range(100))
    assert all(data.counts("validation") == {"neg": 10, "pos": 10} for data in folds)
    assert folds[2].notes[0] == "Fold 2 of 4 (20 rows) validates."


@pytest.mark.parametrize("settings", [{}, {"num_folds": 5, "fold": 2}, {"validation_size": 0.3, "test_size": 0.3}])
def test_repeats_never_stand_in_two_cut_splits(settings, load):
    data = load([*rows(60), *({**row, "text": row["text"].upper() + " "} for row in rows(60))], **settings)
    seen = [{text.lower().strip() for text in split.texts} for split in data.splits.values()]
    assert sum(map(len, seen)) == len(set.union(*seen))
    assert sum(sizes(data).values()) == 120


def test_fixes_mend_the_rows(load):
    table = [*rows(60), *rows(6), {"text": "mail a@b.de", "label": "pos"}]
    plain, mended = load(table), load(table, fixes=["drop_duplicates", "mask_email"])
    assert len(mended.splits["train"]) == len(plain.splits["train"]) - 5
    assert any("mail <EMAIL>" in split.texts for split in mended.splits.values())
    assert mended.notes[-2:] == (
        "<EMAIL> replaces the email in 1 texts.",
        "5 training rows that repeat an earlier one were dropped.",
    )


def test_fixes_come_before_the_limits(load):
    table = [*rows(60), *rows(60)]
    assert len(load(table, fixes=["drop_duplicates"], max_train_samples=40).splits["train"]) == 40


@pytest.mark.parametrize("repeats", [1, 2])
def test_fixes_that_leave_nothing_are_refused(repeats, hub):
    both = [{"text": "same", "label": label} for label in ("a", "b") * repeats]
    hub(train=datasets.Dataset.from_list(both), dev=datasets.Dataset.from_list(rows(4)), test=datasets.Dataset.from_list(rows(4)))
    with pytest.raises(SourceError, match=r"leave no training row\. Take one of them back"):
        load_labelled(DataConfig(source="owner/name", fixes=["drop_conflicting", "drop_duplicates"]))


@pytest.mark.parametrize("settings", [{}, {"num_folds": 3}, {"validation_size": 5}])
def test_no_row_with_text_and_label_is_refused(settings, load):
    """Once it ended in an IndexError."""
    with pytest.raises(SourceError, match="has both a text and a label"):
        load([{**row, "label": None} for row in rows()], label_column="label", **settings)


def test_a_split_whose_labels_are_hidden_is_refused_with_what_to_do(hub):
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"])})
    hidden = datasets.Dataset.from_list([{**row, "label": -1} for row in rows(8)], features=features)
    hub(train=datasets.Dataset.from_list(labelled_as([0, 1]), features=features), test=hidden)
    with pytest.raises(SourceError, match=r"test split \('test'\) has no row with both.*data\.test_size to cut test rows"):
        load_labelled(DataConfig(source="owner/name"))
    assert len(load_labelled(DataConfig(source="owner/name", test_size=4)).splits["test"]) == 4


@pytest.fixture
def decided(load):
    """Rows before and after decisions about the first row of each role: `decided("drop")`."""
    table = [{**row, "text": f"{row['text']} a@b.de"} for row in rows(60)]

    def decide(action, new_label=None, **settings):
        before = load(table)
        firsts = [
            overlay.decide(split.row_name(0), split.texts[0], before.labels[split.labels[0]], action, new_label)
            for split in before.splits.values()
        ]
        overlay.add(before.identity, firsts)
        return before, load(table, overlay=overlay.freeze(before.identity), **settings)

    return decide


def test_decisions_of_an_overlay_reach_the_rows(decided):
    before, after = decided("relabel", "neutral")
    assert after.labels == ("neg", "neutral", "pos")
    assert [after.labels[split.labels[0]] for split in after.splits.values()] == ["neutral"] * 3
    assert [split.texts for split in after.splits.values()] == [split.texts for split in before.splits.values()]
    assert after.notes[-1].endswith(": 3 relabelled.")


def test_a_test_row_is_not_dropped_by_a_decision(decided):
    before, after = decided("drop")
    assert after.splits["train"].texts == before.splits["train"].texts[1:]
    assert after.splits["validation"].texts == before.splits["validation"].texts[1:]
    assert after.splits["test"] == before.splits["test"]
    assert after.notes[-1].endswith(": 2 dropped, 1 test rows kept.")


def test_decisions_come_before_masks(decided):
    """They are about the text of the source."""
    _, after = decided("relabel", "neutral", fixes=["mask_email", "drop_duplicates"])
    assert after.counts("train")["neutral"] == 1


def test_an_unknown_overlay_is_refused(load):
    with pytest.raises(SourceError, match="no overlay '0123456789ab' for this source"):
        load(rows(), overlay="0123456789ab")


def test_rows_are_drawn_as_datasets_shuffles(hub):
    table = datasets.Dataset.from_list(rows(200))
    hub(train=table, validation=table.select(range(8)), test=table.select(range(8)))
    drawn = load_labelled(DataConfig(source="owner/name", max_train_samples=50, seed=42)).splits["train"].texts
    assert list(drawn) == table.shuffle(seed=42).select(range(50))["text"][:]


def test_the_seed_decides_the_draw(load):
    drawn = [load(rows(200), max_train_samples=20, seed=seed).splits["train"].texts for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_sample_limits(load):
    data = load(rows(100), max_train_samples=20, max_eval_samples=4)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 20, "validation": 4, "test": 4}
    assert "20 of 81 train rows were drawn (seed 42)." in data.notes


def test_fewer_rows_are_the_first_of_more(load):
    drawn = [load(rows(200), max_train_samples=most).splits["train"].row_ids for most in (20, 50, 100)]
    assert drawn[2][:50] == drawn[1]
    assert drawn[1][:20] == drawn[0]


def test_a_draw_in_shares_holds_every_smaller_one(load):
    table = labelled_as(["a", "a", "a", "b"]) * 5
    parts = [load(table, max_train_samples=most, train_samples_seed=7) for most in (10, 40, 80)]
    ids = [set(part.splits["train"].row_ids) for part in parts]
    assert ids[0] < ids[1] < ids[2]
    assert [part.counts("train")["a"] / most for part, most in zip(parts, (10, 40, 80), strict=True)] == pytest.approx(
        [0.75] * 3, abs=0.06
    )


def test_a_draw_in_shares_leaves_the_other_splits_alone_and_follows_its_seed(load):
    plain, *drawn = (load(rows(200), max_train_samples=20, train_samples_seed=seed) for seed in (None, 1, 1, 2))
    assert drawn[0].splits == drawn[1].splits
    assert drawn[0].splits["train"] != drawn[2].splits["train"]
    assert {role: part for role, part in drawn[2].splits.items() if role != "train"} == {
        role: part for role, part in plain.splits.items() if role != "train"
    }


def test_a_draw_of_all_rows_is_refused():
    with pytest.raises(SettingsError, match="train_samples_seed draws max_train_samples rows"):
        RunConfig(data={"max_train_samples": None, "train_samples_seed": 1})


def test_texts_keep_their_labels(load):
    truth = {row["text"]: row["label"] for row in rows(100)}
    for split in load(rows(100)).splits.values():
        assert all(truth[text] == ("neg", "pos")[label] for text, label in zip(split.texts, split.labels, strict=True))


def test_label_map_merges_renames_and_leaves_out(load):
    data = load(labelled_as(["a", "b", "c", "d"]), label_map={"a": "one", "b": "one", "c": None})
    assert data.labels == ("d", "one")
    assert Counter(sum((split.labels for split in data.splits.values()), ())) == {0: 10, 1: 20}
    assert "10 of 40 rows of train were left out by data.label_map." in data.notes


def test_several_text_columns_are_joined_by_a_blank_line(load):
    data = load([{"title": "T", "body": row["text"], "label": row["label"]} for row in rows()], text_column=["title", "body"])
    assert all(text.startswith("T\n\n") for text in data.splits["train"].texts)


def test_several_text_columns_are_joined_by_the_separator(load):
    rows_in_two = [{"title": "T", "body": row["text"], "label": row["label"]} for row in rows()]
    data = load(rows_in_two, text_column=["title", "body"], text_separator=" | ")
    assert all(text.startswith("T | ") for text in data.splits["train"].texts)


def test_the_label_column_is_taken_as_named(load):
    data = load([{**row, "mood": "up" if i % 2 else "down"} for i, row in enumerate(rows())], label_column="mood")
    assert data.labels == ("down", "up")


def test_the_source_decides_the_rows(csv):
    assert load_labelled(DataConfig(source=str(csv(30, labels=("x", "y"))))).labels == ("x", "y")


@pytest.mark.parametrize("setting", [{"config": "en"}, {"revision": "main"}])
def test_config_and_revision_belong_to_the_hub(setting, load):
    with pytest.raises(SourceError, match="belong to Hub data sets"):
        load(rows(), **setting)


def test_the_fingerprint_changes_with_the_rows(load):
    changed = [{**row, "text": row["text"] + "!"} if i == 0 else row for i, row in enumerate(rows())]
    assert load(rows()).fingerprint == load(rows()).fingerprint != load(changed).fingerprint


def test_a_split_that_lacks_a_column_is_refused(hub):
    hub(train=datasets.Dataset.from_list(rows()), test=datasets.Dataset.from_list([{"text": "a"}]))
    with pytest.raises(SourceError, match="Split 'test' has no column 'label'"):
        load_labelled(DataConfig(source="owner/name"))


def test_training_on_the_split_called_test_cuts_another_one(hub):
    """Once this said that data.test_split is the training split, which nobody had set."""
    hub(train=datasets.Dataset.from_list(rows(8)), test=datasets.Dataset.from_list(rows(60)))
    data = load_labelled(DataConfig(source="owner/name", train_split="test"))
    assert data.cut == ("validation", "test")


def test_an_extra_source_is_trained_on(load, jsonl):
    """What becomes of its rows is in test_extra.py."""
    more = jsonl([{"text": f"more {i}", "label": ("neg", "pos")[i % 2]} for i in range(4)], "more.jsonl")
    assert load(rows(), extra_source=str(more)).splits["train"].texts[-4:] == tuple(f"more {i}" for i in range(4))
