"""The table of formats. A new one is one file in this folder and one row here; reading the table imports none."""

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from .sections import Section
    from .theme import Theme


class Page(NamedTuple):
    """What a result is written for; each format takes from it what it needs."""

    width: int | None = None
    """Columns of the terminal; None if there is no limit."""
    theme: "Theme | None" = None
    """The colours of the terminal; None for none."""
    prompt_index: int = 0
    """Which of many texts the result is about."""
    prompt_id: Any = None
    """What the input calls this text; None if it does not say."""
    many: bool = False
    """True if it is one of many: the results stand one after another, each told apart by the two above."""
    below: "tuple[Section, ...]" = ()
    """What is said to people below the result, in formats that are for them."""
    timing: bool = True
    """Whether to tell how long things took, in formats that do."""
    meta: bool = False
    """Whether rows are to say what model and settings they come from."""
    columns: tuple[str, ...] = ()
    """What people see of each candidate beside its token and probability, in this order: a view's own names."""
    tree: bool = True
    """Whether people see the tree of beam search."""

    def of_text(self, index: int, called: Any) -> "Page":
        """The same for one of many texts: its place, and what the input calls it."""
        return self._replace(prompt_index=index, prompt_id=called, many=True)


ANY_PAGE = Page()
"""As wide as it needs, without colours."""


class Format(NamedTuple):
    """Where a format is written, and what for."""

    module: str
    """The file in this folder."""
    function: str
    """Its function that takes a Document and a Page, and gives the text in pieces."""
    endings: tuple[str, ...] = ()
    """Of the names of files that hold this format."""
    exact: bool = False
    """Texts may stand in it as they are: what would steer a terminal is left for the one who writes to it."""
    for_people: bool = False
    """It is made of sections, so that more can be said below them."""
    timed: bool = False
    """It tells how long things took, unless that is not wanted."""
    head: str = ""
    """The function that gives, for a Document and a Page, what stands once above the results of many texts."""
    holds_failures: bool = True
    """Whether it can say in place of a result what is wrong with a text."""
    single: bool = False
    """It holds one result: the results of many texts cannot stand in it one after another."""


FORMATS = {
    "table": Format("table", "render_table", endings=(".txt",), for_people=True, timed=True),
    "json": Format("json", "render_json", endings=(".json",), timed=True),
    "jsonl": Format("json", "render_jsonl", endings=(".jsonl",), timed=True),
    "csv": Format("csv", "render_csv", endings=(".csv",), exact=True, head="csv_header", holds_failures=False),
    "markdown": Format("markdown", "render_markdown", endings=(".md",), exact=True, for_people=True),
    "html": Format("html", "render_html", endings=(".html",), for_people=True, timed=True, single=True),
}
"""By name, the default first. `table` is for people at a terminal, `html` for a browser, the others are plain text."""

DEFAULT = next(iter(FORMATS))

PAGE = "html"
"""What a browser shows."""

BINARY = {
    "parquet": Format("parquet", "render_parquet", endings=(".parquet",), holds_failures=False),
}
"""Those that consist of bytes and are whole only in the end: they go to files alone."""

EVERY_FORMAT = FORMATS | BINARY


def format_of_file(ending: str) -> str | None:
    """The name of the format that files with this ending hold; None if it says nothing."""
    return next((name for name, form in EVERY_FORMAT.items() if ending.lower() in form.endings), None)
