"""Decisions about rows: kept in a draft, frozen for runs, laid over rows, exported."""

import csv as csv_module
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pyarrow.parquet as pq
import pytest

from tuner.data import overlay
from tuner.data.overlay import add, apply, decide, draft, export, freeze, load, undo
from tuner.errors import SourceError

SOURCE = "ab" * 32
RELABEL = decide("train/1", "I love it", "neg", "relabel", "pos")
KEEP = decide("train/2", "fine", "neu", "keep")
DROP = decide("train/10", "asdf", "pos", "drop")


@pytest.fixture
def draft_file(home):
    return home / "overlays" / SOURCE[:16] / "draft.jsonl"


def test_decisions_come_back_as_they_went(draft_file):
    add(SOURCE, [RELABEL, KEEP])
    add(SOURCE, [DROP])
    assert draft(SOURCE) == {"train/1": RELABEL, "train/2": KEEP, "train/10": DROP}
    assert draft_file.is_file()


def test_a_source_has_only_its_own_decisions():
    add(SOURCE, [RELABEL])
    assert draft("cd" * 20) == {}


def test_the_last_decision_about_a_row_wins():
    add(SOURCE, [RELABEL, KEEP])
    later = decide("train/1", "I love it", "neg", "keep")
    add(SOURCE, [later])
    assert draft(SOURCE)["train/1"] == later


def test_undo_takes_a_decision_back():
    add(SOURCE, [RELABEL, KEEP])
    undo(SOURCE, "train/1")
    assert draft(SOURCE) == {"train/2": KEEP}
    add(SOURCE, [RELABEL])
    assert draft(SOURCE)["train/1"] == RELABEL


def test_undo_of_nothing_writes_nothing(draft_file):
    undo(SOURCE, "train/1" * 1_000_000)
    assert not draft_file.exists()


@pytest.mark.parametrize(
    ("action", "new_label"), [("relabel", None), ("relabel", "neg"), ("relabel", ""), ("keep", "pos"), ("burn", None)]
)
def test_a_decision_that_means_nothing_is_refused(action, new_label):
    with pytest.raises(SourceError, match="The decision about row 'train/1' cannot be taken"):
        decide("train/1", "I love it", "neg", action, new_label)


@pytest.mark.parametrize("row_id", ["", "train", "train/x", "a\nb/1", "train/1\n", "x" * 400 + "/1"])
def test_a_malformed_row_id_is_refused(row_id):
    with pytest.raises(SourceError, match="row_id"):
        decide(row_id, "I love it", "neg", "keep")


def test_freezing_again_gives_the_same_name_and_content():
    add(SOURCE, [RELABEL, KEEP, DROP])
    name = freeze(SOURCE)
    first = overlay.file_of(SOURCE, name).read_bytes()
    assert freeze(SOURCE) == name
    assert overlay.file_of(SOURCE, name).read_bytes() == first
    assert name == overlay.hashlib.sha256(first).hexdigest()[:12]


def test_the_name_is_that_of_the_decisions_whatever_their_order():
    add(SOURCE, [RELABEL, KEEP])
    name = freeze(SOURCE)
    for row_id in ("train/1", "train/2"):
        undo(SOURCE, row_id)
    add(SOURCE, [KEEP, decide("train/1", "I love it", "neg", "drop"), RELABEL])
    assert freeze(SOURCE) == name


def test_a_frozen_overlay_stays_while_the_draft_goes_on():
    add(SOURCE, [RELABEL])
    name = freeze(SOURCE)
    add(SOURCE, [DROP])
    assert load(SOURCE, name) == {"train/1": RELABEL}
    assert freeze(SOURCE) != name


def test_nothing_decided_is_nothing_to_name():
    assert freeze(SOURCE) == ""
    add(SOURCE, [RELABEL])
    undo(SOURCE, "train/1")
    assert freeze(SOURCE) == ""


