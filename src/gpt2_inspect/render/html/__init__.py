"""HTML: one page that stands alone, for any browser, without a server or a network.

It shows the sections that tables and Markdown are made of, as tables with captions; the file in `views` that has a
command's name may put pictures in front or in their place. A script opens and redraws; all can be read without it.
"""

import re
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

from markupsafe import Markup

from ...messages import say
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
    """A part of a page, with a heading if there are several."""

    id: str
    heading: str
    sections: list[_Labelled]
    line: Line | None = None


class Data(NamedTuple):
    """Records inside the page."""

    name: str
    """Of the file that they are saved as."""
    json: Markup


def render_html(result: Document, page: Page) -> Iterator[str]:
    """The whole page."""
    shown = arranged(result, page, _id(result.command))
    prompt = getattr(result, "prompt", None)
    yield page_of(
        heading=result.command,
        text=None if prompt is None else prompt.text,
        parts=[Part("result", "", labelled([*shown, *page.below]))],
    )


def arranged(result: Document, page: Page, id_: str) -> list[Shown]:
    """What the page shows of a result, from top to bottom; ids of what it holds begin with `id_`."""
    sections: list[Shown] = list(view_of(result.command).sections(result))
    name = f"{__name__}.views.{re.sub('[- ]', '_', result.command)}"
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
        title=say("{what} – gpt2-inspect", what=heading),
        contents=say("On this page"),
        language=say("en"),  # the code of the catalogue's language
        version=__version__,
    )
    return f"{page}\n"


def _id(command: str) -> str:
    return command.replace(" ", "-")
