"""What an explanation holds."""

from dataclasses import asdict, dataclass

METHODS = {
    "leave_one_out": "How much the probability of the label falls when the word is taken out of the text.",
    "gradient_x_input": ("How the label's logit would change at first, were the word replaced by an average one of the text."),
    "integrated_gradients": (
        "How the label's logit changes on the way from the text's average word to its words, shared out among them."
    ),
    "attention": "How much of each word the attention carries to where the answer is read from; no proof of a cause.",
}
UNITS = {
    "leave_one_out": "probability points",
    "gradient_x_input": "logits",
    "integrated_gradients": "logits",
    "attention": "share of the attention",
}


@dataclass(frozen=True)
class Word:
    """A word's part in a label.

    Attributes:
        start: position of its first character in the text.
        end: position after its last.
        score: above 0 it speaks for the label, below 0 against; of attention never below 0.
    """

    text: str
    start: int
    end: int
    score: float


@dataclass(frozen=True)
class Explanation:
    """Every word's part in a label, by one method.

    Attributes:
        label: the label that is explained.
        words: the words the model read, in the order of the text.
        unit: what scores are counted in.
        probability: of the label, as the classifier answers.
        cut: whether the text was longer than what is explained.
        delta: integrated gradients alone: |sum of the parts − what they should explain| as a share of the latter.
        warning: what to beware of here; empty where nothing is.
        about: what the method means, in a line.
    """

    text: str
    label: str
    method: str
    words: tuple[Word, ...]
    unit: str
    probability: float
    cut: bool
    delta: float | None
    warning: str
    about: str

    def to_json(self) -> dict[str, object]:
        """The same as plain values; words as {"text", "start", "end", "score"}."""
        return asdict(self) | {"words": [asdict(word) for word in self.words]}
