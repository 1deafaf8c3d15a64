"""What the Data tab shows."""

import re
import unicodedata

import pandas as pd
import pytest

from tests import tiny
from tuner.config import RunConfig
from tuner.data import tweets as tweets_of_sample
from tuner.data.labelled import load_labelled
from tuner.data.profiling import DataProfile, profile


@pytest.fixture
def config(tiny_config, csv):
    return tiny_config(source=csv(100))


def test_rows_and_labels_are_counted_per_split(config):
    found = profile(config)
    assert {name: split.rows for name, split in found.splits.items()} == {"train": 81, "validation": 9, "test": 10}
    assert sum(found.splits["train"].label_counts.values()) == 81


def test_columns_are_given_with_their_reason(config):
    found = profile(config)
    assert (found.text_column, found.label_column) == (["text"], "label")
    assert (found.text_reason, found.label_reason) == ("a text column called 'text'", "a column called 'label'")


def test_the_histogram_holds_every_counted_row_once(config):
    tokens = profile(config).tokens
    assert sum(rows for _, _, rows in tokens.histogram) == tokens.rows == 81
    assert all(first <= last for first, last, _ in tokens.histogram)


def test_max_length_and_share_cut_are_those_of_the_training(config):
    tokens = profile(config.with_changes({"model": {"max_length": 4}})).tokens
    assert (tokens.max_length, tokens.share_cut) == (4, 1.0)


def test_columns_and_labels_are_those_of_the_source(config):
    found = profile(config)
    assert (found.columns, found.labels) == (["text", "label"], ["neg", "pos"])
    assert found.fingerprint == load_labelled(config.data).fingerprint


def test_what_was_left_out_is_counted_per_split_of_the_source(tiny_config, jsonl):
    rows = [{"text": text, "label": label} for text, label in tiny.labelled_rows(60)]
    rows += [{"text": " ", "label": "pos"}, {"text": "so", "label": None}, {"text": "and so", "label": None}]
    assert profile(tiny_config(source=jsonl(rows))).missing == {"empty_text": {"train": 1}, "missing_label": {"train": 2}}


def test_shares_are_those_of_all_texts(tiny_config, jsonl):
    ends = ("https://x.de", "@anna", "#wow 😀", "привет")
    rows = [{"text": f"{text} {ends[i % 4]}", "label": label} for i, (text, label) in enumerate(tiny.labelled_rows(80))]
    found = profile(tiny_config(source=jsonl(rows)))
    assert found.traits == {"url": 0.25, "handle": 0.25, "hashtag": 0.25, "emoji": 0.25, "masked word": 0}
    assert found.scripts == {"Latin": 1, "Cyrillic": 0.25}


def test_label_shift_is_half_the_sum_of_the_differences(tiny_config, jsonl):
    rows = [{"text": text, "label": "abc"[i % 3]} for i, (text, _) in enumerate(tiny.labelled_rows(90))]
    found = profile(tiny_config(source=jsonl(rows), data={"test_size": 7, "validation_size": 9})).splits
    for split in found.values():
        differences = [abs(share - found["train"].label_shares[name]) for name, share in split.label_shares.items()]
        assert split.label_shift == pytest.approx(sum(differences) / 2)
    assert found["train"].label_shift == 0
    assert found["test"].label_shift > 0


def test_the_sample_is_of_the_split_asked_for(config):
    data = load_labelled(config.data)
    sample = profile(config, data, "test").sample
    assert [row["row"] for row in sample] == [data.splits["test"].row_name(i) for i in range(10)]


def test_fixes_are_applied_before_describing(tiny_config, jsonl):
    """What the profile tells is what a training would read."""
    rows = [{"text": f"{text} a@b.de", "label": label} for text, label in tiny.labelled_rows(60)]
    found = profile(tiny_config(source=jsonl(rows), data={"fixes": ["mask_email"]}))
    assert found.findings[-1].key == "no_split"
    assert all(row["text"].endswith(" <EMAIL>") for row in found.sample)
    assert found.traits["masked word"] == 1


def test_json_gives_an_equal_profile_back(config):
    found = profile(config)
    assert found.findings
    assert DataProfile.model_validate_json(found.model_dump_json()).model_dump() == found.model_dump()


def test_rows_of_an_unknown_finding_are_none(config):
    assert profile(config).rows_of("nothing") == {}


# From here on sample:tweets, as a plain pandas computation sees it.


@pytest.fixture(scope="module")
def tweets(tiny_models):
    """(profile, frame with role, text and label of every row)."""
    splits = tweets_of_sample.load_splits(tweets_of_sample.corpus_path())
    frame = pd.concat([pd.DataFrame(rows).assign(role=role) for role, rows in splits.items()], ignore_index=True)
    return profile(RunConfig(data={"max_train_samples": None}, model={"name": str(tiny_models["bert"])})), frame


@pytest.mark.slow
def test_tweets_are_counted_as_pandas_counts(tweets):
    found, frame = tweets
    for role, rows in frame.groupby("role"):
        split = found.splits[role]
        assert split.rows == len(rows)
        assert split.label_counts == rows["label"].value_counts().to_dict()
        assert split.label_shares == pytest.approx(rows["label"].value_counts(normalize=True).to_dict())


@pytest.mark.slow
def test_lengths_of_tweets_are_quantiles(tweets):
    found, frame = tweets
    lengths = frame["text"].str.len()
    for name, length in found.characters.quantiles.items():
        share = float(name.removesuffix("%")) / 100
        assert (lengths < length).mean() <= share <= (lengths <= length).mean()
    assert sum(rows for _, _, rows in found.characters.histogram) == len(frame)
    for first, last, rows in found.characters.histogram:
        assert rows == lengths.between(first, last).sum()


@pytest.mark.slow
def test_links_and_handles_of_tweets_are_those_another_regex_finds(tweets):
    found, frame = tweets
    links = frame["text"].str.contains(r"(?<![a-z0-9_])(?:https?://|www\.)[^\s]", flags=re.I | re.A)
    handles = frame["text"].str.contains(r"(?<![a-z0-9_@/.])@\w\w", flags=re.I | re.A)
    assert found.traits["url"] == pytest.approx(links.mean())
    assert found.traits["handle"] == pytest.approx(handles.mean())


@pytest.mark.slow
def test_repeats_of_tweets_are_those_pandas_finds(tweets):
    found, frame = tweets
    keys = frame["text"].map(lambda text: " ".join(unicodedata.normalize("NFKC", text).lower().split()))
    train = frame.assign(key=keys)[frame["role"] == "train"]
    counts = {finding.key: finding.count for finding in found.findings}
    assert counts.get("duplicates", 0) == train.duplicated(["key", "label"]).sum()
    assert counts.get("conflicting", 0) == (train.groupby("key")["label"].transform("nunique") > 1).sum()
    assert counts.get("leaked", 0) == train["key"].isin(keys[frame["role"] != "train"]).sum()
