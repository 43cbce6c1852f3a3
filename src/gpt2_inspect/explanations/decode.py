"""`decode` in words: of ids that were given, and of the one at which the logits are largest."""

from collections.abc import Iterator

from ..messages import say, say_n
from ..render.formats import Page
from ..render.views import decimal, percent, visible
from ..results import Candidate
from ..results.decode import Decode
from . import transformers_code as code
from .parts import Explanation, Term, tokens, whole


def explain(result: Decode, page: Page) -> Explanation:
    """What ids are, or why an index is decoded and not a logit."""
    if result.argmax is not None and result.argsort is not None:
        return Explanation(
            (_asked_about_logits(result),),
            tuple(_order_columns()),
            tuple(_order_idea(result, result.argmax, result.argsort.descending)),
            tuple(_order_code(result)),
            ("logits", "softmax", "greedy", "tokenizer"),
        )
    return Explanation(
        (
            say_n(
                "Which text does the id make? It is looked up in the vocabulary; no model runs.",
                "Which text do the {n} ids make? Each is looked up in the vocabulary; no model runs.",
                n=len(result.tokens),
            ),
        ),
        tuple(_id_columns(result)),
        tuple(_id_idea(result)),
        tuple(_id_code(result)),
        ("tokenizer", "embeddings", "end-of-text"),
    )


def _id_columns(result: Decode) -> Iterator[Term]:
    yield Term(say("index"), say("counts the ids, from 0."))
    yield Term(
        say("id"), say("the token's number in the vocabulary, 0 to {last}.", last=whole(result.model.vocab_size - 1))
    )
    yield Term(say("token"), say("its text; a byte that is no character by itself is shown as \\x and its value."))
    yield Term(say("bytes"), say("the same exactly, as hexadecimal numbers."))
    yield Term(say("whole UTF-8"), say("whether it can be read without its neighbours."))


def _id_idea(result: Decode) -> Iterator[str]:
    yield say("Each token stands for a few bytes. They are put together first and read as UTF-8 then.")
    part = next((token for token in result.tokens if not token.complete_utf8), None)
    if part is not None:
        yield say(
            "That is why '{token}' can stand here: it is a part of a character, and others must give the rest. Where "
            "they do not, the text has U+FFFD.",
            token=visible(part),
        )
    if result.options["skip_special_tokens"]:
        yield say(
            "Tokens that are no text, such as <|endoftext|>, are left out of the text, though not out of the table."
        )


def _id_code(result: Decode) -> Iterator[str]:
    yield from code.opening(result, [code.TOKENIZER], torch=False)
    yield code.load_tokenizer(result)
    yield f"ids = {[token.id for token in result.tokens]}"
    yield "print(tokenizer.convert_ids_to_tokens(ids))"
    skip = ", skip_special_tokens=True" if result.options["skip_special_tokens"] else ""
    yield f"print(tokenizer.decode(ids{skip}))"


def _asked_about_logits(result: Decode) -> str:
    assert result.prompt is not None
    return say(
        "Which token comes next after the {tokens} of the text, and how does one get from the model's numbers to it?",
        tokens=tokens(len(result.prompt.tokens)),
    )


def _order_columns() -> Iterator[Term]:
    yield Term(say("rank"), say("the place in the order of the logits; 1 is the largest."))
    yield Term(say("id"), say("where in the list of logits it stands, which is the token's id."))
    yield Term(say("token"), say("the token that has this id."))
    yield Term(say("logit"), say("the model's number for it."))
    yield Term(say("prob"), say("the softmax of the logit over the whole vocabulary."))


def _order_idea(result: Decode, argmax: Candidate, descending: tuple[Candidate, ...]) -> Iterator[str]:
    yield say(
        "max gives a number, argmax the index where it stands: {id}. A tokenizer knows ids and no logits, so the "
        "index is decoded: '{token}'. argsort gives all indices in the order of their logits; its last is the argmax.",
        id=argmax.id,
        token=visible(argmax),
    )
    worst = descending[-1]
    if worst.id != argmax.id:
        yield say(
            "Softmax keeps the order, so the most probable token is the argmax too: {logit} becomes {prob}. Only "
            "differences of logits count: to the smallest, {worst}, it is {gap}, and e^{gap} is how many times as "
            "probable '{token}' is.",
            logit=decimal(argmax.logit),
            prob=percent(argmax.prob),
            worst=decimal(worst.logit),
            gap=decimal(argmax.logit - worst.logit),
            token=visible(argmax),
        )


def _order_code(result: Decode) -> Iterator[str]:
    assert result.prompt is not None
    yield from code.up_to_ids(result, result.prompt)
    yield f"logits = model(ids).logits[0, -1]{code.widened(result)}"
    yield "print(logits.max().item(), logits.argmax().item(), tokenizer.decode(logits.argmax()))"
    yield "order = logits.argsort()"
    yield "print(order.tolist()[:3], order.tolist()[-3:])"
