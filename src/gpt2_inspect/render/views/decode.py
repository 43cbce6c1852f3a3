"""`decode`: the tokens and their text; with a prompt, the argument from logits to text and the ends of their order."""

from ...messages import say, say_n
from ...results import Candidate
from ...results.decode import Decode
from ..formats import Page
from ..sections import Cell, Column, Facts, Grid, Passage, Section
from ..signs import signs
from . import (
    decimal,
    hex_bytes,
    legend,
    model_and_backend,
    percent,
    visible,
)


def sections(result: Decode, page: Page) -> list[Section]:
    """The tokens and their text, or the walk from the logits to the text."""
    return _tokens(result) if result.argsort is None else _walk(result)


def _tokens(result: Decode) -> list[Section]:
    grid = Grid(
        (
            Column(say("index"), number=True),
            Column(say("id"), number=True),
            Column(say("token")),
            Column(say("bytes")),
            Column(say("whole UTF-8")),
        ),
        tuple(
            (
                Cell(str(index)),
                Cell(str(token.id)),
                Cell(visible(token)),
                Cell(hex_bytes(token)),
                Cell(say("yes") if token.complete_utf8 else say("no")),
            )
            for index, token in enumerate(result.tokens)
        ),
    )
    return [grid, Passage(result.text), Facts((*legend([grid]), *model_and_backend(result)))]


def _walk(result: Decode) -> list[Section]:
    argmax, argsort, prompt = result.argmax, result.argsort, result.prompt
    assert argmax is not None and argsort is not None and prompt is not None
    size = result.model.vocab_size
    largest = decimal(argmax.logit)
    argument = Facts(
        (
            say_n(
                "1. After '{token}' the model gives {n} logit: one number for each token of the vocabulary, "
                "which says how well the token would fit there.",
                "1. After '{token}' the model gives {n} logits: one number for each token of the vocabulary, "
                "which says how well the token would fit there.",
                n=size,
                token=visible(prompt.tokens[-1]),
            ),
            say(
                "2. max(logits) = {largest} is the largest of them. It is a number, and no number says which token it "
                "belongs to.",
                largest=largest,
            ),
            say(
                "3. argmax(logits) = {id} is the index at which it stands, and the index of a logit is the id of its "
                "token.",
                id=argmax.id,
            ),
            say(
                "4. decode([{id}]) = '{token}' is the next token. decode([{largest}]) would be a mistake: a logit is "
                "no token id.",
                id=argmax.id,
                token=visible(argmax),
                largest=largest,
            ),
        )
    )
    shown: list[Section] = [
        argument,
        _order(say("argsort(logits), ascending: the argmax, rank 1, is the last"), argsort.ascending),
        _order(say("the same from its end, descending: the argmax is the first"), argsort.descending),
    ]
    more = say("how logits become probabilities: `gpt2-inspect logits TEXT`")
    return [*shown, Facts((*legend(shown), more, *model_and_backend(result)))]


def _order(title: str, ends: tuple[Candidate, ...]) -> Grid:
    """A row for each candidate, with a gap where the first and the last part."""
    columns = (
        Column(say("rank"), number=True),
        Column(say("id"), number=True),
        Column(say("token")),
        Column(say("logit"), number=True),
        Column(say("prob"), number=True),
    )
    rows = []
    before = ends[0].rank
    for candidate in ends:
        if abs(candidate.rank - before) > 1:
            rows.append(tuple(Cell(signs().cut) for _ in columns))
        before = candidate.rank
        strong = candidate.rank == 1
        cells = (str(candidate.rank), str(candidate.id), visible(candidate), decimal(candidate.logit))
        rows.append(
            (
                *(Cell(text, strong=strong) for text in cells),
                Cell(percent(candidate.prob), candidate.prob, strong),
            )
        )
    return Grid(columns, tuple(rows), title=title)
