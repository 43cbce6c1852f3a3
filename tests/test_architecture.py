"""The rooms of the source and the direction of imports between them, held by reading every import statement."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "gpt2_inspect"
FILES = sorted(SOURCE.rglob("*.py"))

ALLOWED = {
    "cli": {"session", "render", "results", "sources", "errors", "version"},
    "session": {"sources", "checkpoint", "backends", "analysis", "results", "errors", "version"},
    "analysis": {"backends.base", "checkpoint.tokenizer", "results", "errors"},
    "backends": {"checkpoint", "sources", "errors"},
    "checkpoint": {"errors"},
    "sources": {"errors"},
    "render": {"results"},
    "results": set(),
    "errors": set(),
    "version": set(),
    "__init__": {"session", "errors", "version"},
    "__main__": {"cli"},
}
"""Room -> what it may import of the others; `cli` takes constants alone from `sources` and `results`."""

LIBRARIES = {
    "torch": {"backends/torch_gpt2.py"},
    "transformers": {"backends/torch_gpt2.py", "checkpoint/transformers_tokenizer.py"},
    "huggingface_hub": {"sources/hub_download.py"},
    "rich": {"render/table.py"},
    "typer": {"cli/__init__.py", "cli/app.py", "cli/next_tokens.py", "cli/options.py"},
}
"""Library -> the only files that may import it."""


def imports(file: Path) -> list[str]:
    """Every module that a file imports, whole names, those within functions included."""
    package = ["gpt2_inspect", *file.relative_to(SOURCE).parts[:-1]]
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *filter(None, [node.module])])
            found += [_resolve(module, alias.name) for alias in node.names]
    return found


def _resolve(module: str, name: str) -> str:
    """`from package import x` means the module package.x if there is one, else a name in package."""
    path = SOURCE.parent.joinpath(*module.split("."))
    return f"{module}.{name}" if (path / f"{name}.py").exists() or (path / name).is_dir() else module


def room(name: str) -> str:
    """`gpt2_inspect.backends.base` -> `backends`."""
    return [*name.split("."), "__init__"][1]


def name_of(file: Path) -> str:
    parts = file.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts)


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_rooms_import_only_what_lies_below_them(file: Path) -> None:
    own = room(name_of(file))
    for imported in imports(file):
        if not imported.startswith("gpt2_inspect"):
            continue
        other = imported.removeprefix("gpt2_inspect").removeprefix(".") or "__init__"
        if other.split(".")[0] == own:
            continue
        assert any(other == allowed or other.startswith(f"{allowed}.") for allowed in ALLOWED[own]), imported


@pytest.mark.parametrize("library", LIBRARIES)
def test_heavy_libraries_are_imported_in_few_places(library: str) -> None:
    users = {
        file.relative_to(SOURCE).as_posix()
        for file in FILES
        if any(name.split(".")[0] == library for name in imports(file))
    }
    assert users == LIBRARIES[library]


def test_no_files_import_each_other_in_a_circle() -> None:
    names = {name_of(file) for file in FILES}
    graph = {
        name_of(file): {name for name in imports(file) if name in names and name != name_of(file)} for file in FILES
    }
    graph["gpt2_inspect.__init__"] = set()  # it hands names on when asked, and imports nothing before
    settled: set[str] = set()
    while len(settled) < len(graph):
        ready = {name for name, needs in graph.items() if name not in settled and needs <= settled}
        assert ready, f"in a circle: {sorted(graph.keys() - settled)}"
        settled |= ready


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_only_the_command_line_talks_to_the_outside(file: Path) -> None:
    if room(name_of(file)) == "cli":
        return
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        assert not (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("print", "input")
        )
        assert not (isinstance(node, ast.Attribute) and node.attr in ("stdout", "stderr", "stdin", "isatty"))


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_every_file_opens_with_a_sentence_that_says_what_it_is(file: Path) -> None:
    assert ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
