"""The tables of docs/json.md, made from the JSON Schema: for each command one, and for each part of its document."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contract import Schema, followed

PAGE = Path(__file__).parent.parent / "docs" / "json.md"

_TABLES = re.compile(r"(?<=<!-- python tests/schemas.py writes from here -->\n).*(?=<!-- to here -->)", re.DOTALL)

_TYPES = {
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "boolean": "true or false",
    "null": "null",
}

_ENVELOPE = ("schema_version", "command", "id", "prompt_index", "model", "run", "prompt")
"""What documents begin with."""

_LINE = ("schema_version", "command", "model", "models", "prompt_id", "prompt_index")
"""What lines begin with."""


def with_tables(page: str, schema: Schema) -> str:
    """The page with the tables that the schema makes."""
    return _TABLES.sub(lambda _: "\n" + "\n".join(_Tables(schema).lines()) + "\n", page)


class _Tables:
    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        tops = [(top["$ref"].rpartition("/")[2], followed(top, schema)) for top in schema["anyOf"]]
        self._failures = {name: top for name, top in tops if "command" not in top["properties"]}
        self._documents = {name: top for name, top in tops if "prompt_index" not in top["required"]}
        self._lines = {name: top for name, top in tops if name not in (*self._documents, *self._failures)}
        self._users: dict[str, set[str]] = {}
        """The commands whose documents have a part, by its name."""
        for document in self._documents.values():
            for name in self._parts(document):
                self._users.setdefault(name, set()).add(_group(document))

    def _parts(self, schema: Any) -> Iterator[str]:
        """The names of all parts of it, as they come, but for whole documents."""
        if isinstance(schema, list):
            for each in schema:
                yield from self._parts(each)
        elif isinstance(schema, dict):
            if "$ref" in schema and (name := schema["$ref"].rpartition("/")[2]) not in self._documents:
                yield name
                yield from self._parts(followed(schema, self._schema))
            for each in schema.values():
                yield from self._parts(each)

    def lines(self) -> Iterator[str]:
        """All tables under their headings."""
        yield "## Every command\n"
        some = next(top["properties"] for top in self._documents.values() if top["properties"].keys() >= {*_ENVELOPE})
        yield from self._table({name: some[name] for name in _ENVELOPE})
        for name, failure in self._failures.items():
            for part in (name, *self._parts(failure)):
                yield from self._part(part, self._schema["$defs"][part])
        for name, users in sorted(self._users.items()):
            if len(users) > 1:
                yield from self._part(name, self._schema["$defs"][name])
        for group in dict.fromkeys(map(_group, self._documents.values())):
            yield f"## {group}\n"
            documents = {name: top for name, top in self._documents.items() if _group(top) == group}
            for name, document in documents.items():
                if len(documents) > 1:
                    yield f"### {_command(document)}\n"
                yield from self._document(name, document)
            own = dict.fromkeys(name for document in documents.values() for name in self._parts(document))
            for name in own:
                if self._users[name] == {group}:
                    yield from self._part(name, self._schema["$defs"][name])
            for name, line in self._lines.items():
                part = name.removesuffix("Line")
                if _group(line) == group and part not in self._schema["$defs"]:
                    keys = {key: value for key, value in line["properties"].items() if key not in _LINE}
                    yield from self._part(part, {**line, "properties": keys})

    def _document(self, name: str, document: Schema) -> Iterator[str]:
        yield document["description"] + "\n"
        yield from self._table({key: value for key, value in document["properties"].items() if key not in _ENVELOPE})
        lines = [line for line, top in self._lines.items() if _command(top) == _command(document)]
        if not lines:
            yield "A line of [jsonl](#jsonl) is the document of the command that it names.\n"
            return
        parts = " or ".join(self._link(line.removesuffix("Line")) for line in lines)
        yield f"A line of [jsonl](#jsonl) has the keys of {parts}.\n"

    def _part(self, name: str, part: Schema) -> Iterator[str]:
        yield f"### {name}\n"
        yield part.get("description", "") + "\n"
        yield from self._table(part["properties"], name)

    def _table(self, properties: dict[str, Schema], of: str = "") -> Iterator[str]:
        """A row for each key; those of a token or candidate stand in one."""
        if not properties:
            yield "It has no keys.\n"
            return
        yield "| key | type | |\n|---|---|---|"
        left = dict(properties)
        for base in ("Candidate", "Token"):
            shared = self._schema["$defs"][base]["properties"]
            if base != of and shared.items() <= left.items():
                yield f"| those of a {self._link(base)} | | |"
                left = {key: value for key, value in left.items() if key not in shared}
                break
        for key, value in left.items():
            yield f"| `{key}` | {self._type(value)} | {_cell(value.get('description', ''))} |"
        yield ""

    def _type(self, value: Schema) -> str:
        if "$ref" in value:
            return self._link(value["$ref"].rpartition("/")[2])
        if "anyOf" in value:
            return " or ".join(dict.fromkeys(map(self._type, value["anyOf"])))
        if "const" in value:
            return f"`{value['const']}`" if isinstance(value["const"], int) else "text"
        kinds = value.get("type", "anything")
        if isinstance(kinds, list):
            return " or ".join(self._type({**value, "type": kind}) for kind in kinds)
        if kinds == "array":
            return "list of " + self._items(value)
        return _TYPES.get(kinds, kinds)

    def _items(self, value: Schema) -> str:
        if "prefixItems" in value:
            (kind,) = set(map(self._type, value["prefixItems"]))
            return f"{len(value['prefixItems'])} {_plural(kind)}"
        kind = self._type(value["items"])
        return f"({_plural(kind)})" if " or " in kind else _plural(kind)

    def _link(self, name: str) -> str:
        if name in self._documents:
            return f"[{name}](#{_command(self._documents[name]).replace(' ', '-')})"
        return f"[{name}](#{name.lower()})"


def _plural(kind: str) -> str:
    if kind == "text":
        return "texts"
    return kind.replace("list of", "lists of") if kind.startswith("list") else re.sub(r"number$", "numbers", kind)


def _command(top: Schema) -> str:
    return str(top["properties"]["command"]["const"])


def _group(top: Schema) -> str:
    return _command(top).partition(" ")[0]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
