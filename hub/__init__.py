"""Generative Hub: open a bundle and make pictures, three lines of Python and no torch.

from hub import open_model
model = open_model("vae-fashion")
pictures = model.sample(count=16, seed=0)      # uint8 [16, 32, 32, 1]
"""

import os
from typing import TYPE_CHECKING, Any

# The hub calls nobody. Read when these libraries are first imported, so set before any of them is.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # onnxruntime 1.31 reports to its vendor, on Linux too
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from hub.tasks import open_model

__version__ = "0.1.0"
__all__ = ["open_model"]


def __getattr__(name: str) -> Any:
    """``open_model`` on first use: importing ``hub`` must not cost the start of onnxruntime."""
    if name == "open_model":
        from hub.tasks import open_model

        return open_model
    raise AttributeError(f"module 'hub' has no attribute '{name}'")
