"""`gpt2-inspect report`: all questions about one text, on one page."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError, UsageError
from ..messages import Message, Option, say
from .command import Request
from .files import file_named

if TYPE_CHECKING:
    from ..results.report import Report


def report(
    request: Request,
    text: Annotated[
        str | None,
        typer.Argument(metavar="[TEXT]", help=say("The text; `-` reads it from standard input."), show_default=False),
    ] = None,
    steps: Annotated[
        int, typer.Option("--steps", "-n", help=say("How many tokens to add, in next-tokens and compare-search."))
    ] = 10,
    source: Annotated[
        str | None, typer.Option("--from", metavar="FILE", help=say("Instead of asking, read the records of a page."))
    ] = None,
) -> None:
    """Ask all questions about one text, and put the answers on one page.

    With --output FILE.html, or --open, that is a page for the browser, which holds its records as JSON: --from gets
    them back. compare-heads, which needs PyTorch, is not on it.

    Examples:
        gpt2-inspect report "The cat sat on the mat" --output report.html
        gpt2-inspect report --from report.html --json
    """
    if (text is None) == (source is None):
        raise UsageError(Message("give either a text or {option} FILE", option=Option("from")))
    if source is not None:
        found = _read(file_named("--from", source))
        with request.open_output() as out:
            out.write(found)
        return
    asked = request.streams.read_text(text or "")
    with request.open_output() as out:
        out.write(request.open_session(asked).report(asked, steps=steps))


def _read(path: Path) -> "Report":
    """The records inside a page. Raises InputError if the file cannot be read, or holds none."""
    import json

    from ..analysis import report as questions  # whose options are to be read  # noqa: F401
    from ..render.packing import unpack
    from ..results.report import Report

    try:
        page = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise InputError(Message("cannot read {path!r}: {reason}", path=str(path), reason=reason)) from error
    try:
        return Report.from_dict(json.loads(unpack(page) or page))
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            Message("{path!r} holds no report that this version reads", path=str(path)),
            Message("a page that `gpt2-inspect report TEXT --output FILE.html` has written, or its JSON"),
        ) from error
