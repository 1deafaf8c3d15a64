"""Tuner as a Space with hardware of its own: everything the app does, for people who log in."""

import os

from tuner.ui.serve import serve

if __name__ == "__main__":
    serve(os.environ.get("GRADIO_SERVER_NAME", "0.0.0.0"), int(os.environ.get("GRADIO_SERVER_PORT", "7860")))
