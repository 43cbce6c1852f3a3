"""One run of the command line: from arguments to what is printed, and to an exit code."""

import gc
import os
import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

from ..errors import ExitCode, InspectError, shortened, system_reason
from ..messages import Option, say
from .language import choose_language, with_language
from .processors import choose_threads
from .streams import Streams

SELDOM = (200_000, 50, 50)
"""Objects between two collections of garbage: a short run never makes as many, and collections were 5 % of its time.
One that goes on and on still has its cycles collected."""


def run_process() -> NoReturn:
    """Run the command that this process was started with, and exit."""
    gc.set_threshold(*SELDOM)
    choose_threads()
    if not sys.warnoptions:  # NumPy warns of every overflow in damaged weights; the error says it once
        warnings.simplefilter("ignore")
    _leave(run(sys.argv[1:], Streams.of_process()))


def run(arguments: Sequence[str], streams: Streams) -> int:
    """Run one command and return its exit code. The one place that turns errors into a line and a code."""
    try:
        choose_language(arguments, streams.environ)
        code = _dispatch(arguments, streams)
        streams.stdout.flush()
    except BrokenPipeError:
        streams.abandon_stdout()
        return ExitCode.DONE
    except KeyboardInterrupt:
        return _report(streams, say("interrupted"), None, ExitCode.INTERRUPTED)
    except InspectError as error:
        _trace(arguments)
        spelling = Option.on_command_line
        return _report(streams, error.say(spelling), error.say_hint(spelling), error.exit_code)
    except MemoryError:
        _trace(arguments)
        return _report(streams, say("this takes more memory than there is"), None, ExitCode.BACKEND_UNAVAILABLE)
    except Exception as error:  # a bug of ours: still one line, and a code of its own
        _trace(arguments)
        if isinstance(error, OSError) and error.errno and error.filename is None:  # no: a full disk, a terminal gone
            streams.abandon_stdout()
            return _report(
                streams,
                say("cannot write to standard output: {reason}", reason=system_reason(error)),
                None,
                ExitCode.USAGE,
            )
        reason = " ".join(str(error).split())
        hint = say("please report it, with what --traceback adds")
        message = say("internal error: {kind}: {reason}", kind=type(error).__name__, reason=reason)
        return _report(streams, message, hint, ExitCode.BUG)
    return code


def _dispatch(arguments: Sequence[str], streams: Streams) -> int:
    """Without Typer's own `main`, for which an EOFError of anybody's is a Ctrl-C."""
    if shell := streams.environ.get("GPT2_INSPECT_COMPLETE"):
        from .completion import complete

        streams.stdout.writelines(f"{line}\n" for line in complete(arguments, shell))
        return ExitCode.DONE
    from typer import Exit, TyperException
    from typer.main import get_command

    from .app import app

    try:
        command = with_language(get_command(app))
        with command.make_context("gpt2-inspect", list(arguments), obj=streams) as context:
            command.invoke(context)
        return ExitCode.DONE
    except Exit as done:  # behind --help and --version
        return done.exit_code
    except TyperException as error:
        from .refusals import refused

        raise refused(error, arguments) from None


def _report(streams: Streams, message: str, hint: str | None, code: int) -> int:
    from ..render.visible import visible_line

    streams.note(say("error: {message}", message=visible_line(shortened(message))))
    if hint:
        streams.note(say("hint: {hint}", hint=visible_line(shortened(hint))))
    return int(code)


def _trace(arguments: Sequence[str]) -> None:
    if "--traceback" in arguments:
        import traceback

        traceback.print_exc()


def _leave(code: int) -> NoReturn:
    """Exit with everything written, but without taking the interpreter down piece by piece: that takes as long as
    a token or two of GPT-2. Libraries that want to be told of the end are told.
    """
    if "torch" in sys.modules or "huggingface_hub" in sys.modules:
        sys.exit(code)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
