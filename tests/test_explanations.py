"""--explain and `gpt2-inspect explain`: every word about a column, every number and every line of Python is right."""

import ast
import io
import math
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
import torch
import typer
from rich.cells import cell_len

from commands import ARGUMENTS, OTHERS, TEXT, VARIANTS
from gpt2_inspect import Side, compare, load
from gpt2_inspect.analysis import NextTokensQuestion
from gpt2_inspect.cli.app import EXPLAINED, app
from gpt2_inspect.explanations import explanation_of
from gpt2_inspect.explanations.topics import TOPICS, topic_named
from gpt2_inspect.render import Page
from gpt2_inspect.render.columns import COLUMNS
from gpt2_inspect.render.sections import Grid
from gpt2_inspect.render.views import decimal, percent, view_of
from gpt2_inspect.results.compare import Comparison
from gpt2_inspect.session import Session
from harness import Terminal, check_error, ids_of, run_cli
from loaded import modules_of

pytestmark = pytest.mark.usefixtures("one_torch_thread")

ONE = "h"
CASES: list[tuple[str, Any, dict[str, Any]]] = [
    ("next_tokens", TEXT, {"steps": 3}),
    ("next_tokens", ONE, {"steps": 1, "top_k": 1}),
    ("next_tokens", TEXT, {"max_length": 9, "top_k": 384}),
    ("next_tokens", "", {"steps": 2}),
    ("next_tokens", TEXT * 12, {"steps": 2, "truncate_left": True}),
    ("next_tokens", TEXT, {"steps": 50, "temperature": 30.0, "seed": 3}),
    ("next_tokens", TEXT, {"steps": 4, "temperature": 0.5, "top_p": 0.6, "sample_top_k": 9, "seed": 3, "top_k": 1}),
    ("next_tokens", TEXT, {"steps": 2, "sample_top_k": 1, "seed": 1}),
    ("next_tokens", TEXT, {"steps": 2, "top_p": 1.0, "seed": 1}),
    ("score", TEXT, {}),
    ("score", TEXT, {"bos": True, "top_k": 1}),
    ("score", ONE, {}),
    ("logits", TEXT, {}),
    ("logits", ONE, {"top_k": 384, "temperatures": (0.5, 1.0, 2.0)}),
    ("logits", TEXT, {"position": -3, "temperatures": (2.0,), "top_p": 0.7, "sample_top_k": 5}),
    ("logits", TEXT, {"sample_top_k": 1}),
    ("attention", TEXT, {}),
    ("attention", TEXT, {"layer": 1}),
    ("attention", TEXT, {"layer": 1, "head": 2, "position": -3}),
    ("attention", ONE, {"top_k": 1}),
    ("hidden_states", TEXT, {}),
    ("hidden_states", TEXT, {"lens": True, "position": -2, "top_k": 1}),
    ("embeddings", TEXT, {}),
    ("embeddings", ONE, {"neighbors": 1}),
    ("encode", TEXT, {}),
    ("encode", "你 🙂", {}),
    ("decode", [104, 101], {}),
    ("decode", [228, 383], {"skip_special_tokens": True}),
    ("decode_argmax", TEXT, {}),
    ("decode_argmax", ONE, {"top_k": 1}),
    ("compare_search", TEXT, {"steps": 4}),
    ("compare_search", TEXT, {"steps": 5, "num_beams": 4, "length_penalty": -2.0}),
    ("compare_search", ONE, {"steps": 1, "num_beams": 1}),
    ("compare_heads", TEXT, {}),
    ("compare_heads", ONE, {"top_k": 1, "tree": True}),
    ("compare", (TEXT, "hello"), {"steps": 3}),
    ("compare", (ONE,), {"temperatures": (0.5, 30.0), "seed": 3, "steps": 4, "top_k": 1}),
    ("compare", (TEXT,), {"seeds": (1, 2), "sample_top_k": 2, "top_p": 0.9, "steps": 2}),
    ("compare", (TEXT,), {"temperatures": (None, 2.0), "seed": 1, "steps": 2}),
    ("hidden_states", TEXT, {"lens": True, "every_position": True}),
    ("report", TEXT, {"steps": 2}),
]
"""Methods of a session, what they are asked about, and their options."""

