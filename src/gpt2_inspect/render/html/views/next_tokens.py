"""The page of `next-tokens`: the text in pieces, and behind each new one the candidates that it was taken from."""

from collections.abc import Sequence

from markupsafe import Markup

from ....messages import say
from ....results import Candidate, SampledCandidate
from ....results.next_tokens import NextTokens, Step
from ...sections import Facts, Passage, Section
from ...signs import signs
from ...views import decimal, percent, visible
from ..fill import opacity
from ..pieces import Bar, Panel, Piece, explorer, given


def arrange(result: NextTokens, sections: Sequence[Section], id_: str) -> list[Section | Markup]:
    """The pieces and their panels; the table of all steps below."""
    sampled = result.decoding.strategy == "sample"
    pieces = [given(token) for token in result.prompt.tokens]
    pieces += [_piece(step) for step in result.steps]
    drawn = explorer(
        id_,
        pieces,
        [_panel(step) for step in result.steps],
        hint=say("Each framed token was added by the model. Choose one to see what it was taken from."),
        legend=(say("unlikely"), say("likely")),
        caption=say("what could come next; {mark} is what was taken", mark=signs().chosen),
        headings=[say("token"), say("rank"), say("probability"), *([say("after filters")] if sampled else [])],
        note=say("the plain bar is the model's probability, the hatched one that after temperature and filters")
        if sampled
        else "",
        opened=str(result.steps[0].step),
    )
    facts = [section for section in sections if isinstance(section, Facts)]
    others = [section for section in sections if not isinstance(section, Facts)]
    passages = [section for section in others if isinstance(section, Passage)]
    tables = [section for section in others if not isinstance(section, Passage)]
    return [drawn, *passages, *tables, *facts]


def _final(candidate: Candidate) -> float:
    return candidate.prob_final if isinstance(candidate, SampledCandidate) else candidate.prob


def _piece(step: Step) -> Piece:
    prob = _final(step.chosen)
    return Piece(visible(step.chosen), str(step.step), opacity(prob), percent(prob))


def _panel(step: Step) -> Panel:
    listed = list(step.top_logprobs)
    if all(candidate.id != step.chosen.id for candidate in listed):
        listed.append(step.chosen)
    return Panel(
        str(step.step),
        say("step {step}: {token}", step=step.step, token=visible(step.chosen)),
        say(
            "entropy {bits} bits: as unsure as between {choices} tokens that are equally likely",
            bits=decimal(step.entropy_bits, 2),
            choices=f"{2**step.entropy_bits:.3g}",
        ),
        [_bar(candidate, taken=candidate.id == step.chosen.id) for candidate in listed],
    )


def _bar(candidate: Candidate, *, taken: bool) -> Bar:
    numbers: tuple[str, ...] = (str(candidate.rank), percent(candidate.prob))
    bars: tuple[float, ...] = (candidate.prob,)
    if isinstance(candidate, SampledCandidate):
        numbers += (percent(candidate.prob_final) if candidate.kept else say("cut"),)
        bars += (candidate.prob_final,)
    mark = f" {signs().chosen}" if taken else ""
    return Bar(f"{visible(candidate)}{mark}", numbers, bars, taken)
