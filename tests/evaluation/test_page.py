"""The report as one HTML page."""

import re

import numpy as np
import pytest

from tuner.evaluation.calibration import calibration
from tuner.evaluation.page import page
from tuner.evaluation.report import make_report
from tuner.evaluations import predictions
from tuner.ui.render_report import reliability_frame, reliability_table

HOSTILE = "<img src=x onerror=alert(1)>"


def made(labels=("no", HOSTILE), rows=60):
    random = np.random.default_rng(0)
    truth = random.integers(0, len(labels), rows)
    probabilities = random.dirichlet(np.ones(len(labels)), rows)
    texts = [f"{HOSTILE} text {i}" for i in range(rows)]
    about = {"model": HOSTILE, "source": "s", "split": "test", "data_fingerprint": "d", "rows_fingerprint": "r"}
    report = make_report(probabilities, truth, labels, texts=texts, **about)
    return report, predictions(range(rows), texts, truth, probabilities, labels, {})


def test_the_page_asks_no_network_and_runs_nothing():
    found = page(*made())
    assert HOSTILE not in found
    assert "<script" not in found
    linked = re.findall(r'(?:src|href)="([^"]+)"', found)
    assert all(link.startswith(("#", "data:")) for link in linked)


def test_the_page_shows_every_number_and_the_pictures():
    report, frame = made()
    found = page(report, frame)
    assert f"{report.matthews_corrcoef:.3f}" in found
    assert found.count("<svg") == 4  # confusion, ROC, precision and recall, coverage; no temperature was fitted


def test_the_same_report_gives_the_same_page():
    assert page(*made()) == page(*made())


def test_names_of_labels_are_no_formulas():
    assert "$x^$ bad" in page(*made(("$x^$ bad", "_hidden", r"$\\frac$")))


def test_many_labels_are_drawn():
    assert "<svg" in page(*made(tuple(f"label {i}" for i in range(40)), 400))


def test_a_page_of_500_labels_shows_the_most_frequent_confusions():
    """Its pictures grew with the labels: a matrix of 500 was 280 inches wide, 6 GB as the card's picture."""
    found = page(*made(tuple(f"label {i}" for i in range(500)), 2_000))
    assert "The matrix shows 24 of 500 labels." in found
    assert found.count("</tr>") > 500  # every label has its scores
    assert len(found) < 1_000_000


@pytest.mark.parametrize("kept", [True, False])
def test_only_a_kept_temperature_has_a_before_and_an_after(kept):
    report, frame = made()
    probabilities = frame[[f"probability_{label}" for label in report.labels]].to_numpy()
    truth = np.array([report.labels.index(label) for label in frame["label"]])
    found = calibration(probabilities, truth, 2.0, kept=kept, fitted_on="validation", n_fitted=60)
    assert ("before and after the temperature" in page(report.model_copy(update={"calibration": found}), frame)) == kept
    lines = {"before", "after"} if kept else {"answers"}
    assert set(reliability_frame(found)["which"]) == {*lines, "as sure as right"}
    assert reliability_table(found)["mean"].iloc[-1] == f"{(found.after if kept else found.before)[-1].confidence:.3f}"
