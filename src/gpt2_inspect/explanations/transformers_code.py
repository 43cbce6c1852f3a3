"""The lines of Python that compute with transformers what a run computed: its model, its text, its precision."""

from collections.abc import Sequence

from ..results import Prompt, Result
from ..results.next_tokens import Decoding

CAUSAL_LM = "AutoModelForCausalLM"
TOKENIZER = "AutoTokenizer"


def opening(result: Result, names: Sequence[str], *, torch: bool = True, standard: Sequence[str] = ()) -> list[str]:
    """The imports of these names out of transformers, and `name`: what from_pretrained takes.

    Args:
        result: whose model it is.
        names: of classes in transformers.
        torch: whether it is needed by itself.
        standard: names of modules of Python's own.
    """
    return [*imports([result], names, torch=torch, standard=standard), name(result)]


def imports(
    results: Sequence[Result], names: Sequence[str], *, torch: bool = True, standard: Sequence[str] = ()
) -> list[str]:
    """Those of `opening`, for the models of all these results."""
    return [
        *(f"import {module}" for module in standard),
        *(["from importlib.resources import files"] if any(map(_bundled, results)) else []),
        *(["import torch"] if torch else []),
        f"from transformers import {', '.join(sorted(names))}",
    ]


def name(result: Result) -> str:
    """`name`: what from_pretrained takes."""
    if _bundled(result):
        return f'name = str(files("gpt2_inspect") / "data" / "{result.model.name}")'
    return f"name = {result.model.name!r}"


def _bundled(result: Result) -> bool:
    return result.model.source == "bundled"


def load_tokenizer(result: Result) -> str:
    """`tokenizer`."""
    return f"tokenizer = {TOKENIZER}.from_pretrained(name{_revision(result)})"


def load_model(result: Result, auto_class: str = CAUSAL_LM, *, name: str = "model", options: str = "") -> str:
    """`model`, in the precision and on the device of the run."""
    run = result.run
    device = "" if run.device == "cpu" else f".to({run.device!r})"
    return f"{name} = {auto_class}.from_pretrained(name, dtype=torch.{run.dtype}{options}{_revision(result)}){device}"


def encode(text: str) -> str:
    """The token ids of a text. Some tokenizers would put tokens around it that a GPT-2 does not know."""
    return f"tokenizer.encode({text!r}, add_special_tokens=False)"


def prompt_ids(result: Result, prompt: Prompt) -> str:
    """`ids`, (1, T): what the model read."""
    encoded = encode(prompt.text)
    if prompt.bos_added:
        first = prompt.tokens[0].id
        encoded = f"[{first}]" if len(prompt.tokens) == 1 else f"[{first}, *{encoded}]"
    elif prompt.tokens_dropped:
        encoded += f"[{prompt.tokens_dropped}:]"
    device = "" if result.run.device == "cpu" else f", device={result.run.device!r}"
    return f"ids = torch.tensor([{encoded}]{device})"


def up_to_ids(
    result: Result, prompt: Prompt, *names: str, options: str = "", standard: Sequence[str] = ()
) -> list[str]:
    """All that stands before the first forward pass; `names` are needed beside model and tokenizer."""
    return [
        *opening(result, (CAUSAL_LM, TOKENIZER, *names), standard=standard),
        load_tokenizer(result),
        load_model(result, options=options),
        prompt_ids(result, prompt),
    ]


def warpers(decoding: Decoding) -> list[str]:
    """What temperature and filters are in transformers, in the order in which they are applied; none if nothing is
    drawn."""
    if decoding.strategy != "sample":
        return []
    made = [f"TemperatureLogitsWarper({decoding.temperature})"]
    made += [] if decoding.sample_top_k is None else [f"TopKLogitsWarper({decoding.sample_top_k})"]
    return made + ([] if decoding.top_p is None else [f"TopPLogitsWarper({decoding.top_p})"])


def class_of(made: str) -> str:
    """The name of the class of what a line makes."""
    return made.partition("(")[0]


def widened(result: Result) -> str:
    """Behind logits: probabilities are computed in float32 at least."""
    return "" if result.run.dtype == "float32" else ".float()"


def _revision(result: Result) -> str:
    return "" if result.model.revision is None else f", revision={result.model.revision!r}"
