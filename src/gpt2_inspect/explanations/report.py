"""`report` in words."""

from ..messages import say
from ..render.formats import Page
from ..results.report import Report
from . import transformers_code as code
from .parts import Explanation, Term


def explain(result: Report, page: Page) -> Explanation:
    """What the report is; each answer is explained by its own command."""
    return Explanation(
        asked=(say("What does the model make of this text? All questions of the other commands, in one go."),),
        columns=(Term(say("model"), say("what it is and how large; `gpt2-inspect models list` has others.")),),
        idea=(
            say(
                "One text goes through one model, and each part shows another side of that: what it is cut into "
                "(encode), what becomes of that before the first block (embeddings), in the blocks (attention, "
                "hidden-states), behind them (logits), and what can be done with the result (next-tokens, score, "
                "compare-search, decode)."
            ),
            say("--explain after the command of a part explains that part, with its numbers."),
        ),
        code=(
            *code.up_to_ids(result.next_tokens, result.next_tokens.prompt),
            "seen = model(ids, output_hidden_states=True)",
            "print(seen.logits.shape, len(seen.hidden_states), len(seen.past_key_values))",
        ),
        topics=("tokenizer", "embeddings", "attention", "hidden-states", "logits", "softmax"),
    )
