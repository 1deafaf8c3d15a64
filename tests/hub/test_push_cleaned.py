"""The rows of a run as a data set: mended, in their splits, and loadable."""

import json
from pathlib import Path

import pytest
from huggingface_hub import DatasetCard

from tests.hub.server import TOKEN
from tuner.config import DataConfig, RunConfig
from tuner.data.labelled import load_labelled
from tuner.errors import SourceError
from tuner.hub import dataset_findings, push_cleaned
from tuner.hub.cleaned import check_pushable, cleaned_rows


@pytest.fixture
def config(jsonl):
    """60 rows with one repeat and one e-mail address."""
    rows = [{"text": f"row {i} is {('awful', 'great')[i % 2]}", "label": ("neg", "pos")[i % 2]} for i in range(58)]
    rows += [rows[0], {"text": "write to ann@example.com", "label": "pos"}]
    return RunConfig(data={"source": str(jsonl(rows)), "fixes": ["drop_duplicates", "mask_email"]})


def sent(hub, data, config):
    push_cleaned(data, config, "owner/rows", token=TOKEN, endpoint=hub.url)
    return {path: file.read_text() for path, file in hub.repos["dataset", "owner/rows"].files.items()}


def test_mended_rows_go_in_their_splits(hub, config, tuner):
    data = load_labelled(config.data)
    files = sent(hub, data, config)
    counts = {split: len(files[f"{split}.jsonl"].splitlines()) for split in ("train", "validation", "test")}
    assert counts == {split: len(rows) for split, rows in data.splits.items()}
    assert "ann@example.com" not in "".join(files.values())
    seen = tuner("preview", "owner/rows", "--json", HF_TOKEN=TOKEN).json
    assert {split: part["rows"] for split, part in seen["splits"].items()} == counts


def test_the_card_says_what_was_mended_and_names_no_file(hub, config):
    card = sent(hub, load_labelled(config.data), config)["README.md"]
    assert "Fixes applied: `mask_email`, `drop_duplicates`." in card
    assert "a private table" in card
    assert "rows.jsonl" not in card
    assert "saw a model's answer" not in card
    assert [file["split"] for file in DatasetCard(card).data.configs[0]["data_files"]] == ["train", "validation", "test"]


def test_personal_data_of_every_split_is_counted(config):
    unmended = load_labelled(config.data.model_copy(update={"fixes": []}))
    assert dataset_findings(cleaned_rows(unmended)) == {"email": 1}
    assert dataset_findings(cleaned_rows(load_labelled(config.data))) == {}


def test_a_set_of_the_hub_is_not_pushed_again():
    with pytest.raises(SourceError, match="lies on the Hub already"):
        check_pushable(DataConfig(source="owner/data"))


def test_rows_that_changed_since_the_training_are_not_pushed(hub, config):
    before = load_labelled(config.data)
    trained = config.model_copy(update={"data": config.data.model_copy(update={"fingerprint": before.fingerprint})})
    path = Path(config.data.source)
    path.write_text(path.read_text().replace("great", "grand"))
    with pytest.raises(SourceError, match="has changed since the run was made"):
        sent(hub, load_labelled(config.data), trained)
    assert hub.repos == {}


def test_the_rows_are_json_lines(hub, config):
    first = sent(hub, load_labelled(config.data), config)["train.jsonl"].splitlines()[0]
    assert set(json.loads(first)) == {"text", "label"}
