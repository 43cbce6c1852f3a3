"""Measure whole processes, from interpreter start to exit, against the notebook's way (benchmarks/README.md).

    python benchmarks/run.py [--only NAME ...] [--programs NAME ...] [--rounds 5] [--neighbours N] [--json FILE]

Each workload's commands run in turn (A B C A B C ...) after a warm-up of each, so that slow minutes of the machine
hit all alike. What is printed is the median of the rounds, and the median of each round's ratio to the first command.
"""

import argparse
import datetime
import json
import math
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from statistics import median

from make_checkpoint import FOLDER, make_model

ROOT = Path(__file__).parent.parent
BENCHMARKS = Path("benchmarks")
MODEL = str(FOLDER)
POCKET = ROOT / "src" / "gpt2_inspect" / "data" / "pocket" / "model.safetensors"
TOLERANCE = 1e-4
"""Of a probability, relative; the same of a log-probability, absolute."""

HEADINGS = ("wall", "least", "user+sys", "wall/1st", "1st/wall", "peak", "peak/1st")

OURS = ("-c", "from gpt2_inspect.cli import main; main()")
"""What the console script `gpt2-inspect` runs."""

TORCH = ("-c", "import torch")

WITH_ONNXRUNTIME = all(find_spec(name) for name in ("onnx", "onnxruntime"))
"""The peer takes part where it is installed, with onnx, which makes its graphs."""


@dataclass(frozen=True)
class Command:
    """Arguments of the interpreter; `checked` tells that it can print what it found as JSON, for comparing."""

    name: str
    arguments: tuple[str, ...]
    checked: bool = True


@dataclass(frozen=True)
class Workload:
    """Commands that do the same job. The first is what the others are measured against."""

    name: str
    title: str
    commands: tuple[Command, ...]
    stdin: Path | None = None


@dataclass(frozen=True)
class Run:
    """One process: what it took."""

    wall_s: float
    cpu_s: float
    peak_mib: float


def _onnxruntime(*options: str) -> tuple[Command, ...]:
    return (Command("onnxruntime", (str(BENCHMARKS / "onnxruntime_peer.py"), *options)),) if WITH_ONNXRUNTIME else ()


def _next_tokens(name: str, text: str, steps: int, stdin: Path | None = None) -> Workload:
    options = (MODEL, text, "--steps", str(steps), "--top-k", "5")
    ours = (*OURS, "next-tokens", text, "--model", MODEL, "--steps", str(steps), "--top-k", "5", "--ignore-eos")
    return Workload(
        name,
        f"{name}: {steps} steps after {'512 tokens' if stdin else '5 tokens'}, top 5",
        (
            Command("reference", (str(BENCHMARKS / "reference.py"), *options)),
            Command("transformers, KV cache", (str(BENCHMARKS / "cached.py"), *options)),
            *_onnxruntime(*options),
            Command("gpt2-inspect", ours),
        ),
        stdin,
    )


WORKLOADS = (
    _next_tokens("short", "hello,how are you", steps=10),
    _next_tokens("long", "-", steps=20, stdin=FOLDER / "text-512.txt"),
    Workload(
        "positions",
        "positions: one forward pass over 1,000 tokens, top 5 at each",
        (
            Command("reference", (str(BENCHMARKS / "reference.py"), MODEL, "-", "--every-position")),
            *_onnxruntime(MODEL, "-", "--every-position"),
            Command("gpt2-inspect", (*OURS, "score", "-", "--model", MODEL, "--top-k", "5")),
        ),
        FOLDER / "text-1000.txt",
    ),
    Workload(
        "pocket",
        "pocket: the command that opens the README, on the bundled model",
        (
            Command("import torch", TORCH, checked=False),
            Command("gpt2-inspect", (*OURS, "next-tokens", "hello,how are you", "-m", "pocket"), checked=False),
        ),
    ),
    Workload(
        "start",
        "start: a command that runs no model",
        (
            Command("import torch", TORCH, checked=False),
            Command("gpt2-inspect --help", (*OURS, "--help"), checked=False),
            Command("gpt2-inspect --version", (*OURS, "--version"), checked=False),
        ),
    ),
)


def main() -> None:
    options = _parse_arguments()
    make_model(FOLDER, options.tokenizer)
    report = {**_circumstances(options), "workloads": {}}
    print("\n".join(f"{name}: {value}" for name, value in report.items() if name != "workloads"))
    if WITH_ONNXRUNTIME:  # its graphs in a process of their own: what this one holds counts in its children's peaks
        run((str(BENCHMARKS / "onnx_graph.py"), MODEL), stdin=None)
    else:
        print("onnxruntime: left out, since it is not installed (benchmarks/requirements.txt)")
    for workload in WORKLOADS:
        if options.only and workload.name not in options.only:
            continue
        print(f"\n{workload.title}", flush=True)
        if workload.name == "pocket" and not POCKET.is_file():
            print("  left out: the package holds no bundled model yet")
            continue
        if options.programs:
            chosen = tuple(command for command in workload.commands if command.name in options.programs)
            workload = replace(workload, commands=chosen)
        check(workload)
        with busy(options.neighbours):
            runs = measure(workload, options.rounds)
        report["workloads"][workload.name] = {"title": workload.title, "commands": summarise(runs)}
        print("\n".join(table(runs)), flush=True)
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


