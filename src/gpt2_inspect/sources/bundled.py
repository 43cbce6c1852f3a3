"""The models that ship inside the package."""

from pathlib import Path

from .base import ModelFiles

BUNDLED = ("pocket", "pocket-zh")
"""An English one, which answers where no model is named, and a Chinese one."""

LANGUAGES = {"pocket": "en", "pocket-zh": "zh"}

BUNDLED_NAME = BUNDLED[0]


def bundled_model(name: str) -> ModelFiles:
    """The small GPT-2 in `data/NAME`, one of BUNDLED; its README.md there says what it was trained on."""
    return ModelFiles(name, "bundled", Path(__file__).parent.parent / "data" / name)
