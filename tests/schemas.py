"""The JSON Schema of all that commands write, made from the records by pydantic, with their documentation.

python tests/schemas.py              writes src/gpt2_inspect/data/schema.json and the tables of docs/json.md
python tests/schemas.py --released   also keeps the schema as that of the last release, tests/released_schema.json
"""

import ast
import inspect
import json
import re
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import reduce
from importlib import import_module
from operator import or_
from pathlib import Path
from pkgutil import iter_modules
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

import gpt2_inspect
from compatibility import breaks
from gpt2_inspect import analysis, results
from gpt2_inspect.results import SCHEMA_VERSION, Document, Options, Record, Result, json_name
from gpt2_inspect.results.compare import Comparison
from gpt2_inspect.results.failure import Failure
from gpt2_inspect.results.schema import FILE as SCHEMA
from json_page import PAGE, with_tables

RELEASED = Path(__file__).parent / "released_schema.json"

_DIALECT = "https://json-schema.org/draft/2020-12/schema"

_ABOUT = (
    "What gpt2-inspect writes as JSON: the document of a command (`--json`), one of the lines that its parts are "
    "(`--format jsonl`), and the line of a text that could not be answered (`--input`). It says which keys are always "
    "there; others may be added by any version, and `schema_version` rises when one is renamed, removed or changes its "
    "meaning. null stands where there is no value; there is no NaN and no Infinity."
)

_VERSION = "Rises when a key is renamed, removed or changes its meaning; new keys leave it as it is."
_COMMAND = "The command that wrote this."
_ABOUT_LINES: dict[type[Document], dict[str, Any]] = {
    Result: {"model": (str, Field(description="The model's name."))},
    Comparison: {"models": (list[str], Field(description="The names of both models."))},
}
"""What `about()` says, by the kind of document."""

_INDEX = "Which text this is about, from 0."
_ID = "What the input calls this text: any value, null if it has none."
_ONLY = "Only with `--input`. "


def make_schema() -> dict[str, Any]:
    """One schema for everything: it begins with the documents and lines, the parts of them stand in `$defs`."""
    maker = _Maker()
    documents = [(maker.record(kind), maker.lines(kind)) for kind in documents_of_commands()]
    roots = [model for document, lines in documents for model in (document, *lines)] + [maker.record(Failure)]
    names, made = models_json_schema([(root, "serialization") for root in roots], schema_generator=_Plain)
    tops = [names[root, "serialization"] for root in roots]
    return {
        "$schema": _DIALECT,
        "$id": f"urn:gpt2-inspect:schema:{SCHEMA_VERSION}",
        "title": "gpt2-inspect",
        "description": _ABOUT,
        "anyOf": tops,
        "$defs": made["$defs"],
    }


def as_text(schema: dict[str, Any]) -> str:
    """As the file has it."""
    return json.dumps(schema, ensure_ascii=False, indent=1) + "\n"


def documents_of_commands() -> list[type[Document]]:
    """The records that are whole documents, in the order of their commands."""
    for module in iter_modules(results.__path__):
        import_module(f"{results.__name__}.{module.name}")
    for name in analysis.FILES:
        getattr(analysis, name)  # so that its options are known
    kinds = [kind for kind in _kinds(Document) if "command" in vars(kind)]
    return sorted(kinds, key=lambda kind: kind.command)


def _kinds(base: type) -> Iterator[Any]:
    """All that are made of it in the package; tests make some of their own."""
    for kind in type.__subclasses__(base):
        if kind.__module__.startswith(f"{gpt2_inspect.__name__}."):
            yield kind
        yield from _kinds(kind)


