"""Many texts in one run, beside transformers one by one and in padded batches sorted by length (benchmarks/README.md).

    python benchmarks/many.py [--model FOLDER] [--texts 1000] [--rounds 3] [--only score next-tokens] [--processors N]
                              [--json FILE]

Two workloads: sentences of 10 to 40 tokens scored, with the five best proposals at each token; and the five best next
tokens of as many prompts. Whole processes, from interpreter start to exit, all in turn, on as many threads or worker
processes. What processors they took counts beside the time: it says more on a machine that does other work too. Before
anything is measured, all must find the same numbers for some of the texts.
"""

import argparse
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

from make_checkpoint import FOLDER, make_model
from run import OURS, TOLERANCE, environment

PEERS = {"one by one": 1, "batches of 16": 16, "batches of 32": 32}
CHECKED = 40
"""Texts whose numbers are compared."""

TOP_K = 5


def main() -> None:
    options = _parse_arguments()
    if options.peer:
        _peer(options)
        return
    if options.model == FOLDER:
        make_model(FOLDER, None)
    report = {}
    with tempfile.TemporaryDirectory() as folder:
        texts = Path(folder) / "texts.txt"
        few = Path(folder) / "few.txt"
        lines = _sentences(options.model, options.texts)
        texts.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        few.write_text("".join(f"{line}\n" for line in lines[:CHECKED]), encoding="utf-8")
        for workload in options.only:
            programs = dict(_programs(workload, options))
            _check({name: _numbers(_run([*arguments, str(few)], options)[1]) for name, arguments in programs.items()})
            taken: dict[str, list[Taken]] = {name: [] for name in programs}
            load = os.getloadavg()[0]
            for _ in range(options.rounds):
                for name, arguments in programs.items():
                    taken[name].append(_run([*arguments, str(texts)], options)[0])
            medians = {name: Taken(*map(median, zip(*runs, strict=True))) for name, runs in taken.items()}
            report[workload] = {name: each._asdict() for name, each in medians.items()}
            peers = [each for name, each in medians.items() if name != "gpt2-inspect"]
            least = Taken(*map(min, zip(*peers, strict=True)))
            print(f"{workload}: {options.texts} texts, {options.processors} processors, load {load:.2f} before")
            for name, each in medians.items():
                rate = f"{options.texts / each.wall_s:8.1f} texts/s{least.wall_s / each.wall_s:6.2f} of the best peer"
                cpu = f"{1000 * each.cpu_s / options.texts:8.1f} ms of a processor each{least.cpu_s / each.cpu_s:6.2f}"
                print(f"  {name:28}{rate}{cpu}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


class Taken(NamedTuple):
    """What a run took."""

    wall_s: float
    cpu_s: float
    """Of its processes together, user and system."""


def _programs(workload: str, options: argparse.Namespace) -> Iterator[tuple[str, list[str]]]:
    """The arguments of each, but for the file of texts behind them."""
    model = str(options.model)
    for name, size in PEERS.items():
        yield f"transformers, {name}", [__file__, "--peer", workload, "--batch", str(size), "--model", model, "--input"]
    steps = ["--steps", "1"] if workload == "next-tokens" else []
    workers = ["--workers", str(options.processors)]
    yield "gpt2-inspect", [*OURS, workload, "--model", model, "--json", *steps, *workers, "--input"]


def _run(arguments: list[str], options: argparse.Namespace) -> tuple[Taken, bytes]:
    threads = {"OMP_NUM_THREADS": str(options.processors)}  # of torch; each of our workers has one
    before, started = os.times(), time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], env=environment() | threads, stdout=subprocess.PIPE, check=True)
    wall_s, after = time.perf_counter() - started, os.times()
    cpu_s = after.children_user - before.children_user + after.children_system - before.children_system
    return Taken(wall_s, cpu_s), done.stdout


def _numbers(output: bytes) -> list[list[float]]:
    """Of each text: the logprobs of its tokens, or of the best next ones."""
    found = []
    for line in map(json.loads, output.splitlines()):
        if isinstance(line, list):
            found.append(line)
        elif line["command"] == "score":
            found.append([position["logprob"] for position in line["positions"][1:]])
        else:
            found.append([candidate["logprob"] for candidate in line["steps"][0]["top_logprobs"]])
    return found


def _check(found: dict[str, list[list[float]]]) -> None:
    (first, expected), *others = found.items()
    for name, numbers in others:
        for index, (one, other) in enumerate(zip(expected, numbers, strict=True)):
            pairs = zip(one, other, strict=True)
            if not all(math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=TOLERANCE) for a, b in pairs):
                raise SystemExit(f"error: {first} and {name} differ in text {index}")
    print(f"checked: {' = '.join(found)}", flush=True)


def _sentences(model: Path, count: int) -> list[str]:
    """Of 10 to 40 tokens each, from the vocabulary, as text that is cut into as many again."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    chance = random.Random(0)
    words = [
        text
        for token_id in range(len(tokenizer))
        if (text := tokenizer.decode([token_id])).startswith(" ") and text[1:].isascii() and text[1:].isalpha()
    ] or [" a", " b"]  # of a made-up vocabulary
    sentences: list[str] = []
    while len(sentences) < count:
        text = "".join(chance.choices(words, k=chance.randint(8, 40))).strip()
        if 10 <= len(tokenizer(text).input_ids) <= 40:
            sentences.append(text)
    return sentences


def _peer(options: argparse.Namespace) -> None:
    """transformers, in batches padded on the right and sorted by length; prints a line of logprobs for each text."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(options.model)
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32).eval()
    texts = options.input.read_text(encoding="utf-8").splitlines()
    ids = [tokenizer(text).input_ids for text in texts]
    order = sorted(range(len(ids)), key=lambda index: len(ids[index]))
    found: dict[int, list[float]] = {}
    with torch.inference_mode():
        for first in range(0, len(order), options.batch):
            batch = order[first : first + options.batch]
            longest = max(len(ids[index]) for index in batch)
            padded = torch.tensor([ids[index] + [0] * (longest - len(ids[index])) for index in batch])
            mask = torch.tensor([[1] * len(ids[index]) + [0] * (longest - len(ids[index])) for index in batch])
            if options.peer == "score":
                logprobs = model(padded, attention_mask=mask, use_cache=False).logits.log_softmax(-1)
                logprobs.topk(TOP_K)  # the proposals, which ours lists as well
                own = logprobs[:, :-1].gather(2, padded[:, 1:, None])[:, :, 0]
                for row, index in enumerate(batch):
                    found[index] = own[row, : len(ids[index]) - 1].tolist()
            else:
                hidden = model.transformer(padded, attention_mask=mask, use_cache=False).last_hidden_state
                last = torch.tensor([len(ids[index]) - 1 for index in batch])
                rows = model.lm_head(hidden[torch.arange(len(batch)), last]).log_softmax(-1)
                found |= dict(zip(batch, rows.topk(TOP_K).values.tolist(), strict=True))
    for index in range(len(texts)):
        print(json.dumps(found[index]))


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--model", type=Path, default=FOLDER, help="a folder; by default gpt2's shape, made on the spot"
    )
    parser.add_argument("--texts", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=["score", "next-tokens"], default=["score", "next-tokens"])
    parser.add_argument("--processors", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--peer", choices=["score", "next-tokens"], help=argparse.SUPPRESS)
    parser.add_argument("--batch", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--input", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
