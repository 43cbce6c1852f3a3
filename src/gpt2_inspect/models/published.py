"""What others have published about the real gpt2 (124M), and wrote down with the code that computed it.

Each fact names the repository, the commit and the file that it was copied from.
"""

from typing import NamedTuple

END_OF_TEXT = "<|endoftext|>"


class PublishedText(NamedTuple):
    """How probable the tokens of a text are."""

    text: str
    bos: bool
    """Whether an end of text stands before it, so that its first token is rated too."""
    token_ids: tuple[int, ...]
    """Of the tokens that are rated."""
    values: tuple[float, ...]
    bits: bool
    """True if the values are surprisals in bits; else they are logprobs in nats."""
    source: str


class PublishedCompletion(NamedTuple):
    """What greedy search takes after a text."""

    text: str
    token_ids: tuple[int, ...]
    source: str


_LM_SCORER = "simonepri/lm-scorer, 2b395ce13b3db6945335e7724d2f592da668bf53, tests/unit/models/test_gpt2.py"

TEXTS = (
    PublishedText(
        f"Hello World!{END_OF_TEXT}",
        True,
        (15496, 2159, 0, 50256),
        (-8.293975830078125, -5.755699157714844, -1.4748573303222656, -6.430915832519531),
        bits=False,
        source=_LM_SCORER,
    ),
    PublishedText(
        f"The sky is blue today.{END_OF_TEXT}",
        True,
        (464, 6766, 318, 4171, 1909, 13, 50256),
        (
            *(-3.2780990600585938, -8.624397277832031, -1.1694717407226562, -2.7195663452148438),
            *(-4.5889739990234375, -1.297027587890625, -5.4553375244140625),
        ),
        bits=False,
        source=_LM_SCORER,
    ),
    PublishedText(
        "The key to the cabinets",
        False,
        (1994, 284, 262, 43064),
        (10.35491943359375, 2.019094467163086, 3.7583045959472656, 21.04239845275879),
        bits=True,
        source="tmalsburg/llm_surprisal, 514f5608eb6b4083ca6579612e9522b6a5c4be9f, README.org",
    ),
)

COMPLETIONS = (
    PublishedCompletion(
        "The dog",
        (373, 1043, 287, 257, 2214, 1474, 262, 16246, 286, 2688, 290, 2688, 27262, 13, 198, 198, 464, 3290),
        source=(
            "huggingface/transformers, 031e0ac81793a27f2466ca34972846ee592c5406, "
            "tests/models/gpt2/test_modeling_gpt2.py"
        ),
    ),
)
