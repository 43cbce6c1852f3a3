"""Signals: whatever ends the process from outside, unfinished files are cleared away first."""

import os
import signal

from .unfinished import clear_away

TYPE_CHECKING = False  # that of `typing`, without its import
if TYPE_CHECKING:
    from collections.abc import Callable

_LEFT_ALONE = {
    *("SIGKILL", "SIGSTOP"),  # cannot be caught
    *("SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL"),  # behind a handler the fault would come again, for ever
    *("SIGCHLD", "SIGCONT", "SIGURG", "SIGWINCH", "SIGINFO"),  # by default nothing happens
    *("SIGTSTP", "SIGTTIN", "SIGTTOU"),  # by default the process stops, to go on later
}


def take_over(interrupted: "Callable[[], None]") -> None:
    """Clear away unfinished files before any signal ends this process; for Ctrl-C then call `interrupted`.

    What is ignored stays so: nohup does that with SIGHUP, a shell with SIGINT for what it runs in the background, and
    Python itself with SIGPIPE and SIGXFSZ.
    """

    def interrupt(*_: object) -> None:
        if _wait(lambda: interrupt()):
            return
        clear_away()
        interrupted()

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)
    left_alone = {getattr(signal, name, None) for name in _LEFT_ALONE}
    for number in signal.valid_signals() - left_alone:
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _end)


def _end(number: int, _frame: object) -> None:
    """Die of the signal, as if it had no handler: whoever waits for the process is told so."""
    if _wait(lambda: _end(number, _frame)):
        return
    clear_away()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)  # the first process of a container survives that


class Whole:
    """A block whose end a signal waits for, so that a line is written whole; a second signal does not wait."""

    def __enter__(self) -> None:
        global _inside
        _inside = True

    def __exit__(self, *_: object) -> None:
        global _inside
        _inside = False
        if _waiting:
            _waiting.pop()()


_inside = False
_waiting: "list[Callable[[], None]]" = []


def _wait(then: "Callable[[], None]") -> bool:
    """True if the signal has to wait."""
    if not _inside or _waiting:
        return False
    _waiting.append(then)
    return True