def test_an_unknown_overlay_is_refused_with_a_cure():
    with pytest.raises(SourceError, match="There is no overlay '0123456789ab'") as refused:
        load(SOURCE, "0123456789ab")
    assert "0123456789ab.jsonl" in refused.value.cure


def test_no_folder_of_the_machine_is_told(home, draft_file):
    add(SOURCE, [RELABEL])
    path = overlay.file_of(SOURCE, freeze(SOURCE))
    path.write_text("another")
    draft_file.write_text("{\n")
    for read in (lambda: load(SOURCE, "0123456789ab"), lambda: load(SOURCE, path.stem), lambda: draft(SOURCE)):
        with pytest.raises(SourceError) as refused:
            read()
        assert str(home) not in str(refused.value)


@pytest.mark.parametrize(
    "name", ["", "draft", "../../../etc", "0123456789ab\n", "0123456789AB", "/etc/passwd", "0" * 13, "٠" * 12]
)
def test_a_name_is_no_path(name):
    with pytest.raises(SourceError, match="no name of an overlay"):
        load(SOURCE, name)


@pytest.mark.parametrize("identity", ["", "../../../../tmp/x", "AB" * 32, "ab", "ab" * 32 + "\n", "ab" * 40])
def test_an_identity_is_no_path(identity):
    with pytest.raises(SourceError, match="does not identify a source"):
        draft(identity)


def test_a_changed_overlay_is_refused():
    add(SOURCE, [RELABEL])
    path = overlay.file_of(SOURCE, freeze(SOURCE))
    path.write_text(path.read_text().replace("pos", "neu"))
    with pytest.raises(SourceError, match="damaged"):
        load(SOURCE, path.stem)


@pytest.mark.parametrize("line", ["{", "[]", "7", '{"undo": []}', '{"row_id": "train/1"}', "[" * 100_000, "\udcff"])
def test_a_damaged_draft_names_the_line(draft_file, line):
    add(SOURCE, [RELABEL])
    draft_file.write_bytes(draft_file.read_bytes() + line.encode("utf-8", "surrogateescape") + b"\n")
    with pytest.raises(SourceError, match="line 2, is no decision"):
        draft(SOURCE)


def test_what_a_dead_writer_left_is_passed_over_and_cut_off(draft_file):
    add(SOURCE, [RELABEL])
    with draft_file.open("ab") as file:
        file.write(b'{"row_id": "train/2", "te')
    assert draft(SOURCE) == {"train/1": RELABEL}
    add(SOURCE, [DROP])
    assert draft(SOURCE) == {"train/1": RELABEL, "train/10": DROP}


def test_a_full_draft_is_refused(monkeypatch):
    add(SOURCE, [RELABEL])
    monkeypatch.setattr(overlay, "_MOST_BYTES", 150)
    with pytest.raises(SourceError, match="would grow beyond"):
        add(SOURCE, [KEEP])
    assert draft(SOURCE) == {"train/1": RELABEL}


def test_a_folder_that_cannot_be_made_is_an_error_in_words(home):
    home.write_text("in the way")
    with pytest.raises(SourceError, match="cannot be written"):
        add(SOURCE, [RELABEL])


def test_processes_that_write_at_once_lose_nothing():
    code = (
        "import sys; from tuner.data.overlay import add, decide\n"
        f"for i in range(50): add('{SOURCE}', [decide(f'{{sys.argv[1]}}/{{i}}', 'text ' * 500, 'a' * 900, 'keep')])"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, f"writer{n}"]) for n in range(4)]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    assert set(draft(SOURCE)) == {f"writer{n}/{i}" for n in range(4) for i in range(50)}


