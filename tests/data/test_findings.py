"""What is wrong with a data set, and the changes of settings that mend it."""

import random

import datasets
import pytest

from tests import tiny
from tuner.config import RunConfig
from tuner.data import labelled, repeats
from tuner.data.labelled import load_labelled
from tuner.data.profiling import profile
from tuner.data.raw import RawData

LONG = " ".join(tiny.WORDS[:14])
PERSONAL = {
    "personal_email": "a@b.de",
    "personal_account": "AT61 1904 3002 3457 3201",
    "personal_card": "4111 1111 1111 1111",
    "personal_phone": "+49 171 1234567",
    "personal_handle": "@anna",
}


def clean(count, labels=("neg", "pos"), seed=0):
    """Rows without a finding: ten tokens each, all different, labels in turn."""
    draw = random.Random(f"{seed}")
    return [{"text": " ".join(draw.sample(tiny.WORDS, 8)), "label": labels[i % len(labels)]} for i in range(count)]


def splits(train=(), validation=(), test=(), own=True):
    """60 clean training rows and 20 of each other split, and behind them those given as (text, label)."""
    made = {"train": clean(60, seed=1), "validation": clean(20, seed=2), "test": clean(20, seed=3)}
    for name, rows in (("train", train), ("validation", validation), ("test", test)):
        made[name] += [{"text": text, "label": label} for text, label in rows]
    return made if own else {"train": made["train"]}


def of(label, count, seed):
    return [(row["text"], label) for row in clean(count, seed=seed)]


FIRST = clean(60, seed=1)[0]["text"]  # labelled neg, as every second one
HELD = clean(20, seed=3)[7]["text"]
# finding → (splits, settings, severity, how many rows, ids among which they are, whether settings mend it)
PLANTED = {
    "leaked": (splits([(HELD.upper(), "pos")]), {}, "high", 1, {"train/60"}, True),
    "conflicting": (splits([(f"{FIRST} ", "pos")]), {}, "high", 2, {"train/0", "train/60"}, True),
    "label_spelling": (splits(of("POS", 12, 4), of("Pos", 2, 5), of("POS", 1, 6)), {}, "high", 15, None, True),
    "rare_class": (splits(of("rare", 3, 4), (), of("rare", 1, 5)), {}, "high", 4, None, True),
    "missing_in_validation": (splits(of("neu", 20, 4), (), of("neu", 5, 5)), {}, "medium", 25, None, True),
    "missing_in_test": (splits(of("neu", 20, 4), of("neu", 5, 5)), {}, "medium", 25, None, True),
    "empty_text": (splits([(" ", "pos")], [("\u200b", "neg")]), {}, "medium", 2, {"train/60", "validation/20"}, False),
    "missing_label": (splits([("one", None), ("two", None)]), {}, "medium", 2, {"train/60", "train/61"}, False),
    "duplicates": (splits([(FIRST, "neg"), (f" {FIRST}", "neg")]), {}, "medium", 2, {"train/0", "train/60", "train/61"}, True),
    "near_duplicates": (splits([(LONG, "neg"), (f"{LONG}!", "neg")]), {}, "low", 1, {"train/60", "train/61"}, True),
    "imbalance": (splits(of("pos", 180, 4)), {}, "medium", 50, None, True),
    "too_long": (splits(), {"model": {"max_length": 8}}, "medium", 60, None, True),
    "no_split": (splits(own=False), {}, "low", 11, None, True),
    **{
        key: (splits([(f"so {value}, ok", "pos")], (), [(value, "neg")]), {}, "medium", 2, {"train/60", "test/20"}, True)
        for key, value in PERSONAL.items()
    },
}
PLANTED["personal_handle"] = (*PLANTED["personal_handle"][:2], "low", *PLANTED["personal_handle"][3:])
DROPPED = ("leaked", "conflicting", "duplicates", "near_duplicates")
MENDED = [key for key, planted in PLANTED.items() if planted[-1]]


