"""`compare-heads` in words."""

from collections.abc import Iterator

from ..messages import say
from ..render.formats import Page
from ..render.signs import signs
from ..render.views import percent, visible
from ..results.compare_heads import CompareHeads
from . import transformers_code as code
from .parts import Explanation, Term, tokens, whole

BASE = "AutoModel"


def explain(result: CompareHeads, page: Page) -> Explanation:
    """What the one class has that the other has not."""
    return Explanation(
        (
            say(
                "What has {causal_lm} that {base} has not? Both were made of the same files and have read the same "
                "{tokens}.",
                causal_lm=code.CAUSAL_LM,
                base=BASE,
                tokens=tokens(len(result.prompt.tokens)),
            ),
        ),
        tuple(_columns(result)),
        tuple(_idea(result)),
        tuple(_code(result)),
        ("head", "logits", "embeddings", "hidden-states", "kv-cache"),
    )


def _columns(result: CompareHeads) -> Iterator[Term]:
    if result.trees is None:
        yield Term(say("module"), say("a part of a block; all blocks are alike, so there is one of it in each."))
        yield Term(say("type"), say("the module's class."))
        yield Term(say("weight"), say("the shapes of its own weights, without those of modules inside it."))
        yield Term(say("parameters"), say("the numbers in it and in all modules inside it; shared ones count once."))
    yield Term(
        say("output"),
        say(
            "what the forward pass returns, with its shape; {nothing} where a class does not return it.",
            nothing=signs().nothing,
        ),
    )
    yield Term(say("sizes"), say("what the numbers of the shape count."))
    yield Term(
        say("rank"), say("of the next token; both columns should say the same, for they are computed in two ways.")
    )


def _idea(result: CompareHeads) -> Iterator[str]:
    causal_lm, base = result.heads.causal_lm, result.heads.base
    yield say(
        "{base} stops at the last hidden state: {n_embd} numbers for each token, which say nothing about tokens yet. "
        "The head multiplies them with a matrix of {vocab} rows, one for each token: the products are the logits.",
        base=base.class_,
        n_embd=result.model.n_embd,
        vocab=whole(result.model.vocab_size),
    )
    for added in result.only_in_causal_lm:
        if added.tied_to:
            yield say(
                "That matrix is no other than {tied_to}, which the tokens are looked up in at the start: shared "
                "memory, so both classes have {parameters} parameters.",
                tied_to=added.tied_to,
                parameters=whole(causal_lm.parameters),
            )
        else:
            yield say(
                "That matrix is the head's own, so {causal_lm} has {more} parameters more.",
                causal_lm=causal_lm.class_,
                more=whole(causal_lm.parameters - base.parameters),
            )
    best = result.top_logprobs[0]
    yield say(
        "So the base model with that product says the same as the other: '{token}' with {prob}; the largest "
        "difference of two logits is {difference}.",
        token=visible(best),
        prob=percent(best.prob),
        difference=f"{result.identity.max_abs_difference:.2g}",
    )


def _code(result: CompareHeads) -> Iterator[str]:
    yield from code.opening(result, [code.CAUSAL_LM, BASE, code.TOKENIZER])
    yield code.load_tokenizer(result)
    yield code.load_model(result)
    yield code.load_model(result, BASE, name="base")
    yield code.prompt_ids(result, result.prompt)
    yield "logits = model(ids).logits"
    yield "product = base(ids).last_hidden_state @ model.lm_head.weight.T"
    yield "print((product - logits).abs().max().item())"
    yield f"print(logits[0, -1]{code.widened(result)}.softmax(-1).topk({len(result.top_logprobs)}))"
