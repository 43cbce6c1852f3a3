"""The models that ship inside the package."""

import re
from pathlib import Path

from .base import ModelFiles

ENGLISH, CHINESE = BUNDLED = ("pocket", "pocket-zh")

LANGUAGES = {ENGLISH: "en", CHINESE: "zh"}

_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
"""Chinese characters: Unicode's blocks named CJK Unified Ideographs and CJK Compatibility Ideographs."""


def bundled_for(text: str) -> str:
    """The name of the bundled model that knows the language of a text: one Chinese character makes it Chinese."""
    return CHINESE if _HAN.search(text) else ENGLISH


def bundled_model(name: str) -> ModelFiles:
    """The small GPT-2 in `data/NAME`, one of BUNDLED; its README.md there says what it was trained on."""
    return ModelFiles(name, "bundled", Path(__file__).parent.parent / "data" / name)
