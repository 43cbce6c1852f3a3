"""The records of `compare-search`."""

from collections.abc import Sequence
from typing import Any, ClassVar

from . import Options, Prompt, Record, Result, Token, record
from .columns import TOKEN_COLUMNS, token_values


@record
class Found(Record):
    """A continuation of the prompt."""

    token_ids: tuple[int, ...]
    """A final end token is among them."""
    text: str
    """That of the tokens, without a final end token."""
    logprob: float
    """Sum over the tokens, in nats."""
    score: float
    """`logprob` / number of tokens ** length_penalty: what the beams are ranked by. With a length penalty of 1 it is
    the mean logprob of a token."""
    finish_reason: str
    """`length`: all steps were taken. `eos`: the last token is an end token, for GPT-2 `<|endoftext|>`."""


@record
class BeamCandidate(Token):
    """A token that beam search considered as the next one of a beam."""

    parent: int
    """The beam that it extends, from 0: the `beam` of a candidate one step earlier. In the first step that is 0, the
    prompt."""
    beam: int | None
    """The beam that it becomes, from 0; None if it is pruned or has ended."""
    logprob: float
    """Of the token after its beam, in nats."""
    cumulative_logprob: float
    """Of all tokens of the beam up to this one."""
    ended: bool
    """True for an end token, and for all in the last step."""
    score: float | None
    """If it has ended, its length-normalised logprob; else None."""
    kept: bool
    """True if it runs on as a beam, or has ended and was then among the best `num_beams` of those that had."""


@record
class BeamStep(Record):
    """One step of beam search."""

    step: int
    candidates: tuple[BeamCandidate, ...]
    """The best 2 * num_beams extensions of the running beams, by `cumulative_logprob`; more if the model has several
    end tokens: num_beams for each of them, and num_beams besides."""


@record
class CompareSearch(Result):
    """The result of `compare-search`."""

    command: ClassVar[str] = "compare-search"
    prompt: Prompt
    search: Options
    """What was asked for; the names are those of transformers' generate(), but for `steps`, its `max_new_tokens`."""
    greedy: Found
    beams: tuple[Found, ...]
    """`num_beams` of them, by `score`, best first."""
    tree: tuple[BeamStep, ...]
    first_divergence: int | None
    """The first step at which greedy search and the best beam take different tokens; None if they never do."""

    def items(self) -> Sequence[BeamStep]:
        return self.tree

    def tidy(self) -> tuple[list[str], list[list[Any]]]:
        """The tree: one row for each step and candidate."""
        header = ["step", "parent", "beam", *TOKEN_COLUMNS]
        header += ["logprob", "cumulative_logprob", "ended", "score", "kept"]
        rows = []
        for step in self.tree:
            for candidate in step.candidates:
                row: list[Any] = [step.step, candidate.parent, candidate.beam, *token_values(candidate)]
                row += [candidate.logprob, candidate.cumulative_logprob]
                rows.append([*row, candidate.ended, candidate.score, candidate.kept])
        return header, rows

    @property
    def settings(self) -> Options:
        return self.search
