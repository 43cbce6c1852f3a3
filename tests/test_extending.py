"""docs/architecture.md: the way of a prompt is the one that it goes, and new things take no more than the page shows.

Every block of the page that names a file is put into a copy of the package, and the copy is run.
"""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import gpt2_inspect
from translations import compiled, read_po

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PACKAGE = Path(gpt2_inspect.__file__).parent

_NEW_FILE = re.compile(r"```(?:python|po)\n# (src/\S+)\n(.*?)```", re.DOTALL)
_CHANGE = re.compile(r"```diff\n--- (src/\S+)\n(.*?)```", re.DOTALL)

RUN = """
import json, sys
from gpt2_inspect.cli import process
from gpt2_inspect.cli.streams import Streams
sys.exit(process.run(sys.argv[1:], Streams.of_process()))
"""


@dataclass(frozen=True)
class Copy:
    """The package with all changes of the page."""

    folder: Path

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, standard output and error of a command."""
        done = subprocess.run(
            [sys.executable, "-c", RUN, *arguments],
            capture_output=True,
            check=False,
            encoding="utf-8",
            cwd=self.folder,  # which comes before where the package is installed
            timeout=60,
        )
        return done.returncode, done.stdout, done.stderr

    def answer(self, *arguments: str) -> dict[str, object]:
        code, out, err = self.run(*arguments, "--json")
        assert (code, err) == (0, "")
        document: dict[str, object] = json.loads(out)
        return document


def section(title: str) -> str:
    """The text below a heading, up to the next one."""
    (found,) = re.findall(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", without_code(PAGE), re.DOTALL | re.MULTILINE)
    return str(found)


def without_code(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def changed(text: str, hunks: str) -> str:
    """The text after the changes, each of which must fit in one place."""
    for hunk in hunks.split("@@\n"):
        lines = hunk.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if line[0] in " -")
        new = "".join(line[1:] for line in lines if line[0] in " +")
        assert old and text.count(old) == 1, old
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    folder = tmp_path_factory.mktemp("copy")
    package = folder / "gpt2_inspect"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__", "data"))
    (package / "data").symlink_to(PACKAGE / "data")
    for name, content in _NEW_FILE.findall(PAGE):
        path = folder / Path(name).relative_to("src")
        assert not path.exists()
        path.write_text(content, encoding="utf-8")
        if path.suffix == ".po":
            path.with_suffix(".mo").write_bytes(compiled(read_po(content)))
    for name, hunks in _CHANGE.findall(PAGE):
        path = folder / Path(name).relative_to("src")
        path.write_text(changed(path.read_text(encoding="utf-8"), hunks), encoding="utf-8")
    return Copy(folder)


def test_a_new_option(copy: Copy, tiny: Path) -> None:
    arguments = ["score", "hello, how are you", "--model", str(tiny)]
    document = copy.answer(*arguments, "--max-prob", "0.5")
    assert document["options"]["max_prob"] == 0.5  # type: ignore[index]
    tables = {bound: copy.run(*arguments, "--max-prob", bound)[1] for bound in ("1", "0")}
    of_text = [table.partition("\n\n")[0].splitlines()[2:] for table in tables.values()]
    assert [len(rows) for rows in of_text] == [len(document["positions"]), 1]  # type: ignore[arg-type]
    assert copy.run(*arguments, "--max-prob", "nan")[2].startswith("error: --max-prob is nan; it must be a finite")
    assert "--max-prob" in copy.run("score", "--help")[1]


def test_a_new_command(copy: Copy, tiny: Path) -> None:
    arguments = ["lengths", "hello 你", "--model", str(tiny)]
    document = copy.answer(*arguments, "--least", "2")
    assert (document["command"], document["options"]) == ("lengths", {"least": 2})
    tokens = document["tokens"]
    assert isinstance(tokens, list) and all(token["n_bytes"] == len(token["bytes"]) >= 2 for token in tokens)
    assert copy.run(*arguments)[1].splitlines()[0].split() == ["token", "bytes"]
    explained = copy.run(*arguments, "--explain")[1]
    assert "- bytes: how many bytes that has in UTF-8." in explained and "tokenizer.encode('hello 你'" in explained
    assert copy.run(*arguments, "--format", "csv")[1].splitlines()[0].endswith(",id,token,bytes_hex,n_bytes")
    assert copy.run(*arguments, "--least", "0")[::2] == (2, "error: --least is 0; it must be 1 or more\n")
    assert re.search(r"^  lengths +Count the bytes of each token", copy.run("--help")[1], re.MULTILINE)


def test_a_new_format(copy: Copy, tiny: Path, tmp_path: Path) -> None:
    arguments = ["score", "hello", "--model", str(tiny)]
    code, out, _ = copy.run(*arguments, "--format", "tsv")
    rows = [line.split("\t") for line in out.splitlines()]
    assert code == 0 and rows[0][:2] == ["prompt_index", "index"] and rows[1][:2] == ["0", "0"]
    assert rows[1][5] == "" and "None" not in out  # the first token has no logprob
    path = tmp_path / "score.tsv"
    assert copy.run(*arguments, "--output", str(path))[0] == 0
    assert path.read_text(encoding="utf-8") == out
    assert ".tsv" in copy.run("score", "--help")[1]


def test_a_new_backend(copy: Copy, tiny: Path) -> None:
    arguments = ["next-tokens", "hello", "--steps", "1", "--top-k", "3", "--model", str(tiny)]
    found = {name: copy.answer(*arguments, "--backend", name) for name in ("numpy", "rounded", "auto")}
    assert [answer["run"]["backend"] for answer in found.values()] == ["numpy", "rounded", "numpy"]  # type: ignore[index]
    exact, rounded = (found[name]["steps"][0]["top_logprobs"][0]["logit"] for name in ("numpy", "rounded"))  # type: ignore[index]
    assert exact != rounded and abs(exact - rounded) < 0.2 * abs(exact)
    code, _, err = copy.run(*arguments, "--backend", "rounded", "--device", "cuda")
    assert (code, err.splitlines()[0]) == (6, "error: the rounded backend does not do --device 'cuda'")


def test_a_new_language(copy: Copy, tiny: Path) -> None:
    arguments = ["score", "hello", "--model", str(tiny)]
    _, _, err = copy.run("next-tokens", "hello", "--steps", "0", "--model", str(tiny), "--lang", "de")
    assert err == "error: --steps ist 0; es muss mindestens 1 sein\n"
    assert copy.run("--lang", "de", "score", "", "--model", str(tiny))[2].startswith("error: der Text ist leer\n")
    assert copy.run(*arguments, "--json", "--lang", "de") == copy.run(*arguments, "--json")


def test_every_block_of_the_page_was_used() -> None:
    used = len(_NEW_FILE.findall(PAGE)) + len(_CHANGE.findall(PAGE))
    assert used == len(re.findall(r"^```(?:python|diff|po)$", PAGE, re.MULTILINE)) == 16


CALLED = """
import sys
called = []
def note(frame, event, _):
    code = frame.f_code
    if event == "call" and code.co_flags & 1 and "gpt2_inspect" in code.co_filename:  # 1: a function, and no class body
        called.append(code.co_filename)
from gpt2_inspect.cli import process
process._leave = lambda code: print(code, *dict.fromkeys(called), sep="\\n", file=sys.stderr)
sys.setprofile(note)
process.run_process()
"""


def test_the_way_of_one_prompt(tiny: Path) -> None:
    arguments = ["next-tokens", "hello", "--model", str(tiny)]
    done = subprocess.run([sys.executable, "-c", CALLED, *arguments], capture_output=True, text=True, timeout=60)
    code, *called = done.stderr.splitlines()
    named = re.findall(r"^\d+\. `(.+?)`", section("The way of one prompt"), re.MULTILINE)
    assert code == "0" and len(named) == 20
    assert [file for file in (Path(path).relative_to(PACKAGE).as_posix() for path in called) if file in named] == named


def test_every_room_is_told_of() -> None:
    told = set(re.findall(r"^\| `(\w+)(?:/|\.py)` \|", section("The rooms"), re.MULTILINE))
    rooms = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert told == rooms - {"__init__", "__main__", "version"}
