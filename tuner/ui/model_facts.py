"""What is known of the offered base models, below the box that chooses one. Shipped data: the network is asked nothing."""

import gradio as gr

from tuner import catalog
from tuner.runs import RUN_PREFIX
from tuner.ui import text
from tuner.ui.heard import heard

_HEADER = ["model", "size", "languages", "tokens", "licence", "take this when"]
# The first three fit into the left column of a small screen; the rest is scrolled to, or seen by the button for full screen.
_WIDTHS = ["92px", "66px", "100px", "76px", "100px", "380px"]


def draw(model: gr.Dropdown) -> None:
    """Draws the facts of the chosen model and a table of all, and connects them.

    Args:
        model: the box; any name may be typed into it.
    """
    shown = gr.Markdown(facts(catalog.SAMPLE_MINILM), elem_classes="quiet", elem_id="model-facts")
    with gr.Accordion(text.COMPARE_MODELS, open=False):
        gr.Dataframe(
            comparison(), headers=_HEADER, datatype="str", interactive=False, wrap=True, column_widths=_WIDTHS,
            max_height=420, show_label=False, elem_id="offered-models",
        )  # fmt: skip
    heard(model.change)(facts, model, shown, queue=False, show_progress="hidden", api_visibility="private")


def facts(name: str | None) -> str:
    """A model's facts as Markdown; of one that is not offered, that nothing is known of it. Holds no text of a person."""
    offer = catalog.offered_model((name or "").strip())
    if offer is None:
        return text.OF_A_RUN if (name or "").startswith(RUN_PREFIX) else text.NOT_OFFERED
    line = f"**{offer.title}** · {offer.size} · {offer.languages} · up to {offer.max_length:,} tokens · licence {offer.licence}"
    return "  \n".join([line, text.PRETRAINING.format(offer.pretraining), text.TAKE_THIS_WHEN.format(offer.take_when)])


def comparison() -> list[list[str]]:
    """A row for every offered model, in the order of the table's columns."""
    return [
        [
            offer.title,
            offer.size.removesuffix(" parameters"),
            offer.languages,
            f"{offer.max_length:,}",
            offer.licence,
            offer.take_when,
        ]
        for offer in catalog.BASE_MODELS
    ]
