"""The nearest training rows, what they say, and the file they are kept in."""

import shutil
import threading

import numpy as np
import pytest

from tests import tiny
from tuner import runs
from tuner.data.labelled import load_labelled
from tuner.errors import RunError, SettingsError, SourceError, TunerError
from tuner.inference import load_classifier, load_untouched
from tuner.neighbours import Neighbour, embeddings, index, nearest
from tuner.neighbours.index import Index
from tuner.neighbours.nearest_rows import _note

TEXT = "a train so superb again"


@pytest.fixture(autouse=True)
def shelf(monkeypatch):
    monkeypatch.setattr(index, "_SHELF", index._Shelf())


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Where the first test that needs a trained run leaves it for the others."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def run(train_here, tiny_config, kept, csv):
    """A trained run of the test's own: a copy, in its own home, of its own data."""
    if not any(kept.iterdir()):
        trained = train_here(tiny_config(source=csv(), max_steps=30))
        shutil.copytree(trained.folder, kept / trained.id)
        return trained
    (folder,) = kept.iterdir()
    copied = runs.Run(folder.name, shutil.copytree(folder, runs.home() / "runs" / folder.name))
    config = copied.config
    own = config.model_copy(update={"data": config.data.model_copy(update={"source": str(csv())})})
    (copied.folder / "config.yaml").write_text(own.to_yaml())
    return runs.get(copied.id)


@pytest.fixture
def classifier(run):
    return load_classifier(run)


@pytest.fixture
def built(monkeypatch):
    """How often training rows were embedded."""
    times = []
    build = index._build
    monkeypatch.setattr(index, "_build", lambda *given: times.append(1) or build(*given))
    return times


def test_they_are_the_rows_of_greatest_similarity(run, classifier):
    train = load_labelled(run.config.data).splits["train"]
    similar = embeddings(classifier, train.texts, "fp32") @ embeddings(classifier, [TEXT], "fp32")[0]
    found = nearest(run, classifier, TEXT, k=3)
    best = np.argsort(-similar)[:3]
    assert [row.row for row in found.rows] == [train.row_name(i) for i in best]
    assert [row.text for row in found.rows] == [train.texts[i] for i in best]
    np.testing.assert_allclose([row.similarity for row in found.rows], similar[best], atol=5e-3)  # bf16 where the CPU has it
    assert (found.searched, found.of) == (len(train), len(train))


def test_labels_are_those_of_the_training_rows(run, classifier):
    labels = dict(tiny.labelled_rows(40))
    assert all(labels[row.text] == row.label for row in nearest(run, classifier, TEXT).rows)


def test_a_text_that_was_trained_on_is_told_also_in_capitals(run, classifier):
    text = load_labelled(run.config.data).splits["train"].texts[5]
    found = nearest(run, classifier, f" {text.upper()}")
    assert found.note.startswith("This text stands in the training rows, as '")
    assert found.rows[0].text == text
    assert "stands in" not in nearest(run, classifier, TEXT).note


def test_a_repeat_is_told_although_its_row_was_not_drawn(run, classifier, monkeypatch):
    monkeypatch.setattr(index, "MOST_ROWS", 4)
    for text in load_labelled(run.config.data).splits["train"].texts:
        found = nearest(run, classifier, text)
        assert found.note.startswith("This text stands in the training rows")
    assert "4 of 32 training rows were searched (drawn with seed 42)." in found.note
    assert (len(found.rows), found.searched, found.of) == (4, 4, 32)


def test_progress_is_told_once_and_later_questions_read_the_file(run, classifier, built, monkeypatch):
    seen = []
    first = nearest(run, classifier, TEXT, on_progress=lambda done, of: seen.append((done, of)))
    monkeypatch.setattr(index, "_SHELF", index._Shelf())  # as after a restart
    assert nearest(run, classifier, TEXT, on_progress=lambda *told: seen.append(told)) == first
    assert (seen, built) == ([(32, 32)], [1])


