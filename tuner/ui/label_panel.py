"""Label the doubtful, on the Playground: the texts that would teach most, one by one, with a key for each label."""

import threading
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import gradio as gr

from tuner import access, feedback
from tuner.batch import read_texts
from tuner.data.files import FILE_SUFFIXES
from tuner.data.repeats import overlap
from tuner.doubtful import MOST_LIKELY, MOST_TEXTS, Doubtful, choose
from tuner.errors import SourceError
from tuner.feedback import Feedback
from tuner.scoring import trained_with
from tuner.ui import render, render_answers, render_report, stopping, text
from tuner.ui.context import Context
from tuner.ui.errors import toast
from tuner.ui.stopping import Stops
from tuner.ui.uploaded import uploaded

# Keys 1 to 9, for all labels; of more than that, for the likeliest of each text, and any is chosen from a list.
_KEYS = MOST_LIKELY
_MOST_AT_ONCE = 200
_LOCK = threading.Lock()
_PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
# Presses the buttons of the panel; not while somebody types in a field, and not on another tab.
KEYS_JS = """() => {
    if (window.tunerKeys) return;
    window.tunerKeys = true;
    document.addEventListener('keydown', (event) => {
        const panel = document.querySelector('#label-one');
        if (event.repeat) return;
        const typing = event.target.closest('input, textarea, select, [contenteditable=true]');
        if (!panel || panel.offsetParent === null || typing || event.ctrlKey || event.metaKey || event.altKey) return;
        const id = /^[1-9]$/.test(event.key) ? `label-key-${event.key}`
            : {s: 'label-skip', b: 'label-back', t: 'label-take-back'}[event.key.toLowerCase()];
        const button = id && document.getElementById(id);
        if (button && !button.disabled && button.offsetParent !== null) { event.preventDefault(); button.click(); }
    });
}"""


@dataclass
class Labelling:
    """A person's way through the doubtful texts; kept in the session.

    Attributes:
        given: position in `queue` → what was said of it, the last of it counts.
        left_out: how many texts had a label before.
    """

    model: str = ""
    queue: list[Doubtful] = field(default_factory=list)
    at: int = 0
    given: dict[int, list[Feedback]] = field(default_factory=dict)
    left_out: int = 0


@dataclass(frozen=True)
class LabelPanel:
    """What was drawn. `one` is shown from the first text on, `asked` while one is left, so that one can go back from the end."""

    pasted: gr.Textbox
    file: gr.File
    column: gr.Textbox
    count: gr.Slider
    find: gr.Button
    stop: gr.Button
    state: gr.State
    empty: gr.HTML
    one: gr.Column
    asked: gr.Column
    progress: gr.HTML
    place: gr.Number
    text: gr.Textbox
    says: gr.HTML
    keys: list[gr.Button]
    more: gr.Dropdown
    skip: gr.Button
    back: gr.Button
    take_back: gr.Button

    @property
    def shown(self) -> list[gr.components.Component]:
        """What `_show` fills, in its order."""
        return [
            self.state,
            self.empty,
            self.one,
            self.asked,
            self.progress,
            self.place,
            self.text,
            self.says,
            *self.keys,
            self.more,
            self.skip,
            self.back,
            self.take_back,
        ]


