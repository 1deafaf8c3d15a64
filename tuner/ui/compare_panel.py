"""Compare, on the Evaluate tab: the chosen run against others on the same rows, and all runs on these rows in their order."""

from dataclasses import dataclass
from typing import Any

import gradio as gr
import pandas as pd

from tuner import access
from tuner.comparisons import compare, leaderboard
from tuner.errors import RunError
from tuner.ui import render, render_report, text
from tuner.ui.context import Context
from tuner.ui.errors import toast
from tuner.ui.event_columns import columns_of
from tuner.words import shortened


@dataclass(frozen=True)
class ComparePanel:
    """What was drawn."""

    leaders: gr.Dataframe
    others: gr.Dropdown
    go: gr.Button
    verdict: gr.HTML
    filled: gr.Column
    differences: gr.Dataframe
    settings: gr.Dataframe
    disagreements: gr.Dataframe
    coverage: gr.LinePlot
    scores: gr.LinePlot


def draw() -> ComparePanel:
    """Draws leaderboard, choice and results."""
    table: dict[str, Any] = {"interactive": False, "datatype": "str", "wrap": True}
    leaders = gr.Dataframe(label=text.LEADERS, elem_id="leaderboard", **table)
    with gr.Row():
        others = gr.Dropdown(
            [], multiselect=True, label="Compare the chosen run with", info=text.COMPARE_WITH, scale=3, elem_id="compare-with"
        )
        go = gr.Button(text.COMPARE, variant="primary", scale=0, min_width=160, elem_id="compare")
    verdict = gr.HTML(render_report.sentences(text.NOTHING_COMPARED), elem_id="verdict")
    with gr.Column(visible=False) as filled:
        differences = gr.Dataframe(
            label=text.DIFFERENCES, column_widths=["24%", "16%", "20%", "10%", "12%", "18%"], elem_id="differences", **table
        )
        settings = gr.Dataframe(label="Settings that differ", elem_id="settings-differ", **table)
        with gr.Row():
            coverage = gr.LinePlot(
                x="share answered",
                y="share right",
                color="model",
                height=280,
                title="Answering only when sure",
                elem_id="compare-coverage",
            )
            scores = gr.LinePlot(
                x="step", y="value", color="run", height=280, title="Validation macro F1 while training", elem_id="compare-scores"
            )
        disagreements = gr.Dataframe(label=text.DISAGREEMENTS, elem_id="disagreements", **table)
    return ComparePanel(leaders, others, go, verdict, filled, differences, settings, disagreements, coverage, scores)


def wire(context: Context, panel: ComparePanel, chosen: gr.Radio, shown: gr.State, page: gr.Tab) -> None:
    """Connects the panel; the leaderboard is read when somebody opens the page.

    Args:
        shown: the name of the evaluation that is shown.
    """
    private: dict[str, Any] = {"api_visibility": "private", "concurrency_limit": 2}

    @toast
    def open_page(name: str, run_id: str | None, of: str | None) -> list[Any]:
        if not name:
            return [gr.skip()] * 5
        rows = context.evaluation(name).report.rows_fingerprint
        frame = leaderboard()
        same = frame[frame["rows"] == rows] if len(frame) else frame
        # Those on the same rows first: these can be compared on all of them.
        ordered = pd.concat([same, frame[frame["rows"] != rows]]) if len(frame) else frame
        choices = [
            (f"{shortened(title)} · {run} · macro F1 {score:.3f}" + ("" if found == rows else text.OTHER_ROWS), run)
            for title, run, score, found in zip(*(ordered[key] for key in ("title", "run", "macro_f1", "rows")), strict=True)
            if run != run_id
        ] if len(frame) else []  # fmt: skip
        if name == of:  # somebody comes back to what was compared
            return [render_report.leader_table(same), gr.Dropdown(choices), gr.skip(), gr.skip(), name]
        return [
            render_report.leader_table(same),
            gr.Dropdown(choices, value=[]),
            render_report.sentences(text.NOTHING_COMPARED),
            gr.Column(visible=False),
            name,
        ]

    of = gr.State(None)
    opened = [panel.leaders, panel.others, panel.verdict, panel.filled, of]
    gr.on(
        [page.select, shown.change],
        open_page,
        [shown, chosen, of],
        opened,
        show_progress="hidden",
        trigger_mode="always_last",
        **private,
    )

    @toast
    def run_comparison(run_id: str | None, others: list[str] | None) -> list[Any]:
        if not run_id or not others:
            raise RunError("There is nothing to compare.", "Choose a run on the left, and one or more others here.")
        found = compare([run_id, *others])
        titles = [f"{access.get(name).title[:40]} · {name[-6:]}" for name in found.names]
        names = dict(zip(found.names, titles, strict=True))
        verdicts = "\n".join(_named(pair.verdict, names) for pair in found.pairs)
        differing = f"{len(found.disagreements):,} of {found.n:,} shared rows are answered differently."
        coverage = pd.concat(
            [render_report.coverage_frame(report.coverage, title) for report, title in zip(found.reports, titles, strict=True)]
        )
        columns = {title: columns_of(access.get(name)) for name, title in names.items()}
        settings = render_report.settings_table(found, titles)
        return [
            render_report.sentences(f"{verdicts}\n{differing}"),
            gr.Column(visible=True),
            render_report.difference_table(found, titles),
            gr.Dataframe(settings, visible=bool(len(settings))),
            gr.Dataframe(render_report.disagreement_table(found, titles), column_widths=_widths(len(titles))),
            coverage,
            render.score_frame(columns),
        ]

    results = [panel.verdict, panel.filled, panel.differences, panel.settings, panel.disagreements, panel.coverage, panel.scores]
    panel.go.click(run_comparison, [chosen, panel.others], results, show_progress_on=panel.verdict, **private)


def _widths(models: int) -> list[str]:
    """Of the table of disagreements: label, one column a model, and the text, which gets half or more."""
    each = max(8, 40 // models)
    return ["10%", *[f"{each}%"] * models, f"{90 - each * models}%"]


def _named(verdict: str, names: dict[str, str]) -> str:
    """A verdict with titles for run ids."""
    for name, title in names.items():
        verdict = verdict.replace(name, title)
    return verdict
