"""Labels of data as labels of a model."""

import pytest

from tuner.errors import SourceError
from tuner.evaluation.label_map import is_nameless, map_labels, parse_label_map


def test_names_are_found_exactly_or_in_other_case():
    assert map_labels(["pos", "NEG", "pos"], ["Neg", "pos"]) == [1, 0, 1]


def test_an_exact_name_comes_before_one_in_other_case():
    assert map_labels(["POS", "pos"], ["pos", "POS"]) == [1, 0]


def test_a_name_that_could_be_two_in_other_case_is_not_guessed():
    with pytest.raises(SourceError, match="does not know the labels Pos"):
        map_labels(["Pos"], ["pos", "POS"])


def test_a_mapping_says_where_labels_go_and_may_merge():
    mapping = {"1 star": "negative", "2 stars": "NEGATIVE", "5 stars": "positive"}
    assert map_labels(["1 star", "5 stars", "2 stars"], ["negative", "positive"], mapping) == [0, 1, 0]


def test_what_a_person_maps_is_not_overruled_by_a_name():
    assert map_labels(["neutral"], ["negative", "neutral"], {"neutral": "negative"}) == [0]


def test_unknown_labels_are_all_named_with_the_way_to_map_them():
    with pytest.raises(SourceError, match=r"labels bad, good of the data, only neg, pos\. .*--label-map \"bad=neg\""):
        map_labels(["bad", "good", "pos"], ["neg", "pos"])


def test_many_labels_are_not_all_listed():
    with pytest.raises(SourceError, match="l07 and 12 more of the data"):
        map_labels([f"l{i:02}" for i in range(20)], ["neg", "pos"])


def test_a_model_without_names_gets_asked():
    with pytest.raises(SourceError, match=r'no names for its labels, only LABEL_0, LABEL_1.*--label-map "neg=LABEL_0"'):
        map_labels(["neg", "pos"], ["LABEL_0", "LABEL_1"])
    assert map_labels(["neg", "pos"], ["LABEL_0", "LABEL_1"], {"neg": "LABEL_1", "pos": "LABEL_0"}) == [1, 0]


def test_half_a_mapping_of_a_model_without_names_is_refused():
    with pytest.raises(SourceError, match="which of them pos of the data is cannot be told"):
        map_labels(["neg", "pos"], ["LABEL_0", "LABEL_1"], {"neg": "LABEL_0"})


def test_a_mapping_to_a_label_the_model_lacks_is_refused():
    with pytest.raises(SourceError, match=r"--label-map pos=good: the model has no such label, only neg, pos"):
        map_labels(["pos"], ["neg", "pos"], {"pos": "good"})


def test_nameless_are_only_those_of_the_library():
    assert is_nameless(["LABEL_0", "LABEL_1"])
    assert not is_nameless(["LABEL_0", "pos"])


def test_a_mapping_is_read_from_text():
    assert parse_label_map(["a = b=positive", "x=y"]) == {"a = b": "positive", "x": "y"}


@pytest.mark.parametrize("texts", [["pos"], ["=pos"], ["pos="], ["a=b", "a=c"]])
def test_texts_that_map_nothing_are_refused(texts):
    with pytest.raises(SourceError, match=r"maps no label|is mapped to"):
        parse_label_map(texts)