def test_a_stopped_search_goes_on_where_it_was(run, classifier, monkeypatch):
    """A first question takes minutes, and could not be stopped."""
    expected, seen = nearest(run, classifier, TEXT), []
    (run.folder / "neighbours.npz").unlink()
    monkeypatch.setattr(index, "_SHELF", index._Shelf())
    monkeypatch.setattr(index, "_BLOCK", 10)
    with pytest.raises(TunerError, match="Stopped"):
        nearest(run, classifier, TEXT, on_progress=lambda done, of: seen.append(done), should_stop=lambda: seen[-1:] == [30])
    found = nearest(run, classifier, TEXT, on_progress=lambda done, of: seen.append(done))
    assert seen == [10, 20, 30, 30, 32]
    assert [row.row for row in found.rows] == [row.row for row in expected.rows]
    np.testing.assert_allclose([row.similarity for row in found.rows], [row.similarity for row in expected.rows], atol=5e-3)


def test_one_who_waits_for_another_s_search_can_stop(run, classifier, monkeypatch):
    """Two who ask at once wait for one; the second waited to the end."""
    waits, stop = threading.Event(), threading.Event()
    build = index._build
    monkeypatch.setattr(index, "_build", lambda *given: waits.set() or (stop.wait(20) and build(*given)))
    first = threading.Thread(target=nearest, args=(run, classifier, TEXT))
    first.start()
    assert waits.wait(20)
    with pytest.raises(TunerError, match="Stopped"):
        nearest(run, classifier, TEXT, should_stop=lambda: True)
    stop.set()
    first.join()
    assert len(nearest(run, classifier, TEXT).rows) == 8


def test_a_model_written_anew_gets_a_new_index(run, classifier, built):
    nearest(run, classifier, TEXT)
    (run.model_folder / "tuner.json").write_text("{}")  # a threshold moves no vector
    nearest(run, classifier, TEXT)
    assert len(built) == 1
    config = run.model_folder / "config.json"
    config.write_bytes(config.read_bytes())
    nearest(run, classifier, TEXT)
    assert len(built) == 2


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"nonsense", None])
def test_a_damaged_file_is_made_anew(content, run, classifier, built, monkeypatch):
    first = nearest(run, classifier, TEXT)
    path = run.folder / "neighbours.npz"
    path.write_bytes(path.read_bytes()[:-100] if content is None else content)
    monkeypatch.setattr(index, "_SHELF", index._Shelf())
    assert nearest(run, classifier, TEXT) == first
    assert len(built) == 2


