"""Whether a model on the Hub answers as the run's own does, asked in a child process with an empty cache.

`python -m tuner.hub.answers TASK` is that child; it computes on the CPU, so that both answer alike.
"""

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from tuner import hub_read
from tuner.children import ask
from tuner.errors import RunError
from tuner.runs import Run

MOST_TEXTS = 16
# Probabilities of the same weights differ by about 1e-7 between batches; other weights, tokens or label names by far more.
_CLOSE = 1e-4
# For a run without test rows.
_TEXTS = ("I love it.", "This is the worst of all, never again.", "The meeting is on Tuesday at nine.", "Not bad at all.")


class Answers(BaseModel):
    """What was compared.

    Attributes:
        n: texts.
        same: texts whose probabilities are all within 0.0001.
        largest: the largest difference of a probability.
        kind: what the texts are: "test texts" or "sentences".
    """

    model_config = ConfigDict(frozen=True)

    n: int
    same: int
    largest: float
    kind: str = "test texts"

    def __str__(self) -> str:
        """One sentence."""
        what = f"{self.n} {self.kind}{' of the run' if self.kind == 'test texts' else ''}"
        only, but, digits = ("", "", ".0e") if self.same == self.n else (f"only {self.same} of ", ": do not rely on it", ".4f")
        gap = f"(largest difference of a probability {self.largest:{digits}})"
        return f"The pipeline from the Hub answers {only}{what} as the model of this machine does {gap}{but}."


def compare_answers(
    run: Run, repo_id: str, revision: str, *, token: str | bool, seconds: float, endpoint: str | None = None
) -> Answers:
    """Asks transformers' pipeline from the Hub, and the run's own model without its temperature, the same texts.

    Args:
        revision: a commit, or the reference of a pull request.
        seconds: after so many it is given up.

    Raises:
        RunError: the model cannot be loaded from the Hub.
        RunFailed: there was no answer within `seconds`.
    """
    texts, kind = texts_of(run)
    task = {"folder": str(run.model_folder), "repo_id": repo_id, "revision": revision, "texts": texts}
    with tempfile.TemporaryDirectory() as cache:
        at = {"HF_ENDPOINT": endpoint} if endpoint else {}
        said = ask(
            "tuner.hub.answers", "The comparison", json.dumps(task), "same", token=token, seconds=seconds,
            environment={"HF_HUB_CACHE": cache, "CUDA_VISIBLE_DEVICES": "", **at},
        )  # fmt: skip
    return Answers(**said, kind=kind)


def texts_of(run: Run) -> tuple[list[str], str]:
    """At most 16 of the run's test texts, evenly spread, and what they are; sentences of our own where there are none."""
    import pandas as pd

    try:
        found = pd.read_parquet(run.folder / "predictions.parquet", columns=["text"])["text"]
    except (OSError, ValueError, KeyError):
        return list(_TEXTS), "sentences"
    positions = np.unique(np.linspace(0, len(found) - 1, MOST_TEXTS).astype(int)) if len(found) else []
    return [found.iloc[position] for position in positions] or list(_TEXTS), "test texts" if len(found) else "sentences"


def agreement(ours: Sequence[dict[str, float]], theirs: Sequence[dict[str, float]]) -> dict[str, Any]:
    """`n`, `same` and `largest` of two lists of label name → probability; other names are no agreement."""
    gaps = [
        max(abs(one[label] - other[label]) for label in one) if one.keys() == other.keys() else 1.0
        for one, other in zip(ours, theirs, strict=True)
    ]
    return {"n": len(gaps), "same": sum(gap <= _CLOSE for gap in gaps), "largest": max(gaps)}


def _compared(task: dict[str, Any]) -> dict[str, Any]:
    from transformers import pipeline

    from tuner.inference import Place, load_classifier

    try:
        about = {"revision": task["revision"], "token": hub_read.token()}
        classify = pipeline("text-classification", model=task["repo_id"], device="cpu", **about)
        theirs = [classify(text, truncation=True, top_k=None) for text in task["texts"]]
    except Exception as error:  # whatever a library makes of a broken answer
        raise RunError(
            f"The model could not be loaded from the Hub to compare its answers ({type(error).__name__}).",
            "Push again: nothing is sent twice, and they are compared then.",
        ) from None
    classifier = replace(load_classifier(task["folder"]).plain(), place=Place(lambda: "cpu"))
    ours = [prediction.probabilities for prediction in classifier.predict(task["texts"])]
    return agreement(ours, [{row["label"]: row["score"] for row in rows} for rows in theirs])


def main(file: str) -> None:
    """Compares what the task says, and prints one JSON object."""
    hub_read.take_token()
    try:
        print(json.dumps(_compared(json.loads(Path(file).read_text(encoding="utf-8")))), flush=True)
    except RunError as error:
        print(json.dumps({"cause": error.cause, "cure": error.cure}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
