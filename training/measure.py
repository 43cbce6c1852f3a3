"""The measure of every model here: nats per token, and bits per byte and per character of the held-out documents.

Each document stands on its own. The model is given `<|endoftext|>` and then predicts every token of the document and
the closing `<|endoftext|>`. Nats per token can be compared only between models that share a tokenizer; bits per byte
divides by the UTF-8 bytes of the documents' text, so it can be compared between any two models. So can bits per
character, which divides by Unicode's code points: a Chinese character has three bytes.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from corpus import Document


@dataclass
class Tally:
    """What a model needed for some documents. `tokens` counts the predicted tokens, the closing ones among them."""

    documents: int = 0
    bytes: int = 0
    characters: int = 0
    tokens: int = 0
    nats: float = 0.0

    def add(self, document: Document, tokens: int, nats: float) -> None:
        self.documents += 1
        self.bytes += len(document.text.encode())
        self.characters += len(document.text)
        self.tokens += tokens
        self.nats += nats

    @property
    def nats_per_token(self) -> float:
        return self.nats / self.tokens

    @property
    def bits_per_byte(self) -> float:
        return self.nats / math.log(2) / self.bytes

    @property
    def bits_per_character(self) -> float:
        return self.nats / math.log(2) / self.characters

    def to_dict(self) -> dict[str, float]:
        return {
            "documents": self.documents,
            "bytes": self.bytes,
            "characters": self.characters,
            "tokens": self.tokens,
            "nats_per_token": round(self.nats_per_token, 6),
            "bits_per_byte": round(self.bits_per_byte, 6),
            "bits_per_character": round(self.bits_per_character, 6),
        }


@dataclass
class Measurement:
    """One model's tally in total and for each source."""

    model: str
    total: Tally
    sources: dict[str, Tally]

    def to_dict(self) -> dict:
        sources = {source: tally.to_dict() for source, tally in self.sources.items()}
        return {"model": self.model, "total": self.total.to_dict(), "sources": sources}


def measure(model: str, documents: Iterable[Document], scores: Iterable[tuple[int, float]]) -> Measurement:
    """Add up each document's (predicted tokens, nats)."""
    result = Measurement(model, Tally(), {})
    for document, (tokens, nats) in zip(documents, scores, strict=True):
        result.total.add(document, tokens, nats)
        result.sources.setdefault(document.source, Tally()).add(document, tokens, nats)
    if not result.total.documents:
        raise SystemExit("error: no document is held out, so there is nothing to measure")
    return result


def to_markdown(measurement: Measurement) -> str:
    """A table with one row for each source and one for the total."""
    rows = [*measurement.sources.items(), ("**total**", measurement.total)]
    lines = [
        "| source | documents | bytes | characters | tokens | nats per token | bits per byte | bits per character |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {name} | {tally.documents} | {tally.bytes} | {tally.characters} | {tally.tokens} "
        f"| {tally.nats_per_token:.4f} | {tally.bits_per_byte:.4f} | {tally.bits_per_character:.4f} |"
        for name, tally in rows
    ]
    return "\n".join(lines)


def write_json(path: Path, measurements: list[Measurement], held_out_percent: float) -> None:
    content = {"held_out_percent": held_out_percent, "measurements": [each.to_dict() for each in measurements]}
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
