"""The model that ships inside the package."""

from pathlib import Path

from .base import ModelFiles

BUNDLED_NAME = "pocket"


def bundled_model() -> ModelFiles:
    """The small GPT-2 in `data/pocket`; its README.md there says what it was trained on."""
    return ModelFiles(BUNDLED_NAME, "bundled", Path(__file__).parent.parent / "data" / "pocket")