def draw() -> LabelPanel:
    """Draws the texts on the left, and the one to label on the right."""
    gr.Markdown(text.LABEL_WHAT, elem_classes="quiet")
    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            pasted = gr.Textbox(label=text.PASTE, info=text.PASTE_INFO, lines=6, max_lines=14, elem_id="label-lines")
            file = gr.File(
                label=text.OR_A_FILE, file_types=list(FILE_SUFFIXES), type="filepath", height=120, elem_id="label-file"
            )
            column = gr.Textbox(label=text.TEXT_COLUMN, info=text.TEXT_COLUMN_INFO, max_lines=1, elem_id="label-column")
            count = gr.Slider(5, _MOST_AT_ONCE, value=20, step=5, label=text.HOW_MANY, elem_id="label-count")
            with gr.Row():
                find = gr.Button(text.FIND_DOUBTFUL, variant="primary", elem_id="find-doubtful")
                stop = gr.Button(
                    text.STOP_ANSWERING, variant="stop", interactive=False, scale=0, min_width=90, elem_id="label-stop"
                )
        with gr.Column(scale=2, min_width=460):
            empty = gr.HTML(render.empty(text.NOTHING_TO_LABEL), elem_id="label-empty")
            with gr.Column(visible=False, elem_id="label-one") as one:
                progress = gr.HTML("", elem_id="label-progress")
                place = gr.Number(0, precision=0, visible=False)  # of the text on the page: what a key judges
                with gr.Column() as asked:
                    words = gr.Textbox(label="Text", interactive=False, lines=4, max_lines=14, elem_id="label-text")
                    says = gr.HTML("", elem_id="label-says")
                    with gr.Row():
                        keys = [
                            gr.Button("", visible=False, size="md", min_width=120, elem_id=f"label-key-{i + 1}")
                            for i in range(_KEYS)
                        ]
                    more = gr.Dropdown([], value=None, label=text.OTHER_LABEL, visible=False, elem_id="label-more")
                with gr.Row():
                    back = gr.Button(text.BACK, size="sm", scale=0, min_width=100, elem_id="label-back")
                    skip = gr.Button(text.SKIP, size="sm", scale=0, min_width=100, elem_id="label-skip")
                    take_back = gr.Button(
                        text.TAKE_BACK, visible=False, size="sm", scale=0, min_width=160, elem_id="label-take-back"
                    )
                gr.Markdown(text.KEYS, elem_classes="quiet")
    state = gr.State(Labelling())
    given = (pasted, file, column, count, find, stop)
    return LabelPanel(*given, state, empty, one, asked, progress, place, words, says, keys, more, skip, back, take_back)


def wire(context: Context, panel: LabelPanel, model: gr.Dropdown) -> Stops:
    """Connects the panel to the tab's model."""
    stops = Stops()

    @toast
    def find(name: str | None, pasted: str, file: str | None, column: str, count: float, request: gr.Request,
             progress: gr.Progress = gr.Progress()) -> list[Any]:  # noqa: B008  # fmt: skip
        if not name:
            raise SourceError("There is no model to ask.", text.NO_MODEL)
        if not file and not (pasted or "").strip():
            raise SourceError("There is no text to label.", "Paste lines of text, or choose a file.")
        name = context.named(name)  # whose answers these are, whichever run is the latest when they are judged
        classifier = context.classifier(name)
        source = read_texts(uploaded(file), column.strip() or None, trained_with(name)) if file else pasted.splitlines()
        texts = list(islice(source, MOST_TEXTS + 1))  # one more is refused
        labelled = feedback.texts(feedback.name_for(name))

        def say(done: int) -> None:
            progress((done, len(texts)), desc=text.FINDING_DOUBTFUL, unit="texts")

        stop = stops.of(request)
        try:
            found = choose(classifier, texts, min(int(count), _MOST_AT_ONCE), say, should_stop=stop.is_set, labelled=labelled)
        finally:
            stops.end(request)
        return _show(context, Labelling(name, found, left_out=overlap(texts, labelled)))

    @toast
    def give(state: Labelling, place: float, label: str | None) -> list[Any]:
        person = access.logged_in("keep labels")
        with _LOCK:  # two keys at once are two threads
            if not state.queue or state.at >= len(state.queue) or state.at != place or not label:
                return [gr.skip()] * len(panel.shown)
            doubtful = state.queue[state.at]
            judged = Feedback(
                text=doubtful.text, label=label, predicted=doubtful.label, probability=doubtful.probability, model=state.model,
                kind="labelled", by=person.name,
            )  # fmt: skip
            feedback.add(feedback.name_for(state.model), judged)  # first: where it cannot be kept, the text waits for its label
            state.given.setdefault(state.at, []).append(judged)
            state.at += 1
        return _show(context, state)

    @toast
    def by_key(key: int, state: Labelling, place: float) -> list[Any]:
        labels = _on_keys(context, state, int(place)) if 0 <= place < len(state.queue) else ()
        return give(state, place, labels[key] if key < len(labels) else None)

    @toast
    def take_back(state: Labelling, place: float) -> list[Any]:
        access.logged_in("keep labels")
        if state.at == place and state.at in state.given:
            feedback.withdraw(feedback.name_for(state.model), *state.given[state.at])
            state.given.pop(state.at, None)
        return _show(context, state)

    @toast
    def step(by: int, state: Labelling) -> list[Any]:
        state.at = min(max(0, state.at + by), len(state.queue))
        return _show(context, state)

    inputs = [model, panel.pasted, panel.file, panel.column, panel.count]
    stopping.wire(panel.find, panel.stop, stops, find, inputs, panel.shown, [panel.empty, panel.text])
    for key, button in enumerate(panel.keys):

        def pressed(state: Labelling, place: float, key: int = key) -> list[Any]:
            return by_key(key, state, place)

        button.click(pressed, [panel.state, panel.place], panel.shown, **_PRIVATE)
    panel.more.input(give, [panel.state, panel.place, panel.more], panel.shown, trigger_mode="always_last", **_PRIVATE)
    panel.take_back.click(take_back, [panel.state, panel.place], panel.shown, **_PRIVATE)
    for button, by in ((panel.skip, 1), (panel.back, -1)):
        button.click(lambda state, by=by: step(by, state), panel.state, panel.shown, **_PRIVATE)
    return stops


