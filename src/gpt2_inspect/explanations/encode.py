"""`encode` in words."""

from collections.abc import Iterator

from ..messages import say, say_n
from ..render.formats import Page
from ..render.signs import signs
from ..render.views import visible
from ..render.visible import visible_line
from ..results.encode import Encode
from . import transformers_code as code
from .parts import Explanation, Term, tokens, whole


def explain(result: Encode, page: Page) -> Explanation:
    """What a token is, and where it stands."""
    return Explanation(
        (
            say(
                "Which tokens is the text made of? The model never sees its letters: it reads the ids of {tokens}.",
                tokens=tokens(len(result.tokens)),
            ),
        ),
        tuple(_columns(result)),
        tuple(_idea(result)),
        tuple(_code(result)),
        ("tokenizer", "embeddings", "end-of-text"),
    )


def _columns(result: Encode) -> Iterator[Term]:
    yield Term(say("index"), say("counts the tokens, from 0."))
    yield Term(
        say("id"), say("the token's number in the vocabulary, 0 to {last}.", last=whole(result.model.vocab_size - 1))
    )
    yield Term(
        say("token"),
        say(
            "its text; a space is shown as `{space}`, a byte that is no character by itself as \\x and its value.",
            space=signs().space,
        ),
    )
    yield Term(say("bytes"), say("the same exactly, in UTF-8, as hexadecimal numbers."))
    if result.groups is not None:
        yield Term(say("characters"), say("which characters of the text it has a part of: text[start:end] in Python."))
        if any(len(group.token_indices) > 1 for group in result.groups):
            yield Term(say("together"), say("what several tokens make up that share a character."))


def _idea(result: Encode) -> Iterator[str]:
    yield say(
        "GPT-2's tokenizer (byte-level BPE) cuts a text into words, each with the space before it, takes their bytes, "
        "and merges neighbours in the order in which the merges were learnt, until none applies: a frequent word is "
        "one token, a rare one falls into several."
    )
    size = len(result.prompt.text.encode())
    yield say(
        "Here {characters} in {bytes} became {tokens}.",
        characters=say_n("{n} character", "{n} characters", n=len(result.prompt.text)),
        bytes=say_n("{n} byte", "{n} bytes", n=size),
        tokens=tokens(len(result.tokens)),
    )
    split = next((group for group in result.groups or () if len(group.token_indices) > 1), None)
    if split is not None:
        first = result.tokens[split.token_indices[0]]
        yield say(
            "'{text}' is split over {tokens}; the first, '{token}', cannot be read without the others.",
            text=visible_line(split.text),
            tokens=tokens(len(split.token_indices)),
            token=visible(first),
        )
    if result.groups is None:
        yield say(
            "This model's tokenizer changes or drops parts of the text, so its tokens are not the bytes of the text."
        )


def _code(result: Encode) -> Iterator[str]:
    yield from code.opening(result, [code.TOKENIZER], torch=False)
    yield code.load_tokenizer(result)
    yield f"ids = {code.encode(result.prompt.text)}"
    yield "print(ids)"
    yield "print(tokenizer.convert_ids_to_tokens(ids))"
    yield "print(tokenizer.decode(ids))"
