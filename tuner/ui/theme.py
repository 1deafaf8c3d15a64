"""How the page looks: one theme, one accent, one palette for the labels."""

import gradio as gr

ACCENT = "#3b5bdb"
# On a light page and on a dark one, each with a contrast of 4.5 or more to what it stands on.
_BLUE, _GREY, _RED = (ACCENT, "#91a7ff"), ("#5a6270", "#a9b1bd"), ("#c92a2a", "#ff8787")
STATE_COLOURS = {
    "completed": ("#237a34", "#51cf66"),
    "running": _BLUE,
    "starting": _BLUE,
    "queued": _GREY,
    "stopping": ("#b35900", "#ffa94d"),
    "stopped": _GREY,
    "failed": _RED,
    "lost": _RED,
}


def theme() -> gr.themes.Base:
    """Neutral greys with one accent; fonts of the machine, so that nothing is fetched."""
    accent = gr.themes.Color(
        name="accent", c50="#edf2ff", c100="#dbe4ff", c200="#bac8ff", c300="#91a7ff", c400="#748ffc", c500="#4c6ef5",
        c600=ACCENT, c700="#364fc7", c800="#2f44ad", c900="#263b92", c950="#1b2a6b",
    )  # fmt: skip
    return gr.themes.Base(
        primary_hue=accent,
        secondary_hue=accent,
        neutral_hue=gr.themes.colors.gray,
        spacing_size=gr.themes.sizes.spacing_sm,
        radius_size=gr.themes.sizes.radius_md,
        text_size=gr.themes.sizes.text_md,
        font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
        # Gradio sets tables and bars in its mono font; numbers line up by tabular figures here.
        font_mono=["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
    ).set(
        body_text_color_subdued="#5a6270",
        body_text_color_subdued_dark="#a9b1bd",
        block_info_text_color="#5a6270",
        block_info_text_color_dark="#a9b1bd",
        body_background_fill="#f6f7f9",
        body_background_fill_dark="#14161a",
        block_background_fill="#ffffff",
        block_background_fill_dark="#1c1f25",
        block_border_width="1px",
        layout_gap="8px",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_label_text_color="*body_text_color_subdued",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_500",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#ffffff",
    )


def state_colour(state: str) -> str:
    """The colour of a run's state as CSS, for light and dark pages alike."""
    return f"var(--state-{state})" if state in STATE_COLOURS else "var(--body-text-color-subdued)"


def _state_variables(of: int) -> str:
    return " ".join(f"--state-{state}: {colours[of]};" for state, colours in STATE_COLOURS.items())


CSS = f"""
:root {{ {_state_variables(0)} }}
.dark {{ {_state_variables(1)} }}
"""
CSS += """
.gradio-container { max-width: 1560px !important; }
.tuner-header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 16px; padding: 4px 0 0; }
.tuner-header h1 { font-size: 24px; margin: 0; letter-spacing: -0.01em; }
.tuner-header .device { margin-left: auto; font-size: 13px; opacity: 0.8; white-space: nowrap; }
.tuner-header p { margin: 0; opacity: 0.8; }
.step { margin: 2px 0 0 !important; }
.step h2 { font-weight: 600; font-size: 15px; line-height: 1.2; margin: 0 !important; }
button[role=tab][aria-selected=true] { color: var(--primary-600); }
.dark button[role=tab][aria-selected=true] { color: var(--primary-400); }
.quiet, .quiet p { font-size: 13px !important; color: var(--body-text-color-subdued) !important; }
.empty { padding: 40px 16px !important; text-align: center; color: var(--body-text-color-subdued); }
.bar { height: 10px; border-radius: 5px; background: var(--border-color-primary); overflow: hidden; margin: 8px 0; }
.bar > div { height: 100%; background: var(--primary-600, #3b5bdb); border-radius: 5px; transition: width 0.6s; }
.run-head { display: flex; align-items: baseline; gap: 12px; flex-wrap: wrap; }
.run-head strong { font-size: 17px; overflow-wrap: anywhere; min-width: 0; }
.run-head .state { font-weight: 600; }
.run-line { font-size: 13px; color: var(--body-text-color-subdued); font-variant-numeric: tabular-nums; min-height: 20px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(108px, 1fr)); gap: 8px; }
.tile { border: 1px solid var(--border-color-primary); border-radius: 8px; padding: 10px 12px;
  background: var(--block-background-fill); }
.tile b { display: block; font-size: 24px; font-variant-numeric: tabular-nums; line-height: 1.25; }
.tile span { font-size: 12px; color: var(--body-text-color-subdued); }
.answer { font-size: 17px; font-weight: 600; margin: 0 0 8px; }
.sentence { margin: 4px 0; font-size: 15px; line-height: 1.45; }
.sentence a { padding: 0 !important; overflow-wrap: anywhere; }
#run-list .wrap { flex-direction: column; gap: 6px; }
#run-list label { width: 100%; white-space: pre-line; align-items: flex-start; line-height: 1.35;
  font-size: 13px; padding: 8px 10px; }
#run-list label span { overflow-wrap: anywhere; }
/* Inside: what holds the list cuts off what stands out of it. */
#run-list label:has(:focus-visible), #preset label:has(:focus-visible)
{ outline: 2px solid var(--primary-600); outline-offset: -2px; }
.dark #run-list label:has(:focus-visible), .dark #preset label:has(:focus-visible) { outline-color: var(--primary-200); }
/* Another run was chosen and is not shown yet: the buttons would act on one that is not in sight. */
#run-head, #run-actions { transition: opacity 0.15s; }
.run-late #run-head, .run-late #run-actions { opacity: 0.35; }
.run-late #run-actions { pointer-events: none; }
/* The form does not fit beside the progress here, and is longer than a screen: a run's state and buttons stand before it. */
@media (max-width: 1130px) {
  #train-progress:has(.run-head) { display: contents; }
  #train-progress:has(.run-head) > * { flex: 1 1 100%; }
  #run-head:has(.run-head), #train-progress:has(.run-head) > #run-actions { order: -1; }
}
.cm-editor .cm-content, .cm-editor .cm-gutters, #train-log textarea, #command-line *
{ font-family: ui-monospace, Menlo, Consolas, monospace !important; font-size: 12px; }
table, [role=grid] { font-variant-numeric: tabular-nums; }
/* A column is at least as wide as the words of its head, which Gradio breaks anywhere. */
[role=columnheader] span.header { overflow-wrap: break-word !important; word-break: normal !important; }
#run-colours { display: none; }
/* A dropdown's arrow lies over the end of a long choice. */
.secondary-wrap:has(> .icon-wrap) > input { padding-right: 34px !important; text-overflow: ellipsis; }
#source-kind label { padding: 5px 9px; font-size: 13px; }
.who { font-size: 13px; line-height: 1.4; overflow-wrap: anywhere; }
#page-where { text-align: center; padding-top: 6px; }
.finding { align-items: center; border-top: 1px solid var(--border-color-primary); padding: 6px 0 !important; }
.finding .html-container { padding: 0 !important; }
.finding-words { font-size: 14px; line-height: 1.4; }
.finding button { font-size: 13px; padding: 4px 6px; }
.severity { font-weight: 600; white-space: nowrap; }
.severity.high { color: #c92a2a; } .severity.medium { color: #b35900; } .severity.low { color: var(--body-text-color-subdued); }
.dark .severity.high { color: #ff8787; } .dark .severity.medium { color: #ffa94d; }
.label-wrap { font-size: 14px; }
#estimate .html-container { padding: 0 !important; }
.estimate { font-size: 13px; line-height: 1.45; font-variant-numeric: tabular-nums; min-height: 20px; }
.estimate.warn { color: #b35900; } .estimate.doubt { color: #c92a2a; }
.dark .estimate.warn { color: #ffa94d; } .dark .estimate.doubt { color: #ff8787; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 14px; font-size: 13px; line-height: 1.4; padding: 0 8px; }
.legend span { overflow-wrap: anywhere; }
.legend i { display: inline-block; width: 10px; height: 10px; margin-right: 6px; }
/* Gradio draws a point's symbol under the mouse alone; a validation is often the only one. */
#score-chart .hover_marks path[opacity="0"], #loss-chart .hover_marks path[opacity="0"][aria-label*="rows: validation"]
{ d: path("M0,0h0.01"); opacity: 1; stroke-width: 7px; stroke-linecap: round; }
/* It cuts off half of those at the edge, such as the last. */
#score-chart .hover_marks, #loss-chart .hover_marks { clip-path: none; }
/* The true label stays in sight when a wide matrix is scrolled; Gradio's own pinned_columns draws nothing. */
#confusion .first-column { position: sticky; left: 0; z-index: 3;
  box-shadow: 1px 0 0 var(--border-color-primary), inset 0 0 0 1px var(--ring-color); }
#confusion [role=gridcell].first-column { background: inherit; }
/* Gradio lays "Error" over what showed the progress until something else is shown there; the toast has the words. */
[data-testid="status-tracker"]:has(> .error) { display: none !important; }
.answer-box { border: 1px solid var(--border-color-primary); border-radius: 8px; padding: 12px 14px;
  background: var(--block-background-fill); min-height: 92px; }
.answer-title { font-size: 12px; margin: 0 0 2px !important; color: var(--body-text-color-subdued); overflow-wrap: anywhere; }
.answer-line { font-size: 15px; margin: 0 0 8px !important; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.answer-line b { font-size: 20px; margin-right: 6px; }
.shares { display: grid; grid-template-columns: fit-content(45%) 1fr auto; gap: 6px 10px; align-items: center;
  font-size: 14px; line-height: 1.3; margin: 4px 0; font-variant-numeric: tabular-nums; }
.share { display: contents; }
/* Names of labels often begin alike: they are read to their ends. */
.share-name { min-width: 70px; overflow-wrap: anywhere; }
.share-track { height: 12px; border-radius: 6px; background: var(--border-color-primary); overflow: hidden; }
.share-track > span { display: block; height: 100%; border-radius: 6px; transition: width 0.2s; }
.share-value { text-align: right; min-width: 88px; }
.side-grid { display: grid; gap: 8px; margin-top: 8px; }
.side-grid.columns-2 { grid-template-columns: 1fr 1fr; }
@media (max-width: 800px) { .side-grid.columns-2 { grid-template-columns: 1fr; } }
#playground-answer .html-container, #why .html-container, #flips .html-container, #side-grid .html-container,
#many-summary .html-container, #label-progress .html-container, #push-result .html-container, #neighbours-note .html-container
{ padding: 0 !important; }
#why .words { border: 1px solid var(--border-color-primary); border-radius: 8px; padding: 10px 14px;
  background: var(--block-background-fill); font-size: 15px; max-height: 320px; overflow-y: auto; }
#examples button { text-align: left; max-width: 100%; width: 100%; font-size: 13px; }
#examples button div { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
#correct { align-items: flex-end; }
#label-one button { overflow-wrap: anywhere; white-space: normal; }
#label-text textarea { font-size: 18px; line-height: 1.5; }
"""
