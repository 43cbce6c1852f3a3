"""The journal beside an output: how it is made, and how far it is. So a run that was stopped can go on.

A line of JSON says what decides on the output's bytes; each later one how many texts are answered, up to which byte,
how many of them have an error, how many are not as expected, and a digest of these texts. It is called like the output,
with `.resume` behind it.
"""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import UsageError
from ..messages import Message, Option
from .files import reported

ENDING = ".resume"


class Mark(NamedTuple):
    """How far an output is."""

    texts: int = 0
    offset: int = 0
    """Bytes."""
    failed: int = 0
    unmet: int = 0
    """That are not as expected."""
    digest: str = ""
    """Of the texts; empty if there are none."""


class Journal:
    """That of one output, made as `description` says."""

    def __init__(self, output: Path, description: dict[str, Any]) -> None:
        self._output = output
        self._path = output.with_name(output.name + ENDING)
        self._description = json.loads(json.dumps(description))
        self._file: Any = None

    def last_mark(self) -> Mark:
        """Up to where the output is whole; the beginning if there is none yet.

        Raises UsageError if it was made in another way, or nobody knows how.
        """
        try:
            size = self._output.stat().st_size
        except OSError:
            return Mark()
        if not size:
            return Mark()
        first, *others = self._lines()
        self._compare(first)
        marks = [Mark(*line) for line in others if isinstance(line, list) and len(line) == len(Mark._fields)]
        return max((mark for mark in marks if mark.offset <= size), default=Mark())

    def begin(self, *, anew: bool) -> None:
        """From now on marks can be added: behind the ones that there are, or to a new journal."""
        with reported(self._path):
            if anew:
                self._file = self._path.open("w", encoding="utf-8")
                self._write(self._description)
            else:
                lines = self._path.read_bytes()
                os.truncate(self._path, lines.rfind(b"\n") + 1)
                self._file = self._path.open("a", encoding="utf-8")

    def add(self, mark: Mark) -> None:
        """All before this mark is in the output."""
        if self._file is not None:
            with reported(self._path):
                self._write(mark)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _write(self, value: Any) -> None:
        self._file.write(json.dumps(value) + "\n")
        self._file.flush()

    def _lines(self) -> list[Any]:
        """The lines that are whole."""
        try:
            found = [json.loads(line) for line in self._path.read_bytes().split(b"\n")[:-1]]
        except (OSError, ValueError):
            found = []
        if not found or not isinstance(found[0], dict):
            raise UsageError(
                Message(
                    "cannot go on with {path!r}: nothing in {journal!r} says how it was made",
                    path=str(self._output),
                    journal=str(self._path),
                ),
                Message("leave {resume} out to write it anew", resume=Option("resume")),
            )
        return found

    def _compare(self, before: dict[str, Any]) -> None:
        if what := difference(before, self._description):
            raise UsageError(
                Message("cannot go on with {path!r}: {what}", path=str(self._output), what=what),
                Message("ask as before, or leave {resume} out to write it anew", resume=Option("resume")),
            )


def difference(before: dict[str, Any], now: dict[str, Any]) -> Message | None:
    """The first in which two descriptions of an output differ."""
    return next(
        (_of(name, before.get(name), now.get(name)) for name in before | now if before.get(name) != now.get(name)), None
    )


def _of(name: str, before: Any, now: Any) -> Message:
    if name == "model files":
        return Message("the files of the model have changed")
    if name == "version":
        return Message("it was made by version {before} of gpt2-inspect, this is {now}", before=before, now=now)
    what: Any = Option(name.removeprefix("options."))
    if name == "command":
        what = name
    return Message("{what} was {before}, and is now {now}", what=what, before=json.dumps(before), now=json.dumps(now))
