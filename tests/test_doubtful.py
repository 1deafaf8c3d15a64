"""Texts chosen for labelling: doubtful, and no two alike."""

from dataclasses import fields

import numpy as np
import pytest

from tests import tiny
from tuner import doubtful
from tuner.doubtful import choose, doubts
from tuner.errors import ModelError, SettingsError, SourceError, TunerError
from tuner.neighbours import embeddings

SURE = [text for text, _ in tiny.labelled_rows(60)]


def scored(classifier, answers):
    """The classifier, but with these probabilities: text → of the first label; 0.01 for others."""

    class Scored(type(classifier)):
        def score(self, texts, precision="auto", on_progress=None):
            first = np.array([answers.get(text, 0.01) for text in texts])
            return np.column_stack([first, 1 - first])

    return Scored(**{field.name: getattr(classifier, field.name) for field in fields(classifier)})


def test_the_margin_is_the_doubt():
    np.testing.assert_allclose(doubts(np.array([[0.5, 0.5, 0], [1, 0, 0], [0.2, 0.5, 0.3]])), [1, 0, 0.8])


def test_the_most_doubtful_are_first_with_their_answer(learnt):
    """They had answers in bf16, up to 5e-4 off those of `predict`."""
    found = choose(learnt, SURE, 5)
    assert [row.doubt for row in found] == sorted((row.doubt for row in found), reverse=True)
    for row, alone in zip(found, learnt.predict([row.text for row in found]), strict=True):
        assert (SURE[row.position], row.label) == (row.text, alone.label)
        first, second = sorted(alone.probabilities.values(), reverse=True)[:2]
        assert row.probability == pytest.approx(first, abs=1e-6)
        assert row.doubt == pytest.approx(1 - (first - second), abs=2e-6)


def test_near_copies_of_a_doubtful_text_do_not_fill_the_list(learnt):
    copies = [f"the city was normal today {i}" for i in range(10)]
    others = ["my cat", "i think this phone is a train", "coffee , really !"]
    model = scored(learnt, dict.fromkeys(copies, 0.5) | dict.fromkeys(others, 0.45))
    found = [row.text for row in choose(model, [*copies, *others, *SURE], 4)]
    assert len(set(copies) & set(found)) <= 2  # by doubt alone all four
    assert len(set(others) & set(found)) >= 2


def test_sure_texts_do_not_come_before_doubtful_ones_of_other_clusters(learnt):
    doubted = ["the city was normal today", "my cat", "i think this phone is a train", "coffee , really !"]
    model = scored(learnt, dict.fromkeys(doubted, 0.4))
    assert {row.text for row in choose(model, [*SURE, *doubted], 4)} == set(doubted)


def test_only_the_most_doubtful_are_embedded(learnt, monkeypatch):
    asked = []
    monkeypatch.setattr("tuner.neighbours.embedding.embeddings", lambda *a, **b: asked.append(a[1]) or embeddings(*a, **b))
    monkeypatch.setattr(doubtful, "_FEWEST_CANDIDATES", 20)
    doubted = SURE[7:27]
    choose(scored(learnt, dict.fromkeys(doubted, 0.3)), SURE, 2)
    assert sorted(asked[0]) == sorted(doubted)


def test_repeats_are_chosen_once_and_empty_texts_never(learnt):
    texts = ["", "My cat", "my  CAT", " \u200b", "a film", "my cat "]
    assert sorted(row.position for row in choose(learnt, texts, 5)) == [1, 4]


def test_what_is_labelled_already_is_not_asked_again(learnt):
    """The second batch was the first one once more."""
    first = choose(learnt, SURE, 5)
    second = choose(learnt, SURE, 5, labelled=[row.text.upper() for row in first])
    assert len(second) == 5
    assert {row.position for row in first}.isdisjoint(row.position for row in second)
    with pytest.raises(SourceError, match="labelled already"):
        choose(learnt, SURE, 5, labelled=SURE)


def test_texts_that_differ_in_nothing_the_model_reads_still_fill_the_list(learnt):
    found = choose(learnt, [f"my cat {sign}" for sign in "äöüßçñéèø😀"], 6)
    assert len({row.position for row in found}) == 6


def test_the_same_arguments_choose_the_same(learnt):
    assert choose(learnt, SURE, 7) == choose(learnt, SURE, 7)


def test_progress_counts_the_texts_that_were_scored(learnt):
    seen = []
    choose(learnt, [*SURE, ""], 3, seen.append)
    assert seen[-1] == len(SURE)


@pytest.mark.parametrize("n", [0, 1001])
def test_other_numbers_are_refused(n, learnt):
    with pytest.raises(SettingsError, match="texts cannot be chosen"):
        choose(learnt, SURE, n)


@pytest.mark.parametrize("texts", [[], ["", " "]])
def test_no_text_is_told(texts, learnt):
    with pytest.raises(SourceError, match="no text to choose from"):
        choose(learnt, texts)


def test_too_many_texts_are_told(learnt):
    with pytest.raises(SourceError, match="100,001 texts are more than the 100,000"):
        choose(learnt, ["a"] * 100_001)


def test_answers_that_are_no_numbers_are_left_out(learnt):
    found = choose(scored(learnt, {SURE[0]: float("nan"), SURE[1]: 0.5}), SURE[:3])
    assert {row.position for row in found} == {1, 2}
    with pytest.raises(ModelError, match="finite"):
        choose(scored(learnt, {SURE[0]: float("nan")}), SURE[:1])


def test_any_text_can_be_chosen(learnt):
    texts = ["word", "😀😀", "שלום עולם", "<script>alert(1)</script>", "\x07", "great " * 170_000]
    assert sorted(row.position for row in choose(learnt, texts)) == [0, 1, 2, 3, 4, 5]
    assert len(choose(learnt, texts, 2)) == 2


def test_half_a_character_is_refused_with_its_place(learnt):
    """It ended in a UnicodeEncodeError."""
    with pytest.raises(SourceError, match="Text 3 of 4 holds half a character"):
        choose(learnt, ["fine", " ", "good \ud83d film", "b"], 1)


@pytest.mark.parametrize("after", [0, 1])
def test_it_can_be_stopped_while_it_scores_and_while_it_embeds(after, learnt, monkeypatch):
    """For 100,000 texts it took minutes, and could not be stopped."""
    asked = []
    with pytest.raises(TunerError, match="Stopped"):
        choose(learnt, SURE, 3, should_stop=lambda: asked.append(1) or len(asked) > after)
    assert len(asked) == after + 1
