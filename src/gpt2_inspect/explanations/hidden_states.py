"""`hidden-states` in words."""

from collections.abc import Iterator
from math import prod

from ..messages import say, say_n
from ..render.formats import Page
from ..render.views import decimal, percent, visible
from ..results.hidden_states import HiddenStates
from . import transformers_code as code
from .parts import Explanation, Term, top, whole


def explain(result: HiddenStates, page: Page) -> Explanation:
    """What each state is, why the last differs, and what the lens does."""
    lens = ("logit-lens",) if _with_lens(result) else ()
    return Explanation(
        tuple(_asked(result)),
        tuple(_columns(result)),
        tuple(_idea(result)),
        tuple(_code(result)),
        ("hidden-states", *lens, "layer-norm", "embeddings", "kv-cache"),
    )


def _with_lens(result: HiddenStates) -> bool:
    return result.layers[0].top_logprobs is not None


def _asked(result: HiddenStates) -> Iterator[str]:
    place = {"position": result.position, "token": visible(result.prompt.tokens[result.position])}
    yield say_n(
        "What does the model hold of the token at position {position}, '{token}', before its one block and after it?",
        "What does the model hold of the token at position {position}, '{token}', before the first of its {n} blocks "
        "and after each?",
        n=result.model.n_layer,
        **place,
    )
    if _with_lens(result):
        yield say("And which next token would each of these states give, were it the last (the logit lens)?")


def _columns(result: HiddenStates) -> Iterator[Term]:
    yield Term(say("index"), say("the place in transformers' tuple hidden_states."))
    yield Term(say("state"), say("what has been computed by then."))
    yield Term(say("mean"), say("of this token's {n_embd} numbers.", n_embd=result.model.n_embd))
    yield Term(say("std"), say("their standard deviation."))
    yield Term(say("norm"), say("the length of the vector: the root of the sum of their squares."))
    yield Term(
        say("cosine to previous"),
        say("of the angle to the state before: 1 is the same direction, 0 a right angle, -1 the opposite."),
    )
    best = result.layers[0].top_logprobs
    if best is not None:
        yield Term(top(len(best)), say("the next tokens that the state would give, with their probabilities."))
        if result.positions is not None:
            yield Term(say("position"), say("where the token stands, from 0."))
            yield Term(say("token"), say("the token there; after it, under each state's index, what that puts first."))


def _idea(result: HiddenStates) -> Iterator[str]:
    first, *middle, last = result.layers
    yield say(
        "State 0 is the token's vector plus its position's. Each block adds to it what its attention and its MLP "
        "compute; nothing is replaced (the residual stream)."
    )
    before = middle[-1] if middle else first
    yield say(
        "The last state, {index}, has gone through ln_f as well, which scales it anew: norm {before} before the last "
        "block and {after} now. It is what the head turns into logits: last_hidden_state.",
        index=last.index,
        before=decimal(before.norm),
        after=decimal(last.norm),
    )
    if last.top_logprobs is not None and before.top_logprobs is not None:
        yield say(
            "The lens puts every other state through ln_f and the head, too. The head was trained for the last alone, "
            "so what it says of early ones is a rough reading. '{early}' leads with {early_prob} in state "
            "{early_index}, '{late}' with {late_prob} in the last.",
            early=visible(before.top_logprobs[0]),
            early_prob=percent(before.top_logprobs[0].prob),
            early_index=before.index,
            late=visible(last.top_logprobs[0]),
            late_prob=percent(last.top_logprobs[0].prob),
        )
    cache = result.past_key_values
    numbers = cache.n_layer * (prod(cache.key_shape) + prod(cache.value_shape))
    _, heads, length, width = cache.key_shape
    yield say(
        "The cache (past_key_values) holds a key and a value for each layer, head and token: 2 x {layers} x {heads} x "
        "{tokens} x {width} numbers of {size} bytes, {bytes} in all. With it the next token need not read the text "
        "again.",
        layers=cache.n_layer,
        heads=heads,
        tokens=length,
        width=width,
        size=cache.bytes // numbers,
        bytes=whole(cache.bytes),
    )


def _code(result: HiddenStates) -> Iterator[str]:
    best = result.layers[0].top_logprobs
    yield from code.up_to_ids(result, result.prompt)
    yield "states = model(ids, output_hidden_states=True).hidden_states  # " + say("of each (1, tokens, n_embd)")
    yield "for index, state in enumerate(states):"
    yield f"    vector = state[0, {result.position}]"
    yield "    print(index, vector.mean().item(), vector.std(correction=0).item(), vector.norm().item())"
    if best is not None:
        yield "    if index < len(states) - 1:  # " + say("the last has gone through it")
        yield "        vector = model.transformer.ln_f(vector)"
        yield f"    best = model.lm_head(vector){code.widened(result)}.softmax(-1).topk({len(best)})"
        yield "    print([tokenizer.decode(id) for id in best.indices.tolist()], best.values.tolist())"
