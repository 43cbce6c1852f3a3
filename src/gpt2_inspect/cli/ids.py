"""Token ids as people type them and programs print them: numbers, commas, lines, JSON arrays."""

import json
import re
from typing import Any

from ..errors import InputError, UsageError
from ..messages import Message
from .streams import Streams

_PIECE = re.compile(r"\[[^\]]*\]?|[^\s,\[]+", re.ASCII)
"""A JSON array up to its first bracket that closes, or what stands between spaces and commas."""

_LONGEST = 40
"""Characters of a piece that a message repeats. No id has so many digits, and Python refuses to read very long ones."""

_HINT = Message("ids are whole numbers with spaces, commas or line breaks between them, or [1, 2]")


def read_ids(streams: Streams, arguments: list[str]) -> list[int]:
    """The ids in the arguments; if there are none, or only `-`, in standard input.

    Raises:
        InputError: something there is no id.
        UsageError: there are no arguments, and standard input is a terminal, at which nobody may be waiting to type.
    """
    if arguments and arguments != ["-"]:
        return parse_ids(" ".join(arguments))  # a shell may have split an array at its spaces
    if not arguments and streams.stdin.isatty():
        raise UsageError(
            Message("there are no token ids"), Message("give some, for example `decode 318`, or `-` to type them")
        )
    return parse_ids(streams.read_text("-"))


def parse_ids(text: str) -> list[int]:
    """The ids in a text; the same number is written `318` or stands in an array, `[11, 318]`.

    Raises InputError, which names the first piece that is no id.
    """
    ids: list[int] = []
    for piece in _PIECE.findall(text):
        ids += _array(piece) if piece.startswith("[") else [_number(piece)]
    return ids


def as_ids(value: Any) -> list[int]:
    """The ids in a record: as people type them, or a list of JSON. Raises InputError."""
    if isinstance(value, str):
        return parse_ids(value)
    if not isinstance(value, list):
        raise _no_ids(json.dumps(value, default=str))
    return parse_ids(json.dumps(value)) if value else []


def _number(piece: str) -> int:
    if not re.fullmatch("-?[0-9]+", piece) or len(piece) > _LONGEST:
        raise _no_id(piece)
    return int(piece)


def _array(piece: str) -> list[int]:
    try:
        values = json.loads(piece)
    except (ValueError, RecursionError):
        raise _no_ids(piece) from None
    for value in values:
        if type(value) is not int:  # True is one of its kind
            raise _no_id(json.dumps(value))
    return list(map(_number, map(str, values)))


def _no_ids(piece: str) -> InputError:
    return InputError(Message("{shown!r} is no array of token ids", shown=_shortened(piece)), _HINT)


def _no_id(piece: str) -> InputError:
    return InputError(Message("{shown!r} is no token id", shown=_shortened(piece)), _HINT)


def _shortened(piece: str) -> str:
    return piece if len(piece) <= _LONGEST else piece[:_LONGEST] + "…"
