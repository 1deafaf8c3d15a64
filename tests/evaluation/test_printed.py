"""A report in the terminal."""

import numpy as np

from tuner.commands.report import print_report
from tuner.evaluation.report import make_report


def test_of_many_labels_the_worst_confusions_stand_for_the_matrix(capsys):
    """500 labels printed a matrix of over a megabyte."""
    names = tuple(f"label {i}" for i in range(100))
    truth = np.repeat(np.arange(100), 3)
    predicted = truth.copy()
    predicted[[0, 1, 3]] = 7, 7, 8  # label 0 twice for 7, label 1 once for 8
    probabilities = np.eye(100)[predicted] * 0.9 + 0.001
    about = {"model": "m", "source": "s", "split": "test", "data_fingerprint": "f", "rows_fingerprint": "r"}
    print_report(make_report(probabilities, truth, names, **about))
    out = capsys.readouterr().out
    assert "The 2 most frequent of 2 confusions; --json gives the whole matrix" in out
    assert out.index("label 0       label 7     2") < out.index("label 1       label 8     1")
    assert max(map(len, out.splitlines())) < 200
