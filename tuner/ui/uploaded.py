"""Files that a page has uploaded, as long as Gradio keeps them."""

from pathlib import Path

from tuner.errors import SourceError

# Gradio looks every so often, and removes what is older; all of it goes when the server ends.
KEPT_SECONDS = (3_600, 86_400)


def uploaded(path: str) -> Path:
    """The uploaded file.

    Raises:
        SourceError: it is gone; the page still shows its name.
    """
    found = Path(path)
    if not found.exists():
        raise SourceError(f"{found.name[:80]} is no longer here: an upload is kept for a day.", "Choose the file again.")
    return found
