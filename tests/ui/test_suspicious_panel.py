"""Suspicious labels on the Data tab: who judges which rows, and the decisions as files."""

import numpy as np
import pandas as pd
import pytest

from tuner.config import DataConfig
from tuner.data import overlay
from tuner.data.labelled import load_labelled
from tuner.ui import suspicious_panel


@pytest.fixture
def trained(train_here, tiny_config, csv):
    """A run on 60 rows, and the same rows as another seed cuts them."""
    sizes = {"validation_size": 20, "test_size": 20}
    run = train_here(tiny_config(source=csv(60), data=sizes, max_steps=1))
    return run, load_labelled(DataConfig(source=run.config.data.source, seed=7, **sizes))


def test_a_run_judges_no_row_it_was_trained_on(trained):
    run, data = trained
    judged, seen = suspicious_panel._not_trained_on(data, run.id)
    learnt = set(load_labelled(run.config.data).splits["train"].texts)
    held_out = [text for role in ("validation", "test") for text in data.splits[role].texts]
    left = [text for role in ("validation", "test") for text in judged.splits[role].texts]
    assert left == [text for text in held_out if text not in learnt] != held_out
    assert f"{len(held_out) - len(left)} more, which it was trained on, were left out" in suspicious_panel._looked_at(
        judged, seen
    )


def test_a_decision_makes_no_file_before_one_is_asked_for(csv, tmp_path, monkeypatch):
    data = load_labelled(DataConfig(source=str(csv(60))))
    part, folder = data.splits["train"], tmp_path / "made"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    overlay.add(data.identity, [overlay.decide(part.row_name(0), part.texts[0], data.labels[part.labels[0]], "keep")])
    ranked = suspicious_panel.suspicious_in(data, lambda texts: np.full((len(texts), 2), [0.4, 0.6]))
    suspicious_panel._shown(data, ranked, 0)
    assert list(folder.iterdir()) == []
    assert list(pd.read_csv(suspicious_panel._exported(data, folder / "decisions.csv"))["text"]) == [part.texts[0]]
