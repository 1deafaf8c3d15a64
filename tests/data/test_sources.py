"""What the name of a source means, and the sources that are no files."""

import os
import time

import pytest

from tuner.data import files, ingest
from tuner.data.sources import kind_of, load_raw
from tuner.errors import NetworkError, SourceError

GOOD = "text,label\nfine,pos\nawful,neg\n"


@pytest.mark.parametrize(
    "source", ["", "nope", "sample:nope", "upload:123", "a/b/c", "../x/y", "a b/c", "upload:../../etc", "x" * 5_000, "~nobody/x"]
)
def test_a_name_that_means_nothing_is_refused(source):
    with pytest.raises(SourceError, match="is no source of examples") as refusal:
        kind_of(source)
    assert "sample:tweets" in refusal.value.cure
    assert "minilm" not in refusal.value.cure


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("sample:tweets", "sample"),
        ("stanfordnlp/imdb", "hub"),
        ("a/b.csv", "file"),
        ("rows.csv.gz", "file"),
        ("rows.TXT", "file"),
        (f"upload:{'0' * 32}", "upload"),
    ],
)
def test_kinds_of_sources(source, kind):
    assert kind_of(source) == kind


def test_a_folder_is_taken_where_it_cannot_be_a_hub_id(tmp_path, monkeypatch):
    """`owner/name` means the Hub, whatever lies in the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owner" / "name").mkdir(parents=True)
    assert kind_of("owner/name") == "hub"
    for source in ("./owner/name", "owner/name/", str(tmp_path / "owner"), "owner"):
        assert kind_of(source) == "file"


def test_a_file_wins_over_a_hub_id(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owner").mkdir()
    (tmp_path / "owner" / "name").write_text(GOOD)
    assert kind_of("owner/name") == "file"


def test_a_hub_id_without_network_is_answered_within_five_seconds():
    start = time.monotonic()
    with pytest.raises(NetworkError, match="cannot be reached") as refusal:
        load_raw("owner/name")
    assert time.monotonic() - start < 5
    assert "sample:tweets" in refusal.value.cure
    assert "minilm" not in refusal.value.cure


def test_an_upload_that_is_gone_is_refused():
    with pytest.raises(SourceError, match="not there any more"):
        load_raw(f"upload:{'0' * 32}")


def test_the_parsing_child_gets_no_secret(write, monkeypatch):
    seen = {}
    real = files.subprocess.run
    monkeypatch.setenv("HF_TOKEN", "hf_canary")
    monkeypatch.setattr(files.subprocess, "run", lambda *args, **kwargs: seen.update(kwargs["env"]) or real(*args, **kwargs))
    load_raw(str(write("a.csv", GOOD)))
    assert seen
    assert "hf_canary" not in seen.values()


def test_a_reader_that_crashes_does_not_take_us_along(write, tmp_path, monkeypatch):
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\necho '{ingest.STARTED}' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(files.sys, "executable", str(program))
    with pytest.raises(SourceError, match="makes its reader crash"):
        load_raw(str(write("a.csv", GOOD)))


def test_memory_of_the_parser_is_limited():
    """A file that unfolds without end is ended by the limit, not by the machine."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    pid = os.fork()
    if pid == 0:
        ingest._limit(resource.RLIMIT_AS, 2**33)
        os._exit(0 if resource.getrlimit(resource.RLIMIT_AS)[0] == 2**33 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert resource.getrlimit(resource.RLIMIT_AS) == before
