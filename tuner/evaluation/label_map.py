"""The labels of data as a model's labels: by name, or as a person maps them. Pure."""

import re
from collections.abc import Mapping, Sequence

from tuner.errors import SourceError
from tuner.words import listed

# What transformers calls the labels of a model whose maker gave them no names.
_NAMELESS = re.compile(r"LABEL_\d+")
_MOST_SHOWN = 8


class UnknownLabels(SourceError):
    """Labels of the data that the model does not have: a person must say which of its labels each of them is.

    Attributes:
        unknown: the data's labels.
        known: the model's.
    """

    def __init__(self, cause: str, cure: str, unknown: Sequence[str], known: Sequence[str]) -> None:
        super().__init__(cause, cure)
        self.unknown, self.known = list(unknown), list(known)


def map_labels(data_labels: Sequence[str], model_labels: Sequence[str], mapping: Mapping[str, str] | None = None) -> list[int]:
    """The model's label id for each of the data's labels, in their order.

    A label of the mapping goes where that says; any other to the model's label of its name, or else of its name in other
    case. Two labels of the data may be one of the model.

    Args:
        data_labels: names, which may repeat.
        mapping: label of the data → label of the model. Labels the data lacks are passed over.

    Raises:
        UnknownLabels: labels the model does not know, all named; a mapping to one it has not; or a model without names and no
            mapping that says which of its labels is which.
    """
    mapping, wanted = mapping or {}, dict.fromkeys(data_labels)
    places = {name: mapping.get(name, name) for name in wanted}
    ids = {name: _id_of(place, model_labels) for name, place in places.items()}
    unknown = sorted(name for name, found in ids.items() if found is None)
    if unknown:
        raise _refusal(unknown, model_labels, mapping)
    return [ids[name] for name in data_labels]  # type: ignore[misc]


def parse_label_map(texts: Sequence[str]) -> dict[str, str]:
    """`["pos=positive"]` → `{"pos": "positive"}`, as `--label-map` takes it. The last "=" parts the two.

    Raises:
        SourceError: texts that have not this form, or one label mapped twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, place = (part.strip() for part in text.rpartition("="))
        if not (name and equals and place):
            raise SourceError(f"'{text[:80]}' maps no label.", 'Write label of the data = label of the model: "pos=positive".')
        if found.get(name, place) != place:
            raise SourceError(f"'{name[:80]}' is mapped to {found[name][:80]} and to {place[:80]}.", "Map each label once.")
        found[name] = place
    return found


def is_nameless(model_labels: Sequence[str]) -> bool:
    """Whether the model's labels are LABEL_0, LABEL_1 …: then only its maker knows what they mean."""
    return bool(model_labels) and all(_NAMELESS.fullmatch(name) for name in model_labels)


def _id_of(name: str, model_labels: Sequence[str]) -> int | None:
    """Exactly so named, or the only one so named in other case."""
    if name in model_labels:
        return list(model_labels).index(name)
    alike = [index for index, known in enumerate(model_labels) if known.lower() == name.lower()]
    return alike[0] if len(alike) == 1 else None


def _refusal(unknown: list[str], model_labels: Sequence[str], mapping: Mapping[str, str]) -> UnknownLabels:
    return UnknownLabels(*_why(unknown, model_labels, mapping), unknown, model_labels)


def _why(unknown: list[str], model_labels: Sequence[str], mapping: Mapping[str, str]) -> tuple[str, str]:
    """Cause and cure."""
    known = _listed(model_labels)
    misled = [f"{name}={mapping[name]}" for name in unknown if name in mapping]
    if misled:
        return f"--label-map {_listed(misled)}: the model has no such label, only {known}.", "Map to one of these."
    example = f'--label-map "{unknown[0][:40]}={model_labels[0][:40]}"'
    if is_nameless(model_labels):
        return (
            f"The model has no names for its labels, only {known}, so which of them {_listed(unknown)} of the data "
            f"{'is' if len(unknown) == 1 else 'are'} cannot be told.",
            f"Say it for each label, as its maker describes them, e.g. {example}.",
        )
    return (
        f"The model does not know the labels {_listed(unknown)} of the data, only {known}.",
        f"Say which of its labels each of them is, e.g. {example}, or take other data.",
    )


def _listed(names: Sequence[str]) -> str:
    return listed([name[:40] for name in names], _MOST_SHOWN)
