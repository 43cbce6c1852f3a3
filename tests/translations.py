"""The sentences of the package and their translations: a catalogue for each language, made of the code and kept whole.

python tests/translations.py      puts the sentences of the code into each .po file, and makes its .mo (needs Babel)

A sentence that is new has an empty `msgstr` then, to be filled in before the next run; one that is gone is dropped.
"""

import ast
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import gpt2_inspect
from gpt2_inspect.messages.languages import ENGLISH, LANGUAGES

PACKAGE = Path(gpt2_inspect.__file__).parent
TRANSLATED = [language for language in LANGUAGES if language != ENGLISH]

SAID = {"say": 1, "Message": 1, "say_n": 2, "Counted": 2}
"""What takes sentences, and how many: those of one thing and of several are two."""

CONTEXT = "\x04"
"""What gettext puts between the context of a word and the word."""


@dataclass(frozen=True)
class Sentence:
    """What stands in the code: a template, that for several things if there is one, and the files that have it."""

    template: str
    plural: str | None
    files: tuple[str, ...]


def catalogue(language: str, kind: str) -> Path:
    """The file of a language; `kind` is po or mo."""
    return PACKAGE / "messages" / f"{language}.{kind}"


def sentences() -> list[Sentence]:
    """All sentences of the package, in the order of its files."""
    found: dict[tuple[str, str | None], list[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        file = path.relative_to(PACKAGE.parent).as_posix()
        for key in _sentences_of(path):
            if file not in found.setdefault(key, []):
                found[key].append(file)
    return [Sentence(template, plural, tuple(files)) for (template, plural), files in found.items()]


def _sentences_of(path: Path) -> Iterator[tuple[str, str | None]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SAID:
            templates = [arg.value for arg in node.args[: SAID[node.func.id]] if isinstance(arg, ast.Constant)]
            if templates:
                yield templates[0], templates[1] if len(templates) > 1 else None
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say_as":
            yield CONTEXT.join(ast.literal_eval(arg) for arg in node.args), None
        elif path.parent.name == "cli" and isinstance(node, ast.FunctionDef) and _is_command(node, path):
            yield command_help(node), None


def _is_command(function: ast.FunctionDef, path: Path) -> bool:
    """A command has the name of its file and returns nothing; in the file of a group, it gets a Request."""
    if ast.get_docstring(function) is None or ast.unparse(function.returns or ast.Name("")) != "None":
        return False
    in_group = f"def {path.stem}() -> Any:" in path.read_text(encoding="utf-8")
    return function.name == path.stem or (in_group and ast.unparse(function.args).startswith("request: Request"))


def command_help(function: ast.FunctionDef) -> str:
    """What the help of a command says of it, which ends where its examples begin."""
    return (ast.get_docstring(function) or "").partition("\n\nExamples:\n")[0]


def read_po(text: str) -> dict[tuple[str, str | None], str]:
    """(template, plural) -> translation, as they stand in a .po file; the only form of a translation is for any number.

    https://www.gnu.org/software/gettext/manual/html_node/PO-Files.html
    """
    found = {}
    for block in text.split("\n\n"):
        entry: dict[str, str] = {}
        keyword = ""
        for line in block.splitlines():
            if line[:1] not in ("", "#"):
                head, _, quoted = line.partition('"')
                keyword = head.strip() or keyword
                entry[keyword] = entry.get(keyword, "") + ast.literal_eval(f'"{quoted}')
        if entry:
            template = CONTEXT.join(entry[key] for key in ("msgctxt", "msgid") if key in entry)
            found[template, entry.get("msgid_plural")] = entry.get("msgstr", entry.get("msgstr[0]", ""))
    return found


def compiled(translations: dict[tuple[str, str | None], str]) -> bytes:
    """The .mo file for what read_po has read, without what has no translation.

    https://www.gnu.org/software/gettext/manual/html_node/MO-Files.html
    """
    pairs = sorted(
        (template if plural is None else f"{template}\0{plural}", translation)
        for (template, plural), translation in translations.items()
        if translation
    )
    raw = [text.encode() for pair in zip(*pairs, strict=True) for text in pair]  # the templates, then the translations
    tables = 7 * 4
    start = tables + 8 * len(raw)
    offsets = accumulate((len(text) + 1 for text in raw), initial=start)
    places = [struct.pack("<II", len(text), offset) for text, offset in zip(raw, offsets, strict=False)]
    header = struct.pack("<7I", 0x950412DE, 0, len(pairs), tables, tables + 8 * len(pairs), 0, start)
    return header + b"".join(places) + b"".join(text + b"\0" for text in raw)


def update(language: str) -> None:
    """Bring the .po file of a language up to the code, and make its .mo."""
    from datetime import UTC, datetime

    from babel.messages.catalog import Catalog
    from babel.messages.pofile import read_po as read_catalogue
    from babel.messages.pofile import write_po

    path = catalogue(language, "po")
    old = read_catalogue(path.read_bytes().splitlines(), locale=language) if path.exists() else Catalog(language)
    new = Catalog(
        language,
        project="gpt2-inspect",
        fuzzy=False,
        header_comment=f"# The sentences of gpt2-inspect in {old.locale.get_display_name('en')}; see docs/glossary.md.",
        creation_date=(never := datetime(2000, 1, 1, tzinfo=UTC)),  # so that a file differs where a sentence does
        revision_date=never,
    )
    for sentence in sentences():
        *context, template = sentence.template.split(CONTEXT)
        key: str | tuple[str, str] = (template, sentence.plural) if sentence.plural else template
        known = old.get(key, *context)
        files = [(file, None) for file in sentence.files]
        new.add(key, known.string if known else "", files, context=context[0] if context else None)
    with path.open("wb") as file:
        write_po(file, new, width=100, include_lineno=False)
    written = read_po(path.read_text(encoding="utf-8"))
    catalogue(language, "mo").write_bytes(compiled(written))
    missing = sum(not string for string in written.values())
    print(f"{path.name}: {len(new)} sentences, {missing} without a translation")


if __name__ == "__main__":
    for language in TRANSLATED:
        update(language)
