"""The process that where.py measures: `gpt2-inspect` with a stopwatch between its stages.

    python benchmarks/stages.py next-tokens TEXT ...

It does what the command does with these arguments, but brings the imports forward, so that each is counted once and
in a known order. The weights are only opened in their stage: a thread reads them while the tokenizer is loaded. The
last line on standard error is JSON: when the process began and ended on the clock of `time.perf_counter`, which all
processes share, and the milliseconds of each stage.
"""

import gc
import sys
import time

began = time.perf_counter()  # before all other imports, which are what is measured
stages: dict[str, float] = {}


def main() -> None:
    last = began

    def lap(stage: str) -> None:
        nonlocal last
        now = time.perf_counter()
        stages[stage] = 1000 * (now - last)
        last = now

    from gpt2_inspect import cli
    from gpt2_inspect.cli import process
    from gpt2_inspect.cli.streams import Streams

    gc.set_threshold(*process.SELDOM)  # as the command does
    process.choose_threads()  # before NumPy reads the number
    import typer  # noqa: F401

    lap("import typer")
    import numpy  # noqa: F401

    lap("import numpy")
    import tokenizers  # noqa: F401

    lap("import tokenizers")
    from gpt2_inspect import loaded
    from gpt2_inspect.analysis import next_tokens, prompt  # noqa: F401
    from gpt2_inspect.backends.numpy_gpt2 import NumpyGPT2
    from gpt2_inspect.cli import app, model, output  # noqa: F401
    from gpt2_inspect.render import table  # noqa: F401

    lap("import the rest")
    results = []

    def render(result, *arguments):
        results.append(result)
        return list(original(result, *arguments))

    original, output.render = output.render, timed("rendering", render)
    loaded.load_tokenizer = timed("loading the tokenizer", loaded.load_tokenizer)
    NumpyGPT2.load = timed("opening the weights", NumpyGPT2.load)
    before = sum(stages.values())
    cli.run(sys.argv[1:], Streams.of_process())
    whole = 1000 * (time.perf_counter() - last)
    first, *further = (step.elapsed_ms for step in results[0].steps)
    stages["first step"] = first
    stages[f"{len(further)} further steps"] = sum(further)
    stages["command line and the rest"] = whole - (sum(stages.values()) - before)
    import json  # by now the command has loaded it

    report = {"began": began, "stages": stages, "done": time.perf_counter()}
    print(json.dumps(report), file=sys.stderr, flush=True)
    process._leave(0)


def timed(stage, function):
    """The function, with its time recorded."""

    def call(*arguments, **options):
        started = time.perf_counter()
        value = function(*arguments, **options)
        stages[stage] = 1000 * (time.perf_counter() - started)
        return value

    return call


if __name__ == "__main__":
    main()
