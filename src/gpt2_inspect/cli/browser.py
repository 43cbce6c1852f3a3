"""`--open`: the page of a result, in the browser."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..messages import say
from .streams import Streams


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
