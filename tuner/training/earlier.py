"""Rows that a model has learnt from before: the training rows of the runs that its own run goes on from."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tuner import runs
from tuner.config import RunConfig
from tuner.data.labelled import LabelledData, Split, load_labelled
from tuner.data.repeats import repeat_digests
from tuner.errors import SourceError, TunerError
from tuner.person import own_folder_name
from tuner.runs import RUN_PREFIX, Run


@dataclass(frozen=True)
class Seen:
    """Which of some texts earlier runs were trained on.

    Attributes:
        texts: bool (n,), one per text, but for case and blanks.
        by: ids of the runs that were trained on any of them.
        unknown: ids of earlier runs that were deleted, or whose rows cannot be read or are others by now.
    """

    texts: np.ndarray
    by: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def seen_before(config: RunConfig, data_fingerprint: str | None, texts: Sequence[str]) -> Seen:
    """Which texts were trained on before a run of these settings, by the run whose model it begins with, the run that one went on
    from, and so on.

    Args:
        data_fingerprint: of the run's own rows; an earlier run on the very same rows and splits has trained on no other ones.
    """
    found, by, unknown, chain = np.zeros(len(texts), dtype=bool), [], [], set()
    name, digests = config.model.name, None
    while name.startswith(RUN_PREFIX) and name not in chain:
        chain.add(name)
        run_id = name.removeprefix(RUN_PREFIX)
        try:
            run = runs.get(run_id)
            name = run.config.model.name
            if run.config.data.fingerprint == data_fingerprint:
                continue
            digests = repeat_digests(texts) if digests is None else digests
            seen = np.isin(digests, _trained_on(run, run.config.data.fingerprint, own_folder_name()))
        except TunerError:  # what is gone is left out, and where a run is gone so are those before it
            unknown.append(run_id)
            continue
        found |= seen
        by += [run_id] if seen.any() else []
    return Seen(found, tuple(by), tuple(unknown))


def warnings_about(config: RunConfig, data: LabelledData) -> list[str]:
    """That held-out rows were trained on before: the scores of the run would be better than its model."""
    held_out: Mapping[str, Split] = {role: data.splits[role] for role in ("test", "validation")}
    seen = {role: seen_before(config, data.fingerprint, rows.texts) for role, rows in held_out.items()}
    counts = [f"{s.texts.sum():,} of {len(s.texts):,} {role} rows" for role, s in seen.items() if s.by]
    if not counts:
        return []
    by = ", ".join(dict.fromkeys(run_id for s in seen.values() for run_id in s.by))
    return [
        f"{' and '.join(counts)} were trained on by run {by}, whose model this one begins with: its scores will be better than "
        "it is. Name splits of their own for them (data.test_split, data.validation_split), or go on with new rows alone."
    ]


@functools.lru_cache(maxsize=8)
def _trained_on(run: Run, fingerprint: str | None, person: str) -> np.ndarray:
    """Digests of a run's training rows, remembered: the form asks at every change.

    Args:
        person: who asks: whether a text is among another's rows is for nobody to find out who may not read them.

    Raises:
        SourceError, NetworkError: the rows cannot be read, or are others by now.
    """
    data = load_labelled(run.config.data)
    if data.fingerprint != fingerprint:
        raise SourceError(f"The data of run {run.id} has changed since it was trained.")
    return repeat_digests(data.splits["train"].texts)
