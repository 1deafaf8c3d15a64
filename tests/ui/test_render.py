"""From objects to what components show."""

import html
import shlex

import pandas as pd
import pytest

from tuner.cli import _parser
from tuner.colours import PALETTE, label_colours
from tuner.commands.common import config_from
from tuner.config import RunConfig
from tuner.data.findings import Finding
from tuner.data.profiling import profile
from tuner.ui import render, theme
from tuner.ui.event_columns import Columns, columns_of

ROW = {
    "run_id": "20260101-000000-abcdef", "title": "<img src=x onerror=alert(1)>", "state": "running", "step": 5, "max_steps": 20,
    "epoch": 0.5, "eta": 40.0, "train_samples_per_second": 12.0, "metrics": {}, "message": "<b>", "created": 0.0,
}  # fmt: skip


def test_names_and_messages_are_escaped():
    shown = render.run_head(ROW)
    assert "<img" not in shown
    assert "<b>" not in shown


def test_the_head_says_step_rate_and_time_left():
    assert "step 5 of 20 · epoch 0.50 · 12 samples/s · about 40 s left" in render.run_head(ROW)


def test_the_progress_bar_is_read_out():
    shown = render.run_head(ROW)
    assert 'role="progressbar" aria-label="Progress of the run" aria-valuemin="0" aria-valuemax="100" aria-valuenow="25"' in shown


def test_a_long_name_is_cut_with_a_sign():
    assert render.run_choice({**ROW, "title": "a" * 61}, now=60)[0].startswith("a" * 59 + "…\n")


@pytest.mark.parametrize(
    "settings",
    [
        {
            "preset": "seven-steps",
            "data": {"source": "a file.csv", "max_eval_samples": None, "text_column": "t"},
            "training": {"learning_rate": 3e-5, "early_stopping_patience": 2, "eval_strategy": "epoch"},
        },
        {"data": {"label_map": {"c": None}}},
        {"data": {"label_map": {'it\'s "so"': "sehr schön", "a: b, c": "", "no": "1e-4", "null": "😀", "": None}}},
        {"data": {"text_column": ["a title", "body"], "text_separator": " ' \n"}},
        {"data": {"source": "'quoted'.csv", "train_split": "null", "test_split": "12", "label_column": "#: [x"}},
        {"data": {"fixes": ["drop_leaked", "mask_email"]}, "model": {"mean_pooling": True, "lora_dropout": 0.0}},
        {"training": {"eval_strategy": "no", "save_strategy": "no", "early_stopping_patience": None}},
        {"training": {"class_weights": {"c": 1e-5, "schön": 2}, "report_to": ["tensorboard"]}},
        {"training": {"class_weights": "balanced", "weight_decay": 1e-7}},
        {"name": "- Anna's run"},
    ],
    ids=["preset", "left out", "labels", "columns", "names", "lists", "no", "weights", "words", "name"],
)
def test_the_command_line_makes_the_same_config(settings):
    config = RunConfig(**settings)
    words = shlex.split(render.command_line(config).replace("\\\n", ""))
    assert config_from(_parser().parse_args(words[3:])) == config


def test_a_series_of_one_point_becomes_a_dash():
    frame = render.loss_frame(Columns().and_then([{"event": "log", "step": 100, "loss": 0.8}]))
    assert frame["step"].tolist() == [98, 100]


def test_a_lone_validation_is_one_point():
    """Its dash was drawn as a second point, which said "step: 2.94" of a run of three steps."""
    found = Columns().and_then([{"event": "evaluate", "step": 3, "eval_loss": 1.0, "eval_accuracy": 0.8}])
    assert [frame["step"].tolist() for frame in (render.loss_frame(found), render.metric_frame(found))] == [[3], [3]]


def test_the_states_can_be_read_on_light_and_dark_pages():
    """WCAG 2.1 asks 4.5 of text. "running" had 3.2 on a dark page, "completed" 4.1 on a light one."""

    def luminance(colour):
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(one, other):
        dark, light = sorted(map(luminance, (one, other)))
        return (light + 0.05) / (dark + 0.05)

    pages = theme.theme().body_background_fill, theme.theme().body_background_fill_dark
    ratios = {s: [contrast(*pair) for pair in zip(own, pages, strict=True)] for s, own in theme.STATE_COLOURS.items()}
    assert {state: pair for state, pair in ratios.items() if min(pair) < 4.5} == {}


def test_sentiment_has_its_colours_and_other_labels_get_the_palette():
    assert label_colours(["negative", "Positive"]) == {"negative": "#D55E00", "Positive": "#009E73"}
    assert label_colours(["sports", "positive"])["sports"] == PALETTE[0]


def test_a_legend_names_every_label():
    """Once the chart cut it off: no text named the last of four labels' colours."""
    colours = label_colours(["complaint", "praise", "<b>", "wish"])
    assert all(f'background:{colours[name]}"></i>{html.escape(name)}</span>' in render.legend(colours) for name in colours)


