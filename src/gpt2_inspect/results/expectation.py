"""The record of an expectation: a token that should be probable, and what came of it."""

from . import Record, Token, record


@record
class Expectation(Record):
    """What was expected of one token, and whether it is so. Ranks and probabilities are the model's own."""

    met: bool
    within: int | None
    """The token's rank was to be at most this; None if only its probability counts."""
    min_prob: float | None
    """Its probability was to be at least this; None if only its rank counts."""
    place: int | None
    """Where: the step of `next-tokens`, from 1; the index of the token in `score`, from 0. None where there is no such
    place: the completion ended before that step, or the text does not have the token."""
    token: Token | None
    """The expected one. Where none was named: of `next-tokens` the one that was chosen, of `score` the least probable
    of those that are not as they should be, or of all; None if no token was scored."""
    rank: int | None
    prob: float | None
    best: Token | None
    """What the model ranks first there."""
    best_prob: float | None
    confused_with: Token | None
    """A token that would have been as expected, and has only a space before it more or less than the named one."""
