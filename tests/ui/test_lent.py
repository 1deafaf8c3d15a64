"""A GPU that is lent: names and texts go into a forked daemon process as ZeroGPU's, answers and errors come back."""

import multiprocessing
import os

import pytest

from tuner import runs
from tuner.config import DataConfig
from tuner.errors import ModelError, RunError, SourceError
from tuner.inference import load_classifier
from tuner.launch import local
from tuner.launch.timer import refuse_beside_a_run
from tuner.ui.context import Context
from tuner.ui.lent import Lent


def forked(function):
    """What `spaces.GPU` does on ZeroGPU, as far as memory and pickles go."""

    def call(*arguments):
        fork = multiprocessing.get_context("fork")
        reader, writer = fork.Pipe(duplex=False)
        process = fork.Process(target=lambda: writer.send((os.getpid(), function(*arguments))), daemon=True)
        process.start()
        writer.close()
        pid, value = reader.recv()
        process.join()
        assert pid != os.getpid()
        return value

    return call


@pytest.fixture
def run(train_here, tiny_config):
    return train_here(tiny_config())


@pytest.fixture
def context(monkeypatch):
    monkeypatch.setenv("TUNER_DEVICE", "cpu")
    return Context(lent=Lent(forked))


def test_answers_are_those_of_this_process(context, run):
    texts = ["a great film", "awful"]
    expected = load_classifier(run).predict(texts)
    for found, own in zip(context.predict(run.id, texts), expected, strict=True):
        assert found.probabilities == pytest.approx(own.probabilities, abs=1e-6)


def test_an_evaluation_comes_back_and_is_kept(context, run, csv):
    found = context.evaluate(run.id, str(csv(30, name="more.csv")), "all")
    assert found.report.n == 30
    assert context.evaluation(found.name).report.accuracy == found.report.accuracy


def test_bad_input_is_refused_as_everywhere(context, run, csv):
    with pytest.raises(SourceError, match=r"Text 1 of 1 is empty\. Give a text"):
        context.predict(run.id, [" "])
    with pytest.raises(ModelError):
        context.predict("/nowhere", ["a"])
    with pytest.raises(SourceError, match="labels"):
        context.evaluate(run.id, str(csv(30, labels=("yes", "no"), name="other.csv")), "all")


def test_nothing_is_trained_where_a_server_only_answers(monkeypatch, tiny_config, run):
    config = tiny_config()
    runs.write_status(run, state="stopped")
    monkeypatch.setenv("TUNER_TRAINS", "0")
    assert DataConfig(source=config.data.source)
    starts = (
        lambda: local.start(config),
        lambda: local.resume(run),
        lambda: runs.create(config),
        refuse_beside_a_run,
    )
    for start in starts:
        with pytest.raises(RunError, match="Nothing is trained here"):
            start()
    assert [found.id for found in runs.list_runs()] == [run.id]
