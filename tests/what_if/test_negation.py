"""English negated and the other way round, by rules."""

import time

import pytest

from tuner.what_if.negation import negate, remove_negation


@pytest.mark.parametrize(
    ("text", "negated"),
    [
        ("This film is good", "This film is not good"),
        ("I like it", "I do not like it"),
        ("I really love this film!", "I really do not love this film!"),
        ("We can do it", "We cannot do it"),
        ("The app works great", "The app does not work great"),
        ("he misses her", "he does not miss her"),
        ("They loved the place", "They did not love the place"),
        ("It's great", "It's not great"),
        ("I’m happy", "I’m not happy"),
        ("I'll come again", "I will not come again"),
        ("I have a car", "I do not have a car"),
        ("She has taken over", "She has not taken over"),
        ("I have been there", "I have not been there"),
        ("Love this phone", "Do not love this phone"),
        ("@bob Loved the show", "@bob Did not love the show"),
        ("I AM HAPPY", "I AM NOT HAPPY"),
        ("It is not cheap, it is good", "It is not cheap, it is not good"),
    ],
)
def test_the_first_verb_is_negated(text, negated):
    assert negate(text)[0] == negated


@pytest.mark.parametrize(
    "text",
    ["Is it good?", "What is this", "How are you", "do you like it", "Don't you like it", "Nothing is good", "I don't like it",
     "She couldn't have been happier", "a can of beans", "at 10 am tomorrow", "this isn't it", "great film", "#is @are x.is it",
     "to like this", "yes it is", "", "😀", "это хорошо", "זה טוב"],
)  # fmt: skip
def test_where_no_rule_applies_nothing_is_changed(text):
    assert negate(text) is None


@pytest.mark.parametrize(
    "text",
    ["Ich will mein Geld zurück", "Was ist das für ein Bote", "Das ist was anderes.", "Dit is goed", "Grace, Will and Rose",
     "Will Smith", "I met Will yesterday"],
)  # fmt: skip
def test_german_words_and_names_are_no_english_verbs(text):
    """Once "Ich will not mein Geld", "Das ist was not anderes" and "Grace, Will not and Rose" came out."""
    assert negate(text) is None


def test_what_stands_behind_a_name_is_negated_and_no_german_noun_is_a_negation():
    assert negate("Will is here")[0] == "Will is not here"
    assert negate("Mayor Will is here")[0] == "Mayor Will is not here"
    assert negate("Will buy it again")[0] == "Will not buy it again"
    assert remove_negation("Freunde in der Not") is None


def test_what_was_done_is_said():
    assert negate("We can do it")[1] == "'can' made 'cannot'"
    assert remove_negation("Not good, it isn't")[1] == "'Not' taken out, 'isn't' made 'is'"
    assert remove_negation("no a not b not c never d")[1] == "'no' taken out, 'not' taken out, 'not' taken out and 1 more"


@pytest.mark.parametrize(
    ("text", "positive"),
    [
        ("I don't like it", "I like it"),
        ("I do not like it", "I like it"),
        ("We dont care", "We care"),
        ("DON'T GO", "GO"),
        ("Don’t go", "Go"),
        ("Don't you like it", "Do you like it"),
        ("No, I don't.", "No, I do."),
        ("It doesn't work", "It does work"),
        ("This is not good", "This is good"),
        ("Not good", "Good"),
        ("It isn't nice", "It is nice"),
        ("I can't wait, I cannot", "I can wait, I can"),
        ("She won't come", "She will come"),
        ("I never liked it", "I liked it"),
        ("never ever again", "again"),
        ("it no longer works", "it works"),
        ("There is no reason", "There is reason"),
        ("No one cares, nobody", "Someone cares, somebody"),
        ("Nothing without you", "Something with you"),
        ("I hope not.", "I hope."),
    ],
)
def test_negations_are_taken_out(text, positive):
    assert remove_negation(text)[0] == positive


@pytest.mark.parametrize(
    "text",
    ["why not go", "not only good", "if not", "never mind", "no doubt", "No, thanks", "knot cannon", "#not", "not", "",
     "I can live wıthout it", "NOTHİNG WORKS", "it doeſn't work"],
)  # fmt: skip
def test_what_is_no_negation_stays(text):
    assert remove_negation(text) is None


@pytest.mark.parametrize("part", ["not ", "a not ", "I  ", "do ", "no ", "@a ", "a", " ", "is it "])
def test_no_text_makes_the_rules_hang(part):
    text = "I " + part * (100_000 // len(part))
    start = time.monotonic()
    negate(text)
    remove_negation(text)
    assert time.monotonic() - start < 5  # 0.1 s alone on a core
