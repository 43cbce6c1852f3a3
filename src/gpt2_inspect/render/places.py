"""Which of many texts a row or a table is about."""

import json
from typing import Any

from ..messages import say
from ..results import Document, Result
from .formats import Page
from .signs import signs
from .visible import visible_line


def place_columns(page: Page) -> list[str]:
    """The first columns of tidy rows. The id of a text has a name of its own there: `id` is that of a token."""
    return ["prompt_index", "prompt_id"] if page.many else ["prompt_index"]


def place_values(page: Page) -> list[Any]:
    """Their values: what is no text is written as JSON has it."""
    if not page.many:
        return [page.prompt_index]
    called = page.prompt_id
    return [page.prompt_index, called if called is None or isinstance(called, str) else json.dumps(called)]


def place_line(page: Page, result: Document | None) -> str:
    """For people: the line above the table of one of many texts; without a result its text is not known."""
    _, called = place_values(page)
    shown = None if called is None else visible_line(called)
    prompt = result.prompt if isinstance(result, Result) else None
    if prompt is None:
        if shown is None:
            return say("prompt {index}", index=page.prompt_index)
        return say("prompt {index} ({called})", index=page.prompt_index, called=shown)
    text = visible_line(prompt.text) or signs().no_bytes
    if shown is None:
        return say("prompt {index}: {text}", index=page.prompt_index, text=text)
    return say("prompt {index} ({called}): {text}", index=page.prompt_index, called=shown, text=text)
