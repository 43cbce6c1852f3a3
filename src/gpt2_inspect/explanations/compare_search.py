"""`compare-search` in words."""

from collections.abc import Iterator

from ..messages import say, say_n
from ..render.formats import Page
from ..render.views import decimal, visible
from ..render.views.compare_search import columns_of_tree, ends_differ
from ..results.compare_search import CompareSearch
from . import transformers_code as code
from .parts import Explanation, Term, e_to_the, steps, tokens


def explain(result: CompareSearch, page: Page) -> Explanation:
    """What both searches do, and why they part."""
    return Explanation(
        tuple(_asked(result)),
        tuple(_columns(result, page)),
        tuple(_idea(result)),
        tuple(_code(result)),
        ("greedy", "beam-search", "perplexity", "sampling", "max-length"),
    )


def _asked(result: CompareSearch) -> Iterator[str]:
    yield say(
        "How does the text, {tokens}, go on for {steps}? Greedy search takes the most probable token each time.",
        tokens=tokens(len(result.prompt.tokens)),
        steps=steps(result.search["steps"]),
    )
    yield say_n(
        "Beam search with {n} beam keeps one text, as greedy search does.",
        "Beam search keeps the {n} most probable texts (beams), extends all of them, and keeps the best {n} of those "
        "again.",
        n=result.search["num_beams"],
    )


def _columns(result: CompareSearch, page: Page) -> Iterator[Term]:
    yield Term(say("search"), say("which of the two found it; the best beams first."))
    yield Term(say("logprob"), say("of the tokens that were added, together."))
    yield Term(say("tokens"), say("how many were added."))
    yield Term(say("score"), say("what the beams are ranked by: the logprob, made comparable for texts of any length."))
    if ends_differ(result):
        yield Term(say("end"), say("length: all steps were taken; eos: the last token ends a text."))
    yield Term(say("text"), say("what was added."))
    if page.tree:
        yield from _columns_of_tree(result)


def _columns_of_tree(result: CompareSearch) -> Iterator[Term]:
    running, ended = columns_of_tree(result)
    yield Term(say("step"), say("counts the tokens that are added, from 1."))
    yield Term(
        say("beam 0") if running == 1 else say("beam 0 to {last}", last=running - 1),
        say(
            "the texts that go on, the best first: the beam of the step before that is extended, the token, and the "
            "logprobs of all tokens up to there together."
        ),
    )
    if ended:
        yield Term(
            say("ended"),
            say("one that ended here, with its score: a result, or displaced if enough better ones ended later."),
        )
    yield Term(say("pruned"), say("the best one that did not go on; greedy search's own, if that is among them."))


def _idea(result: CompareSearch) -> Iterator[str]:
    greedy, best = result.greedy, result.beams[0]
    yield say(
        "The probability of a text is the product of those of its tokens, so the logprobs add up. The best first step "
        "need not begin the best text, and greedy search cannot go back. Beam search looks further, though not "
        "everywhere."
    )
    if result.first_divergence is None:
        yield say("Here both found the same: {logprob} nats.", logprob=decimal(greedy.logprob))
    else:
        yield say(
            "Here they part at step {step}: greedy search takes '{greedy}', the best beam '{beam}'. In the end greedy "
            "search has {greedy_logprob} and the best beam {beam_logprob}: the latter's text is e^{gap} = {times} "
            "times as probable.",
            step=result.first_divergence,
            greedy=_token(result, greedy.token_ids, result.first_divergence),
            beam=_token(result, best.token_ids, result.first_divergence),
            greedy_logprob=decimal(greedy.logprob),
            beam_logprob=decimal(best.logprob),
            gap=decimal(best.logprob - greedy.logprob),
            times=e_to_the(best.logprob - greedy.logprob),
        )
    yield say(
        "Every token makes a logprob smaller, so long texts would lose. The score is logprob / tokens ^ {penalty}: "
        "for the best beam {logprob} / {tokens}^{penalty} = {score}.",
        penalty=f"{result.search['length_penalty']:g}",
        logprob=decimal(best.logprob),
        tokens=len(best.token_ids),
        score=decimal(best.score),
    )


def _token(result: CompareSearch, token_ids: tuple[int, ...], step: int) -> str:
    """The token of a text that was added in this step."""
    considered = {candidate.id: candidate for candidate in result.tree[step - 1].candidates}
    found = considered.get(token_ids[step - 1])
    return say("token {id}", id=token_ids[step - 1]) if found is None else visible(found)


def _code(result: CompareSearch) -> Iterator[str]:
    beams, length = result.search["num_beams"], len(result.prompt.tokens)
    yield from code.up_to_ids(result, result.prompt)
    count = f"max_new_tokens={result.search['steps']}"
    yield f"settings = dict(attention_mask=torch.ones_like(ids), do_sample=False, {count})"
    yield "greedy = model.generate(ids, **settings)"
    yield f"print(tokenizer.decode(greedy[0, {length}:]))"
    if beams == 1:
        return
    penalty = f"length_penalty={result.search['length_penalty']}"
    yield f"settings |= dict(num_beams={beams}, num_return_sequences={beams}, {penalty})"
    yield "settings |= dict(return_dict_in_generate=True, output_scores=True)"
    yield "found = model.generate(ids, **settings)"
    yield "for beam, score in zip(found.sequences, found.sequences_scores.tolist()):"
    yield f"    print(score, tokenizer.decode(beam[{length}:]))"
