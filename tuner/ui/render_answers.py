"""From predictions and what is found around them to what the Playground shows. Pure; text of people is escaped."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from tuner.colours import label_colours
from tuner.evaluation import mistakes
from tuner.inference import Prediction
from tuner.neighbours import Neighbours
from tuner.ui import text
from tuner.what_if import Flip, Variant
from tuner.words import points, shortened

MOST_BARS = 12
_MOST_SHOWN = 300
_EXAMPLES_OF_A_KIND = 2


def answer(prediction: Prediction, title: str = "", threshold: float | None = None) -> str:
    """The answer in a line, and a bar for each label in its colour; the surest twelve where there are more."""
    sure = prediction.probabilities[prediction.label]
    headline = f"<b>{html.escape(prediction.label)}</b> {percent(sure)}"
    if prediction.unsure:
        limit = f" of {percent(threshold)}" if threshold is not None else ""
        headline = f"<b>Unsure</b> perhaps {html.escape(prediction.label)}, {percent(sure)}: below the threshold{limit}"
    return (
        f'<div class="answer-box">{small_title(title)}<p class="answer-line">{headline}</p>{bars(prediction.probabilities)}</div>'
    )


def small_title(title: str) -> str:
    """What an answer is of; nothing where it needs no name."""
    return f'<p class="answer-title" dir="auto">{html.escape(title)}</p>' if title else ""


def bars(shares: Mapping[str, float], counts: Mapping[str, int] | None = None) -> str:
    """One bar per label, in the model's order where there are few, else the largest first.

    Args:
        shares: label name → share from 0 to 1.
        counts: what to write beside the share.
    """
    colours = label_colours(list(shares))
    names = list(shares)
    if len(names) > MOST_BARS:
        names = sorted(names, key=shares.__getitem__, reverse=True)[:MOST_BARS]
    rows = [
        f'<div class="share"><span class="share-name" dir="auto" title="{html.escape(name)}">'
        f'{html.escape(shortened(name, 80))}</span><span class="share-track">'
        f'<span style="width:{100 * shares[name]:.1f}%;background:{colours[name]}"></span></span>'
        f'<span class="share-value">{percent(shares[name])}{f" · {counts[name]:,}" if counts else ""}</span></div>'
        for name in names
    ]
    left = len(shares) - len(names)
    return f'<div class="shares">{"".join(rows)}</div>' + (f'<p class="run-line">and {left:,} more labels</p>' if left else "")


def percent(share: float) -> str:
    """A share as a percentage that never reads as certain where it is not."""
    if share < 1 and round(share, 3) >= 1:
        return "> 99.9 %"
    if share > 0 and round(share, 3) <= 0:
        return "< 0.1 %"
    return f"{100 * share:.1f} %"


def tokens(prediction: Prediction, limit: int) -> str:
    """How much of the text was read."""
    if prediction.cut:
        where = f"the first {prediction.read:,} of {len(prediction.text):,} characters"
        return f"Only {prediction.tokens:,} tokens were read, as many as the model takes: {where}. The rest was cut."
    return f"{prediction.tokens:,} of at most {limit:,} tokens, all of the text was read."


def examples(frame: pd.DataFrame) -> list[list[str]]:
    """Rows of a run's own test data as [kind, text]: the surest right ones, the surest mistakes, the most doubtful."""
    sure = frame.assign(confidence=frame[[name for name in frame.columns if name.startswith("probability_")]].max(axis=1))
    right = sure[sure["label"] == sure["predicted"]].sort_values("confidence", ascending=False, kind="stable")
    right = right.drop_duplicates("label")  # one of each label: the surest are all of the easiest one
    wrong = mistakes.most_confident_errors(frame)
    doubtful = mistakes.most_doubtful(frame)
    found = [("right", row["text"]) for row in _first(right)]
    found += [(f"wrong, is {row['label']}", row["text"]) for row in _first(wrong)]
    found += [("doubtful", row["text"]) for row in _first(doubtful)]
    return [[kind, words] for kind, words in found]


def _first(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return frame.head(_EXAMPLES_OF_A_KIND).to_dict("records")


def variant_table(found: Sequence[Variant], label: str) -> pd.DataFrame:
    """What was changed, the text, the answer, and the change of the first answer's probability in points."""
    return pd.DataFrame(
        [
            {
                "what": variant.what,
                "text": shortened(variant.text, _MOST_SHOWN),
                "answer": f"→ {variant.label}" if variant.flipped else variant.label,
                f"{label}": percent(variant.probability),
                "change": points(variant.change),
            }
            for variant in found
        ],
        columns=["what", "text", "answer", label, "change"],
    )


def flip_words(found: Sequence[Flip]) -> str:
    """The smallest removals that flip the answer, one sentence each."""
    if not found:
        return f'<p class="sentence">{html.escape(text.NO_FLIP)}</p>'
    lines = []
    for flip in found:
        words = ", ".join(f"“{html.escape(shortened(word))}”" for word in flip.words)
        answer = f"<b>{html.escape(flip.label)}</b>, {percent(flip.probability)}"
        lines.append(f'<p class="sentence">Without {words} the answer is {answer}.</p>')
    return "".join(lines)


def neighbour_table(found: Neighbours) -> pd.DataFrame:
    """The nearest training rows: how near, their label, the text."""
    return pd.DataFrame(
        [
            {"nearness": f"{row.similarity:.3f}", "label": row.label, "text": shortened(row.text, _MOST_SHOWN), "row": row.row}
            for row in found.rows
        ],
        columns=["nearness", "label", "text", "row"],
    )


def file_rows(rows: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> pd.DataFrame:
    """The first answers of a file as the table shows them: without the share of every single label."""
    frame = pd.DataFrame(list(rows))
    frame = frame[[name for name in frame.columns if not any(name == f"probability_{label}" for label in labels)]]
    for name in frame.columns:
        if name in ("probability", "other_probability"):
            frame[name] = [percent(value) if value is not None and value == value else "" for value in frame[name]]
        else:
            frame[name] = [shortened(str(value), _MOST_SHOWN) if value is not None else "" for value in frame[name]]
    return frame
