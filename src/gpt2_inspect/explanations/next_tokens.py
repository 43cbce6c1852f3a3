"""`next-tokens` in words."""

from collections.abc import Iterator

from ..messages import Option, say, say_as, say_n
from ..render.columns import ENTROPY, ID, LOGIT, LOGPROB
from ..render.formats import Page
from ..render.signs import signs
from ..render.views import decimal, percent, visible
from ..results import SampledCandidate
from ..results.next_tokens import NextTokens
from . import transformers_code as code
from .parts import Explanation, Term, steps, tokens, top, whole


def explain(result: NextTokens, page: Page) -> Explanation:
    """What the steps are, and how each token was chosen."""
    sampled = _sampled(result)
    topics = ["logits", "softmax", "kv-cache", "max-length"]
    topics += ["sampling", "temperature", "top-k", "top-p"] if sampled else ["greedy", "beam-search"]
    return Explanation(
        tuple(_asked(result)),
        tuple(_columns(result, page)),
        tuple(_idea(result)),
        tuple(_code(result)),
        tuple(topics),
    )


def _sampled(result: NextTokens) -> bool:
    return result.decoding.strategy == "sample"


def _asked(result: NextTokens) -> Iterator[str]:
    prompt, decoding, taken = result.prompt, result.decoding, len(result.steps)
    if prompt.bos_added:
        yield say(
            "The text is empty, so the model starts from '{token}', which stands where a text begins.",
            token=visible(prompt.tokens[0]),
        )
    if prompt.tokens_dropped:
        yield say_n(
            "The oldest token of the text was dropped to make room; it has no part in the answer.",
            "The oldest {n} tokens of the text were dropped to make room; they have no part in the answer.",
            n=prompt.tokens_dropped,
        )
    yield say(
        "The model reads {tokens}, and rates all {vocab} tokens of its vocabulary as the next one. One of them is "
        "taken and appended, and the model is asked again: {steps} in all.",
        tokens=tokens(len(prompt.tokens)),
        vocab=whole(result.model.vocab_size),
        steps=steps(taken),
    )
    yield from _chosen_how(result)
    if result.finish_reason == "eos":
        yield say(
            "In step {step} the token taken was '{token}', which ends a text; that is why nothing follows.",
            step=taken,
            token=visible(result.steps[-1].chosen),
        )
    if decoding.max_length is not None:
        yield say(
            "{option} {most} (max_length in transformers) counts what is read first, {tokens}, as well: that leaves "
            "{steps}.",
            option=Option("max_length").on_command_line(),
            most=decoding.max_length,
            tokens=tokens(len(prompt.tokens)),
            steps=steps(decoding.steps),
        )


def _chosen_how(result: NextTokens) -> Iterator[str]:
    if not _sampled(result):
        yield say(
            "The most probable one is taken each time (greedy search), so the same text always goes on the same way."
        )
        return
    yield say(
        "The token is drawn at random, by the probabilities behind the arrows; seed {seed} makes the same draws again.",
        seed=result.run.seed,
    )


def _columns(result: NextTokens, page: Page) -> Iterator[Term]:
    count = len(result.steps[0].top_logprobs)
    yield Term(say("step"), say("counts the tokens that are added, from 1."))
    yield Term(say_as("text so far", "text"), say("what the model has read by then, or the end of it."))
    if set(page.columns) - {ENTROPY}:
        yield from _candidates_in_rows(result, page.columns)
        return
    yield from map(_number, page.columns)
    if _sampled(result):
        yield Term(
            top(count),
            say(
                "the tokens with the largest logits. Left of the arrow the model's own probability, right of it the "
                "one that the token was drawn with; {cut}: it could not be drawn. {mark} is the one that was.",
                cut=say("cut"),
                mark=signs().chosen,
            ),
        )
        if any(step.chosen.rank > count for step in result.steps):
            yield Term(say("drawn from further down"), say("the one that was drawn, where it is not among those."))
    else:
        yield Term(
            top(count),
            say(
                "the tokens with the largest logits, with their probabilities; {mark} is the one taken.",
                mark=signs().chosen,
            ),
        )


def _candidates_in_rows(result: NextTokens, names: tuple[str, ...]) -> Iterator[Term]:
    """Where each candidate has a row of its own."""
    yield Term(say("rank"), say("the candidate's place in the order of the logits; 1 is the largest."))
    yield Term(say("token"), say("the candidate; {mark} is the one taken.", mark=signs().chosen))
    yield from map(_number, names)
    yield Term(say("prob"), say("the model's own probability of it."))
    if _sampled(result):
        yield Term(
            say("drawn with"), say("the probability that it was drawn with; {cut}: it could not be.", cut=say("cut"))
        )


