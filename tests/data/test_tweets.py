"""`sample:tweets` has the numbers the documents give."""

import io
from collections import Counter

import pandas as pd
import pytest

from tuner.catalog import SAMPLE_TWEETS
from tuner.config import DataConfig
from tuner.data import tweets
from tuner.data.labelled import load_labelled


@pytest.fixture(scope="module")
def data():
    return load_labelled(DataConfig(source=SAMPLE_TWEETS))


def test_split_sizes(data):
    assert (len(data.splits["validation"]), len(data.splits["test"])) == (2_000, 2_000)


def test_labels_and_their_counts_in_all(data):
    counts = Counter()
    for split in data.splits:
        counts.update(data.counts(split))
    assert data.labels == ("negative", "neutral", "positive")
    assert counts == plain_pandas_counts()


def plain_pandas_counts():
    """The same rows counted without our code, but for what makes two tweets equal."""
    raw = tweets.corpus_path().read_bytes().decode("utf-8", "replace").replace("\ufffd", "")
    table = pd.read_csv(io.StringIO(raw))
    table = table[table.confidence >= 0.65]
    words = (
        table.text.str.lower().str.replace(r"https?://\S+|@\w+", " ", regex=True).str.replace(r"\W+", " ", regex=True).str.strip()
    )
    return table[(words != "") & ~words.duplicated()].sentiment.value_counts().to_dict()


def test_the_catalog_tells_the_true_number_of_rows(data):
    from tuner.catalog import DATASETS

    total = sum(len(split) for split in data.splits.values())
    assert next(offer.summary for offer in DATASETS if offer.name == SAMPLE_TWEETS).startswith(f"{total:,} tweets")


def test_no_tweet_stands_in_two_splits(data):
    words = [tweets.normalise(text) for split in data.splits.values() for text in split.texts]
    assert len(words) == len(set(words))


def test_no_broken_byte_is_left(data):
    assert not any("\ufffd" in text for split in data.splits.values() for text in split.texts)


def test_shares_of_the_labels_are_the_same_in_every_split(data):
    shares = {name: [count / len(split) for count in data.counts(name).values()] for name, split in data.splits.items()}
    assert shares["test"] == pytest.approx(shares["train"], abs=0.001)


@pytest.mark.parametrize("repeat", ["I LOVE it!", "I love it http://t.co/x", "@you I love it"])
def test_signs_links_and_handles_do_not_make_another_tweet(repeat):
    assert tweets.normalise(repeat) == "i love it"