PAGES = {
    "next_tokens": [Page(), Page(columns=("entropy",)), Page(columns=COLUMNS)],
    "compare_search": [Page(), Page(tree=False)],
}
"""What may be asked for of an answer, by the method that gives it."""

every_case = pytest.mark.parametrize(("method", "asked", "options"), CASES, ids=lambda value: str(value)[:40])


@pytest.fixture(scope="module")
def answer(tiny: Path) -> Callable[[str, Any, dict[str, Any]], Any]:
    session = load(tiny)
    known: dict[str, Any] = {}

    def ask(method: str, asked: Any, options: dict[str, Any]) -> Any:
        case = repr((method, asked, options))
        if case not in known:
            ask_for = partial(compared, session) if method == "compare" else getattr(session, method)
            known[case] = ask_for(asked, **options)
        return known[case]

    return ask


def compared(
    session: Session, texts: tuple[str, ...], *, temperatures: Any = (None,), seeds: Any = (), **options: Any
) -> Comparison:
    """Two runs of next-tokens, whose differences are given twice."""
    seeds = seeds or (options.pop("seed", None),)
    sides = (
        Side(session, texts[at], NextTokensQuestion(temperature=temperatures[at], seed=seeds[at], **options))
        for at in (0, -1)
    )
    return compare(*sides)


Answer = Callable[[str, Any, dict[str, Any]], Any]


def test_every_command_is_explained(answer: Answer) -> None:
    assert {answer(*case).command for case in CASES} == set(EXPLAINED)


@every_case
def test_every_column_is_explained_and_no_other(
    answer: Answer, method: str, asked: Any, options: dict[str, Any]
) -> None:
    result = answer(method, asked, options)
    for page in PAGES.get(method, [Page()]):
        explained = {term for each in explanation_of(result, page).columns for term in expanded(each.heading)}
        assert explained == shown(result, page)


def shown(result: Any, page: Page) -> set[str]:
    """The headings of the result's tables."""
    grids = [section for section in view_of(result.command).sections(result, page) if isinstance(section, Grid)]
    headings = {
        column.heading
        for grid in grids
        for index, column in enumerate(grid.columns)
        if not column.below or any(row[index].text for row in grid.rows)
    }
    if result.command == "compare-heads":  # whose other headings are names of classes and outputs
        headings -= {"", "AutoModelForCausalLM", "AutoModel", "GPT2LMHeadModel", "GPT2Model", "logits"}
        headings -= {"last_hidden_state @ lm_head.weight.T"}
    if result.command == "report":  # what each part shows, its own command explains
        return {column.heading for column in grids[0].columns if column.heading}
    if result.command in ("attention", "hidden-states"):  # some columns are headed by indices
        headings = {heading for heading in headings if not heading.isdecimal()}
    return headings


def expanded(heading: str) -> list[str]:
    """`top 1 to 3` stands for three."""
    several = re.fullmatch(r"(\D+)(\d+)(\]?) to (?:\D*)(\d+)\]?", heading)
    if several is None:
        return [heading]
    before, first, after, last = several.groups()
    return [f"{before}{number}{after}" for number in range(int(first), int(last) + 1)]


def derived(result: Any) -> list[float]:
    """Numbers that are no part of the record but follow from it."""
    match result.command:
        case "next-tokens":
            return [sum(candidate.prob for candidate in result.steps[0].top_logprobs)]
        case "score":
            scored = [token.surprisal_bits for token in result.positions[1:]]
            mean = [-result.totals.logprob / len(scored)] if scored else []
            return [*mean, sum(scored), math.log2(result.model.vocab_size)]
        case "attention":
            return [sum(token.weight for token in result.heads[0].top)]
        case "decode" if result.argsort:
            logits = [candidate.logit for candidate in result.argsort.descending]
            return [logits[0] - logits[-1]]
        case "compare-search":
            return [result.beams[0].logprob - result.greedy.logprob]
    return []


def floats(value: Any) -> Iterator[float]:
    if isinstance(value, float):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from floats(part)