@pytest.fixture
def settings(tiny_models, monkeypatch):
    """Settings of a source with these splits: `settings({"train": rows, …}, {"model": {…}})`."""

    def hand_in(rows, changes=None):
        raw = RawData("owner/name", {name: datasets.Dataset.from_list(split) for name, split in rows.items()}, "abc", "ab" * 32)
        monkeypatch.setattr(labelled, "load_raw", lambda *_: raw)
        config = RunConfig(data={"source": "owner/name"}, model={"name": str(tiny_models["bert"])})
        return config.with_changes(changes or {})

    return hand_in


def found(config):
    """Findings by key."""
    return {finding.key: finding for finding in profile(config).findings}


def mended(config, *findings):
    for finding in findings:
        config = config.with_changes(finding.fix.applied_to(config.model_dump()))
    return config


def test_clean_data_has_no_finding(settings):
    assert found(settings(splits())) == {}


@pytest.mark.parametrize("key", PLANTED)
def test_a_planted_finding_is_found_counted_and_its_rows_named(key, settings):
    rows, changes, severity, count, ids, _ = PLANTED[key]
    finding = found(settings(rows, changes))[key]
    assert (finding.severity, finding.count) == (severity, count)
    assert len(set(finding.rows)) == min(count, 100)
    assert ids is None or set(finding.rows) <= ids


@pytest.mark.parametrize("key", PLANTED)
def test_the_rows_of_a_finding_are_those_it_names(key, settings):
    """The table in the app chooses rows by these positions."""
    config = settings(*PLANTED[key][:2])
    data = load_labelled(config.data)
    described = profile(config, data)
    named = {data.splits[role].row_name(i) for role, rows in described.rows_of(key).items() for i in rows}
    finding = next(finding for finding in described.findings if finding.key == key)
    assert named == (set() if key in ("empty_text", "missing_label") else set(finding.rows))


@pytest.mark.parametrize("key", PLANTED)
def test_a_fix_is_given_where_settings_can_mend(key, settings):
    assert (found(settings(*PLANTED[key][:2]))[key].fix is not None) == (key in MENDED)


@pytest.mark.parametrize("key", MENDED)
def test_a_fix_makes_its_finding_disappear(key, settings):
    config = settings(*PLANTED[key][:2])
    assert key not in found(mended(config, found(config)[key]))


@pytest.mark.parametrize("key", [*DROPPED, *PERSONAL, "label_spelling"])
def test_a_fix_drops_no_validation_or_test_row(key, settings):
    config = settings(*PLANTED[key][:2])
    before, after = load_labelled(config.data), load_labelled(mended(config, found(config)[key]).data)
    assert all(after.splits[role].row_ids == before.splits[role].row_ids for role in ("validation", "test"))


def test_all_fixes_together_leave_no_finding_that_can_be_mended(settings):
    everything = splits(
        [(HELD, "pos"), (FIRST, "pos"), (LONG, "neg"), (f"{LONG}!", "neg"), (LONG, "neg"), *of("POS", 12, 4), *of("rare", 3, 5)]
        + [(value, "pos") for value in PERSONAL.values()],
        test=[(value, "neg") for value in PERSONAL.values()],
    )
    config = settings(everything, {"model": {"max_length": 8}})
    findings = profile(config).findings
    assert len(findings) == 13
    assert found(mended(config, *findings)) == {}


def test_config_yaml_repeats_the_rows_of_all_fixes(settings):
    config = settings(*PLANTED["duplicates"][:2])
    changes = {
        "fixes": ["drop_near_duplicates", "drop_leaked", "drop_duplicates", "drop_conflicting"]
        + [f"mask_{key.removeprefix('personal_')}" for key in PERSONAL],
        "label_map": {"neg": "down", "pos": "up"},
        "validation_size": 0.2,
        "test_size": 9,
    }
    config = config.with_changes({"data": changes})
    again = RunConfig.from_yaml(config.to_yaml())
    assert load_labelled(again.data).fingerprint == load_labelled(config.data).fingerprint
    assert again == config