def test_two_who_ask_at_once_wait_for_one(run, classifier, built):
    found = []
    threads = [threading.Thread(target=lambda: found.append(nearest(run, classifier, TEXT))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1
    assert found == [found[0]] * 4


def test_deleting_the_run_deletes_it_and_nothing_else_is_left(run, classifier):
    before = {path.name for path in run.folder.iterdir()}
    nearest(run, classifier, TEXT)
    assert {path.name for path in run.folder.iterdir()} - before == {"neighbours.npz"}
    runs.delete(run)
    assert not run.folder.exists()


def test_changed_data_is_refused_but_what_was_kept_still_answers(run, classifier, csv, monkeypatch):
    first = nearest(run, classifier, TEXT)
    csv(rows=50)
    monkeypatch.setattr(index, "_SHELF", index._Shelf())
    assert nearest(run, classifier, TEXT) == first
    (run.folder / "neighbours.npz").unlink()
    monkeypatch.setattr(index, "_SHELF", index._Shelf())
    with pytest.raises(SourceError, match="has changed since the training"):
        nearest(run, classifier, TEXT)


def test_a_full_disk_is_said_and_costs_nothing_else(run, classifier, built, monkeypatch):
    monkeypatch.setattr(index.secrets, "token_hex", lambda n: "0")
    part = run.folder / f".neighbours.npz.{index.os.getpid()}.0"
    part.symlink_to("/dev/full")
    found = nearest(run, classifier, TEXT)
    assert len(found.rows) == 8
    assert found.note.endswith("could not be kept, since the disk is full: they will be made again.")
    assert not part.is_symlink()
    assert nearest(run, classifier, TEXT) == found
    assert len(built) == 1


def test_another_model_is_refused(run, classifier):
    with pytest.raises(RunError, match="is not the model of run"):
        nearest(run, load_untouched(run), TEXT)
    assert nearest(run, load_classifier(str(run.model_folder)), TEXT) == nearest(run, classifier.plain(), TEXT)


@pytest.mark.parametrize("k", [0, 51])
def test_more_or_fewer_neighbours_than_can_be_shown_are_refused(k, run, classifier):
    with pytest.raises(SettingsError, match=f"{k} neighbours"):
        nearest(run, classifier, TEXT, k)


@pytest.mark.parametrize("text", ["word", "😀😀", "שלום עולם", "<script>alert(1)</script>", "\x07", "great " * 170_000])
def test_any_text_has_neighbours(text, run, classifier):
    assert len(nearest(run, classifier, text).rows) == 8


@pytest.mark.parametrize("text", ["", " \n", "\u200b"])
def test_an_empty_text_is_refused(text, run, classifier):
    with pytest.raises(SourceError):
        nearest(run, classifier, text)


def test_labels_may_be_any(train_here, tiny_config, jsonl):
    rows = [
        {"text": f"{text} {i}", "label": 10 + 10 * (label == "pos")} for i, (text, label) in enumerate(tiny.labelled_rows(40))
    ]
    run = train_here(tiny_config(source=jsonl(rows), max_steps=1))
    assert {row.label for row in nearest(run, load_classifier(run), TEXT, k=32).rows} == {"10", "20"}


def test_long_rows_are_shown_cut(train_here, tiny_config, jsonl):
    rows = [{"text": f"{text} " * 100, "label": label} for text, label in tiny.labelled_rows(40)]
    run = train_here(tiny_config(source=jsonl(rows), max_steps=1))
    assert all(len(row.text) == 1001 and row.text.endswith("…") for row in nearest(run, load_classifier(run), TEXT).rows)


def note(labels, answer=0, similarity=0.9, usual=0.5, text="new", row="other", row_label=0):
    rows = tuple(Neighbour("train/1", "t", label, similarity) for label in labels)
    digest = index.repeat_digests([row])
    made = Index(np.empty((1, 2)), ["t"], ["train/1"], np.array([0]), digest, np.array([row_label]), usual)
    return _note(text, answer, rows, made, ("neg", "pos", "neu"))


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["neg"] * 8, "All 8 nearest training rows are 'neg', as the answer is."),
        (["neg"], "The nearest training row is 'neg', as the answer is."),
        (["neg"] * 5 + ["pos"] * 3, "5 of the 8 nearest training rows are 'neg', as the answer is."),
        (["neg"] * 4 + ["pos"] * 4,
         "4 of the 8 nearest training rows are 'neg', as the answer is: they do not speak with one voice."),
        (["neg"] + ["pos"] * 7,
         "1 of the 8 nearest training rows is 'neg', as the answer is; 7 are 'pos': "
         "the answer does not follow from the rows around it."),
        (["pos"] * 2 + ["neu"],
         "None of the 3 nearest rows is 'neg', as the answer is; 2 are 'pos': "
         "the answer does not follow from the rows around it."),
    ],
)  # fmt: skip
def test_the_note_says_how_many_labels_agree_with_the_answer(labels, said):
    assert note(labels) == said


def test_the_note_tells_memory():
    assert note(["neg"], text="Old  ROW", row="old row").startswith(
        "This text stands in the training rows, as 'neg': the answer may be remembered, and says little about other texts."
    )
    assert "as 'pos': the model did not learn that label, or the label is wrong." in note(["neg"], text="a", row="a", row_label=1)


def test_the_note_tells_a_text_unlike_all_rows_and_one_nearly_alike():
    assert "less than 95 % of training rows have to theirs (0.50)" in note(["neg"], similarity=0.4)
    assert note(["neg"], similarity=0.9995).endswith("nearly the same text (similarity 0.9995).")
