"""`score` in words."""

import math
from collections.abc import Iterator

from ..messages import say
from ..render.formats import Page
from ..render.signs import signs
from ..render.views import decimal, percent, visible
from ..results.score import Score, ScoredToken
from . import transformers_code as code
from .parts import Explanation, Term, tokens, top, whole


def explain(result: Score, page: Page) -> Explanation:
    """What is scored by what, and what the totals are."""
    return Explanation(
        tuple(_asked(result)),
        tuple(_columns(result)),
        tuple(_idea(result)),
        tuple(_code(result)),
        ("logits", "softmax", "surprisal", "entropy", "perplexity"),
    )


def _asked(result: Score) -> Iterator[str]:
    yield say(
        "How probable is each token of the text, given those before it? One pass answers for all; the model reads "
        "{tokens}.",
        tokens=tokens(len(result.positions)),
    )
    first = visible(result.positions[0])
    if result.prompt.bos_added:
        yield say("'{token}' was put before the text, so that its first token is scored as well.", token=first)
    else:
        yield say("Nothing stands before the first token, '{token}', so it has no probability.", token=first)


def _columns(result: Score) -> Iterator[Term]:
    yield Term(say("index"), say("where the token stands, from 0."))
    yield Term(say("token"), say("the token that is scored."))
    yield Term(say("prob"), say("its probability, given all tokens before it."))
    yield Term(
        say("rank"),
        say("its place among all {vocab} tokens; 1 is the most probable.", vocab=whole(result.model.vocab_size)),
    )
    yield Term(say("surprisal"), say("-log2 of the probability, in bits: half as probable is one bit more."))
    yield Term(
        say("entropy"),
        say(
            "the surprisal that was to be expected there, in bits: 0 if one token is certain, {most} if all are alike.",
            most=decimal(math.log2(result.model.vocab_size), 2),
        ),
    )
    yield Term(
        top(len(result.positions[0].next_top_logprobs)),
        say(
            "the most probable tokens for the place after this one; {mark} is the one that stands there.",
            mark=signs().chosen,
        ),
    )


def _idea(result: Score) -> Iterator[str]:
    totals, last = result.totals, result.positions[-1]
    if last.index == 0:
        best = last.next_top_logprobs[0]
        yield say(
            "The logits at position i rate the token at i + 1. There is none after '{token}', for which '{best}' "
            "with {prob} would have been the best.",
            token=visible(last),
            best=visible(best),
            prob=percent(best.prob),
        )
        return
    token = max(result.positions[1:], key=_surprisal)
    yield say(
        "The logits at position i rate the token at i + 1. The largest surprise: those at {before}, '{token_before}', "
        "give {prob} to '{token}' at {index}. That is {surprisal} bits of surprisal, where {entropy} were to be "
        "expected.",
        before=token.index - 1,
        token_before=visible(result.positions[token.index - 1]),
        token=visible(token),
        index=token.index,
        prob=percent(token.prob or 0),
        surprisal=decimal(token.surprisal_bits, 2),
        entropy=decimal(token.entropy_bits, 2),
    )
    yield say(
        "Together the scored tokens have the product of their probabilities, so their logprobs add up: {logprob} nats "
        "for {tokens}.",
        logprob=decimal(totals.logprob),
        tokens=tokens(totals.tokens_scored),
    )
    if totals.perplexity is not None and math.isfinite(totals.perplexity):
        yield say(
            "Perplexity is e to the power of -logprob / tokens, here e^{mean} = {perplexity}: the model was as unsure "
            "as if it had to choose among that many equally probable tokens each time.",
            mean=decimal(-totals.logprob / totals.tokens_scored, 4),
            perplexity=f"{totals.perplexity:.2f}" if totals.perplexity < 1e9 else f"{totals.perplexity:.3g}",
        )
    if totals.bits_per_byte is not None:
        yield say(
            "Bits per byte are the sum of the surprisals, {bits}, over the {bytes} bytes of the scored tokens: "
            "{each}. By them models can be compared that cut the text into other tokens.",
            bits=decimal(sum(map(_surprisal, result.positions)), 2),
            bytes=whole(sum(len(token.bytes) for token in result.positions[1:])),
            each=decimal(totals.bits_per_byte),
        )


def _surprisal(token: ScoredToken) -> float:
    return token.surprisal_bits or 0.0


def _code(result: Score) -> Iterator[str]:
    yield from code.up_to_ids(result, result.prompt)
    count = len(result.positions[0].next_top_logprobs)
    yield f"logprobs = model(ids).logits[0]{code.widened(result)}.log_softmax(-1)  # " + say("(tokens, vocabulary)")
    if result.totals.tokens_scored:
        yield "scored = logprobs[:-1].gather(1, ids[0, 1:, None])[:, 0]"
        yield "print(scored.exp().tolist())"
        yield "print(scored.sum().item(), scored.mean().neg().exp().item())"
    yield f"print(tokenizer.convert_ids_to_tokens(logprobs[-1].topk({count}).indices.tolist()))"