@every_case
def test_every_number_is_one_of_the_record(answer: Answer, method: str, asked: Any, options: dict[str, Any]) -> None:
    result = answer(method, asked, options)
    explanation = explanation_of(result, Page())
    known = {str(value) for value in options.values()} | {f"{math.e:.3f}"}
    for value in [*floats(result.to_dict()), *derived(result)]:
        known |= {decimal(value, places) for places in (2, 3, 4)} | {f"{value:.3g}", f"{value:.2g}"}
        known |= {percent(min(value, 1.0))} if 0 <= value <= 1.001 else set()
    known |= {f"{math.exp(value):.3g}" for value in derived(result)}
    said = " ".join([*explanation.asked, *explanation.idea])
    numbers = [number.rstrip(".") for number in re.findall(r"-?\d+\.\d+%?(?:e[+-]\d+)?", said)]
    assert [number for number in numbers if number not in known and f"-{number}" not in known] == []
    if method not in ("encode", "decode"):
        assert numbers or options.get("bos") is None


def test_what_is_said_follows_the_options(answer: Answer) -> None:
    def said(method: str, asked: Any, **options: Any) -> str:
        explanation = explanation_of(answer(method, asked, options), Page())
        return " ".join([*explanation.asked, *explanation.idea])

    greedy, drawn = said("next_tokens", TEXT, steps=3), said("next_tokens", TEXT, steps=2, sample_top_k=1, seed=1)
    assert "greedy" in greedy and "drawn" not in greedy and "greedy" not in drawn and "seed 1 " in drawn
    assert "KV cache" in greedy and "KV cache" not in said("next_tokens", ONE, steps=1, top_k=1)
    assert "share the rest" in greedy and "share the rest" not in said("next_tokens", TEXT, max_length=9, top_k=384)
    assert "The text is empty" in said("next_tokens", "", steps=2)
    assert "were dropped" in said("next_tokens", TEXT * 12, steps=2, truncate_left=True)
    assert "moves them together" in said("next_tokens", TEXT, steps=50, temperature=30.0, seed=3)
    assert "has no probability" in said("score", TEXT) and "was put before" in said("score", TEXT, bos=True, top_k=1)
    assert "There is none after" in said("score", ONE) and "only look at itself" in said("attention", ONE, top_k=1)
    assert "lens" in said("hidden_states", TEXT, lens=True, position=-2, top_k=1)
    assert "lens" not in said("hidden_states", TEXT)
    assert "rate the tokens alike" in said("compare", (TEXT,), seeds=(1, 2), sample_top_k=2, top_p=0.9, steps=2)
    parted = said("compare", (ONE,), temperatures=(0.5, 30.0), seed=3, steps=4, top_k=1)
    assert "differently" in parted and "They part at step 1" in parted and "infinite" not in parted
    assert "is split over" in said("encode", "你 🙂") and "is split over" not in said("encode", TEXT)


def test_the_end_of_a_text_is_told(tiny: Path) -> None:
    session = load(tiny)
    for seed in range(200):
        result = session.next_tokens("hello", steps=9, temperature=30.0, seed=seed)
        if result.finish_reason == "eos":
            break
    assert "In step" in (said := " ".join(explanation_of(result, Page()).asked)) and "ends a text" in said


@pytest.fixture(scope="module")
def loaded_once() -> Iterator[None]:
    """Every model is loaded once for all that is run."""
    from transformers import AutoModelForCausalLM

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AutoModelForCausalLM, "from_pretrained", cache(AutoModelForCausalLM.from_pretrained))
        yield


def run_code(lines: tuple[str, ...]) -> tuple[dict[str, Any], list[str]]:
    """The names that the lines leave behind, and the lines that they print."""
    names: dict[str, Any] = {}
    with redirect_stdout(io.StringIO()) as out:
        exec(compile("\n".join(lines), "explanation", "exec"), names)
    return names, out.getvalue().splitlines()


def near(found: torch.Tensor, expected: Any) -> bool:
    return torch.allclose(found.detach().double(), torch.tensor(expected).double(), rtol=1e-3, atol=1e-4)


def check_next_tokens(result: Any, names: dict[str, Any], printed: list[str]) -> None:
    assert names["ids"][0].tolist() == [*ids_of(result), *result.completion.token_ids]
    last = result.steps[-1]
    if result.decoding.strategy == "sample":
        assert near(names["probs"][last.chosen.id], last.chosen.prob_final)
    else:
        assert near(names["best"].values, [candidate.prob for candidate in last.top_logprobs])
    assert len(printed) >= len(result.steps) + 1


