"""A page: its parts, and how they are put into the template."""

import re
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

from markupsafe import Markup

from ...messages import say
from ...messages.languages import language_in_use
from ...results import Document
from ...version import __version__
from ..formats import Page
from ..sections import Section
from ..views import view_of
from .fill import fill

Shown = Section | Markup
"""A section, or a picture."""


class Line(NamedTuple):
    """A command to type."""

    label: str
    command: str


class _Labelled(NamedTuple):
    """A section, and of which kind it is: templates know no types."""

    kind: str
    section: Shown


class Part(NamedTuple):
    """A part of a page; of a single one the heading is for those alone who hear the page."""

    id: str
    heading: str
    sections: list[_Labelled]
    line: Line | None = None


class Data(NamedTuple):
    """Records inside the page."""

    label: str
    """Of the button that saves them."""
    name: str
    """Of the file that they are saved as."""
    kind: str
    """The media type of what follows."""
    text: Markup


def arranged(result: Document, page: Page, id_: str) -> list[Shown]:
    """What the page shows of a result, from top to bottom; ids of what it holds begin with `id_`."""
    sections: list[Shown] = list(view_of(result.command).sections(result, page))
    name = f"{__package__}.views.{re.sub('[- ]', '_', result.command)}"
    if find_spec(name) is None:
        return sections
    shown: list[Shown] = import_module(name).arrange(result, sections, id_)
    return shown


def labelled(sections: Sequence[Shown]) -> list[_Labelled]:
    """The sections with the names of their kinds."""
    return [_Labelled(type(section).__name__, section) for section in sections]


def page_of(
    *,
    heading: str,
    text: str | None,
    parts: Sequence[Part],
    opening: Sequence[Shown] = (),
    data: Data | None = None,
) -> str:
    """A page of these parts."""
    values: dict[str, Any] = {"heading": heading, "text": text, "parts": parts, "data": data}
    page = fill(
        "page.html",
        **values,
        opening=labelled(opening),
        title=say("{what} - gpt2-inspect", what=heading),
        contents=say("On this page"),
        language=language_in_use(),
        version=__version__,
    )
    return f"{page}\n"
