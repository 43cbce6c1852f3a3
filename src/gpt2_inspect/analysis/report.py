"""All questions about one text, asked of one loaded model. That about transformers' classes, which needs torch, is not
among them.
"""

from ..results.report import Report
from .argsort import DecodeArgmaxQuestion
from .attention import AttentionQuestion
from .compare_search import CompareSearchQuestion
from .drawn import all_states_fit, all_weights_fit
from .embeddings import EmbeddingsQuestion
from .encode import EncodeQuestion
from .hidden_states import HiddenStatesQuestion
from .logits import LogitsQuestion
from .next_tokens import NextTokensQuestion
from .question import LoadedModel
from .score import ScoreQuestion

LENS_TOP_K = 3
"""Candidates of each state at each position."""


def report(model: LoadedModel, asked: str, *, steps: int = 10) -> Report:
    """Ask them all, with as many steps where there are steps. Of a long text attention and lens are of one position.

    Raises what the questions do.
    """
    next_tokens = NextTokensQuestion(steps=steps).answer(model, asked)  # first: its limits are the narrowest
    n_tokens = len(next_tokens.prompt.tokens)
    rows, every = all_weights_fit(model.info, n_tokens), all_states_fit(model.info, n_tokens)
    lens = HiddenStatesQuestion(lens=True, every_position=every, top_k=LENS_TOP_K)
    return Report(
        text=asked,
        next_tokens=next_tokens,
        score=ScoreQuestion().answer(model, asked),
        logits=LogitsQuestion().answer(model, asked),
        attention=AttentionQuestion(rows=rows).answer(model, asked),
        hidden_states=lens.answer(model, asked),
        compare_search=CompareSearchQuestion(steps=steps).answer(model, asked),
        embeddings=EmbeddingsQuestion().answer(model, asked),
        encode=EncodeQuestion().answer(model, asked),
        decode=DecodeArgmaxQuestion().answer(model, asked),
        model=model.info,
    )