def test_threads_that_write_at_once_lose_nothing():
    """A lock by `lockf` would let all threads of the server in."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: add(SOURCE, [decide(f"train/{i}", "text", "a" * 900, "keep")]), range(100)))
    assert set(draft(SOURCE)) == {f"train/{i}" for i in range(100)}


ROWS = (["I love it", "fine", "asdf", "new"], ["neg", "neu", "pos", "neg"], ["train/1", "train/2", "train/10", "train/11"])


def decided(*decisions):
    return {decision.row_id: decision for decision in decisions}


def test_decisions_are_laid_over_rows():
    positions, labels, counts = apply(decided(RELABEL, KEEP, DROP), *ROWS, "train")
    assert positions == [0, 1, 3]
    assert labels == ["pos", "neu", "neg"]
    assert counts == {"relabelled": 1, "dropped": 1, "kept": 1, "stale": 0, "test_rows_kept": 0}


def test_a_test_row_is_relabelled_but_never_dropped():
    positions, labels, counts = apply(decided(RELABEL, DROP), *ROWS, "test")
    assert positions == [0, 1, 2, 3]
    assert labels == ["pos", "neu", "pos", "neg"]
    assert counts == {"relabelled": 1, "dropped": 0, "kept": 0, "stale": 0, "test_rows_kept": 1}


@pytest.mark.parametrize("role", ["train", "test"])
def test_a_decision_never_hits_another_text_or_label(role):
    other_text = decide("train/1", "I hate it", "neg", "relabel", "pos")
    other_label = decide("train/10", "asdf", "neg", "drop")
    positions, labels, counts = apply(decided(other_text, other_label), *ROWS, role)
    assert (positions, labels) == ([0, 1, 2, 3], ROWS[1])
    assert counts["stale"] == 2


def test_no_decision_changes_nothing():
    assert apply({}, *ROWS, "train")[:2] == ([0, 1, 2, 3], ROWS[1])


PAYLOADS = ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=cmd|'/C calc'!A0"]


def exported(tmp_path, name):
    found = decided(*(decide(f"=split/{i}", text, text, "relabel", "-new") for i, text in enumerate(PAYLOADS)))
    assert export(found, {f"=split/{i}": text for i, text in enumerate(PAYLOADS)}, tmp_path / name) == len(PAYLOADS)
    return tmp_path / name


def test_no_cell_of_a_csv_is_a_formula(tmp_path):
    with exported(tmp_path, "out.csv").open(newline="") as file:
        rows = list(csv_module.DictReader(file))
    assert [row["text"] for row in rows] == [f"'{text}" for text in PAYLOADS]
    assert all(row[cell].startswith("'") for row in rows for cell in ("row_id", "label", "new_label"))


def test_a_carriage_return_inside_a_text_begins_no_row(tmp_path):
    """pandas writes a bare CR without quotes, so that "x\\r=1" became a row of its own with a formula in it."""
    text = "x\r=1"
    export(decided(decide("train/1", text, "neg", "keep")), {"train/1": text}, tmp_path / "out.csv")
    assert b'"x\r=1"' in (tmp_path / "out.csv").read_bytes()


def test_parquet_is_exact(tmp_path):
    rows = pq.read_table(exported(tmp_path, "out.parquet")).to_pylist()
    assert [(row["text"], row["label"], row["new_label"]) for row in rows] == [(text, text, "-new") for text in PAYLOADS]
    assert list(rows[0]) == ["row_id", "text", "label", "action", "new_label", "text_sha"]


def test_a_text_that_is_another_one_by_now_is_not_exported(tmp_path):
    export(decided(RELABEL, KEEP), {"train/1": "I hate it"}, tmp_path / "out.parquet")
    rows = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert [(row["text"], row["new_label"]) for row in rows] == [("", "pos"), ("", None)]


def test_nothing_is_exported_as_a_header(tmp_path):
    assert export({}, {}, tmp_path / "out.csv") == 0
    assert (tmp_path / "out.csv").read_text() == '"row_id","text","label","action","new_label","text_sha"\n'


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(SourceError, match=r"ends in \.csv"):
        export({}, {}, tmp_path / "out.xlsx")
