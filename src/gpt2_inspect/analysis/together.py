"""Several texts at a time: as many as one forward pass is worth, in the order in which they were asked."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from ..errors import InspectError
from ..results import Prompt

_A = TypeVar("_A")

ROWS = 1024
"""Tokens of a forward pass from which more hardly make it faster: the weights are read once for all of them."""

KEPT = 2048
"""Tokens whose keys and values are kept at a time; of GPT-2's smallest size they take 150 MB."""


def in_groups(
    texts: Iterable[str],
    prepare: Callable[[str], Prompt],
    answer: Callable[[list[Prompt]], Iterable[_A]],
    to_come: Callable[[Prompt], int] = lambda prompt: 0,
) -> Iterator[_A | InspectError]:
    """What `answer` makes of the prompts, in the order of the texts; an error in the place of a text that has none.

    Args:
        texts: as typed.
        prepare: makes a text a prompt, or raises.
        answer: takes a group of prompts, and gives as many answers.
        to_come: the tokens that will follow on a prompt.

    Raises what `prepare` and `answer` do, but for errors about a text.
    """
    group: list[Prompt] = []
    rows = kept = 0
    for text in texts:
        try:
            prompt = prepare(text)
        except InspectError as error:
            if not error.about_text:
                raise
            yield from answer(group) if group else ()
            yield error
            group, rows, kept = [], 0, 0
            continue
        tokens = len(prompt.tokens)
        more = tokens + to_come(prompt)
        if group and (rows + tokens > ROWS or kept + more > KEPT):
            yield from answer(group)
            group, rows, kept = [], 0, 0
        group.append(prompt)
        rows, kept = rows + tokens, kept + more
    if group:
        yield from answer(group)
