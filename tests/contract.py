"""What the JSON of a run must be: valid under the schema that the package ships, with no other keys."""

import json
from functools import cache
from typing import Any

from gpt2_inspect.results.schema import whole_schema

Schema = dict[str, Any]


def check_json(text: str) -> None:
    """Assert that the text is one document, or lines, as the schema says."""
    try:
        documents = [json.loads(text)]
    except ValueError:
        documents = list(map(json.loads, text.splitlines()))
    for document in documents:
        known = validators(document.get("command"))
        assert known, f"no command writes {document}"
        if not any(validator.is_valid(document) for validator in known):
            errors = [error for validator in known for error in validator.iter_errors(document)]
            raise AssertionError(max(errors, key=lambda error: len(error.absolute_path)))


@cache
def validators(command: str | None) -> list[Any]:
    """Of all that a command writes."""
    from jsonschema import Draft202012Validator

    tops = [followed(top, whole_schema()) for top in whole_schema()["anyOf"]]
    own = [top for top in tops if top["properties"].get("command", {}).get("const") == command]
    return [Draft202012Validator(closed(expanded(top, whole_schema()))) for top in own]


def expanded(schema: Any, whole: Schema) -> Any:
    """Without references: what they stand for is put in their place, with its name as title."""
    if isinstance(schema, list):
        return [expanded(part, whole) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        others = {name: part for name, part in schema.items() if name != "$ref"}
        return {**expanded(followed(schema, whole), whole), "title": schema["$ref"].rpartition("/")[2], **others}
    return {name: expanded(part, whole) for name, part in schema.items()}


def followed(reference: Schema, whole: Schema) -> Schema:
    """What a reference stands for."""
    found: Schema = whole["$defs"][reference["$ref"].removeprefix("#/$defs/")]
    return found


def closed(schema: Any) -> Any:
    """Valid under it is only what has no other keys."""
    if isinstance(schema, list):
        return list(map(closed, schema))
    if not isinstance(schema, dict):
        return schema
    made = {name: closed(part) for name, part in schema.items()}
    return {**made, "additionalProperties": False} if schema.get("type") == "object" else made
