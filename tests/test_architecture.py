"""The direction of imports between the rooms of the package, read from the source of every file."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import gpt2_inspect
from gpt2_inspect import filenames

ROOT = Path(gpt2_inspect.__file__).parent
FILES = sorted(path for path in ROOT.rglob("*.py"))

MAY_IMPORT: dict[str, set[str]] = {
    "gpt2_inspect": {"cluster", "errors", "session", "version"},
    "__main__": {"cli"},
    "version": set(),
    "messages": set(),
    "errors": {"messages"},
    "filenames": set(),
    "results": set(),
    "session": {"loaded", "sources", "checkpoint", "backends", "analysis", "filenames", "results", "errors"},
    "loaded": {"sources", "checkpoint", "backends", "results", "errors", "messages", "version"},
    "sources": {"filenames", "errors", "messages"},
    "checkpoint": {"filenames", "errors", "messages"},
    "backends": {"checkpoint", "filenames", "errors", "messages"},
    "analysis": {"backends.base", "backends.auto_classes", "checkpoint.tokenizer", "results", "errors", "messages"},
    "many": {"results", "errors", "messages"},
    "cluster": {"many", "render", "results", "session", "errors", "messages"},
    "models": {"sources", "checkpoint", "analysis", "loaded", "filenames", "results", "errors", "messages"},
    "render": {"results", "messages", "version"},
    "explanations": {"render", "results", "messages"},
    "cli": {
        "session",
        "many",
        "cluster",
        "models",
        "analysis",
        "explanations",
        "messages",
        "render",
        "results",
        "errors",
    }
    | {"sources", "version"},
}
"""For each room, the rooms or files that it may import; every room may import itself."""

_TORCH = {"backends/torch_gpt2.py", "backends/torch_auto_classes.py"}

ONLY_IN = {
    "torch": _TORCH,
    "transformers": _TORCH | {"checkpoint/transformers_tokenizer.py"},
    "huggingface_hub": {"sources/hub_download.py"},
    "rich": {"render/table.py", "cli/progress.py"},
    "jinja2": {"render/html"},
    "markupsafe": {"render/html"},
    "webbrowser": {"cli/browser.py"},
    "pyarrow": {"many/texts.py", "render/parquet.py", "cli/output.py", "cluster"},
    "ray": {"cluster/on_ray.py"},
    "typer": {"cli"},
    "tokenizers": {"checkpoint"},
    "matplotlib": {"render/plots"},
    "numpy": {"backends", "analysis", "checkpoint/weights.py", "render/arrays.py"},
    "safetensors": {"render/arrays.py"},
    "click": set(),
    "pydantic": set(),
}
"""Where other packages may be imported: files, or folders."""


@dataclass(frozen=True)
class Import:
    """One import, wherever in a file it stands."""

    file: Path
    line: int
    module: str
    """In full; of ours without `gpt2_inspect.`, and `gpt2_inspect` for the package itself."""
    ours: bool

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line} imports {self.module}"


def imports_of(path: Path) -> Iterator[Import]:
    """Also those inside functions and under TYPE_CHECKING."""
    package = ("gpt2_inspect", *path.relative_to(ROOT).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*start, *([node.module] if node.module else [])])
            names = [f"{base}.{alias.name}" if is_module(f"{base}.{alias.name}") else base for alias in node.names]
        else:
            continue
        for name in names:
            ours = name.partition(".")[0] == "gpt2_inspect"
            yield Import(path, node.lineno, name.removeprefix("gpt2_inspect."), ours)


def is_module(name: str) -> bool:
    path = ROOT.parent.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def room(path: Path) -> str:
    """The folder that a file is in, or the name of a file at the top."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return "gpt2_inspect" if parts == ("__init__",) else parts[0]


ALL = [found for path in FILES for found in imports_of(path)]


def test_the_files_are_read() -> None:
    assert {room(path) for path in FILES} == set(MAY_IMPORT)
    assert len(ALL) > 100


def test_direction() -> None:
    wrong = []
    for found in (found for found in ALL if found.ours):
        here = room(found.file)
        allowed = MAY_IMPORT[here] | {here}
        if not any(found.module == name or found.module.startswith(f"{name}.") for name in allowed):
            wrong.append(str(found))
    assert wrong == []


def test_other_packages() -> None:
    wrong = []
    for found in (found for found in ALL if not found.ours):
        places = ONLY_IN.get(found.module.partition(".")[0])
        here = found.file.relative_to(ROOT)
        if places is not None and not any(here.is_relative_to(place) for place in places):
            wrong.append(str(found))
    assert wrong == []


def test_from_sources_the_command_line_takes_constants_only() -> None:
    names = {
        alias.name
        for path in (ROOT / "cli").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("sources")
        for alias in node.names
    }
    assert all(name.isupper() for name in names), names


def test_no_cycles() -> None:
    """Not even between files of one room, nor with those imports that wait inside functions."""
    graph: dict[str, set[str]] = {}
    for path in FILES:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        name = name.removesuffix(".__init__").replace("__init__", "gpt2_inspect")
        graph[name] = {found.module for found in imports_of(path) if found.ours}
    graph["gpt2_inspect"] = set()  # it looks up its public names when they are used
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " -> ".join([*above, name])
        if name not in done:
            for other in graph[name]:
                visit(other, (*above, name))
            done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_command_line_touches_the_world(path: Path) -> None:
    """No printing, no standard streams, no exits elsewhere; and no input is checked with `assert`, which -O removes."""
    if room(path) in ("cli", "__main__"):
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("print", "input", "exit", "quit", "breakpoint"), node.lineno
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "sys":
            assert node.attr not in ("stdout", "stderr", "stdin", "argv", "exit"), node.lineno
        assert not (isinstance(node, ast.Attribute) and node.attr == "isatty"), node.lineno
        if isinstance(node, ast.Assert):
            assert narrows_a_type(node.test), node.lineno


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def narrows_a_type(test: ast.expr) -> bool:
    """True for `x is not None`, `isinstance(x, T)`, and several of them joined by `and`."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return all(narrows_a_type(part) for part in test.values)
    if isinstance(test, ast.Compare):
        return isinstance(test.ops[0], ast.IsNot) and ast.unparse(test.comparators[0]) == "None"
    return isinstance(test, ast.Call) and ast.unparse(test.func) == "isinstance"


def test_names_of_model_files_stand_in_one_place() -> None:
    names = {
        name
        for value in vars(filenames).values()
        for name in ([value] if isinstance(value, str) else [])
        if re.fullmatch(r"[\w.]+\.(json|txt|bin|safetensors)", name)
    }
    assert len(names) == 13
    spelt = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.value}"
        for path in FILES
        if path != ROOT / "filenames.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in names
    ]
    assert spelt == []


def test_numbers_that_are_not_finite_have_one_error() -> None:
    said = [path.relative_to(ROOT).as_posix() for path in FILES if "not finite numbers" in path.read_text("utf-8")]
    assert said == ["errors.py"]


def test_the_page_about_it_says_the_same() -> None:
    page = (ROOT.parent.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.partition("| room | may import |\n|---|---|\n")[2].partition("\n\n")[0]
    said = {
        room: set(re.findall(r"`([\w.]+)`", names))
        for room, names in re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.M)
    }
    assert said == MAY_IMPORT
