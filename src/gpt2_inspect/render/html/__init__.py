"""HTML: one page that stands alone, for any browser, without a server or a network.

It shows the sections that tables and Markdown are made of, as tables with captions; the file in `views` that has a
command's name may put pictures in front or in their place. A script opens and redraws; all can be read without it.
"""

from collections.abc import Iterator

from ...messages import say
from ...results import Document
from ..formats import Page
from .page import Part, arranged, labelled, page_of


def render_html(result: Document, page: Page) -> Iterator[str]:
    """The whole page."""
    if result.command == "report":
        from .report import report_page  # loads the records and views of all commands

        yield report_page(result, page)
        return
    prompt, id_ = getattr(result, "prompt", None), result.command.replace(" ", "-")
    shown = [*arranged(result, page, id_), *page.below]
    yield page_of(
        heading=result.command,
        text=None if prompt is None else prompt.text,
        parts=[Part("result", say("result"), labelled(shown))],
    )
