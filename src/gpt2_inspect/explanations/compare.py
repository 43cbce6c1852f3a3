"""`compare` in words."""

import math
from collections.abc import Iterator

from ..messages import say
from ..render.formats import Page
from ..render.signs import signs
from ..render.views import percent
from ..render.views.compare import bits_shown, compared_token, differences
from ..results.compare import ComparedStep, ComparedToken, Comparison
from ..results.next_tokens import NextTokens
from . import transformers_code as code
from .parts import Explanation, Term, steps, tokens, whole


def explain(result: Comparison, page: Page) -> Explanation:
    """What the sides are, and what tells their distributions apart."""
    drawing = ("sampling", "temperature") if _sampled(result) else ("greedy",)
    return Explanation(
        tuple(_asked(result)),
        tuple(_columns(result)),
        tuple(_idea(result)),
        tuple(_code(result)),
        ("logits", "softmax", *drawing, "surprisal", "entropy"),
    )


def _sides(result: Comparison) -> tuple[NextTokens, NextTokens]:
    return result.a, result.b


def _sampled(result: Comparison) -> bool:
    return any(side.decoding.strategy == "sample" for side in _sides(result))


def _asked(result: Comparison) -> Iterator[str]:
    a, b = _sides(result)
    if a.prompt.text == b.prompt.text:
        yield say("How does one text go on twice, and how far are the two sides apart at each step?")
    else:
        yield say("How do two texts go on, and how far are the two sides apart at each step?")
    yield say(
        "Each side is a run of next-tokens and goes on with what it has taken itself: A from {tokens_a} for "
        "{steps_a}, B from {tokens_b} for {steps_b}.",
        tokens_a=tokens(len(a.prompt.tokens)),
        tokens_b=tokens(len(b.prompt.tokens)),
        steps_a=steps(len(a.steps)),
        steps_b=steps(len(b.steps)),
    )


def _columns(result: Comparison) -> Iterator[Term]:
    yield Term(say("side"), say("A has what was given first, B what was given second; all else is the same."))
    meanings = {
        say("model"): say("which one is asked."),
        say("temperature"): say("what the logits are divided by before a token is drawn."),
        say("top-p"): say("the token is drawn from the fewest whose probabilities sum to this."),
        say("top-k"): say("the token is drawn from this many of the most probable ones."),
        say("seed"): say("makes the same draws again."),
    }
    for heading, _, _ in differences(result):
        yield Term(heading, meanings[heading])
    yield Term(say("text"), say("what was typed, and what the side has added."))
    yield Term(say("step"), say("counts the tokens that are added, from 1."))
    yield Term(say("token"), say("what one of the sides has among its best, or takes."))
    for side in "AB":
        yield Term(
            side,
            say("the probability with which side {side} takes it; {mark}: it did.", side=side, mark=signs().chosen),
        )
    if result.same_vocabulary:
        for one, other in ("AB", "BA"):
            yield Term(
                f"KL({one}||{other})",
                say(
                    "the Kullback-Leibler divergence: how many bits a token that is drawn from {one} costs beyond "
                    "need, on average, where the probabilities of {other} are expected. 0 if both are the same.",
                    one=one,
                    other=other,
                ),
            )
    if result.first_divergence is not None:
        yield Term(say("they part"), say("the first step at which the sides do not take the same token."))


def _idea(result: Comparison) -> Iterator[str]:
    first = result.steps[0]
    pairs = [(token, token.a.prob_final, token.b.prob_final) for token in first.candidates if token.a and token.b]
    if pairs:
        token, prob_a, prob_b = max(pairs, key=lambda pair: abs(pair[1] - pair[2]))
        probs = {"token": compared_token(token), "prob_a": percent(prob_a), "prob_b": percent(prob_b)}
        if prob_a == prob_b:
            yield say("In step 1 both sides rate the tokens alike: '{token}' has {prob_a} on either.", **probs)
        else:
            yield say(
                "The sides rate the same tokens differently: in step 1 '{token}' has {prob_a} on side A and {prob_b} "
                "on side B.",
                **probs,
            )
    yield from _divergence(result, first)
    yield from _parting(result)


