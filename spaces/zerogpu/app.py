"""Tuner on ZeroGPU: the Playground and evaluations, each on a GPU that is lent for it. Nothing is trained: that takes longer."""

import os

os.environ |= {"TUNER_TRAINS": "0", "TUNER_DEVICE": "cpu"}  # of this process; the one a GPU is lent to takes that

try:  # before torch: it takes the place of CUDA until a GPU is lent
    import spaces
except ImportError:
    spaces = None

from tuner.ui.context import Context
from tuner.ui.lent import Lent
from tuner.ui.serve import serve

# Seconds a GPU is lent for at most: an evaluation with its behaviour tests and baselines takes longest.
_SECONDS = 120
gpu = spaces.GPU(duration=_SECONDS) if hasattr(spaces, "GPU") else lambda function: function

if __name__ == "__main__":
    host, port = os.environ.get("GRADIO_SERVER_NAME", "0.0.0.0"), int(os.environ.get("GRADIO_SERVER_PORT", "7860"))
    serve(host, port, context=Context(local=False, lent=Lent(gpu)))
