"""Section `augmentation`: altered copies of training rows."""

from tuner.sections.base import Section, Seed, setting


class AugmentationConfig(Section):
    """Altered copies of training rows; validation and test rows are never touched."""

    synonyms: float = setting(
        0.0, "synonyms: share of a text's words replaced by one of the same meaning (English)", group="Augmentation", ge=0, le=1
    )
    neighbours: float = setting(
        0.0, "neighbours: share replaced by a word near it in the base model's embedding table", group="Augmentation", ge=0, le=1
    )
    masked: float = setting(
        0.0, "masked words: share replaced by what the base model would put there; needs a masked-word head",
        group="Augmentation", ge=0, le=1,
    )  # fmt: skip
    swap: float = setting(0.0, "swap: share of the words that change places with the next one", group="Augmentation", ge=0, le=1)
    delete: float = setting(0.0, "delete: share of the words left out; never all", group="Augmentation", ge=0, le=1)
    typos: float = setting(0.0, "typos: share of the words with a slip of the keyboard", group="Augmentation", ge=0, le=1)
    case: float = setting(0.0, "capitals: share of the words written with other capitals", group="Augmentation", ge=0, le=1)
    copies: int = setting(1, "copies: altered copies added for each training row", group="Augmentation", ge=1, le=20)
    seed: Seed = setting(42, "seed for the words chosen and what replaces them", group="Augmentation")
