"""The records that commands return. JSON, CSV and tables are all made from these, and so is what Python code gets.

Every record is frozen and holds plain Python values. Units stand in the names: `logprob` is in nats (natural
logarithm), `entropy_bits` in bits, `elapsed_ms` in milliseconds; `prob` is between 0 and 1. Ranks count from 1,
steps from 1, positions, layers and heads from 0.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

SCHEMA_VERSION = 1


class Record:
    """Base of all records: gives `to_dict()`, the form that JSON is written from."""

    def to_dict(self) -> dict[str, Any]:
        """Nested dictionaries, lists and plain values, in the order of the fields; NaN and infinities become None."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}  # type: ignore[arg-type]


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


@dataclass(frozen=True)
class Token(Record):
    """One token of the vocabulary."""

    id: int
    token: str
    """The text of the bytes; U+FFFD where they are not whole UTF-8."""
    bytes: tuple[int, ...]
    """The exact bytes, each 0 to 255."""


@dataclass(frozen=True)
class Candidate(Token):
    """A token that the model ranks as the next one."""

    rank: int
    """From 1. Equal logits are ranked by the lower id."""
    logit: float
    logprob: float
    """Natural logarithm of `prob`, in nats."""
    prob: float
    """The model's own probability: softmax of the logits over the whole vocabulary, before any temperature."""


@dataclass(frozen=True)
class SampledCandidate(Candidate):
    """A candidate under sampling."""

    prob_final: float
    """Its probability after temperature and filters: what was drawn from. 0 if it was filtered out."""
    kept: bool
    """True if it passed the filters."""


@dataclass(frozen=True)
class ModelInfo(Record):
    """Which model answered. The names are those of GPT-2's config.json."""

    name: str
    source: str
    """`bundled`, `directory` or `hub`."""
    revision: str | None
    """The commit in the hub's repository; None for a model that is not from the hub."""
    n_layer: int
    n_head: int
    n_embd: int
    n_positions: int
    vocab_size: int
    parameters: int
    """Number of weights; tied weights count once."""


@dataclass(frozen=True)
class RunInfo(Record):
    """What computed the answer."""

    version: str
    """Of gpt2-inspect."""
    backend: str
    device: str
    dtype: str
    seed: int | None
    """None where nothing was drawn at random."""


@dataclass(frozen=True)
class Prompt(Record):
    """What the model was given."""

    text: str
    """As typed."""
    tokens: tuple[Token, ...]
    """What the model saw: `text` in tokens, after the changes that the next two fields tell of."""
    bos_added: bool
    """True if the prompt was empty, so that `<|endoftext|>` was put in its place."""
    tokens_dropped: int
    """How many of the oldest tokens were cut off to fit the context."""


@dataclass(frozen=True)
class Result(Record):
    """The envelope of every command's result."""

    command: ClassVar[str]
    model: ModelInfo
    run: RunInfo
    prompt: Prompt

    def to_dict(self) -> dict[str, Any]:
        """The JSON document: the schema version and the command's name, then the fields."""
        return {"schema_version": SCHEMA_VERSION, "command": self.command, **super().to_dict()}

    def items(self) -> Sequence[Record]:
        """The parts that make up the result, one a line in the jsonl format."""
        raise NotImplementedError


@dataclass(frozen=True)
class Decoding(Record):
    """How each next token is chosen."""

    strategy: str
    """`greedy` or `sample`."""
    steps: int
    top_k: int
    """How many candidates are listed; no bearing on the choice."""
    temperature: float | None
    """Logits are divided by it; None under greedy decoding, as are the next two."""
    top_p: float | None
    """Only the smallest set of tokens whose probabilities sum to this is drawn from."""
    sample_top_k: int | None
    """Only that many of the most probable tokens are drawn from."""
    ignore_eos: bool


@dataclass(frozen=True)
class Step(Record):
    """One next token: what was known, what the model proposed and what was taken."""

    step: int
    context: str
    """The text before this token: the prompt and what has been added so far."""
    entropy_bits: float
    """Entropy of the model's whole distribution, in bits."""
    elapsed_ms: float
    """Time for the forward pass and the choice."""
    chosen: Candidate
    top_logprobs: tuple[Candidate, ...]
    """The `top_k` best candidates, best first."""


@dataclass(frozen=True)
class Completion(Record):
    """What was added to the prompt."""

    text: str
    token_ids: tuple[int, ...]


@dataclass(frozen=True)
class NextTokens(Result):
    """The result of `next-tokens`."""

    command: ClassVar[str] = "next-tokens"
    decoding: Decoding
    steps: tuple[Step, ...]
    completion: Completion
    finish_reason: str
    """`length`: all steps were taken. `eos`: the last token chosen is `<|endoftext|>`."""

    def items(self) -> Sequence[Step]:
        return self.steps
