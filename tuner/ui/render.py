"""From Tuner's objects to what components show. Pure: no state, no files, no handlers.

Text of people (labels, names, messages) is escaped before it stands in HTML.
"""

import contextlib
import html
import math
import shlex
import time
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd
import yaml

from tuner.config import RunConfig, parse_assignments, sections
from tuner.data.findings import Finding
from tuner.data.profiling import DataProfile
from tuner.errors import SettingsError
from tuner.evaluation.metrics import NAMES
from tuner.person import current
from tuner.runs import LIVING
from tuner.ui import text
from tuner.ui.event_columns import Columns
from tuner.ui.theme import state_colour
from tuner.words import age, duration, shortened

MOST_LABELS_IN_A_CHART = 24
_SIGNS = {
    "completed": "●",
    "running": "◐",
    "starting": "◔",
    "stopping": "◑",
    "queued": "○",
    "stopped": "■",
    "failed": "✕",
    "lost": "✕",
}
# Scripts and kinds of words in fewer texts than this are not listed.
_LEAST_SHARE = 0.005
# A shift of the label shares worth a sentence (total variation distance).
_SHIFT = 0.05
# In fewer rows the shares differ by chance.
_LEAST_ROWS = 100
_NEW_NAME = "name in the model"
_ALL = "all labels"
# Name on the page → a run's events that hold it, and its name in them; memory in GB.
CURVES = {
    "loss": ("log", "loss"),
    "validation loss": ("evaluate", "eval_loss"),
    "learning rate": ("log", "learning_rate"),
    "gradient norm": ("log", "grad_norm"),
    "samples per second": ("log", "train_samples_per_second"),
    "memory (GB)": ("log", "memory"),
    "GPU memory (GB)": ("log", "gpu_memory"),
    # Balanced accuracy is macro recall.
    **{f"validation {NAMES[key]}": ("evaluate", f"eval_{key}") for key in NAMES if key not in ("loss", "balanced_accuracy")},
}
# A chart is 600 to 1,200 pixels wide.
_MOST_POINTS = 1000
_SCORES = {"accuracy": "accuracy", "macro_f1": "macro F1", "macro_recall": "macro recall"}


def empty(message: str) -> str:
    """An empty state that says what will be here and the one thing to do."""
    return f'<div class="empty">{html.escape(message)}</div>'


def run_choice(row: dict[str, Any], now: float | None = None) -> tuple[str, str]:
    """A run as (two lines to read, run id) for the list beside the tabs; another's with whose it is."""
    state = row["state"]
    score = row["metrics"].get("macro_f1")
    if state in ("running", "stopping") and row["max_steps"]:
        progress = f" · {row['step'] / row['max_steps']:.0%}"
    elif row.get("kind", "run") != "run":
        progress = f" · {row['step']:,} trained"
    else:
        progress = f" · macro F1 {score:.2f}" if score is not None else ""
    made = age((now or time.time()) - row["created"]) if row["created"] else ""
    whose = f" · {row['owner']}" if row.get("owner", "") not in ("", current().name) else ""
    return f"{shortened(row['title'])}{whose}\n{_SIGNS.get(state, '?')} {state}{progress} · {made}", row["run_id"]


def run_colours(rows: list[dict[str, Any]]) -> str:
    """A style sheet that gives each run of the list the colour of its state; run ids are made by Tuner alone."""
    rules = [
        f'#run-list label:has(input[value="{html.escape(row["run_id"])}"])'
        f"{{border-left:4px solid {state_colour(row['state'])} !important}}"
        for row in rows[:200]
    ]
    return f"<style>{''.join(rules)}</style>"


