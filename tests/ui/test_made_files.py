"""Files that are made for a download."""

from pathlib import Path

import gradio as gr
import pytest

from tuner.errors import SourceError
from tuner.ui import made_files


@pytest.fixture
def page():
    """What hears the button, in its order; the file's name is what stands in the box."""

    def write(folder, name):
        if not name:
            raise SourceError("There is nothing.", "Type something.")
        path = folder / name
        path.write_text("rows")
        return path

    with gr.Blocks() as blocks:
        box, make, download = gr.Textbox(), gr.Button(), gr.DownloadButton(visible=False)
        made_files.wire(make, download, write, [box])
    return [each.fn for each in blocks.fns.values()]


def test_a_file_is_made_offered_and_its_folder_cleared(page):
    written, tidy, offered = page
    download, folder, of = written("a.csv")
    assert (Path(folder, "a.csv").read_text(), download.visible) == ("rows", True)
    assert offered(of, "a.csv") == gr.skip()
    tidy(folder)
    assert not Path(folder).exists()


def test_a_file_of_what_is_no_longer_chosen_is_not_offered(page):
    """A script of one run was once offered under another."""
    written, tidy, offered = page
    _, folder, of = written("a.csv")
    tidy(folder)
    assert offered(of, "b.csv").visible is False


def test_a_file_that_cannot_be_made_leaves_nothing(page, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(gr.Error, match="There is nothing"):
        page[0]("")
    assert list(tmp_path.iterdir()) == []