def check_score(result: Any, names: dict[str, Any], printed: list[str]) -> None:
    assert names["ids"][0].tolist() == ids_of(result)
    if result.totals.tokens_scored:
        assert near(names["scored"], [token.logprob for token in result.positions[1:]])
        total, perplexity = map(float, printed[1].split())
        assert near(torch.tensor([total, perplexity]), [result.totals.logprob, result.totals.perplexity])
    best = names["logprobs"][-1].topk(len(result.positions[-1].next_top_logprobs))
    assert near(best.values, [candidate.logprob for candidate in result.positions[-1].next_top_logprobs])


def check_logits(result: Any, names: dict[str, Any], printed: list[str]) -> None:
    assert names["logits"].argmax(-1).tolist() == [place.argmax.id for place in result.positions]
    best = names["one"].softmax(-1).topk(len(result.softmax.candidates))
    assert near(best.values, [candidate.prob for candidate in result.softmax.candidates])
    assert near(names["one"].logsumexp(-1), result.softmax.log_sum_exp)
    if result.temperatures is not None:
        final = [sorted((each.prob_final for each in at.candidates), reverse=True) for at in result.temperatures]
        assert near(names["probs"].topk(len(final[-1])).values, final[-1])
        assert [float(line.split()[0]) for line in printed[-len(final) :]] == [
            at.temperature for at in result.temperatures
        ]


def check_attention(result: Any, names: dict[str, Any], printed: list[str]) -> None:
    if result.matrix is not None:
        assert near(names["matrix"], result.matrix)
    for head in result.heads:
        weights = names["layers"][head.layer][0, head.head, result.position]
        assert near(weights.topk(len(head.top)).values, [token.weight for token in head.top])
    assert printed


def check_hidden_states(result: Any, names: dict[str, Any], printed: list[str]) -> None:
    measured = [list(map(float, line.split()[1:])) for line in printed if re.match(r"\d+ -?\d", line)]
    assert near(torch.tensor(measured), [[state.mean, state.std, state.norm] for state in result.layers])
    if (best := result.layers[-1].top_logprobs) is not None:
        assert near(names["best"].values, [candidate.prob for candidate in best])
        said = [line.rpartition("] [")[2].rstrip("]").split(", ")[0] for line in printed if "] [" in line]
        assert near(torch.tensor(list(map(float, said))), [state.top_logprobs[0].prob for state in result.layers])


def check_embeddings(result: Any, names: dict[str, Any], printed: list[str]) -> None:
    assert near(names["sums"].norm(dim=-1), [token.sum.norm for token in result.tokens])
    found = names["cosines"].topk(len(result.tokens[0].nearest))
    assert near(found.values, [[other.cosine for other in token.nearest] for token in result.tokens])
    assert len(printed) == 1 + len(result.tokens)


def check_encode(result: Any, names: dict[str, Any], printed: list[str]) -> None:
    assert names["ids"] == ids_of(result) and printed[-1] == result.prompt.text


def check_decode(result: Any, names: dict[str, Any], printed: list[str]) -> None:
    if result.argmax is None:
        assert printed[-1] == result.text
        return
    assert int(names["logits"].argmax()) == result.argmax.id
    assert near(names["logits"].max(), result.argmax.logit)
    assert names["order"].tolist()[0] == result.argsort.ascending[0].id


def check_compare_search(result: Any, names: dict[str, Any], printed: list[str]) -> None:
    length = len(ids_of(result))
    assert tuple(names["greedy"][0, length:].tolist()) == result.greedy.token_ids
    if result.search["num_beams"] > 1:
        assert [tuple(beam[length:].tolist()) for beam in names["found"].sequences] == [
            beam.token_ids for beam in result.beams
        ]
        assert near(names["found"].sequences_scores, [beam.score for beam in result.beams])


def check_compare_heads(result: Any, names: dict[str, Any], printed: list[str]) -> None:
    assert float(printed[0]) < 1e-3
    best = names["logits"][0, -1].softmax(-1).topk(len(result.top_logprobs))
    assert near(best.values, [candidate.prob for candidate in result.top_logprobs])


