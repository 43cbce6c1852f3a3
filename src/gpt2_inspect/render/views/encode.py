"""`encode`: a row for each token; those that share a character are held together by a bracket."""

from ...messages import say, say_n
from ...results.encode import Encode, EncodedToken
from ..formats import Page
from ..sections import Cell, Column, Facts, Grid, Section
from ..signs import signs
from ..visible import visible_token
from . import hex_bytes, legend, model_and_backend, visible


def sections(result: Encode, page: Page) -> list[Section]:
    """The tokens, and how many they are."""
    brackets = _brackets(result)
    columns = [
        Column(say("index"), number=True),
        Column(say("id"), number=True),
        Column(say("token")),
        Column(say("bytes")),
    ]
    if result.groups is not None:
        columns.append(Column(say("characters"), number=True))
    if brackets:
        columns.append(Column(say("together")))
    rows = tuple(_row(token, brackets, placed=result.groups is not None) for token in result.tokens)
    characters = say_n("{n} character", "{n} characters", n=len(result.prompt.text))
    lines = [say_n("{n} token for {characters}", "{n} tokens for {characters}", n=len(rows), characters=characters)]
    if result.groups is None:
        lines.append(say("the tokens are not the text's own bytes, so they have no exact place in it"))
    grid = Grid(tuple(columns), rows, keys=3)
    return [grid, Facts((*legend([grid]), *lines, *model_and_backend(result)))]


def _row(token: EncodedToken, brackets: dict[int, str], *, placed: bool) -> tuple[Cell, ...]:
    texts = [str(token.index), str(token.id), visible(token), hex_bytes(token)]
    if placed:
        texts.append(f"{token.start}:{token.end}")
    if brackets:
        texts.append(brackets.get(token.index, ""))
    return tuple(map(Cell, texts))


def _brackets(result: Encode) -> dict[int, str]:
    """By index, for the tokens of each group of several: a part of the bracket, the first with the characters."""
    brackets: dict[int, str] = {}
    for group in result.groups or ():
        first, *others = group.token_indices
        if others:
            brackets |= dict.fromkeys(others, signs().middle)
            brackets[first] = f"{signs().first} {visible_token(group.text, group.text.encode())}"
            brackets[others[-1]] = signs().last
    return brackets
