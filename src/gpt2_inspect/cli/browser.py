"""`--open`: the page of a result, in the browser."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import UsageError
from ..messages import Message, Option, say
from .streams import Streams

FORM = "html"
"""What a browser shows."""


def check_form(form: str) -> None:
    """Raise UsageError if the result is to be written in a format that is no page."""
    if form != FORM:
        raise UsageError(
            Message("{option} shows a page, and the result is {form}", option=Option("open"), form=form),
            Message("--format html, or an --output that ends in .html"),
        )


@contextmanager
def shown_when_done(streams: Streams, path: Path | None) -> Iterator[Path]:
    """A file to write a page to: this one, or one of its own, which stays, for the browser may read it again.

    It is opened if the block ends without an error. Where it is, is noted: there may be no browser here.
    """
    import webbrowser

    with _new_page() if path is None else _named(path) as page:
        yield page
    if webbrowser.open(page.absolute().as_uri()):
        streams.note(say("note: the page is {path!r}", path=str(page)))
    else:
        streams.note(say("note: no browser could be started; the page is {path!r}", path=str(page)))


@contextmanager
def _new_page() -> Iterator[Path]:
    from tempfile import mkdtemp

    folder = Path(mkdtemp(prefix="gpt2-inspect-"))
    try:
        yield folder / "page.html"
    except BaseException:
        with suppress(OSError):
            folder.rmdir()
        raise


@contextmanager
def _named(path: Path) -> Iterator[Path]:
    yield path
