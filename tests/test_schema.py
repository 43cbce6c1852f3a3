"""The contract: the schema is that of the records, what is released is kept, and a page says what it says."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compatibility import breaks
from contract import check_json
from gpt2_inspect import load
from gpt2_inspect.cli.app import COMMANDS, OTHER_COMMANDS
from gpt2_inspect.results.schema import commands, schema_of, whole_schema
from harness import check_error, run_cli
from json_page import PAGE, with_tables

RELEASED = Path(__file__).parent / "released_schema.json"


def test_the_schema_is_that_of_the_records() -> None:
    """`python tests/schemas.py` makes it anew."""
    pytest.importorskip("pydantic", reason="pydantic makes the schema; it is in the extra `dev`")
    from schemas import make_schema

    assert whole_schema() == make_schema()


def test_the_page_is_that_of_the_schema() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_tables(page, whole_schema())
    headings = [line for line in page.splitlines() if line.startswith("#")]
    assert len({heading.strip("# ").lower() for heading in headings}) == len(headings)


def test_every_command_has_a_schema() -> None:
    assert {command.partition(" ")[0] for command in commands()} == {*COMMANDS, *OTHER_COMMANDS}
    run = run_cli("schema")
    assert (run.code, run.err, json.loads(run.out)) == (0, "", whole_schema())


@pytest.mark.parametrize("command", commands())
def test_schemas_are_whole(command: str) -> None:
    """Each by itself: valid, and with all that it refers to, and no more."""
    from jsonschema import Draft202012Validator

    run = run_cli("schema", *command.split())
    assert (run.code, run.err) == (0, "")
    schema = json.loads(run.out)
    assert schema == schema_of(command)
    Draft202012Validator.check_schema(schema)
    assert set(references(schema)) == {f"#/$defs/{name}" for name in schema["$defs"]}


def references(schema: Any) -> list[str]:
    if isinstance(schema, list):
        return [found for part in schema for found in references(part)]
    if not isinstance(schema, dict):
        return []
    return [schema["$ref"]] if "$ref" in schema else references(list(schema.values()))


def test_a_schema_for_nothing() -> None:
    check_error(run_cli("schema", "scores"), 2, "'scores'", "encode, ", hint=True)
    check_error(run_cli("schema", "score", "encode"), 2, "'score encode'", hint=True)


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_whoever_reads_by_the_printed_schema_can(tiny: Path, form: str) -> None:
    """As it is printed, and not as these tests tighten it."""
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(json.loads(run_cli("schema", "score").out))
    out = run_cli("score", "hello", "--format", form, "--model", str(tiny)).out
    document = json.loads(out.splitlines()[0] if form == "jsonl" else out)
    validator.validate(document)
    validator.validate({**document, "a_new_key": 1})
    key = "totals" if form == "json" else "index"
    assert not validator.is_valid({name: value for name, value in document.items() if name != key})


@pytest.mark.parametrize(
    "spoil",
    [
        lambda document: document.pop("totals"),
        lambda document: document.update(more=1),
        lambda document: document["positions"][1].update(rank=1.5),
        lambda document: document["positions"][1]["next_top_logprobs"][0].update(logit=None),
        lambda document: document["options"].update(bos="no"),
        lambda document: document.update(command="scores"),
        lambda document: document.update(schema_version=2),
    ],
)
def test_the_harness_finds_what_is_wrong(tiny: Path, spoil: Callable[[Any], Any]) -> None:
    document = load(tiny).score("hello, you").to_dict()
    check_json(json.dumps(document))
    spoil(document)
    with pytest.raises(AssertionError):
        check_json(json.dumps(document))


class TestCompatibility:
    """What breaks the readers of an old schema, and what does not."""

    def test_with_the_last_release(self) -> None:
        if not RELEASED.exists():
            pytest.skip("nothing has been released yet")
        assert breaks(json.loads(RELEASED.read_text(encoding="utf-8")), whole_schema()) == []

    def test_with_itself(self) -> None:
        assert breaks(whole_schema(), whole_schema()) == []

    @pytest.mark.parametrize(
        ("change", "found"),
        [
            (lambda defs: defs["Totals"]["properties"].pop("perplexity"), "Score.totals.perplexity: gone"),
            (lambda defs: defs["Totals"]["required"].remove("perplexity"), "Score.totals.perplexity: not always there"),
            (
                lambda defs: defs["Totals"]["properties"]["tokens_scored"].update(type="number"),
                "Score.totals.tokens_scored: number instead of integer",
            ),
            (
                lambda defs: defs["Totals"]["properties"]["logprob"].update(type=["number", "null"]),
                "Score.totals.logprob: null instead of number",
            ),
            (
                lambda defs: defs["Score"]["properties"].update(totals={"type": "array", "items": {}}),
                "Score.totals: array instead of object",
            ),
            (
                lambda defs: defs["Score"]["properties"]["command"].update(const="scores"),
                "Score.command: 'scores' instead of 'score'",
            ),
            (
                lambda defs: defs["Shapes"]["properties"]["wte"].update(maxItems=3),
                "Embeddings.shapes.wte: 2 to 3 items instead of 2 to 2",
            ),
            (
                lambda defs: defs["Softmax"]["properties"]["candidates"].update(items={"type": "string"}),
                "Logits.softmax.candidates[]: string instead of object",
            ),
            (
                lambda defs: defs["SampledCandidate"]["properties"].pop("prob_final"),
                "StepLine.chosen.prob_final: gone",
            ),
        ],
    )
    def test_changes(self, change: Callable[[Any], Any], found: str) -> None:
        new = copy.deepcopy(whole_schema())
        change(new["$defs"])
        assert found in breaks(whole_schema(), new)
        new["$id"] += "0"
        assert breaks(whole_schema(), new) == []

    def test_additions(self) -> None:
        new = copy.deepcopy(whole_schema())
        for part in new["$defs"].values():
            part["properties"]["a_new_key"] = {"type": "string"}
            part["required"] = [*part.get("required", ()), "a_new_key"]
        new["$defs"]["NewCommand"] = {"type": "object", "properties": {"command": {"const": "new"}}}
        new["anyOf"].append({"$ref": "#/$defs/NewCommand"})
        new["$defs"]["Totals"]["properties"]["perplexity"]["type"] = "number"  # where there was null, too
        assert breaks(whole_schema(), new) == []

    def test_a_document_that_is_gone(self) -> None:
        new = copy.deepcopy(whole_schema())
        new["anyOf"].remove({"$ref": "#/$defs/Score"})
        assert breaks(whole_schema(), new) == ["Score: gone"]
