"""`models check`: a row for each thing that was looked at."""

from ...messages import say, say_n
from ...results.models import Check, ModelChecks
from ..formats import Page
from ..sections import Cell, Column, Facts, Grid, Row, Section
from ..visible import visible_line


def sections(result: ModelChecks, page: Page) -> list[Section]:
    """The checks of all models, and the verdict."""
    rows = []
    for model in result.models:
        name = visible_line(model.name)
        for check in model.checks:
            rows.append(_row(name, check, f"{result.tolerance:g}"))
            name = ""
    columns = (say("model"), say("what"), say("outcome"), say("details"))
    failed = sum(not model.ok for model in result.models)
    if failed:
        verdict = say_n("{n} model is damaged", "{n} models are damaged", n=failed)
    else:
        verdict = say_n("the model is as it should be", "all {n} models are as they should be", n=len(result.models))
    return [Grid(tuple(map(Column, columns)), tuple(rows)), Facts((verdict,))]


def _row(model: str, check: Check, tolerance: str) -> Row:
    names = {
        "files": say("files"),
        "config": say("configuration"),
        "weights": say("weights"),
        "tokenizer": say("tokenizer"),
        "backends": say("backends"),
        "published": say("published numbers"),
    }
    outcomes = {"ok": say("ok"), "failed": say("FAILED"), "skipped": say("skipped")}
    failed = check.outcome == "failed"
    return (
        Cell(model),
        Cell(names[check.check], strong=failed),
        Cell(outcomes[check.outcome], strong=failed),
        Cell(_details(check, tolerance)),
    )


def _details(check: Check, tolerance: str) -> str:
    """What was looked at; of a check that failed, the file at fault."""
    if check.outcome != "ok":
        return visible_line(check.file or "")
    count = check.count or 0
    match check.check:
        case "files":
            return say_n(
                "{n} file, {verified} with its checksum",
                "{n} files, {verified} with their checksum",
                n=count,
                verified=check.verified,
            )
        case "weights" if check.count:
            return say_n("{n} tensor", "{n} tensors", n=count)
        case "tokenizer":
            return say_n("{n} token", "{n} tokens", n=count)
        case "backends":
            return say("numpy and torch agree within {tolerance}", tolerance=tolerance)
        case "published":
            return say_n(
                "{n} number, within {tolerance}", "{n} numbers, within {tolerance}", n=count, tolerance=tolerance
            )
    return ""
