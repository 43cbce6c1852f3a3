"""The command line. Only this package prints, reads standard input or looks at the terminal."""

import gc
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from typing import Any, NoReturn

from ..errors import ExitCode, InspectError, shortened
from .streams import Streams


def main() -> None:
    """The console script `gpt2-inspect`."""
    gc.disable()  # a run is short and leaves next to nothing in cycles; collections are 5 % of its time
    _choose_threads()
    if not sys.warnoptions:  # NumPy warns of every overflow in damaged weights; the error says it once
        warnings.simplefilter("ignore")
    signal.signal(signal.SIGTERM, _stop)
    try:
        code = run(sys.argv[1:], Streams.of_process())
    except Stopped:  # unfinished files are cleared away by now; the rest is as if there were no handler
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)
        raise
    _leave(code)


class Stopped(BaseException):
    """The process was told to end (SIGTERM), as by `timeout`."""


def _stop(*_: Any) -> None:
    raise Stopped


def run(arguments: Sequence[str], streams: Streams) -> int:
    """Run one command and return its exit code. The one place that turns errors into a line and a code."""
    try:
        code = _dispatch(arguments, streams)
        streams.stdout.flush()
    except BrokenPipeError:
        streams.abandon_stdout()
        return ExitCode.DONE
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    except InspectError as error:
        _trace(arguments)
        return _report(streams, error.message, error.hint, error.exit_code)
    except MemoryError:
        _trace(arguments)
        return _report(streams, "this takes more memory than there is", None, ExitCode.BACKEND_UNAVAILABLE)
    except Exception as error:  # a bug of ours: still one line, and a code of its own
        _trace(arguments)
        if isinstance(error, OSError) and error.errno and error.filename is None:  # no: a full disk, a terminal gone
            streams.abandon_stdout()
            return _report(streams, f"cannot write to standard output: {error.strerror}", None, ExitCode.USAGE)
        reason = " ".join(str(error).split())
        hint = "please report it, with what --traceback adds"
        return _report(streams, f"internal error: {type(error).__name__}: {reason}", hint, ExitCode.BUG)
    if code == ExitCode.INTERRUPTED:
        return _report(streams, "interrupted", None, code)
    return code


def _dispatch(arguments: Sequence[str], streams: Streams) -> int:
    from typer import Abort, TyperException

    from .app import app

    try:
        return app(list(arguments), prog_name="gpt2-inspect", obj=streams, standalone_mode=False) or ExitCode.DONE
    except Abort:
        return ExitCode.INTERRUPTED
    except SystemExit as error:  # what Typer makes of a closed pipe
        raise BrokenPipeError from error
    except TyperException as error:
        context = getattr(error, "ctx", None)
        hint = f"see `{context.command_path} --help`" if context else None
        if hint and type(error).__name__ == "NoSuchOption":
            hint += "; an argument that begins with - goes behind `--`"
        return _report(streams, " ".join(error.format_message().split()), hint, error.exit_code)


def _report(streams: Streams, message: str, hint: str | None, code: int) -> int:
    from ..render.visible import visible_line

    streams.note(f"error: {visible_line(shortened(message))}")
    if hint:
        streams.note(f"hint: {visible_line(shortened(hint))}")
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


def _choose_threads() -> None:
    """Give BLAS as many threads as this process has processors, unless the user has set a number.

    By default it counts the machine's, which in a container can be many more. Past eight, single tokens do not get
    faster: they wait for memory.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        if variable in os.environ:
            return
    os.environ["OPENBLAS_NUM_THREADS"] = str(min(cores, 8))
