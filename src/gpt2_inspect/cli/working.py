"""A line on a terminal that says what takes so long, and is gone when that is done."""

from collections.abc import Iterator
from contextlib import contextmanager

from .streams import Streams


@contextmanager
def working(streams: Streams, line: str) -> Iterator[None]:
    """Show the line on standard error while the block runs. Nothing is written where that is no terminal."""
    if not streams.stderr.isatty() or streams.environ.get("TERM") == "dumb":
        yield
        return
    streams.stderr.write(line)
    streams.stderr.flush()
    try:
        yield
    finally:
        streams.stderr.write("\r\x1b[K")  # back to the beginning, and erase to the end of the line (ECMA-48, EL)
        streams.stderr.flush()
