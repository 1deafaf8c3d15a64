"""Tables for people."""

import csv

import pandas as pd
import pytest

from tuner.errors import SourceError
from tuner.export import write_table

HOSTILE = ["=HYPERLINK(1)", "+1", "-1", "@SUM", "\tx", "\r=1", "plain\r=HYPERLINK(1)", 'a "quote", and\nmore']


def test_no_cell_of_a_csv_runs_as_a_formula(tmp_path):
    """Once a lone carriage return within a text began a new row with a live formula."""
    path = tmp_path / "a.csv"
    write_table(pd.DataFrame({"=1": HOSTILE}), path)
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert len(rows) == len(HOSTILE) + 1
    assert not [cell for (cell,) in rows if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_numbers_stay_numbers(tmp_path):
    path = tmp_path / "a.csv"
    write_table(pd.DataFrame({"p": [-0.5]}), path)
    assert pd.read_csv(path)["p"][0] == -0.5


@pytest.mark.parametrize(("name", "read"), [("a.jsonl", lambda p: pd.read_json(p, lines=True)), ("a.parquet", pd.read_parquet)])
def test_other_formats_are_exact(name, read, tmp_path):
    write_table(pd.DataFrame({"text": HOSTILE}), tmp_path / name)
    assert read(tmp_path / name)["text"].tolist() == HOSTILE


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(SourceError, match=r"ending '\.xlsx'.*\.csv \.jsonl \.parquet"):
        write_table(pd.DataFrame(), tmp_path / "a.xlsx")