class _Plain(GenerateJsonSchema):
    """Without the titles that pydantic makes of names, and with the types of a value in one list."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def model_schema(self, schema: Any) -> Any:
        made = super().model_schema(schema)
        made.pop("title", None)
        return made

    def nullable_schema(self, schema: Any) -> Any:
        made = self.generate_inner(schema["schema"])
        return {"type": [made["type"], "null"]} if made.keys() == {"type"} else super().nullable_schema(schema)


class _Maker:
    """Makes pydantic models of records, each once."""

    def __init__(self) -> None:
        self._made: dict[type, type[BaseModel]] = {}

    def record(self, kind: type[Record]) -> type[BaseModel]:
        """The model of a record; of one that is a whole document it begins with the envelope."""
        if kind not in self._made:
            name = kind.__name__.replace("Question", "Options")
            self._made[kind] = _model(name, _text(kind), {**_envelope(kind), **_place(kind), **self._fields(kind)})
        return self._made[kind]

    def lines(self, kind: type[Document]) -> list[type[BaseModel]]:
        """The models of what stands on a line of jsonl: the parts of a document, and what makes them stand alone."""
        parts = _records_in(get_type_hints(kind.items)["return"])
        if all(issubclass(part, Document) for part in parts):
            return []  # they stand alone as they are
        about = [made for base, made in _ABOUT_LINES.items() if issubclass(kind, base)]
        head = reduce(or_, about, _envelope(kind))
        if _takes_many(kind):
            head["prompt_id"] = _optional(_ID)
        head["prompt_index"] = (int, Field(description=_INDEX))
        return [_model(f"{part.__name__}Line", _text(part), {**head, **self._fields(part)}) for part in parts]

    def _fields(self, kind: type[Record]) -> dict[str, Any]:
        types, texts = get_type_hints(kind), _texts_of_fields(kind)
        made = {}
        for field in fields(kind):  # type: ignore[arg-type]
            there = self._type(types[field.name], kind)
            made[field.name] = (there, Field(alias=json_name(field.name), description=texts.get(field.name)))
        return made

    def _type(self, there: Any, inside: type[Any]) -> Any:
        """The type of a field with models in place of records."""
        if get_origin(there) is UnionType:
            return _union([self._type(part, inside) for part in get_args(there)])
        if get_origin(there) is tuple:
            return tuple[tuple(part if part is ... else self._type(part, inside) for part in get_args(there))]  # type: ignore[misc]
        if there is Options:
            questions = sorted(_kinds(Options), key=lambda kind: str(kind.__name__))
            own = [kind for kind in questions if is_dataclass(kind) and kind.command == inside.command]
            return _union(list(map(self.record, own)))
        return self.record(there) if isinstance(there, type) and issubclass(there, Record) else there


def _model(name: str, text: str, members: dict[str, Any]) -> type[BaseModel]:
    made: type[BaseModel] = create_model(
        name, __config__=ConfigDict(protected_namespaces=(), arbitrary_types_allowed=True), __doc__=text, **members
    )
    return made


def _union(parts: list[Any]) -> Any:
    return reduce(lambda some, other: Union[some, other], parts)  # noqa: UP007  # models are no operands of |


def _envelope(kind: type[Record]) -> dict[str, Any]:
    if not issubclass(kind, Document):
        return {}
    return {
        "schema_version": (Literal[SCHEMA_VERSION], Field(description=_VERSION)),
        "command": (Literal[kind.command], Field(description=_COMMAND)),
    }


def _place(kind: type[Record]) -> dict[str, Any]:
    """What the envelope has besides if a document is one of many."""
    if not (issubclass(kind, Result) and _takes_many(kind)):
        return {}
    return {"id": _optional(_ID), "prompt_index": _optional(_INDEX, int)}


def _optional(text: str, kind: Any = Any) -> Any:
    return kind, Field(description=_ONLY + text, default_factory=kind)


def _takes_many(kind: type[Document]) -> bool:
    """Whether its command has --input."""
    name = kind.command.partition(" ")[0].replace("-", "_")
    return hasattr(getattr(import_module(f"gpt2_inspect.cli.{name}"), name), "takes_many")


def _records_in(there: Any) -> list[type[Record]]:
    if isinstance(there, type) and issubclass(there, Record):
        return [there]
    return [record for part in get_args(there) for record in _records_in(part)]


def _text(kind: type) -> str:
    """The documentation of a record; of a question only what it asks."""
    paragraphs = [_sentence(paragraph) for paragraph in inspect.cleandoc(kind.__doc__ or "").split("\n\n")]
    return paragraphs[0] if issubclass(kind, Options) else " ".join(paragraphs)


def _texts_of_fields(kind: type) -> dict[str, str]:
    """The documentation of the fields, by name: what stands below each; of a question the list of its arguments."""
    if issubclass(kind, Options):
        _, _, arguments = inspect.cleandoc(kind.__doc__ or "").partition("\nArgs:\n")
        listed = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", arguments.partition("\n\n")[0], re.MULTILINE)
        return {name: _sentence(text) for name, text in listed}
    texts: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if issubclass(base, Record):
            (tree,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
            assert isinstance(tree, ast.ClassDef)
            for field, below in zip(tree.body, tree.body[1:], strict=False):
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and _is_text(below):
                    texts[field.target.id] = _sentence(ast.literal_eval(below.value))  # type: ignore[attr-defined]
    return texts


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _sentence(text: str) -> str:
    """On one line, in words of JSON, beginning as a sentence does."""
    text = _in_json(" ".join(text.split()))
    return text[:1].upper() + text[1:]


def _in_json(text: str) -> str:
    return re.sub(r"\b(?:None|True|False)\b", lambda word: "null" if word[0] == "None" else word[0].lower(), text)


def write(*, released: bool) -> str | None:
    """Put the present schema into the package and the page; if `released`, also beside the tests.

    Gives a reason if that would break what the last release has promised.
    """
    schema = make_schema()
    broken = breaks(json.loads(RELEASED.read_text(encoding="utf-8")), schema) if RELEASED.exists() else []
    if broken and released:
        return "\n".join(["error: this needs a new SCHEMA_VERSION:", *broken])
    for path in (SCHEMA, RELEASED) if released else (SCHEMA,):
        path.write_text(as_text(schema), encoding="utf-8")
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), schema), encoding="utf-8")
    return None


if __name__ == "__main__":
    sys.exit(write(released="--released" in sys.argv))
