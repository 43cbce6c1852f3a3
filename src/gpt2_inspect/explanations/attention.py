"""`attention` in words."""

from collections.abc import Iterator

from ..messages import say, say_n
from ..render.formats import Page
from ..render.views import percent, visible
from ..results.attention import Attention
from . import transformers_code as code
from .parts import Explanation, Term, tokens, top


def explain(result: Attention, page: Page) -> Explanation:
    """What the weights are, and what they do not say."""
    return Explanation(
        tuple(_asked(result)),
        tuple(_columns(result)),
        tuple(_idea(result)),
        tuple(_code(result)),
        ("attention", "softmax", "entropy", "positions", "kv-cache"),
    )


def _asked(result: Attention) -> Iterator[str]:
    position = {"position": result.position, "token": visible(result.prompt.tokens[result.position])}
    first = result.heads[0]
    if result.matrix is not None:
        yield say(
            "Which tokens does each token look at in head {head} of layer {layer}? First the token at position "
            "{position}, '{token}', then all.",
            head=first.head,
            layer=first.layer,
            **position,
        )
    elif result.options["layer"] is not None:
        yield say(
            "Which tokens does the one at position {position}, '{token}', look at in each head of layer {layer}?",
            layer=first.layer,
            **position,
        )
    else:
        yield say("Which tokens does the one at position {position}, '{token}', look at in each head?", **position)


def _columns(result: Attention) -> Iterator[Term]:
    yield Term(say("layer"), say("counts the blocks, from 0."))
    yield Term(say("head"), say("counts the heads of a layer, from 0."))
    yield Term(
        say("entropy"), say("how widely the weights are spread, in bits: b bits are as wide as 2^b equal weights.")
    )
    yield Term(
        top(len(result.heads[0].top)),
        say("the tokens with the largest weights: index, token, and how much of the head's output comes from it."),
    )
    if result.matrix is not None:
        yield Term(say("index"), say("where the token stands that looks, from 0."))
        yield Term(say("token"), say("the token that looks; in its line stand the weights, the columns are indices."))


def _idea(result: Attention) -> Iterator[str]:
    model, seen = result.model, result.position + 1
    yield say(
        "Each head makes a query, a key and a value of {width} numbers for every token. The query is multiplied with "
        "the keys of the token itself and of those before it; softmax makes weights of these products, scaled, which "
        "sum to 1. The head's output is the sum of the values, each times its weight.",
        width=model.n_embd // model.n_head,
    )
    head = result.heads[0]
    best = head.top[0]
    if seen == 1:
        yield say("The first token can only look at itself, so every weight is 100% and every entropy 0.")
    else:
        yield say_n(
            "From position {position} a head can see {tokens}; in layer {layer}, head {head}, the one that is listed "
            "gets {share}: '{best}' at {index}. What comes later is hidden, for it is what the model is to predict.",
            "From position {position} a head can see {tokens}; in layer {layer}, head {head}, the {n} that are listed "
            "share {share}, with the largest part for '{best}' at {index}. What comes later is hidden, for it is what "
            "the model is to predict.",
            n=len(head.top),
            position=result.position,
            tokens=tokens(seen),
            layer=head.layer,
            head=head.head,
            share=percent(min(1.0, sum(token.weight for token in head.top))),
            best=visible(best),
            index=best.index,
        )
    yield say("A weight says what is read, not what it is used for: large ones need not be reasons for the prediction.")


def _code(result: Attention) -> Iterator[str]:
    position, count = result.position, len(result.heads[0].top)
    yield from code.up_to_ids(result, result.prompt, options=', attn_implementation="eager"')
    yield "layers = model(ids, output_attentions=True).attentions  # " + say("of each (1, heads, tokens, tokens)")
    head = result.heads[0]
    if result.matrix is not None:
        yield f"matrix = layers[{head.layer}][0, {head.head}]"
        yield f"print(matrix[{position}].topk({count}))"
        yield "print(matrix)"
    else:
        layers = f"[{head.layer}]" if result.options["layer"] is not None else f"range({result.model.n_layer})"
        yield f"for layer in {layers}:"
        yield f"    print(layer, layers[layer][0, :, {position}].topk({count}))"
