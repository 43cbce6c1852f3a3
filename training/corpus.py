"""The text a model is trained on: a folder of files, documents separated by a line `<|endoftext|>`.

The held-out split is decided by a hash of each document, so it depends on neither the order of the files nor on
which other documents are there, and the tokenizer, the model and the evaluation all see the same one.
"""

import argparse
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

END_OF_TEXT = "<|endoftext|>"


@dataclass(frozen=True)
class Document:
    """One story or conversation. `source` is the stem of the file that it comes from."""

    source: str
    text: str


def read_corpus(folder: Path) -> list[Document]:
    """Every document of every `*.txt` in `folder`, in the order of the file names."""
    files = sorted(folder.glob("*.txt"))
    documents = [Document(file.stem, text) for file in files for text in _split_documents(file)]
    if not documents:
        raise SystemExit(f"error: no documents in {folder} (expected *.txt files)")
    return documents


def _split_documents(file: Path) -> Iterator[str]:
    for part in file.read_text(encoding="utf-8").split(f"{END_OF_TEXT}\n"):
        if text := part.removesuffix(END_OF_TEXT).strip("\n"):
            yield text


def is_held_out(document: Document, percent: float) -> bool:
    """True for about `percent` of all documents, always the same ones."""
    digest = hashlib.sha256(document.text.encode()).digest()
    return int.from_bytes(digest[:4], "big") < percent / 100 * 2**32


def split_corpus(folder: Path, held_out_percent: float) -> tuple[list[Document], list[Document]]:
    """(training documents, held-out documents)."""
    train, held_out = [], []
    for document in read_corpus(folder):
        (held_out if is_held_out(document, held_out_percent) else train).append(document)
    return train, held_out


def repeat(documents: list[Document], times: dict[str, int]) -> list[Document]:
    """Each document as often as `times` says of its source, once where it says nothing."""
    return [document for document in documents for _ in range(times.get(document.source, 1))]


def add_repeat_option(parser: argparse.ArgumentParser) -> None:
    """`--repeat SOURCE=TIMES ...`: a source counts by its worth, not by its size."""
    parser.add_argument("--repeat", type=_source_and_times, nargs="+", default=[], metavar="SOURCE=TIMES")


def _source_and_times(text: str) -> tuple[str, int]:
    source, _, times = text.partition("=")
    return source, int(times)