def check_compare(result: Any, names: dict[str, Any], printed: list[str]) -> None:
    assert len(printed) == min(len(result.a.steps), len(result.b.steps))
    for line, step, a, b in zip(printed, result.steps, result.a.steps, result.b.steps, strict=False):
        taken, _, numbers = line.rpartition("]")
        assert ast.literal_eval(f"{taken}]") == [a.chosen.token, b.chosen.token]
        if result.same_vocabulary:
            expected = [step.kl_a_b_bits, step.kl_b_a_bits]
        else:
            expected = [a.top_logprobs[0].prob, b.top_logprobs[0].prob]
        assert near(torch.tensor(list(map(float, numbers.split()))), expected)


def check_report(result: Any, names: dict[str, Any], printed: list[str]) -> None:
    states = result.hidden_states
    shape = torch.Size(result.logits.shape)
    assert printed[-1] == f"{shape} {len(states.layers)} {states.past_key_values.n_layer}"


@pytest.mark.usefixtures("loaded_once")
@every_case
def test_the_code_computes_the_same(answer: Answer, method: str, asked: Any, options: dict[str, Any]) -> None:
    result = answer(method, asked, options)
    names, printed = run_code(explanation_of(result, Page()).code)
    globals()[f"check_{result.command.replace('-', '_')}"](result, names, printed)


@pytest.mark.usefixtures("loaded_once")
@pytest.mark.parametrize("model", ["pocket", "pocket-zh"])
def test_the_code_finds_a_bundled_model(model: str) -> None:
    result = load(model).next_tokens("it's “\\n” 你好", steps=2, top_k=2)
    check_next_tokens(result, *run_code(explanation_of(result, Page()).code))


@pytest.mark.usefixtures("loaded_once")
def test_the_code_compares_two_models() -> None:
    """Whose vocabularies differ."""
    sides = (Side(load(model), TEXT, NextTokensQuestion(steps=3)) for model in ("pocket", "pocket-zh"))
    result = compare(*sides)
    explanation = explanation_of(result, Page())
    assert "their bytes" in " ".join(explanation.idea)
    assert {term.heading for term in explanation.columns} == shown(result, Page()) >= {"model"}
    check_compare(result, *run_code(explanation.code))


@pytest.mark.usefixtures("loaded_once")
@pytest.mark.parametrize("name", TOPICS)
def test_topics_print_what_they_say(name: str) -> None:
    topic = topic_named(name)
    _, printed = run_code(topic.code)
    promised = [line.partition("  # ")[2] for line in topic.code if line.startswith("print(")]
    assert printed and len(printed) >= len(promised)
    if any(promised):
        assert [line for line in promised if line and line not in printed] == []
    assert set(topic.related) <= set(TOPICS) - {name}


def test_numbers_that_topics_speak_of() -> None:
    """Those of the softmax topics stand in the code as well, which is run."""
    for name in ("softmax", "temperature", "top-p"):
        topic = topic_named(name)
        said = {float(found) for found in re.findall(r"(\d+\.\d)%", " ".join(topic.paragraphs))}
        shown = " ".join(line.partition("  # ")[2] for line in topic.code)
        printed = {round(100 * float(number), 1) for number in re.findall(r"0\.\d+", shown)}
        assert printed - {0.0} <= said | {0.0}


def test_topics_that_are_named_exist(answer: Answer) -> None:
    assert {topic for case in CASES for topic in explanation_of(answer(*case), Page()).topics} <= set(TOPICS)


@pytest.mark.parametrize("name", TOPICS)
def test_a_topic_on_the_command_line(name: str) -> None:
    done = run_cli("explain", name.upper().replace("-", "_"), environ={"COLUMNS": "40"})
    assert (done.code, done.err) == (0, "")
    code = topic_named(name).code
    assert [line for line in done.out.splitlines() if cell_len(line) > 40 and line not in code] == []
    assert all(line in done.out.splitlines() for line in code)
    assert max(map(len, code)) <= 80  # what a terminal holds
    shown_by = topic_named(name).shown_by
    assert shown_by in " ".join(done.out.split())
    program, command, *arguments = shlex.split(shown_by)
    assert (program, arguments[-1]) == ("gpt2-inspect", "--explain")
    typer.main.get_command(app).get_command(None, command).make_context(command, arguments)  # raises if one is unknown


