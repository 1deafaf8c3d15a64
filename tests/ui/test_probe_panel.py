"""The facts of the base models and the probe, as the page shows them."""

import pytest

from tuner import catalog
from tuner.training.probe_result import ProbeRow, make_result
from tuner.ui import model_facts, probe_panel, text

GOOD = ProbeRow(
    model="sample:minilm",
    accuracy=0.738,
    macro_f1=0.684,
    macro_recall=0.662,
    fold_macro_f1=[0.64, 0.72],
    seconds_per_1000=11.28,
    memory_mb=347.4,
    parameters=22_713_216,
    max_length=64,
)
BROKEN = ProbeRow(model="owner/" + "x" * 900, problem="It is not on the Hub. Check the name.")
WORDS = ProbeRow(model="word counts", accuracy=0.6, macro_f1=0.57, macro_recall=0.55, fold_macro_f1=[0.5, 0.6])


@pytest.mark.parametrize("offer", catalog.BASE_MODELS, ids=lambda offer: offer.name)
def test_the_facts_of_the_chosen_model_are_shown(offer):
    shown = model_facts.facts(offer.name)
    assert all(fact in shown for fact in (offer.languages, offer.licence, offer.pretraining, offer.take_when))
    assert f"{offer.max_length:,} tokens" in shown


@pytest.mark.parametrize("name", ["owner/model", "", None, "<script>alert(1)</script>"])
def test_a_model_that_is_not_offered_says_so_and_is_not_repeated(name):
    assert model_facts.facts(name) == text.NOT_OFFERED


def test_the_model_of_a_run_is_no_stranger():
    """It had "its card says its languages, licence": it has none."""
    assert model_facts.facts("run:20260101-000000-aaaaaa") == text.OF_A_RUN


def test_all_offered_models_stand_in_the_table():
    assert [row[0] for row in model_facts.comparison()] == [offer.title for offer in catalog.BASE_MODELS]


def test_the_table_holds_scores_time_memory_and_what_failed():
    result = make_result("rows.csv", 500, 2, 42, [BROKEN, GOOD], [WORDS])
    rows = probe_panel.table_of(result)
    assert rows[0] == ["sample:minilm", "0.684 ±\N{NO-BREAK SPACE}0.057", "11.3", "347", "0.738", "0.662", "22.7 M"]
    assert rows[1][1] == "failed"
    assert len(rows[1][0]) < 330
    assert rows[2][0] == "word counts"


def test_the_words_say_why_one_failed():
    result = make_result("rows.csv", 500, 2, 42, [BROKEN, GOOD], [WORDS])
    assert "It is not on the Hub. Check the name." in probe_panel.words_of(result)
    assert "It cannot tell how well a model ends up" in probe_panel.words_of(result)
