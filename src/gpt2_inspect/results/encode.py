"""The records of `encode`."""

from collections.abc import Sequence
from typing import Any, ClassVar

from . import Options, Prompt, Record, Result, Token, record
from .columns import TOKEN_COLUMNS, token_values


@record
class EncodedToken(Token):
    """One token of a text, and where in the text it stands."""

    index: int
    """Its place among the tokens, from 0."""
    complete_utf8: bool
    """True if its bytes are whole UTF-8 by themselves."""
    start: int | None
    """The first character that it has a byte of, from 0. Characters are Unicode's code points, as in Python."""
    end: int | None
    """One more than the last such character: `text[start:end]` are all that it has a byte of."""
    group: int | None
    """The index of its group. Like `start` and `end` None if the tokens are not the text's own bytes."""


@record
class Group(Record):
    """The fewest tokens side by side that hold whole characters: mostly one, several where they share a character."""

    text: str
    start: int
    """Its first character, from 0."""
    end: int
    """One more than its last."""
    token_indices: tuple[int, ...]


@record
class Encode(Result):
    """The result of `encode`."""

    command: ClassVar[str] = "encode"
    prompt: Prompt
    options: Options
    """What was asked for."""
    tokens: tuple[EncodedToken, ...]
    groups: tuple[Group, ...] | None
    """Together they are the text. None if the bytes of the tokens are not those of the text, as with a tokenizer that
    puts it into lower case first or cannot write all of it."""

    def items(self) -> Sequence[EncodedToken]:
        return self.tokens

    def tidy(self) -> tuple[list[str], list[list[Any]]]:
        """One row for each token; `start`, `end` and `group` are empty where they are None."""
        header = ["index", *TOKEN_COLUMNS, "complete_utf8", "start", "end", "group"]
        return header, [
            [token.index, *token_values(token), token.complete_utf8, token.start, token.end, token.group]
            for token in self.tokens
        ]
