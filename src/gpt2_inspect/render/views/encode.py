"""`encode`: a row for each token; those that share a character are held together by a bracket."""

from typing import Any

from ...results.encode import Encode, EncodedToken
from ..blocks import Block, Cell, Column, Facts, Grid
from ..visible import visible_token
from . import TOKEN_COLUMNS, flag, hex_bytes, model_and_backend, token_values, visible


def tidy(result: Encode) -> tuple[list[str], list[list[Any]]]:
    """One row for each token; `start`, `end` and `group` are empty where they are None."""
    header = ["prompt_index", "index", *TOKEN_COLUMNS, "complete_utf8", "start", "end", "group"]
    return header, [
        [0, token.index, *token_values(token), flag(token.complete_utf8), token.start, token.end, token.group]
        for token in result.tokens
    ]


def blocks(result: Encode) -> list[Block]:
    """The tokens, and how many they are."""
    brackets = _brackets(result)
    columns = [Column("index", number=True), Column("id", number=True), Column("token"), Column("bytes")]
    if result.groups is not None:
        columns.append(Column("characters", number=True))
    if brackets:
        columns.append(Column("together"))
    rows = tuple(_row(token, brackets, placed=result.groups is not None) for token in result.tokens)
    tokens, characters = len(result.tokens), len(result.prompt.text)
    lines = [f"{tokens} token{'s' * (tokens != 1)} for {characters} character{'s' * (characters != 1)}"]
    if result.groups is None:
        lines.append("the tokens are not the text's own bytes, so they have no exact place in it")
    return [Grid(tuple(columns), rows), Facts((*lines, *model_and_backend(result)))]


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
            brackets |= dict.fromkeys(others, "│")
            brackets[first] = f"┌ {visible_token(group.text, group.text.encode())}"
            brackets[others[-1]] = "└"
    return brackets
