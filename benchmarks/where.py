"""Where the time of the short workload goes, stage by stage and import by import.

    python benchmarks/where.py [--rounds 10]

Each round is a fresh process that runs stages.py. Two more tables: the imports by package as `-X importtime` sees
them, and the two forms in which a tokenizer can be stored.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median

from make_checkpoint import FOLDER, make_model
from run import MODEL, OURS, ROOT, environment

ARGUMENTS = ("next-tokens", "hello,how are you", "--model", MODEL, "--steps", "10", "--top-k", "5", "--ignore-eos")

STAGES = str(Path(__file__).parent / "stages.py")

Stages = dict[str, float]
"""Milliseconds, in the order in which they passed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    make_model()
    one_round()  # warms the page cache and writes the byte code
    show("stage", medians([one_round() for _ in range(rounds)]))
    show("import, -X importtime, self, by package", medians([import_times() for _ in range(rounds)]), most=12)
    show("tokenizer from", medians([tokenizer_times() for _ in range(rounds)]), total=False)


def one_round() -> Stages:
    """The stages of one process. Both sides read the same clock, so the start and the exit are seen as well."""
    started = time.perf_counter()
    process = subprocess.run(
        [sys.executable, STAGES, *ARGUMENTS], cwd=ROOT, env=environment(), capture_output=True, check=True
    )
    ended = time.perf_counter()
    inside = json.loads(process.stderr.splitlines()[-1])
    return {
        "interpreter start": 1000 * (inside["began"] - started),
        **inside["stages"],
        "interpreter exit": 1000 * (ended - inside["done"]),
    }


def import_times() -> Stages:
    """Time in the imports of one run of the command itself, by the package that they belong to."""
    command = [sys.executable, "-X", "importtime", *OURS, *ARGUMENTS]
    process = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=True)
    by_package: Counter[str] = Counter()
    for line in process.stderr.splitlines():
        if line.startswith("import time:") and "|" in line and "self" not in line:
            microseconds, _, name = line.removeprefix("import time:").split("|")
            by_package[name.strip().partition(".")[0]] += int(microseconds) / 1000
    return by_package


def tokenizer_times() -> Stages:
    """One load of each form, from folders that hold nothing else."""
    sys.path.insert(0, str(ROOT / "src"))
    from gpt2_inspect.checkpoint.tokenizer_files import load_tokenizer

    forms = {"tokenizer.json": ["tokenizer.json"], "vocab.json, merges.txt": ["vocab.json", "merges.txt"]}
    taken = {}
    for form, names in forms.items():
        with tempfile.TemporaryDirectory() as folder:
            for name in names:
                (Path(folder) / name).symlink_to(FOLDER / name)
            started = time.perf_counter()
            load_tokenizer(Path(folder))
            taken[form] = 1000 * (time.perf_counter() - started)
    return taken


def medians(rounds: list[Stages]) -> Stages:
    """The median of each stage."""
    return {stage: median(stages.get(stage, 0) for stages in rounds) for stage in rounds[0]}


def show(heading: str, stages: Stages, most: int | None = None, total: bool = True) -> None:
    """A table; with `most` only the largest, largest first."""
    whole = sum(stages.values())
    print(f"\n{heading:42} {'ms':>8}" + "      part" * total)
    rows = list(stages.items()) if most is None else Counter(stages).most_common(most)
    for stage, taken in rows + [("together", whole)] * total:
        print(f"{stage:42} {taken:8.1f}" + f" {100 * taken / whole:8.1f}%" * total)


if __name__ == "__main__":
    main()