def run_head(row: dict[str, Any]) -> str:
    """Name, state, progress bar and one line of numbers of a run, always of one height."""
    state, step, most = row["state"], row["step"], row["max_steps"]
    # Early stopping completes a run before its last step.
    share = 1.0 if state == "completed" else step / most if most else 0.0
    done = f"step {step:,} of {most:,}" if row.get("kind", "run") == "run" else f"{step:,} of {most:,} finished"
    facts = [done if most else "", f"epoch {row['epoch']:.2f}" if row.get("epoch") else ""]
    rate = row.get("train_samples_per_second")
    facts.append(f"{rate:.0f} samples/s" if rate else "")
    if row.get("eta") and state in LIVING:
        facts.append(f"about {duration(row['eta'])} left")
    if state == "completed" and row.get("train_runtime"):
        facts.append(f"trained for {duration(row['train_runtime'])}")
    line = " · ".join(filter(None, facts)) or "&nbsp;"
    return (
        f'<div class="run-head" data-run="{html.escape(row["run_id"])}"><strong>{html.escape(row["title"])}</strong>'
        f'<span class="state" style="color:{state_colour(state)}">● {html.escape(state)}</span></div>'
        f'{bar(share, text.PROGRESS)}<div class="run-line">{line}</div>'
        f'<div class="run-line">{html.escape(row.get("message") or "") or "&nbsp;"}</div>'
    )


def bar(share: float, name: str) -> str:
    """A progress bar filled to a share from 0 to 1, with a name for those who do not see it."""
    return (
        f'<div class="bar" role="progressbar" aria-label="{html.escape(name)}" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{share * 100:.0f}"><div style="width:{share:.1%}"></div></div>'
    )


def loss_frame(columns: Columns) -> pd.DataFrame:
    """Training and validation loss: columns step, loss, rows."""
    which = {"training": ("log", "loss"), "validation": ("evaluate", "eval_loss")}
    return _frame({name: _points(columns, *key) for name, key in which.items()}, "loss", "rows", ["validation"])


def metric_frame(columns: Columns) -> pd.DataFrame:
    """Validation metrics over the steps: columns step, score, metric."""
    lines = {name: _points(columns, "evaluate", f"eval_{key}") for key, name in _SCORES.items()}
    return _frame(lines, "score", "metric", list(lines))


def curve_frame(columns: Mapping[str, Columns], curve: str, smoothing: float) -> pd.DataFrame:
    """One curve of `CURVES` for each run, smoothed: columns step, value, run.

    Args:
        columns: name of the run → what its events say.
        smoothing: share of the past in each point, below 1; the mean is corrected for its start (Kingma & Ba 2015).
    """
    kind, key = CURVES[curve]
    lines = {}
    for name, found in columns.items():
        steps, values = _points(found, kind, key)
        smooth = pd.Series(values).ewm(alpha=1 - smoothing, adjust=True).mean().to_numpy()
        lines[name] = steps, smooth / (1e9 if "memory" in key else 1)
    return _frame(lines, "value", "run")


def score_frame(columns: Mapping[str, Columns]) -> pd.DataFrame:
    """Validation macro F1 of each run while it trained: columns step, value, run.

    Args:
        columns: name of the run → what its events say.
    """
    return _frame({name: _points(found, "evaluate", "eval_macro_f1") for name, found in columns.items()}, "value", "run")


def _points(columns: Columns, kind: str, key: str) -> tuple[np.ndarray, np.ndarray]:
    steps, values = columns.series.get((kind, key), np.empty((2, 0)))
    return steps.astype(int), values


def _frame(
    lines: Mapping[str, tuple[np.ndarray, np.ndarray]], value: str, series: str, dotted: Collection[str] = ()
) -> pd.DataFrame:
    """Lines as a chart takes them, one below the other, each of no more points than can be seen.

    Args:
        dotted: those whose points `theme.CSS` draws, also a lone one.
    """
    frames = []
    for name, (steps, values) in lines.items():
        shown = _thin(values)
        frames.append(pd.DataFrame({"step": steps[shown], value: values[shown], series: name}))
    found = [frame for frame in frames if len(frame)]
    if not found:
        return pd.DataFrame(columns=["step", value, series])
    return _drawable(pd.concat(found, ignore_index=True), series, dotted)