def _on_keys(context: Context, state: Labelling, place: int) -> tuple[str, ...]:
    """The labels of the keys, from 1 on, for the text at this place."""
    labels = context.classifier(state.model).labels
    return tuple(labels) if len(labels) <= _KEYS else state.queue[place].likeliest


def _show(context: Context, state: Labelling) -> list[Any]:
    """Values for `LabelPanel.shown`: the text it is at, or that all are done."""
    done, total = state.at >= len(state.queue), len(state.queue)
    labelled = len(state.given)
    left_out = f" · {text.LEFT_OUT[state.left_out > 1].format(f'{state.left_out:,}')}" if state.left_out else ""
    bar = (
        f'<div class="bar"><div style="width:{100 * state.at / total:.0f}%"></div></div>'
        f'<p class="run-line">{min(state.at + 1, total):,} of {total:,} · {labelled:,} labelled{left_out}</p>'
    )
    if done:
        skipped = total - labelled
        words = text.ALL_LABELLED.format(
            f"{total:,}", f"{labelled:,}", f"{skipped:,}", f"feedback:{feedback.name_for(state.model)}"
        )
        hidden = gr.Button(visible=False)
        columns = [gr.Column(visible=True), gr.Column(visible=False)]
        shown: list[Any] = [gr.HTML(render.empty(words), visible=True), *columns, bar, state.at, "", ""]
        return [state, *shown, *[gr.skip()] * _KEYS, gr.skip(), hidden, gr.Button(interactive=True), hidden]
    doubtful = state.queue[state.at]
    says = f"The model says {doubtful.label}, {render_answers.percent(doubtful.probability)}."
    before = state.given.get(state.at)
    if before:
        says += f" You said {before[-1].label}."
    labels, on_keys = context.classifier(state.model).labels, _on_keys(context, state, state.at)
    buttons = [
        gr.Button(f"{place + 1} · {on_keys[place]}" if place < len(on_keys) else "", visible=place < len(on_keys))
        for place in range(_KEYS)
    ]
    return [
        state,
        gr.HTML(visible=False),
        gr.Column(visible=True),
        gr.Column(visible=True),
        bar,
        state.at,
        doubtful.text,
        render_report.sentences(says),
        *buttons,
        gr.Dropdown(list(labels) if len(labels) > _KEYS else [], value=None, visible=len(labels) > _KEYS),
        gr.Button(text.NEXT if before else text.SKIP, visible=True),
        gr.Button(interactive=state.at > 0),
        gr.Button(visible=bool(before)),
    ]
