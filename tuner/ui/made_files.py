"""One button makes a file, the next one downloads it."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from tuner.ui.errors import toast


def wire(
    make: gr.Button,
    download: gr.DownloadButton,
    write: Callable[..., Path],
    inputs: list[gr.components.Component],
    show_progress: str = "full",
) -> None:
    """Connects the buttons; what else stands on the page hides `download` where its file no longer fits.

    Args:
        write: writes the file into the folder that it is given before the values of `inputs`, and returns its path.
        inputs: what the file is made of. Where they are others when it is ready, it is not offered: its name would not tell.
    """
    made, of = gr.State(None), gr.State(None)

    @toast
    def written(*values: Any) -> list[Any]:  # noqa: ANN401
        # Gradio serves files of the temporary folder alone, and makes its own copy.
        folder = Path(tempfile.mkdtemp(prefix="tuner-made-"))
        try:
            path = write(folder, *values)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return [gr.DownloadButton(value=str(path), visible=True), str(folder), list(values)]

    def offered(of: list[Any], *values: Any) -> Any:  # noqa: ANN401
        return gr.skip() if of == list(values) else gr.DownloadButton(visible=False)

    private: dict[str, Any] = {"api_visibility": "private"}
    ended = make.click(
        written, inputs, [download, made, of], show_progress=show_progress, show_progress_on=make, concurrency_limit=2, **private
    )
    ended.success(lambda folder: shutil.rmtree(folder or "", ignore_errors=True), made, None, queue=False, **private)
    ended.success(offered, [of, *inputs], download, queue=False, show_progress="hidden", **private)
