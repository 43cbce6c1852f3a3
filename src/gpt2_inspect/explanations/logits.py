"""`logits` in words."""

from collections.abc import Iterator

from ..messages import Option, say, say_n
from ..render.formats import Page
from ..render.views import decimal, percent, visible
from ..results.logits import Logits
from . import transformers_code as code
from .parts import Explanation, Term, tokens, whole


def explain(result: Logits, page: Page) -> Explanation:
    """Which place each position rates, and how one's logits become probabilities."""
    at_temperatures = ("temperature", "top-k", "top-p", "sampling") if result.temperatures is not None else ()
    return Explanation(
        tuple(_asked(result)),
        tuple(_columns(result)),
        tuple(_idea(result)),
        tuple(_code(result)),
        ("logits", "softmax", "logprob", "entropy", *at_temperatures),
    )


def _asked(result: Logits) -> Iterator[str]:
    yield say(
        "What do the logits say that the model gives after each token of the text ({tokens}), and how do those at "
        "position {position}, '{token}', become probabilities? Nothing is drawn.",
        tokens=tokens(len(result.positions)),
        position=result.position,
        token=visible(result.prompt.tokens[result.position]),
    )


def _columns(result: Logits) -> Iterator[Term]:
    softmax = result.softmax
    yield Term(say("position i"), say("where the token stands, from 0."))
    yield Term(
        say("token"), say("the token that stands there; in the other tables one that may come after position i.")
    )
    yield Term(say("logits[i] rank first"), say("the most probable token for position i + 1, with its probability."))
    yield Term(say("what stands at i + 1"), say("the token of the text that is there; after the last there is none."))
    yield Term(say("its rank"), say("its place in the order of these logits; 1 is the most probable."))
    yield Term(say("rank"), say("the place of a candidate, from 1."))
    yield Term(say("logit"), say("the model's number for it."))
    yield Term(
        say("minus {largest}", largest=decimal(softmax.largest_logit)),
        say("the logit less the largest one; that changes no probability and keeps exp small."),
    )
    yield Term(say("exp"), say("e to the power of that."))
    yield Term(
        say("/ {sum} = prob", sum=decimal(softmax.sum_exp, 4)),
        say("this divided by the sum over all {vocab} tokens: the probability.", vocab=whole(result.model.vocab_size)),
    )
    yield Term(say("logprob"), say("the natural logarithm of the probability."))
    for at in result.temperatures or ():
        yield Term(
            say("T = {temperature}", temperature=f"{at.temperature:g}"),
            say("the probability if all logits are divided by {temperature} first.", temperature=f"{at.temperature:g}"),
        )


def _idea(result: Logits) -> Iterator[str]:
    softmax = result.softmax
    best = softmax.candidates[0]
    yield say(
        "The logits at position i rate the token at i + 1. So the inner ones can be compared with what stands there, "
        "and only those of the last position, {last}, speak of a token that is not there yet.",
        last=len(result.positions) - 1,
    )
    yield say(
        "Softmax: '{token}' has the logit {logit}. e^({logit} - {largest}) = {exp}, divided by {sum} that is {prob}. "
        "Of two tokens the one whose logit is larger by 1 is 2.718 times as probable.",
        token=visible(best),
        logit=decimal(best.logit),
        largest=decimal(softmax.largest_logit),
        exp=decimal(best.exp, 4),
        sum=decimal(softmax.sum_exp, 4),
        prob=percent(best.prob),
    )
    yield say(
        "The logprob is the logit less the logarithm of the sum of e^logit over all tokens, {log_sum_exp} here. The "
        "entropy, {entropy} bits, is how unsure the model is: as if 2^{entropy} tokens were equally probable.",
        log_sum_exp=decimal(softmax.log_sum_exp),
        entropy=decimal(softmax.entropy_bits, 2),
    )
    yield from _filters(result)


def _filters(result: Logits) -> Iterator[str]:
    for at, candidate in ((at, at.candidates[0]) for at in result.temperatures or ()):
        yield say(
            "At temperature {temperature} '{token}' has {prob}, and the entropy is {entropy} bits.",
            temperature=f"{at.temperature:g}",
            token=visible(candidate),
            prob=percent(candidate.prob_at_temperature),
            entropy=decimal(at.entropy_bits, 2),
        )
    if result.options["sample_top_k"] is not None:
        yield say_n(
            "{option} 1 then leaves the token with the largest logit alone.",
            "{option} {n} then leaves the {n} tokens with the largest logits.",
            n=result.options["sample_top_k"],
            option=Option("sample_top_k").on_command_line(),
        )
    if result.options["top_p"] is not None:
        yield say(
            "{option} {share} then leaves the most probable ones, as few as together reach {share} (the nucleus).",
            option=Option("top_p").on_command_line(),
            share=result.options["top_p"],
        )
    if result.options["sample_top_k"] is not None or result.options["top_p"] is not None:
        yield say("Those that are left are scaled to make up 100%; that is what stands right of the arrow.")


def _code(result: Logits) -> Iterator[str]:
    warpers = []
    if result.options["sample_top_k"] is not None:
        warpers.append(f"TopKLogitsWarper({result.options['sample_top_k']})")
    if result.options["top_p"] is not None:
        warpers.append(f"TopPLogitsWarper({result.options['top_p']})")
    yield from code.up_to_ids(result, result.prompt, *map(code.class_of, warpers))
    yield "logits = model(ids).logits[0].double()  # " + say("(tokens, vocabulary)")
    yield "print(tokenizer.convert_ids_to_tokens(logits.argmax(-1).tolist()))"
    yield f"one = logits[{result.position}]"
    yield f"print(one.softmax(-1).topk({len(result.softmax.candidates)}), one.logsumexp(-1).item())"
    if result.temperatures is None:
        return
    yield f"for temperature in {[at.temperature for at in result.temperatures]}:"
    yield "    scores = one[None] / temperature"
    for warper in warpers:
        yield f"    scores = {warper}(ids, scores)"
    yield "    probs = scores.softmax(-1)[0]"
    yield f"    print(temperature, probs.topk({len(result.softmax.candidates)}).values.tolist())"
