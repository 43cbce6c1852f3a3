"""Measure a model's nats per token and bits per byte on the held-out documents, from the files that are shipped.

    python training/evaluate.py MODEL_DIR CORPUS_FOLDER

measure.py says what is scored. A document longer than the context is read through a window that moves on by half the
context, so that each token is predicted from at least half a context of tokens, or from all that precede it.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from corpus import split_corpus
from measure import measure, to_markdown, write_json

# Inputs in one batch. The logits (tokens, V) in float32 are the largest array: 134 MB for 8192 ids.
TOKENS_PER_BATCH = 4096


@dataclass(frozen=True)
class Window:
    """A stretch of one document. Its first `skip` targets were scored in the window before."""

    document: int
    ids: list[int]  # inputs and, one further, their targets: at most n_positions + 1
    skip: int

    def __len__(self) -> int:
        return len(self.ids) - 1


def windows(document: int, ids: list[int], n_positions: int) -> Iterator[Window]:
    """Cover `ids` so that every one but the first is a scored target exactly once."""
    scored, start = 0, 0
    while scored < len(ids) - 1:
        end = min(start + n_positions, len(ids) - 1)
        yield Window(document, ids[start : end + 1], skip=scored - start)
        scored, start = end, start + n_positions // 2


def batches(every: list[Window]) -> Iterator[list[Window]]:
    """Windows of similar length together, so that little of a batch is padding."""
    batch: list[Window] = []
    for window in sorted(every, key=len, reverse=True):
        if batch and (len(batch) + 1) * len(batch[0]) > TOKENS_PER_BATCH:
            yield batch
            batch = []
        batch.append(window)
    if batch:
        yield batch


@torch.inference_mode()
def window_nats(model: PreTrainedModel, batch: list[Window]) -> list[float]:
    """The cost of each window's scored targets."""
    longest = max(map(len, batch))
    # A causal model never looks to the right, so what pads the end of a row changes nothing before it.
    ids = torch.tensor([window.ids + [0] * (longest - len(window)) for window in batch])  # (B, T + 1)
    logits = model(input_ids=ids[:, :-1], use_cache=False).logits  # (B, T, V)
    costs = cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none").view(len(batch), longest)
    return [row[window.skip : len(window)].double().sum().item() for row, window in zip(costs, batch, strict=True)]


def document_nats(model: PreTrainedModel, documents: list[list[int]]) -> list[float]:
    """The cost of each document, given as ids from the opening to the closing `<|endoftext|>`."""
    every = [w for index, ids in enumerate(documents) for w in windows(index, ids, model.config.n_positions)]
    nats = [0.0] * len(documents)
    for batch in batches(every):
        for window, cost in zip(batch, window_nats(model, batch), strict=True):
            nats[window.document] += cost
    return nats


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="folder that export.py has written")
    parser.add_argument("corpus", type=Path, help="folder of *.txt files")
    parser.add_argument("--held-out-percent", type=float, default=2.0)
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    arguments = parser.parse_args(argv)

    model = AutoModelForCausalLM.from_pretrained(arguments.model, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    _, documents = split_corpus(arguments.corpus, arguments.held_out_percent)
    # verbose=False: a document longer than the context is no mistake here.
    encoded = tokenizer([document.text for document in documents], verbose=False).input_ids
    token_ids = [[tokenizer.bos_token_id, *ids, tokenizer.eos_token_id] for ids in encoded]
    nats = document_nats(model, token_ids)

    scores = [(len(ids) - 1, cost) for ids, cost in zip(token_ids, nats, strict=True)]
    measurement = measure(arguments.model.resolve().name, documents, scores)
    print(to_markdown(measurement))
    if arguments.json:
        write_json(arguments.json, [measurement], arguments.held_out_percent)


if __name__ == "__main__":
    main()