def _thin(values: np.ndarray) -> np.ndarray:
    """Places of the values to draw: all, or the first, the last, and of each of equal parts its lowest and its highest."""
    if len(values) <= _MOST_POINTS:
        return np.arange(len(values))
    kept = [0, len(values) - 1]
    for part in np.array_split(np.arange(len(values)), _MOST_POINTS // 2 - 1):
        own = values[part]
        kept += [part[np.where(np.isnan(own), np.inf, own).argmin()], part[np.where(np.isnan(own), -np.inf, own).argmax()]]
    return np.unique(kept)


def _drawable(frame: pd.DataFrame, series: str, dotted: Collection[str]) -> pd.DataFrame:
    """A line of one point is not drawn: such a series starts 2 % to the left, as a dash, where its points are not dotted."""
    if frame.empty:
        return frame
    alone = frame[(frame.groupby(series)["step"].transform("size") == 1) & ~frame[series].isin(list(dotted))]
    return pd.concat([alone.assign(step=alone["step"] * 0.98), frame], ignore_index=True)


def command_line(config: RunConfig) -> str:
    """The command that repeats a run: everything its preset does not already say."""
    preset = RunConfig(preset=config.preset)
    parts = ["python", "-m", "tuner", "train", "--preset", config.preset]
    for section in sections():
        for field, value in getattr(config, section).model_dump().items():
            if field != "fingerprint" and value != getattr(getattr(preset, section), field):
                parts += ["--set", f"{section}.{field}={_typed(section, field, value)}"]
    parts += [f"--name={config.name}"] if config.name else []
    return " \\\n  ".join(" ".join(shlex.quote(str(p)) for p in group) for group in _grouped(parts))


def _typed(section: str, field: str, value: Any) -> str:  # noqa: ANN401
    """A setting's value so that `--set` reads it back: text as it is where that will do, else as YAML (`'no'`, `{c: null}`)."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str):
        with contextlib.suppress(SettingsError):
            if parse_assignments([f"{section}.{field}={value}"]) == {section: {field: value}}:
                return value
    written = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=math.inf)
    return written.removesuffix("...\n").strip()


def _grouped(parts: list[str]) -> list[list[str]]:
    groups: list[list[str]] = [parts[:6]]
    groups += [parts[i : i + 2] for i in range(6, len(parts), 2)]
    return groups


def profile_facts(profile: DataProfile, title: str) -> str:
    """Rows, columns and labels of a source as sentences; shown as plain text."""
    rows = ", ".join(f"{split.rows:,} {name}" for name, split in profile.splits.items())
    shifts = {name: split.label_shift for name, split in profile.splits.items() if split.rows >= _LEAST_ROWS}
    furthest = max(shifts, key=shifts.__getitem__, default="")
    moved = ""
    if furthest and shifts[furthest] >= _SHIFT:
        moved = f" {shifts[furthest]:.0%} of the {furthest} rows would need another label to have the shares of train."
    return (
        f"{title}: {rows} rows, {len(profile.labels)} labels.{moved}\n"
        f"Text: {', '.join(profile.text_column)} ({profile.text_reason}). Label: {profile.label_column} ({profile.label_reason})."
    )


def label_frame(profile: DataProfile) -> pd.DataFrame:
    """Share of each label per split: columns split, share (%), label. The most frequent labels where there are many."""
    totals = {label: sum(s.label_counts[label] for s in profile.splits.values()) for label in profile.labels}
    shown = sorted(profile.labels, key=lambda label: -totals[label])[:MOST_LABELS_IN_A_CHART]
    return pd.DataFrame(
        [
            {"split": name, "share (%)": round(100 * split.label_counts[label] / split.rows, 2), "label": label}
            for name, split in profile.splits.items()
            for label in shown
        ]
    )


def legend(colours: Mapping[str, str]) -> str:
    """Names beside their colours, in as many lines as they need.

    Args:
        colours: name → colour, one of ours.
    """
    names = (
        f'<span><i style="background:{colour}"></i>{html.escape(shortened(name))}</span>' for name, colour in colours.items()
    )
    return f'<div class="legend">{"".join(names)}</div>'


def label_table(profile: DataProfile) -> pd.DataFrame:
    """Label counts per split as a table of text."""
    rows = [
        {
            "label": label[:300],
            **{n: f"{s.label_counts[label]:,} ({s.label_counts[label] / s.rows:.0%})" for n, s in profile.splits.items()},
            _NEW_NAME: label[:300],
        }
        for label in profile.labels[:200]
    ]
    total = {"label": _ALL, **{name: f"{split.rows:,}" for name, split in profile.splits.items()}, _NEW_NAME: ""}
    return pd.DataFrame([*rows, total])


def token_frame(profile: DataProfile) -> pd.DataFrame:
    """Token-length histogram: columns tokens, rows, kept ("read whole" or "cut")."""
    most = profile.tokens.max_length
    return pd.DataFrame(
        [
            {
                "tokens": (first + min(last, first + 1_000)) // 2,
                "rows": rows,
                "kept": "read whole" if (first + last) / 2 <= most else "cut",
            }
            for first, last, rows in profile.tokens.histogram
        ]
    )


def token_facts(profile: DataProfile) -> str:
    """Lengths, where texts are cut, and what stands in them, a sentence each; shown as plain text."""
    tokens, characters = profile.tokens, profile.characters.quantiles
    which = f"a sample of {tokens.rows:,}" if tokens.sampled else f"all {tokens.rows:,}"
    cut = f"{tokens.share_cut:.1%} of the texts are longer and will be cut" if tokens.share_cut else "no text is longer"
    lengths = f"half of the texts have at most {tokens.quantiles['50%']} tokens, the longest {tokens.quantiles['100%']}"
    limit = f"Texts are read up to {tokens.max_length} tokens: {cut}. The model's limit is {tokens.limit:,}."
    scripts = ", ".join(f"{name} {share:.0%}" for name, share in profile.scripts.items() if share >= _LEAST_SHARE) or "none known"
    traits = (
        ", ".join(f"{name} {share:.0%}" for name, share in profile.traits.items() if share >= _LEAST_SHARE) or "nothing special"
    )
    return (
        f"{tokens.model}: {lengths} ({which} training rows). {limit}\n"
        f"Characters: half at most {characters['50%']:,}, the longest {characters['100%']:,}. "
        f"Scripts: {scripts}. Texts with: {traits}."
    )


def finding(found: Finding) -> str:
    """A finding: how grave, what and why it matters."""
    sign = text.SEVERITY[found.severity]
    return (
        f'<div class="finding-words"><span class="severity {found.severity}">{sign}</span> '
        f"<strong>{html.escape(found.what)}</strong> {html.escape(found.why)}</div>"
    )


def no_finding(sentence: str) -> str:
    """What stands where findings would."""
    return f'<div class="finding-words">{html.escape(sentence)}</div>'


def data_notes(profile: DataProfile) -> str:
    """What was left out, mended or made, one line each."""
    return "\n".join(f"· {note}" for note in profile.notes)


def label_map(frame: pd.DataFrame, before: Mapping[str, str | None]) -> dict[str, str | None]:
    """The label map that the table of labels asks for, joined with the one that made its labels.

    Args:
        frame: columns `label` and `name in the model`, as `label_table` gives them.
    """
    pairs = zip(frame["label"].astype(str), frame[_NEW_NAME].fillna("").astype(str).str.strip(), strict=True)
    new = {label: name or None for label, name in pairs if name != label and label != _ALL}
    followed = {raw: new.get(name, name) if name is not None else None for raw, name in before.items()}
    return {**{label: name for label, name in new.items() if label not in before}, **followed}
