"""The columns that the tidy rows of several commands have."""

from . import Candidate, Token

TOKEN_COLUMNS = ("id", "token", "bytes_hex")


def token_values(token: Token) -> list[int | str]:
    """The values of TOKEN_COLUMNS."""
    return [token.id, token.token, bytes(token.bytes).hex()]


CANDIDATE_COLUMNS = ("rank", *TOKEN_COLUMNS, "logit", "logprob", "prob")


def candidate_values(candidate: Candidate) -> list[int | float | str]:
    """The values of CANDIDATE_COLUMNS."""
    return [candidate.rank, *token_values(candidate), candidate.logit, candidate.logprob, candidate.prob]
