"""Whether whoever reads JSON by an old schema can read it by a new one: nothing that was promised may be missing.

New keys break nobody. What breaks: a document, line or key that is gone or no longer always there, and a value that the
old schema did not allow.
"""

from collections.abc import Iterator
from typing import Any

from contract import expanded

Schema = dict[str, Any]


def breaks(old: Schema, new: Schema) -> list[str]:
    """What is no longer as the old schema says, one line each; nothing if the new one has another schema version."""
    if old["$id"] != new["$id"]:
        return []
    found: list[str] = []
    for top in old["anyOf"]:
        name = top["$ref"].rpartition("/")[2]
        if top in new["anyOf"]:
            found += _differences(expanded(top, old), expanded(top, new), name)
        else:
            found.append(f"{name}: gone")
    return found


def _differences(old: Schema, new: Schema, where: str) -> Iterator[str]:
    """Why what is valid under `new` may not be so under `old`.

    Each of its alternatives must be one of the old: that with the same name, if there is one.
    """
    known = _alternatives(old)
    for alternative in _alternatives(new):
        same = [one for one in known if one.get("title") == alternative.get("title")]
        yield from min((list(_of_one(one, alternative, where)) for one in same or known), key=len)


def _alternatives(schema: Schema) -> list[Schema]:
    """The schema itself, if it has none; a list of types is one for each."""
    if "anyOf" in schema:
        return [each for part in schema["anyOf"] for each in _alternatives(part)]
    if isinstance(schema.get("type"), list):
        return [{**schema, "type": each} for each in schema["type"]]
    return [schema]


def _of_one(old: Schema, new: Schema, where: str) -> Iterator[str]:
    if "type" in old and new.get("type") != old["type"] and (old["type"], new.get("type")) != ("number", "integer"):
        yield f"{where}: {new.get('type', 'anything')} instead of {old['type']}"
        return
    if "const" in old and new.get("const") != old["const"]:
        yield f"{where}: {new.get('const', 'anything')!r} instead of {old['const']!r}"
    yield from _of_objects(old, new, where)
    yield from _of_lists(old, new, where)


def _of_objects(old: Schema, new: Schema, where: str) -> Iterator[str]:
    for name, value in old.get("properties", {}).items():
        here = f"{where}.{name}"
        if name not in new.get("properties", {}):
            yield f"{here}: gone"
            continue
        if name in old.get("required", ()) and name not in new.get("required", ()):
            yield f"{here}: not always there"
        yield from _differences(value, new["properties"][name], here)


def _of_lists(old: Schema, new: Schema, where: str) -> Iterator[str]:
    least, most = new.get("minItems", 0), new.get("maxItems", float("inf"))
    if least < old.get("minItems", 0) or most > old.get("maxItems", float("inf")):
        yield f"{where}: {least} to {most} items instead of {old.get('minItems')} to {old.get('maxItems')}"
    for index, item in enumerate(old.get("prefixItems", ())):
        yield from _differences(item, dict(enumerate(new.get("prefixItems", ()))).get(index, {}), f"{where}[{index}]")
    if "items" in old:
        yield from _differences(old["items"], new.get("items", {}), f"{where}[]")