@contextmanager
def busy(neighbours: int) -> Iterator[None]:
    """So many processes that only compute, until the block is left; each could keep one core to itself."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(neighbours)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def measure(workload: Workload, rounds: int) -> dict[str, list[Run]]:
    """The runs of each command, in turn."""
    runs: dict[str, list[Run]] = {command.name: [] for command in workload.commands}
    for command in workload.commands:
        run(command.arguments, workload.stdin)
    for _ in range(rounds):
        for command in workload.commands:
            runs[command.name].append(run(command.arguments, workload.stdin)[0])
    return runs


def run(arguments: tuple[str, ...], stdin: Path | None) -> tuple[Run, bytes]:
    """Run one process to its end, its output through a pipe."""
    with (stdin or Path(os.devnull)).open("rb") as source:
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=environment(),
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        with process.stdout:
            output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"error: exit code {process.returncode} of: python {' '.join(arguments)}")
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return Run(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit), output


def environment() -> dict[str, str]:
    """The package from this checkout, byte code kept as after an installation, no network, nothing else set."""
    ours = ("PYTHONDONTWRITEBYTECODE", "GPT2_INSPECT_MODEL", "COLUMNS")
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return {**kept, "PYTHONPATH": str(ROOT / "src"), "HF_HUB_OFFLINE": "1"}


def check(workload: Workload) -> None:
    """Stop if the commands do not find the same tokens with the same probabilities."""
    found = {
        command.name: list(_rows(json.loads(run((*command.arguments, "--json"), workload.stdin)[1])))
        for command in workload.commands
        if command.checked
    }
    for (first, rows), (second, others) in pairwise(found.items()):
        for step, (row, other) in enumerate(zip(rows, others, strict=True), start=1):
            if not _agree(row, other):
                raise SystemExit(f"error: {first} and {second} differ in step {step}:\n  {row}\n  {other}")
    if found:
        print(f"  checked: {' = '.join(found)}, {sum(map(len, rows))} probabilities", flush=True)


def _rows(found: list | dict) -> Iterator[dict[int, float]]:
    """From token id to probability, for each step or position; from a result of ours or from the reference's list."""
    if isinstance(found, list):
        yield from map(dict, found)
        return
    if found["command"] == "score":
        listed = [position["next_top_logprobs"] for position in found["positions"]]
    else:
        listed = [step["top_logprobs"] for step in found["steps"]]
    yield from ({candidate["id"]: candidate["prob"] for candidate in candidates} for candidates in listed)


def _agree(row: dict[int, float], other: dict[int, float]) -> bool:
    """Equal up to rounding. A token that only one of them lists must be as good as equal to the other's last."""
    last = max(min(row.values()), min(other.values()))
    return len(row) == len(other) and all(
        math.isclose(row.get(token_id, last), other.get(token_id, last), rel_tol=TOLERANCE)
        for token_id in row.keys() | other.keys()
    )


def summarise(runs: dict[str, list[Run]]) -> dict[str, dict]:
    """Medians, ratios to the first command round by round, and the runs themselves."""
    first = next(iter(runs.values()))
    return {
        name: {
            "wall_s": median(run.wall_s for run in own),
            "cpu_s": median(run.cpu_s for run in own),
            "peak_mib": median(run.peak_mib for run in own),
            "wall_ratio": median(run.wall_s / base.wall_s for run, base in zip(own, first, strict=True)),
            "peak_ratio": median(run.peak_mib / base.peak_mib for run, base in zip(own, first, strict=True)),
            "runs": [asdict(run) for run in own],
        }
        for name, own in runs.items()
    }


def table(runs: dict[str, list[Run]]) -> Iterator[str]:
    """The summary as lines of text."""
    yield "  " + " " * 24 + "".join(f"{head:>10}" for head in HEADINGS)
    for name, numbers in summarise(runs).items():
        least = min(run.wall_s for run in runs[name])
        times = "".join(f"{seconds:8.3f} s" for seconds in (numbers["wall_s"], least, numbers["cpu_s"]))
        ratio = numbers["wall_ratio"]
        peaks = f"{numbers['peak_mib']:6.0f} MiB{numbers['peak_ratio']:10.2f}"
        yield f"  {name:24}{times}{ratio:10.3f}{1 / ratio:9.1f}x{peaks}"


def _circumstances(options: argparse.Namespace) -> dict[str, object]:
    names = ["numpy", "tokenizers", "typer", "torch", "transformers", *["onnxruntime"] * WITH_ONNXRUNTIME]
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": platform.platform(),
        "load before": round(os.getloadavg()[0], 2),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in names}},
        "tokenizer": "gpt2's own" if options.tokenizer else "made up, of gpt2's size",
        "rounds": options.rounds,
        "neighbours": options.neighbours,
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    names = [workload.name for workload in WORKLOADS]
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=f"of {', '.join(names)}")
    parser.add_argument("--programs", nargs="+", metavar="NAME", help="of the commands, such as onnxruntime")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--neighbours", type=int, default=0, metavar="N", help="busy processes beside the programs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers there")
    parser.add_argument("--tokenizer", type=Path, metavar="DIR", help="a folder with gpt2's vocab.json and merges.txt")
    return parser.parse_args()


if __name__ == "__main__":
    main()