def test_the_gravest_come_first(settings):
    rows = splits([(FIRST, "pos"), (LONG, "pos"), (f"{LONG}!", "pos"), ("so a@b.de", "pos"), (" ", "neg"), *of("pos", 180, 4)])
    severities = [finding.severity for finding in profile(settings(rows)).findings]
    assert severities == sorted(severities, key=["high", "medium", "low"].index)
    assert {"high", "medium", "low"} == set(severities)


def test_100_rows_are_named_and_all_counted(settings):
    finding = found(settings(splits([(FIRST, "neg")] * 150)))["duplicates"]
    assert (finding.count, len(finding.rows)) == (150, 100)


def test_a_fix_is_added_to_those_there_are(settings):
    config = settings(*PLANTED["leaked"][:2]).with_changes({"data": {"fixes": ["mask_email"]}})
    assert mended(config, found(config)["leaked"]).data.fixes == ["mask_email", "drop_leaked"]


def test_the_most_frequent_spelling_stays(settings):
    config = settings(*PLANTED["label_spelling"][:2])
    assert load_labelled(mended(config, found(config)["label_spelling"]).data).labels == ("neg", "pos")


def test_a_label_map_is_followed_to_the_names_of_the_source(settings):
    """Once merging 'neg', as a map had called Up, into 'NEG' also moved the rows that the source itself calls neg."""
    rows = splits(of("Up", 12, 4), of("Up", 3, 5), of("Up", 3, 6))
    config = settings(rows, {"data": {"label_map": {"pos": "NEG", "neg": "up", "Up": "neg"}}})
    data = load_labelled(mended(config, found(config)["label_spelling"]).data)
    assert data.counts("train") == {"NEG": 42, "up": 30}


def test_labels_are_not_left_out_where_fewer_than_two_would_stay(settings):
    config = settings({"train": [*clean(60, "a"), *clean(3, "b", 1)], "test": clean(9, "ab", 2), "dev": clean(9, "ab", 3)})
    assert found(config)["rare_class"].fix is None


@pytest.mark.parametrize("data", [{}, {"num_folds": 20, "fold": 3}])
def test_cutting_rows_is_no_fix_where_they_were_cut(data, settings):
    """Once the fix asked for validation_size beside num_folds, which is refused; and without folds it changed nothing."""
    rows = [*clean(200), *({"text": FIRST, "label": "neu"} for _ in range(12))]
    findings = found(settings({"train": rows, "test": splits(test=of("neu", 5, 5))["test"]}, {"data": data}))
    assert findings["missing_in_validation"].fix is None


@pytest.mark.parametrize("data", [{"validation_size": 20, "test_size": 0.1}, {"num_folds": 4, "test_size": 20}])
def test_rows_cut_as_asked_for_are_no_finding(data, settings):
    assert "no_split" not in found(settings(splits(own=False), {"data": data}))


def test_weights_settle_imbalance(settings):
    changes = {"training": {"class_weights": {"neg": 3, "pos": 1}}}
    assert "imbalance" not in found(settings(PLANTED["imbalance"][0], changes))


def test_texts_beyond_the_models_limit_have_no_fix(settings):
    rows = splits([(" ".join(["film"] * (tiny.LIMIT + 8)), "pos")])
    finding = found(settings(rows))["too_long"]
    assert (finding.count, finding.severity, finding.fix) == (1, "low", None)


def test_of_many_rows_the_first_are_compared_and_it_says_so(settings, monkeypatch):
    monkeypatch.setattr(repeats, "MOST_COMPARED", 30)
    finding = found(settings(splits([(f"{LONG}{'!' * i}", "neg") for i in range(1, 60)])))["near_duplicates"]
    assert "of the first 30:" in finding.what
    assert "Only 30 rows are compared." in finding.why


def test_masks_may_bring_repeats_to_light(settings):
    config = settings(splits([("mail to a@b.de", "pos"), ("mail to c@d.ef", "pos")]))
    findings = found(mended(config, found(config)["personal_email"]))
    assert set(findings) == {"duplicates"}