@pytest.fixture
def names():
    def frame(**new):
        return pd.DataFrame(
            [{"label": label, "train": "1", "name in the model": name} for label, name in {**new, "all labels": ""}.items()]
        )

    return frame


@pytest.mark.parametrize(
    ("before", "edited", "after"),
    [
        ({}, {"a": "a", "b": "b"}, {}),
        ({}, {"a": "x", "b": "b"}, {"a": "x"}),
        ({}, {"a": "x", "b": "x"}, {"a": "x", "b": "x"}),
        ({}, {"a": "", "b": "b"}, {"a": None}),
        ({"a": "x"}, {"x": "y", "b": "b"}, {"a": "y", "x": "y"}),
        ({"a": "b"}, {"b": "c"}, {"a": "c", "b": "c"}),
        ({"gone": None}, {"a": "x"}, {"gone": None, "a": "x"}),
    ],
    ids=["nothing", "rename", "merge", "leave out", "rename again", "rename merged", "left out before"],
)
def test_the_table_of_labels_makes_a_label_map(before, edited, after, names):
    assert render.label_map(names(**edited), before) == after


def test_a_finding_is_shown_as_text():
    found = Finding(key="rare_class", severity="high", count=1, what="Label '<b>x</b>'", why="", fix=None, rows=[])
    assert "<b>" not in render.finding(found)


def logged(values):
    events = [{"event": "log", "step": step, "loss": value, "memory": 2e9} for step, value in enumerate(values, 1)]
    return Columns().and_then(events)


def test_a_curve_without_smoothing_is_what_was_logged():
    frame = render.curve_frame({"this run": logged([3.0, 1.0, 2.0])}, "loss", 0)
    assert frame["value"].tolist() == [3.0, 1.0, 2.0]
    assert set(frame["run"]) == {"this run"}


def test_smoothing_is_a_mean_of_the_past_corrected_for_its_start():
    frame = render.curve_frame({"this run": logged([4.0, 0.0])}, "loss", 0.5)
    assert frame["value"].tolist() == [4.0, pytest.approx((0.5 * 4.0) / 1.5)]


def test_two_runs_stand_beside_each_other_and_memory_is_in_gigabytes():
    frame = render.curve_frame({"this run": logged([1.0, 1.0]), "the other run": logged([1.0, 1.0])}, "memory (GB)", 0)
    assert frame.groupby("run")["value"].max().to_dict() == {"this run": 2.0, "the other run": 2.0}


def test_a_curve_that_was_never_logged_is_empty():
    assert render.curve_frame({"this run": logged([1.0])}, "GPU memory (GB)", 0).empty


def test_validations_are_curves_of_their_own():
    found = logged([3.0, 1.0]).and_then({"event": "evaluate", "step": step, "eval_macro_f1": step / 10} for step in (1, 2))
    frame = render.curve_frame({"this run": found}, "validation macro F1", 0)
    assert frame["value"].tolist() == [0.1, 0.2]


def test_every_curve_but_the_gpu_s_is_in_the_events_of_a_run(train_here, tiny_config):
    found = columns_of(train_here(tiny_config(eval_strategy="epoch")))
    empty = [name for name in render.CURVES if render.curve_frame({"this run": found}, name, 0.5).empty]
    assert set(empty) <= {"GPU memory (GB)"}


def test_a_long_curve_keeps_its_ends_and_every_peak_where_it_was():
    values = [1.0] * 100_000
    values[41_234], values[77_777], values[88_888] = 9.0, -3.0, float("nan")
    frame = render.loss_frame(logged(values))
    assert len(frame) <= 1000
    assert frame["step"].iloc[[0, -1]].tolist() == [1, 100_000]
    assert frame["step"].is_monotonic_increasing
    assert frame.loc[frame["loss"] != 1, ["step", "loss"]].values.tolist() == [[41_235, 9.0], [77_778, -3.0]]


def test_a_curve_is_smoothed_before_points_are_left_out():
    values = [float(step % 2) for step in range(50_000)]
    frame = render.curve_frame({"this run": logged(values)}, "loss", 0.95)
    assert frame["value"].iloc[10:].between(0.45, 0.55).all()


def test_a_short_curve_keeps_every_point():
    assert len(render.loss_frame(logged([1.0] * 1000))) == 1000


@pytest.mark.parametrize(("rows", "told"), [(40, False), (120, True)])
def test_other_shares_of_the_labels_are_told_where_they_are_no_chance(rows, told, tmp_path, tiny_models):
    for split, pattern in (("train", ["neg", "pos"]), ("test", ["neg", "pos", "pos", "pos"])):
        lines = [f"{split} text {i},{pattern[i % len(pattern)]}" for i in range(200 if split == "train" else rows)]
        (tmp_path / f"{split}.csv").write_text("\n".join(["text,label", *lines]))
    found = profile(RunConfig(data={"source": str(tmp_path)}, model={"name": str(tiny_models["bert"])}))
    said = "25% of the test rows would need another label" in render.profile_facts(found, "mine")
    assert found.splits["test"].rows == rows
    assert said == told