def test_what_a_topic_suggests_is_about_a_text_in_the_language_in_use() -> None:
    for name in TOPICS:
        done = run_cli("explain", name, environ={"LANG": "zh_CN.UTF-8"})
        suggested = done.out.rpartition("gpt2-inspect ")[0].rpartition("想看实例：")[2]
        assert not re.search('"[A-Za-z ,.]+"', suggested), name


def test_headings_of_a_topic_are_bold_on_a_terminal() -> None:
    shown = run_cli("explain", "logprob", environ={"TERM": "xterm"}, out=Terminal()).out
    assert re.findall(r"\x1b\[1m(.+?)\x1b\[0m", shown) == ["logprob: the logarithm of a probability", "In Python"]
    assert "\x1b" not in run_cli("explain", "logprob", environ={"TERM": "xterm"}).out


def test_all_topics_are_listed() -> None:
    done = run_cli("explain")
    assert (done.code, done.err) == (0, "")
    assert [line.split()[0] for line in done.out.splitlines()[1 : 1 + len(TOPICS)]] == list(TOPICS)


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("softmaxx", "did you mean softmax?"),
        ("beam", "did you mean beam-search?"),
        ("kvcache", "did you mean kv-cache?"),
        ("score", "`gpt2-inspect score --explain`"),
        ("", "`gpt2-inspect explain` lists"),
        ("\x1b[31m", "`gpt2-inspect explain` lists"),
    ],
)
def test_a_topic_that_there_is_not(typed: str, hint: str) -> None:
    check_error(run_cli("explain", typed), 2, "there is no topic", hint, hint=True)


@pytest.mark.parametrize(
    ("command", "arguments"), [*VARIANTS, *(each for each in OTHERS if each[0] in EXPLAINED and "2" not in each[1])]
)
def test_it_stands_below_the_same_table(tiny: Path, command: str, arguments: list[str]) -> None:
    times = re.compile(r"\d+\.\d ms")
    common = [command, *arguments, "--model", str(tiny)]
    plain, explained = run_cli(*common), run_cli(*common, "--explain")
    assert (explained.code, explained.err) == (0, "")
    before, after = times.sub("", plain.out), times.sub("", explained.out)
    assert after.startswith(f"{before}\nWhat was asked\n")


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_no_line_is_too_long_to_be_read(tiny: Path, columns: int) -> None:
    for out in (io.StringIO(newline="\n"), Terminal()):
        environ = {"COLUMNS": str(columns), "NO_COLOR": "1"}
        done = run_cli(
            "next-tokens",
            TEXT,
            "-n",
            "2",
            "-m",
            str(tiny),
            "--explain",
            "--seed",
            "1",
            "-t",
            "2",
            out=out,
            environ=environ,
        )
        words, _, code = done.out.partition("What was asked")[2].partition("The same in transformers")
        assert [line for line in words.splitlines() if len(line) > min(columns, 100)] == []
        assert "ids = torch.tensor([tokenizer.encode('hello, how are you', add_special_tokens=False)])\n" in code


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["score", TEXT, "--json"], ["json", "table, markdown or html"]),
        (["score", TEXT, "--format", "csv"], ["csv", "table, markdown or html"]),
        (["score", TEXT, "--output", "answer.jsonl"], ["jsonl", "table, markdown or html"]),
        (["encode", TEXT, "--ids"], ["--ids"]),
        (["decode", "1", "--text"], ["--text"]),
    ],
)
def test_programs_get_no_explanation(tiny: Path, arguments: list[str], words: list[str]) -> None:
    check_error(run_cli(*arguments, "--explain", "-m", str(tiny)), 2, "--explain", *words)


def test_what_is_not_asked_for_is_not_loaded(tiny: Path) -> None:
    arguments = [*ARGUMENTS["next-tokens"], "--model", str(tiny)]
    room = "gpt2_inspect.explanations"
    assert not [name for name in modules_of("next-tokens", *arguments) if name.startswith(room)]
    loaded = modules_of("next-tokens", *arguments, "--explain")
    assert {name for name in loaded if name.startswith(f"{room}.") and name.rpartition(".")[2] in modules_named()} == {
        f"{room}.next_tokens"
    }
    assert "torch" not in loaded and "torch" not in modules_of("explain", "softmax")


def modules_named() -> set[str]:
    return {name.replace("-", "_") for name in EXPLAINED}
