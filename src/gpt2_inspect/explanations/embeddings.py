"""`embeddings` in words."""

from collections.abc import Iterator

from ..messages import say
from ..render.formats import Page
from ..render.views import decimal, visible
from ..results.embeddings import Embeddings
from . import transformers_code as code
from .parts import Explanation, Term, tokens, whole


def explain(result: Embeddings, page: Page) -> Explanation:
    """What the vectors are, and which are near each other."""
    return Explanation(
        tuple(_asked(result)),
        tuple(_columns(result)),
        tuple(_idea(result)),
        tuple(_code(result)),
        ("embeddings", "positions", "tokenizer", "hidden-states"),
    )


def _asked(result: Embeddings) -> Iterator[str]:
    yield say(
        "What are the {tokens} of the text before the first block: what is looked up for them, and what is nearest?",
        tokens=tokens(len(result.tokens)),
    )


def _columns(result: Embeddings) -> Iterator[Term]:
    n_embd = result.model.n_embd
    yield Term(say("position"), say("where the token stands, from 0."))
    yield Term(say("token"), say("the token that stands there."))
    yield Term(say("norm"), say("the length of the vector: the root of the sum of the squares of its numbers."))
    yield Term(say("mean"), say("of the {n_embd} numbers of the vector.", n_embd=n_embd))
    yield Term(say("std"), say("their standard deviation."))
    shown = len(result.tokens[0].sum.first)
    yield Term(
        "[0]" if shown == 1 else say("[0] to {last}", last=f"[{shown - 1}]"), say("the first numbers themselves.")
    )
    nearest = max(len(token.nearest) for token in result.tokens)
    if nearest:
        yield Term(
            say("nearest 1") if nearest == 1 else say("nearest 1 to {last}", last=nearest),
            say("the other tokens whose vectors in wte point most nearly the same way, with the cosine of the angle."),
        )


def _idea(result: Embeddings) -> Iterator[str]:
    (vocab_size, n_embd), (n_positions, _) = result.shapes.wte, result.shapes.wpe
    yield say(
        "wte has a row of {n_embd} numbers for each of the {vocab} tokens, wpe one for each of the {positions} "
        "positions. A token's id is the number of its row; nothing else of the token reaches the model.",
        n_embd=n_embd,
        vocab=whole(vocab_size),
        positions=whole(n_positions),
    )
    last = result.tokens[-1]
    yield say(
        "A query meets the keys of earlier tokens without regard to their order, so the position's row is added to "
        "the token's: '{token}' at position {position} has norm {token_norm}, its position {position_norm}, their sum "
        "{sum_norm}. The sum is hidden state 0.",
        token=visible(last),
        position=last.position,
        token_norm=decimal(last.wte.norm),
        position_norm=decimal(last.wpe.norm),
        sum_norm=decimal(last.sum.norm),
    )
    if last.nearest:
        yield say(
            "Tokens that stand in like places get like vectors in training: nearest to '{token}' is '{other}', cosine "
            "{cosine} (1 is the same direction, 0 a right angle).",
            token=visible(last),
            other=visible(last.nearest[0]),
            cosine=decimal(last.nearest[0].cosine),
        )


def _code(result: Embeddings) -> Iterator[str]:
    nearest = max(len(token.nearest) for token in result.tokens)
    yield from code.up_to_ids(result, result.prompt)
    yield "wte, wpe = model.transformer.wte.weight, model.transformer.wpe.weight"
    yield "sums = wte[ids[0]] + wpe[: ids.shape[1]]"
    yield "print(sums.norm(dim=-1).tolist())"
    if nearest:
        yield "directions = torch.nn.functional.normalize(wte, dim=-1)"
        yield "cosines = directions[ids[0]] @ directions.T"
        yield "cosines.scatter_(1, ids.T, -2.0)  # " + say("not the token itself")
        yield f"for best in cosines.topk({nearest}).indices:"
        yield "    print([tokenizer.decode(id) for id in best])"
