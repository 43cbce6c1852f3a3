"""The records of `decode`."""

from collections.abc import Sequence
from typing import Any, ClassVar

from . import Candidate, Options, Record, Result, Token, record
from .columns import CANDIDATE_COLUMNS, TOKEN_COLUMNS, candidate_values, token_values


@record
class DecodedToken(Token):
    """A token, and whether it can be read without its neighbours."""

    complete_utf8: bool
    """True if its bytes are whole UTF-8 by themselves; also if it has none, as an id that only pads the vocabulary."""


@record
class Argsort(Record):
    """The two ends of the vocabulary in the order of its logits.

    Each list holds the first k of its order and then the last k, or the whole order if that is no longer: its first
    is the very first of all, its last the very last. `rank` says where in the vocabulary each stands.
    """

    ascending: tuple[Candidate, ...]
    """As numpy.argsort(logits) gives them: the smallest logit first, the argmax last."""
    descending: tuple[Candidate, ...]
    """The reverse: the argmax first. Equal logits by the lower id."""


@record
class Decode(Result):
    """The result of `decode`."""

    command: ClassVar[str] = "decode"
    options: Options
    """What was asked for."""
    tokens: tuple[DecodedToken, ...]
    """One for each id, in their order. With a prompt there is one: that of the argmax."""
    text: str
    """Of all of them together; U+FFFD where even so the bytes are not whole UTF-8."""
    argmax: Candidate | None
    """With a prompt: the token at whose index the logits of its last position are largest; else None."""
    argsort: Argsort | None
    """With a prompt: the ends of the order of these logits; else None."""

    def items(self) -> Sequence[DecodedToken] | Sequence[Candidate]:
        """The tokens; with a prompt the candidates of `argsort`, best first."""
        return self.tokens if self.argsort is None else self.argsort.descending

    def tidy(self) -> tuple[list[str], list[list[Any]]]:
        """With a prompt one row for each candidate of `argsort`, best first; `rank` says where the two ends part."""
        if self.argsort is None:
            header = ["index", *TOKEN_COLUMNS, "complete_utf8"]
            return header, [
                [index, *token_values(token), token.complete_utf8] for index, token in enumerate(self.tokens)
            ]
        return [*CANDIDATE_COLUMNS], [candidate_values(candidate) for candidate in self.argsort.descending]
