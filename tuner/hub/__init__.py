"""The one place that writes to the Hub: rights first, one commit, and a broken push can be repeated."""

from tuner._lazy import lazy

_NAMES = {
    "Client": "tuner.hub.client",
    "Pushed": "tuner.hub.commit",
    "Space": "tuner.hub.space_stage",
    "dataset_findings": "tuner.hub.dataset",
    "deploy_trainer": "tuner.hub.space",
    "findings_in_words": "tuner.hub.dataset",
    "Wanted": "tuner.hub.state",
    "begin": "tuner.hub.push",
    "listing": "tuner.hub.files",
    "make_demo": "tuner.hub.space",
    "model_card": "tuner.hub.card",
    "model_files": "tuner.hub.files",
    "note_space": "tuner.hub.space_stage",
    "push_state": "tuner.hub.state",
    "space_of": "tuner.hub.space_stage",
    "push_cleaned": "tuner.hub.cleaned",
    "push_dataset": "tuner.hub.dataset",
    "push_files": "tuner.hub.commit",
}
__all__ = sorted(_NAMES)
__getattr__, __dir__ = lazy(__name__, _NAMES)
