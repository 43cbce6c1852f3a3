"""Which modules a command loads in a fresh interpreter."""

import json
import subprocess
import sys

DRIVER = """
import json, sys
before = set(sys.modules)
from gpt2_inspect.cli import run
from gpt2_inspect.cli.streams import Streams
code = run(sys.argv[1:], Streams.of_process())
sys.stdout.flush()
print(json.dumps({"code": code, "modules": sorted(set(sys.modules) - before)}), file=sys.stderr)
"""
"""Runs a command and reports, as the last line on standard error, what it has loaded."""

HEAVY = {
    *("torch", "transformers", "huggingface_hub", "pydantic", "click", "requests", "httpx", "httpx2", "httpcore"),
    *(
        "urllib.request",
        "http.client",
        "ssl",
        "asyncio",
        "safetensors",
        "tqdm",
        "yaml",
        "regex",
        "matplotlib",
        "pygments",
        "markdown_it",
        "pandas",
        "pyarrow",
        "ray",
        "gpt2_inspect.cluster",
    ),
}
"""Never, unless the torch backend or a download is asked for."""

RICH = {"rich"}
NUMPY = {"numpy", "tokenizers"}
PARTS_OF_NUMPY = {"numpy.random", "numpy.fft", "numpy.ma", "numpy.polynomial", "numpy.testing"}


def modules_of(*arguments: str, code: int = 0) -> set[str]:
    """What a fresh interpreter has loaded after a command, packages that contain a loaded module included."""
    done = subprocess.run([sys.executable, "-c", DRIVER, *arguments], capture_output=True, check=True, timeout=60)
    report = json.loads(done.stderr.splitlines()[-1])
    assert report["code"] == code
    return set(report["modules"])


def check_absent(loaded: set[str], unwanted: set[str]) -> None:
    assert sorted(unwanted & loaded) == []
