"""What stands in place of a result where one of many texts could not be answered."""

import json
from collections.abc import Iterator

from ..messages import say
from ..results.failure import Failure
from .formats import Page
from .markdown_text import block_text
from .places import place_line
from .visible import visible_line


def render_failure(failure: Failure, form: str, width: int | None = None) -> Iterator[str]:
    """In one of the formats that hold failures; a table has `width` columns."""
    if form in ("json", "jsonl"):
        from .json import json_line

        yield json_line(failure.to_dict())
        return
    page = Page().of_text(failure.prompt_index, failure.id_)
    place, lines = place_line(page, None), list(error_lines(failure))
    if form == "markdown":
        yield f"## {block_text(place)}\n\n"
        yield from (f"- {block_text(line)}\n" for line in lines)
    else:
        from .table import wrapped

        yield from (part for line in (place, *lines) for part in wrapped(line, width))
    yield "\n"


def error_lines(failure: Failure) -> Iterator[str]:
    """What a single run would say."""
    yield say("error: {message}", message=visible_line(failure.error.message))
    if failure.error.hint is not None:
        yield say("hint: {hint}", hint=visible_line(failure.error.hint))


def id_as_text(called: object) -> str:
    """An id in a message."""
    return called if isinstance(called, str) else json.dumps(called)
