"""The JSON Schema of what commands write: a file that is made from the records and comes with the package."""

from pathlib import Path
from typing import Any

FILE = Path(__file__).parent.parent / "data" / "schema.json"

Schema = dict[str, Any]


def whole_schema() -> Schema:
    """That of everything: `anyOf` lists documents and lines, `$defs` has them and their parts by name."""
    import json

    schema: Schema = json.loads(FILE.read_text(encoding="utf-8"))
    return schema


def commands() -> list[str]:
    """The commands that write JSON, by the names that they have in it."""
    schema = whole_schema()
    return list(dict.fromkeys(command for top in schema["anyOf"] if (command := _command(top, schema))))


def schema_of(command: str) -> Schema:
    """That of one command, or of a group of commands; `anyOf` is empty if there is none."""
    schema = whole_schema()
    own = [top for top in schema["anyOf"] if f"{_command(top, schema)} ".startswith(f"{command} ")]
    if any("id" in schema["$defs"][_name(top)]["properties"] for top in own[:1]):  # it can be about many texts
        own += [top for top in schema["anyOf"] if not _command(top, schema)]
    needed = _needed(own, schema)
    parts = {name: part for name, part in schema["$defs"].items() if name in needed}
    return {**schema, "title": f"{schema['title']} {command}", "anyOf": own, "$defs": parts}


def _command(top: Schema, schema: Schema) -> str:
    """Whose document or line it is; empty for what any command writes in place of an answer."""
    command: str = schema["$defs"][_name(top)]["properties"].get("command", {}).get("const", "")
    return command


def _needed(part: Any, schema: Schema) -> set[str]:
    """The names of all parts that this one refers to, or parts of it do."""
    if isinstance(part, list):
        return set().union(*(_needed(each, schema) for each in part))
    if not isinstance(part, dict):
        return set()
    needed = _needed(list(part.values()), schema)
    if "$ref" in part:
        needed |= {_name(part), *_needed(schema["$defs"][_name(part)], schema)}
    return needed


def _name(reference: Schema) -> str:
    return str(reference["$ref"]).removeprefix("#/$defs/")
