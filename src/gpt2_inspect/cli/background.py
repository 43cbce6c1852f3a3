"""Asks the terminal for the colour of its background: OSC 11 of xterm, which most terminals understand.

Behind it goes a question that every terminal answers (DA1, primary device attributes of ECMA-48 and the VT100): what
comes back to that one without an answer to the first says that there will be none, and nobody waits for it.
"""

import contextlib
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .streams import Streams

if TYPE_CHECKING:
    from ..render.lightness import RGB

LIMIT_S = 0.05
"""How long a terminal is waited for."""

_QUESTION = b"\x1b]11;?\x1b\\\x1b[c"

_COLOUR = re.compile(
    rb"\x1b\]11;rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})[^\x07\x1b]*(?:\x07|\x1b\\)"
)
"""Each part has one to four digits, and the largest number of so many digits is full (xterm, XParseColor(3))."""

_ATTRIBUTES = re.compile(rb"\x1b\[\?[0-9;]*c")

_ANSWERS = re.compile(rb"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|" + _ATTRIBUTES.pattern)
"""To the first question in any form, and to the second."""


def ask_background(streams: Streams) -> "RGB | None":
    """The colour of the background; None if there is no terminal on both sides, or none that answers in time.

    None also from afar (ssh), where the answer may take longer and would then be left for the shell, and while the
    user has typed something that waits to be read: it could not be told from the answer without taking it.
    """
    if any(streams.environ.get(name) for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")):
        return None
    if not (streams.stdin.isatty() and streams.stdout.isatty()):
        return None
    try:
        import termios  # not on Windows
    except ImportError:
        return None
    with contextlib.suppress(OSError, termios.error):  # whatever keeps it from answering, black or white will do
        keyboard, screen = streams.stdin.fileno(), streams.stdout.fileno()
        if _is_ours(keyboard, screen):
            with _unbuffered(keyboard):
                return _parsed(_answer(keyboard, screen))
    return None


def _is_ours(keyboard: int, screen: int) -> bool:
    """True if both are one terminal and this process runs in front; one behind would be stopped for reading."""
    return os.fstat(keyboard).st_rdev == os.fstat(screen).st_rdev and os.tcgetpgrp(keyboard) == os.getpgrp()


@contextmanager
def _unbuffered(keyboard: int) -> Iterator[None]:
    """Keys are handed over as they are typed, and not shown; then as before. No signal comes in between."""
    import signal
    import termios

    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        settings = termios.tcgetattr(keyboard)
        changed = [*settings[:6], [*settings[6]]]
        changed[3] &= ~(termios.ICANON | termios.ECHO)
        changed[6][termios.VMIN], changed[6][termios.VTIME] = 1, 0
        try:
            termios.tcsetattr(keyboard, termios.TCSANOW, changed)  # what has been typed stays
            yield
        finally:
            termios.tcsetattr(keyboard, termios.TCSANOW, settings)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _answer(keyboard: int, screen: int) -> bytes:
    """All that comes until the second question is answered or the time is over, and not a byte behind that."""
    if _waits(keyboard, 0):
        return b""
    os.write(screen, _QUESTION)
    until = time.monotonic() + LIMIT_S
    answer = b""
    while not _ATTRIBUTES.search(answer) and _waits(keyboard, until - time.monotonic()):
        answer += os.read(keyboard, 1)
    _give_back(keyboard, _ANSWERS.sub(b"", answer))
    return answer


def _waits(keyboard: int, seconds: float) -> bool:
    """True if something comes within so many seconds."""
    import select

    ready, _, _ = select.select([keyboard], [], [], max(0, seconds))
    return bool(ready)


def _give_back(keyboard: int, typed: bytes) -> None:
    """What the user has typed while the answer was on its way, as if typed now; where the system still allows it."""
    import fcntl
    import termios

    with contextlib.suppress(OSError):
        for byte in typed:
            fcntl.ioctl(keyboard, termios.TIOCSTI, bytes([byte]))


def _parsed(answer: bytes) -> "RGB | None":
    found = _COLOUR.search(answer)
    if found is None:
        return None
    red, green, blue = (round(255 * int(part, 16) / (16 ** len(part) - 1)) for part in found.groups())
    return red, green, blue
