"""Which languages there are, which one the environment asks for, and fetching its catalogue.

English is what stands in the code and costs nothing. Of each other language there is a catalogue in this folder,
`<language>.po` to write in and `<language>.mo`, made of it, to read from (see `tests/translations.py`).
"""

from collections.abc import Mapping

from . import use_catalogue

ENGLISH = "en"

LANGUAGES = (ENGLISH, "zh")
"""By their ISO 639 codes."""

VARIABLES = ("GPT2_INSPECT_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
"""The first that is set and not empty decides: one of our own, then POSIX's for messages, in POSIX's order."""


def language_of(environ: Mapping[str, str]) -> str:
    """The language that the environment asks for; English if it names none, or one that there is not.

    All variants of a language are that language: zh_CN.UTF-8, zh_TW and zh-Hans are Chinese.
    """
    wanted = next((value for value in map(environ.get, VARIABLES) if value), ENGLISH).lower()
    return next((language for language in LANGUAGES if wanted.startswith(language)), ENGLISH)


_in_use = ENGLISH


def language_in_use() -> str:
    """The one of LANGUAGES that everything is said in."""
    return _in_use


def use_language(language: str) -> None:
    """From now on say everything in this one of LANGUAGES."""
    global _in_use
    _in_use = language
    if language == ENGLISH:
        use_catalogue(None)
        return
    from gettext import GNUTranslations
    from pathlib import Path

    with Path(__file__).with_name(f"{language}.mo").open("rb") as file:
        use_catalogue(GNUTranslations(file))
