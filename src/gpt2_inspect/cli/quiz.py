"""`gpt2-inspect quiz`: guess the next word, and see whether the model does it better."""

from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import UsageError
from ..messages import Message, say
from .command import Request
from .streams import Streams

if TYPE_CHECKING:
    from ..analysis.quiz import Turn
    from ..render.sections import Section
    from ..results.quiz import Round


def quiz(
    request: Request,
    text: Annotated[
        str | None,
        typer.Argument(metavar="[TEXT]", help=say("The text to ask about. Default: sentences of our own.")),
    ] = None,
    rounds: Annotated[int, typer.Option("--rounds", "-r", help=say("How many words to guess."))] = 10,
    seed: Annotated[
        int | None, typer.Option("--seed", help=say("The same one asks about the same words. Default: new ones."))
    ] = None,
    top_k: Annotated[int, typer.Option("--top-k", "-k", help=say("How many of the model's guesses to show."))] = 5,
) -> None:
    """Guess the next word, and see what the model thought.

    Guesses are read from standard input, one a line; an empty line passes, and the end of the input ends the quiz.
    Questions and comments go to standard error, the score to standard output. Both sides are scored in bits: -log2 of
    the probability given to the word that comes. A guess counts as a bet of one half on its first token.

    Examples:
        gpt2-inspect quiz --rounds 3
        gpt2-inspect quiz "The cat sat on the mat, and the dog ran after it." --seed 1
    """
    if text == "-":
        raise UsageError(
            Message("standard input is where the guesses come from"),
            Message("give the text itself, or leave it out"),
        )
    with request.open_output() as out:
        game = request.open_session(text or "").quiz(text, rounds=rounds, seed=seed, top_k=top_k)
        dialogue = _Dialogue(request.streams)
        dialogue.begin(game.rounds)
        for turn in game.turns():
            typed = dialogue.ask(turn, game.rounds)
            if typed is None:
                break
            dialogue.tell(turn.answer(typed))
        dialogue.end()
        out.write(game.result())


class _Dialogue:
    """What is said and read while the quiz is on."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams

    def begin(self, rounds: int) -> None:
        """Say what to do."""
        from ..render.views.quiz import welcome

        self._streams.tell(self._lines(welcome(rounds)))

    def ask(self, turn: "Turn", rounds: int) -> str | None:
        """Show the text, and read a guess; None if there is no more."""
        from ..render.views.quiz import question
        from ..render.visible import visible_line

        self._show(question(turn.text, turn.number, rounds))
        self._streams.tell(say("your guess: "))
        typed = self._streams.read_line()
        if typed is None or not self._streams.stdin.isatty():  # what a terminal shows by itself
            self._streams.tell(visible_line(typed or "") + "\n")
        return typed

    def tell(self, played: "Round") -> None:
        """Show how the guess fared."""
        from ..render.views.quiz import outcome

        self._show(outcome(played))

    def end(self) -> None:
        """Keep apart from the score."""
        self._streams.tell("\n")

    def _show(self, sections: "list[Section]") -> None:
        self._streams.tell("\n" + self._lines(sections))

    def _lines(self, sections: "list[Section]") -> str:
        from ..render.table import painter, section_lines

        width = self._streams.width or 80
        return "".join(section_lines(sections, width, painter(None)))
