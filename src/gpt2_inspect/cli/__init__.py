"""The command line. Only this package prints, reads standard input or looks at the terminal.

To import it takes next to nothing, for until `main` has put its own answer to Ctrl-C in place Python's is a traceback.
"""

import os
import sys

TYPE_CHECKING = False  # that of `typing`, without its import
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .streams import Streams


def main() -> None:
    """The console script `gpt2-inspect`."""
    try:
        from .signals import take_over

        take_over(_interrupted)
    except KeyboardInterrupt:
        _interrupted()
    from .process import run_process

    run_process()


def run(arguments: "Sequence[str]", streams: "Streams") -> int:
    """Run one command with these streams and return its exit code. Errors become a line and a code."""
    from .process import run

    return run(arguments, streams)


def _interrupted() -> None:
    """Ctrl-C: one line and its exit code. At once, for an exception could be lost while modules load."""
    say = getattr(sys.modules.get("gpt2_inspect.messages"), "say", str)  # not while the language is still unknown
    if sys.__stderr__ is not None:  # closed by the shell, its number may be another file's by now
        try:  # noqa: SIM105  # contextlib may be what was just being loaded
            os.write(2, say("error: interrupted").encode(sys.__stderr__.encoding, "backslashreplace") + b"\n")
        except OSError:
            pass
    os._exit(130)  # ExitCode.INTERRUPTED, which may not be there yet
