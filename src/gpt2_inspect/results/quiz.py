"""The records of `quiz`."""

from collections.abc import Sequence
from typing import Any, ClassVar

from . import Candidate, Record, Result, record
from .columns import TOKEN_COLUMNS, token_values


@record
class Round(Record):
    """One place in a text: what was guessed, what stands there, and what the model thought."""

    round: int
    text: str
    """What was shown: the text before the place."""
    truth: Candidate
    """The token that stands there."""
    typed: str | None
    """The guess as it was typed; None if nothing was."""
    guess: Candidate | None
    """The token that the guess was taken for: the first of what was typed."""
    space_added: bool
    """True if a space was put before what was typed: `going` was taken for the token ` going`."""
    right: bool
    model_right: bool
    """True if the model ranks the token first."""
    student_bits: float
    """-log2 of p / 2, or of p / 2 + 1 / 2 if the guess is right, where p is the model's probability of the token;
    without a guess as many as the model."""
    model_bits: float
    """-log2 of p."""
    top_logprobs: tuple[Candidate, ...]
    """The model's ranking, best first."""


@record
class QuizTotals(Record):
    """Sums over the rounds that were played. Fewer bits are better."""

    rounds: int
    right: int
    model_right: int
    student_bits: float
    model_bits: float


@record
class Quiz(Result):
    """The result of `quiz`. Its `prompt` is the text that was given, None for texts of our own."""

    command: ClassVar[str] = "quiz"
    rounds_asked: int
    """How many there were to be; a text may have fewer places, and the student may end it earlier."""
    rounds: tuple[Round, ...]
    totals: QuizTotals

    def items(self) -> Sequence[Round]:
        return self.rounds

    def tidy(self) -> tuple[list[str], list[list[Any]]]:
        """One row for each round."""
        measures = ("rank", "logprob", "prob")
        header = ["round", "text", "typed", "space_added"]
        header += [f"{side}_{name}" for side in ("guess", "truth") for name in (*TOKEN_COLUMNS, *measures)]
        header += ["right", "model_right", "student_bits", "model_bits"]
        rows = []
        for played in self.rounds:
            row: list[Any] = [played.round, played.text, played.typed, played.space_added]
            for candidate in (played.guess, played.truth):
                if candidate is None:
                    row += [None] * (len(TOKEN_COLUMNS) + len(measures))
                else:
                    row += [*token_values(candidate), *(getattr(candidate, name) for name in measures)]
            rows.append([*row, played.right, played.model_right, played.student_bits, played.model_bits])
        return header, rows