def _number(name: str) -> Term:
    """A column that was asked for by name."""
    return {
        ID: Term(say("id"), say("the candidate's number in the vocabulary.")),
        LOGIT: Term(say("logit"), say("the model's number for it, of which softmax makes the probability.")),
        LOGPROB: Term(say("logprob"), say("the natural logarithm of the probability.")),
        ENTROPY: Term(
            say("entropy"), say("how unsure the model is in this step, in bits: b bits are as 2^b equal candidates.")
        ),
    }[name]


def _idea(result: NextTokens) -> Iterator[str]:
    first = result.steps[0]
    best = first.top_logprobs[0]
    yield say(
        "For each token of the vocabulary the model computes a logit, which can be any number. Softmax makes "
        "probabilities of them: e to the power of the logit, divided by the sum of that over all tokens. In step 1 "
        "'{token}' has the logit {logit}, which comes to e^{logprob} = {prob}.",
        token=visible(best),
        logit=decimal(best.logit),
        logprob=decimal(best.logprob),
        prob=percent(best.prob),
    )
    listed, unlisted = len(first.top_logprobs), result.model.vocab_size - len(first.top_logprobs)
    if unlisted:
        yield say_n(
            "The token listed in step 1 has {share}; the other {unlisted} share the rest.",
            "The {n} tokens listed in step 1 make up {share}; the other {unlisted} share the rest.",
            n=listed,
            share=percent(min(1.0, sum(candidate.prob for candidate in first.top_logprobs))),
            unlisted=whole(unlisted),
        )
    if _sampled(result):
        yield from _filters(result)
    if len(result.steps) > 1:
        yield say(
            "The logits after the last token rate the next one. Step 1 reads the whole text; every later step reads "
            "the new token alone, for the keys and values of all earlier ones are kept (the KV cache)."
        )


def _filters(result: NextTokens) -> Iterator[str]:
    decoding = result.decoding
    temperature = decoding.temperature
    if temperature is not None and temperature < 1:
        yield say(
            "Temperature {temperature} divides all logits before softmax: below 1 it moves them apart, so what is "
            "probable becomes more so.",
            temperature=f"{temperature:g}",
        )
    elif temperature is not None and temperature > 1:
        yield say(
            "Temperature {temperature} divides all logits before softmax: above 1 it moves them together, so what is "
            "improbable gains.",
            temperature=f"{temperature:g}",
        )
    else:
        yield say("Temperature 1 leaves the logits as they are.")
    if decoding.sample_top_k is not None:
        yield say_n(
            "{option} 1 leaves the token with the largest logit, so there is nothing to draw.",
            "{option} {n} leaves the {n} tokens with the largest logits.",
            n=decoding.sample_top_k,
            option=Option("sample_top_k").on_command_line(),
        )
    if decoding.top_p is not None:
        yield say(
            "{option} {share} then leaves the most probable ones, as few as together reach {share} (the nucleus).",
            option=Option("top_p").on_command_line(),
            share=decoding.top_p,
        )
    chosen = result.steps[0].chosen
    if not isinstance(chosen, SampledCandidate):
        return
    drawn = {"token": visible(chosen), "final": percent(chosen.prob_final), "prob": percent(chosen.prob)}
    if decoding.sample_top_k is None and decoding.top_p is None:
        yield say("In step 1 '{token}' was drawn with {final} in place of {prob}.", **drawn)
    else:
        yield say(
            "Those that are left are scaled to make up 100%: in step 1 '{token}' was drawn with {final} in place of "
            "{prob}.",
            **drawn,
        )


def _code(result: NextTokens) -> Iterator[str]:
    if _sampled(result):
        yield from _drawing(result)
        return
    count = len(result.steps[0].top_logprobs)
    yield from code.up_to_ids(result, result.prompt)
    yield f"for step in range({len(result.steps)}):"
    yield f"    best = model(ids).logits[0, -1]{code.widened(result)}.softmax(-1).topk({count})"
    yield "    print([tokenizer.decode(id) for id in best.indices.tolist()], best.values.tolist())"
    yield "    ids = torch.cat([ids, best.indices[None, :1]], dim=1)"
    yield "print(tokenizer.decode(ids[0]))"


def _drawing(result: NextTokens) -> Iterator[str]:
    """The same tokens are drawn, because it is done as analysis/sampling.py does it."""
    warpers = code.warpers(result.decoding)
    yield from code.up_to_ids(result, result.prompt, *map(code.class_of, warpers), standard=["random"])
    yield f"draw = random.Random({result.run.seed}).random"
    yield f"for step in range({len(result.steps)}):"
    yield "    logits = model(ids).logits[:, -1].double()"
    yield f"    for warper in [{', '.join(warpers)}]:"
    yield "        logits = warper(ids, logits)"
    yield "    probs = logits.softmax(-1)[0]"
    yield "    id = torch.searchsorted(probs.cumsum(0), draw(), right=True)"
    yield "    print(tokenizer.decode(id), probs[id].item())"
    yield "    ids = torch.cat([ids, id[None, None]], dim=1)"
    yield "print(tokenizer.decode(ids[0]))"
