"""Which fonts have a text's characters: matplotlib's own, and of this machine's those that have Chinese and more."""

from collections.abc import Iterable
from pathlib import Path

from matplotlib import font_manager
from matplotlib.font_manager import FontProperties

BASE = "DejaVu Sans"
"""Comes with matplotlib, so that it is the same everywhere."""

_OTHERS = (
    *("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "WenQuanYi Micro Hei"),
    *("WenQuanYi Zen Hei", "PingFang SC", "Hiragino Sans GB", "Heiti SC", "STHeiti", "Microsoft YaHei", "SimHei"),
    *("SimSun", "Droid Sans Fallback", "Noto Sans CJK TC", "Noto Sans CJK JP", "Noto Sans CJK KR", "Arial Unicode MS"),
    *("Noto Sans", "Noto Sans Devanagari", "Noto Sans Thai", "Noto Emoji", "Symbola", "Segoe UI Symbol", "Unifont"),
)
"""The first that has a character is taken; simplified Chinese comes before other forms of the same characters."""


def lacking(characters: Iterable[str], families: Iterable[str]) -> set[str]:
    """Those that none of the fonts has."""
    known = [font_manager.get_font(font_manager.findfont(FontProperties(family=family))) for family in families]
    return {
        character
        for character in characters
        if character not in "\n" and not any(font.get_char_index(ord(character)) for font in known)
    }


def with_any_of(characters: set[str]) -> list[str]:
    """The fonts of this machine that are needed so that as many of the characters as can be are in one."""
    if not characters:
        return []
    _read_new_ones()
    here = {font.name for font in font_manager.fontManager.ttflist}
    needed = []
    for family in _OTHERS:
        if family in here and (left := lacking(characters, [family])) != characters:
            needed.append(family)
            characters = left
    return needed


def _read_new_ones() -> None:
    """matplotlib knows the fonts that were there when it was first used, so that one installed since is not found."""
    known = {Path(font.fname) for font in font_manager.fontManager.ttflist}
    for path in sorted(set(map(Path, font_manager.findSystemFonts())) - known):
        if any(path.stem.startswith(family.replace(" ", "").removesuffix("SC")) for family in _OTHERS):
            try:
                font_manager.fontManager.addfont(path)
            except (OSError, RuntimeError):  # one that FreeType cannot read is none
                continue
