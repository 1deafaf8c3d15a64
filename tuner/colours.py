"""Each label's colour, the same in every chart, table, highlight and picture."""

from collections.abc import Sequence

# Okabe and Ito (2008): told apart by the colour-blind too, on light and dark ground.
PALETTE = ("#0072B2", "#E69F00", "#CC79A7", "#56B4E9", "#D55E00", "#009E73", "#F0E442", "#999999")
# What speaks for a label and against it, and what has no side.
FOR, AGAINST, NO_SIDE = PALETTE[5], PALETTE[4], PALETTE[0]
SENTIMENT = {"negative": "#D55E00", "neutral": "#999999", "positive": "#009E73"}


def label_colours(labels: Sequence[str]) -> dict[str, str]:
    """Label name → its colour: sentiment's own where all labels are its names, else the palette in turn."""
    if all(label.lower() in SENTIMENT for label in labels):
        return {label: SENTIMENT[label.lower()] for label in labels}
    return {label: PALETTE[i % len(PALETTE)] for i, label in enumerate(labels)}
