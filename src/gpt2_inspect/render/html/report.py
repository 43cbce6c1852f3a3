"""The page of `report`: all answers, linked, with the command lines that give them, and the records inside as JSON."""

from typing import Any

from markupsafe import Markup

from ...messages import say
from ..formats import Page
from ..json import json_in_html
from ..packing import pack
from ..views.report import card
from .page import Data, Line, Part, arranged, labelled, page_of


def report_page(result: Any, page: Page) -> str:
    """The whole page of a Report."""
    parts = [
        Part(
            part.command,
            part.command,
            labelled(arranged(part, page, part.command)),
            Line(say("the same as JSON"), result.command_line(part)),
        )
        for part in result.items()
    ]
    kind, records = pack(json_in_html(result))
    return page_of(
        heading=result.command,
        text=result.text,
        opening=[card(result.model)],
        parts=[*parts, *_below(page)],
        data=Data(say("Save the records as JSON"), "report.json", kind, Markup(records)),
    )


def _below(page: Page) -> list[Part]:
    return [Part("explanation", say("explanation"), labelled(page.below))] if page.below else []