def _divergence(result: Comparison, first: ComparedStep) -> Iterator[str]:
    if not result.same_vocabulary:
        yield say(
            "The models have different vocabularies, so tokens are matched by their bytes. There is no divergence: it "
            "compares distributions over the same tokens."
        )
        return
    yield say(
        "KL(A||B) is the sum of p * log2(p / q) over all {vocab} tokens, where p is the probability on side A and q "
        "that on side B: how much larger the surprisal is under B, on average over what is drawn from A. KL(B||A) "
        "averages over what is drawn from B, so the two need not be alike: in step 1 they are {a_b} and {b_a} bits.",
        vocab=whole(result.a.model.vocab_size),
        a_b=bits_shown(first.kl_a_b_bits),
        b_a=bits_shown(first.kl_b_a_bits),
    )
    if any(math.inf in (step.kl_a_b_bits, step.kl_b_a_bits) for step in result.steps):
        yield say(
            "It is {infinite} where one side can draw what the other cannot, because a filter has cut it.",
            infinite=signs().infinite,
        )


def _parting(result: Comparison) -> Iterator[str]:
    step = result.first_divergence
    if step is None:
        yield say("Here both take the same tokens all the way.")
        return
    a, b = (_taken(result.steps[step - 1], side) for side in ("a", "b"))
    if a is None or b is None:
        yield say("They part at step {step}: one of the sides has ended by then.", step=step)
        return
    yield say("They part at step {step}: A takes '{a}', B takes '{b}'.", step=step, a=a, b=b)
    if step < len(result.steps):
        yield say(
            "From then on each is asked about a text of its own: the numbers tell how far two stories are apart, and "
            "no longer what the sides make of the same one."
        )


def _taken(step: ComparedStep, side: str) -> str | None:
    """The token that the side `a` or `b` takes, if it takes one."""

    def taken(token: ComparedToken) -> bool:
        standing = getattr(token, side)
        return standing is not None and standing.chosen

    return next((compared_token(token) for token in step.candidates if taken(token)), None)


def _code(result: Comparison) -> Iterator[str]:
    a, b = _sides(result)
    drawn = _sampled(result)
    classes = {code.class_of(warper) for side in (a, b) for warper in code.warpers(side.decoding)}
    yield from code.imports([a, b], [code.CAUSAL_LM, code.TOKENIZER, *classes], standard=["random"] if drawn else [])
    yield from _run(drawn=drawn)
    yield from _loading(a)
    yield from _asking("a", a)
    if (a.model, a.run.device, a.run.dtype) != (b.model, b.run.device, b.run.dtype):
        yield from _loading(b)
    yield from _asking("b", b)
    if result.same_vocabulary:
        yield "def kl(p, q):  # in bits; a token that p has not adds nothing"
        yield "    return (p * (p / q).log2()).nansum().item()"
        yield "for (one, p), (other, q) in zip(a, b):"
        yield "    print([one, other], kl(p, q), kl(q, p))"
    else:
        yield "for (one, p), (other, q) in zip(a, b):"
        yield "    print([one, other], p.max().item(), q.max().item())"


def _run(*, drawn: bool) -> Iterator[str]:
    """`run`, which gives the token of each step and the distribution that it is taken from."""
    yield f"def run(tokenizer, model, ids, steps{', warpers=(), draw=None' if drawn else ''}):"
    yield "    for step in range(steps):"
    yield "        logits = model(ids).logits[:, -1].double()"
    if drawn:
        yield "        for warper in warpers:"
        yield "            logits = warper(ids, logits)"
    yield "        probs = logits.softmax(-1)[0]"
    yield "        id = probs.argmax()"
    if drawn:
        yield "        if draw:"
        yield "            id = torch.searchsorted(probs.cumsum(0), draw(), right=True)"
    yield "        yield tokenizer.decode(id), probs"
    yield "        ids = torch.cat([ids, id[None, None]], dim=1)"


def _loading(side: NextTokens) -> Iterator[str]:
    yield code.name(side)
    yield code.load_tokenizer(side)
    yield code.load_model(side)


def _asking(name: str, side: NextTokens) -> Iterator[str]:
    yield code.prompt_ids(side, side.prompt)
    warpers = code.warpers(side.decoding)
    drawing = f", [{', '.join(warpers)}], random.Random({side.run.seed}).random" if warpers else ""
    yield f"{name} = run(tokenizer, model, ids, {len(side.steps)}{drawing})"
