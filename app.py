"""Tuner in the browser: `python app.py [--host 127.0.0.1] [--port 7860]`."""

import sys

from tuner.cli import main

if __name__ == "__main__":
    sys.exit(main(["app", *sys.argv[1:]]))
