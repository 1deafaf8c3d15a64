"""What can be seen in a text by its characters, and how personal data is masked."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.patterns import PERSONAL, PLACEHOLDERS, SCRIPTS, TRAITS, mask, matches, personal, strings

CARD, BAD_CARD = "4111 1111 1111 1111", "4111 1111 1111 1112"
GERMAN, AUSTRIAN, BAD_ACCOUNT = "DE89 3704 0044 0532 0130 00", "AT61 1904 3002 3457 3201", "DE88 3704 0044 0532 0130 00"
PLANTED = [
    ("email", "anna.b+x@mail.example.org"),
    ("email", "A_1%z@web-x.de"),
    ("phone", "+49 171 1234567"),
    ("phone", "+44 (0)20 7946 0958"),
    ("phone", "+14155552671"),
    ("phone", "(415) 555-2671"),
    ("phone", "415.555.2671"),
    ("phone", "0171 1234567"),
    ("phone", "030/1234567"),
    ("card", CARD),
    ("card", "4111-1111-1111-1111"),
    ("card", "378282246310005"),
    ("account", GERMAN),
    ("account", GERMAN.replace(" ", "")),
    ("account", AUSTRIAN),
    ("account", "GB82 WEST 1234 5698 7654 32"),
    ("handle", "@anna_b"),
    ("handle", "@anna@bob"),
]
# Texts that hold nothing of a person.
HARMLESS = [
    "in 1999, from 1989-2024",
    "on 2024-01-31, 31.01.2024 or 01/31/2024",
    "$1,234,567.89 or 1.234.567,89 €",
    "pi is 3.14159265358, not -3.2",
    "from 10:30:45 to 11.15",
    "me @ home, 2 @ 3 €",
    "version 10.0.19045, at 192.168.100.200",
    f"card {BAD_CARD}, 1 2 3 4 5 6 7 8 9 0 1 2 3 4, zeros 0000 0000 0000 0000",
    f"account {BAD_ACCOUNT}",
    "see https://site.example/@anna",
    "a@b",
]
# From letters that are part of no pattern.
plain = st.text(st.characters(exclude_characters="@+_" + string.digits, exclude_categories=["Cs"]))
hard = st.text(st.sampled_from("aB01@.+-/ _é\n(49)"))


def kinds(text):
    return {kind for kind, rows in personal(strings([text])).items() if len(rows)}


def traits(text):
    return {name for name, hits in matches(strings([text]), TRAITS).items() if hits[0]}


@pytest.mark.parametrize(("kind", "planted"), PLANTED)
def test_personal_data_is_found(kind, planted):
    assert kind in kinds(f"so {planted}, ok")
    assert kind in kinds(planted)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_personal_data_is_not_found(text):
    assert kinds(text) == set()


def test_an_address_is_no_handle():
    assert kinds("write to anna@example.org") == {"email"}


@pytest.mark.parametrize(("kind", "number"), [("card", CARD), ("account", AUSTRIAN)])
def test_a_letter_beyond_ascii_before_a_number_does_not_hide_it(kind, number):
    """Once it did: a word's border is another one to Python's patterns than to Arrow's."""
    assert kind in kinds(f"für£ä{number}!")
    assert mask([f"für£ä{number}!"], kind)[0] == [f"für£ä{PLACEHOLDERS[kind]}!"]


def test_positions_are_those_of_the_texts():
    assert personal(strings(["no", "a@b.cd", "", "c@d.ef"]))["email"].tolist() == [1, 3]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"{CARD} 12/27", "<CARD> 12/27"),
        (f"{CARD} 123", "<CARD> 123"),
        (f"until 12/27 {CARD}", "until 12/27 <CARD>"),
        (f"in 2024 {CARD}", "in 2024 <CARD>"),
        (f"{CARD} {CARD}", "<CARD> <CARD>"),
    ],
)
def test_digits_beside_a_card_do_not_hide_it(text, masked):
    """Once the date behind a card's number was taken for a part of it, and the check digits seemed wrong."""
    assert mask([text], "card") == ([masked], 1)


def test_a_word_in_capitals_does_not_hide_an_account():
    assert mask([f"{AUSTRIAN} EUR BANK"], "account") == (["<ACCOUNT> EUR BANK"], 1)


@pytest.mark.parametrize(("kind", "planted"), PLANTED)
@given(before=plain, after=plain)
def test_masking_keeps_everything_else(kind, planted, before, after):
    masked, changed = mask([f"{before} {planted} \n{after}", before], kind)
    assert masked == [f"{before} {PLACEHOLDERS[kind]} \n{after}", before]
    assert changed == 1


@pytest.mark.parametrize("kind", PERSONAL)
@given(text=hard)
def test_what_was_masked_is_not_found_again(kind, text):
    """Once '@anna@bob' became '<USER>@bob', and 'é0171 1234567' was found by one engine and kept by the other."""
    masked, changed = mask([text], kind)
    assert kind not in kinds(masked[0])
    assert changed == (kind in kinds(text)) == (masked != [text])


def test_neighbours_are_all_masked():
    assert mask(["@anna @bob,@carl"], "handle")[0] == ["<USER> <USER>,<USER>"]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", PERSONAL)
@pytest.mark.parametrize(
    "hostile",
    ["a@" * 5_000_000, "a" * 10_000_000, "+1 " * 500_000, "1112 " * 100_000, "AB12 " * 100_000],
    ids=lambda text: text[:4],
)
def test_no_text_takes_long(kind, hostile):
    """Once 200 KB of 'a' before an address took 43 s."""
    masked, changed = mask([f"{hostile} {dict(PLANTED)[kind]}"], kind)
    assert (len(masked), changed) == (1, 1)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see https://x.de/a?b=@c", {"url"}),
        ("WWW.x.de", {"url"}),
        ("hi @anna", {"handle"}),
        ("(@anna)", {"handle"}),
        ("#love it", {"hashtag"}),
        ("#größe", {"hashtag"}),
        ("fine 😀", {"emoji"}),
        ("☀", {"emoji"}),
        ("what the f***", {"masked word"}),
        ("call [NAME] or <PHONE>", {"masked word"}),
        ("hello ___ there", {"masked word"}),
        ("http is a protocol, www too", set()),
        ("anna@x.de @ home", set()),
        ("we are #1, C# &#39; x/#top", set()),
        ("5 * 3, snake_case, [a], <b>", set()),
        ("plain: text; © §5 →", set()),
    ],
)
def test_traits(text, found):
    assert traits(text) == found


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("Latin", "größe"), ("Cyrillic", "привет"), ("Greek", "γειά"), ("Arabic", "مرحبا"), ("Hebrew", "שלום"),
        ("Devanagari", "नमस्ते"), ("Han", "你好"), ("Kana", "カナ"), ("Kana", "かな"), ("Hangul", "안녕"), ("Thai", "สวัสดี"),
    ],
)  # fmt: skip
def test_scripts(script, text):
    assert {name for name, hits in matches(strings([f"{text} 1!"]), SCRIPTS).items() if hits[0]} == {script}
