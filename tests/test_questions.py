"""Questions are data: one place for options, defaults and documentation, which Python and the command line both use."""

import inspect
import json
import pickle
from collections.abc import Callable
from dataclasses import MISSING, fields
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from commands import VARIANTS
from gpt2_inspect import analysis, load
from gpt2_inspect.analysis.question import Question
from gpt2_inspect.cli.app import COMMANDS
from gpt2_inspect.errors import UsageError
from gpt2_inspect.results import Result
from gpt2_inspect.session import Session, asks
from harness import run_cli

pytestmark = pytest.mark.usefixtures("one_torch_thread")

KINDS: list[type[Question[Any, Any]]] = [getattr(analysis, name) for name in analysis.FILES]

NOT_OF_A_QUESTION = {
    *("request", "text", "save", "save_all", "ids", "prompt", "bare", "columns", "no_tree"),
    *("plot", "plot_size"),
}
"""Parameters of commands: what a question is about, where its answer goes, and what tables show of it."""

OPTIONAL = {("hidden-states", "top_k"), ("decode", "top_k")}
"""Options whose command wants to know whether they were given: their default there is None, for the question's."""


def of_command(command: str) -> list[type[Question[Any, Any]]]:
    return [kind for kind in KINDS if kind.command == command]


def defaults(kind: type[Question[Any, Any]]) -> dict[str, Any]:
    return {field.name: field.default for field in fields(kind)}  # type: ignore[arg-type]


def test_every_command_has_its_question_and_every_question_its_method() -> None:
    assert {kind.command for kind in KINDS} == set(COMMANDS)
    methods = {name: value for name, value in vars(Session).items() if isinstance(value, asks)}
    assert {value._question() for value in methods.values()} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_options_have_defaults_and_documentation(kind: type[Question[Any, Any]]) -> None:
    documentation = inspect.getdoc(kind) or ""
    for name, default in defaults(kind).items():
        assert default is not MISSING
        assert f"\n    {name}: " in documentation, name


FLAGS = [(kind, name) for kind in KINDS for name, default in defaults(kind).items() if default is False]


@pytest.mark.parametrize(("kind", "name"), FLAGS, ids=lambda value: getattr(value, "__name__", value))
def test_flags_are_true_or_false(kind: type[Question[Any, Any]], name: str) -> None:
    assert getattr(kind(**{name: np.True_}), name) is True
    for value in ("no", 1, None):
        with pytest.raises(UsageError, match=f"^{name} is {value!r}; it must be True or False$"):
            kind(**{name: value})


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_line_offers_what_the_question_has_with_its_defaults(command: str) -> None:
    name = command.replace("-", "_")
    declared = inspect.signature(getattr(import_module(f"gpt2_inspect.cli.{name}"), name)).parameters
    offered = {name: parameter.default for name, parameter in declared.items() if name not in NOT_OF_A_QUESTION}
    expected: dict[str, Any] = {}
    for kind in of_command(command):
        expected |= defaults(kind)
    expected |= {name: None for asked, name in OPTIONAL if asked == command}
    expected.pop("every_position", None)  # there it is `--position all`
    assert offered == expected


@pytest.mark.parametrize("name", [name for name, value in vars(Session).items() if isinstance(value, asks)])
def test_methods_show_signature_and_documentation_of_the_question(name: str) -> None:
    kind = vars(Session)[name]._question()
    _, about, *options = inspect.signature(getattr(Session, name)).parameters.values()
    assert about.name == kind.about
    assert {option.name: option.default for option in options} == defaults(kind)
    assert all(option.kind is inspect.Parameter.KEYWORD_ONLY for option in options)
    assert getattr(Session, name).__doc__ == kind.__doc__


def test_a_method_is_the_question(tiny: Path) -> None:
    session = load(tiny)
    question = analysis.AttentionQuestion(layer=1, head=2, top_k=2)
    assert session.attention("hello", layer=1, head=2, top_k=2) == session.ask(question, "hello")
    with pytest.raises(TypeError):
        session.attention("hello", 1)  # type: ignore[misc]


def test_questions_travel_and_compare_as_values() -> None:
    for kind in KINDS:
        question = kind()
        assert pickle.loads(pickle.dumps(question)) == question == kind() and hash(question) == hash(kind())
    assert analysis.ScoreQuestion(top_k=3) != analysis.ScoreQuestion()
    assert analysis.DecodeArgmaxQuestion() != analysis.CompareHeadsQuestion()


@pytest.mark.parametrize(("command", "arguments"), VARIANTS, ids=lambda value: " ".join(value[:1]))
def test_json_is_read_back_into_the_records(tiny: Path, command: str, arguments: list[str]) -> None:
    document = json.loads(run_cli(command, *arguments, "-m", str(tiny), "--json").out)
    kind = next(kind for kind in Result.__subclasses__() if kind.command == command)
    result = kind.from_dict(document)
    assert json.loads(json.dumps(result.to_dict())) == document
    assert kind.from_dict(result.to_dict()) == result


def test_a_sampled_run_is_read_back(tiny: Path) -> None:
    result = load(tiny).next_tokens("hello", steps=3, top_k=2, sample_top_k=9, seed=4)
    assert type(result).from_dict(json.loads(json.dumps(result.to_dict()))) == result


def test_what_cannot_be_read_back(tiny: Path) -> None:
    result = load(tiny).score("hello")
    document = result.to_dict()
    changes: list[tuple[str, Callable[[dict[str, Any]], Any]]] = [
        ("schema_version is 2", lambda values: values.update(schema_version=2)),
        ("command is 'encode'", lambda values: values.update(command="encode")),
        ("no Score with the fields", lambda values: values.pop("totals")),
        ("Score.totals.tokens_scored: '1' is no int", lambda values: values["totals"].update(tokens_scored="1")),
        ("Score.positions: 3 is no list", lambda values: values.update(positions=3)),
        ("no Options with the fields", lambda values: values.update(options={"frobnicate": 1})),
    ]
    for words, change in changes:
        changed = json.loads(json.dumps(document))
        change(changed)
        with pytest.raises(ValueError, match=words):
            type(result).from_dict(changed)


@pytest.mark.parametrize(("command", "arguments"), VARIANTS, ids=lambda value: " ".join(value[:1]))
def test_the_record_tells_the_options(tiny: Path, command: str, arguments: list[str]) -> None:
    document = json.loads(run_cli(command, *arguments, "-m", str(tiny), "--json").out)
    name = {"next-tokens": "decoding", "compare-search": "search"}.get(command, "options")
    assert list(document)[5] == name
    if name == "options":
        assert any(document["options"].keys() == defaults(kind).keys() for kind in of_command(command))


def test_errors_name_options_as_each_side_spells_them(tiny: Path) -> None:
    with pytest.raises(UsageError, match="sample_top_k is 0; it must be between 1 and") as raised:
        load(tiny).next_tokens("hello", sample_top_k=0)
    assert raised.value.option == "sample_top_k"
    values = pickle.loads(pickle.dumps(raised.value)).values
    assert (values["option"], values["value"]) == ("sample_top_k", 0)
    run = run_cli("next-tokens", "hello", "--sample-top-k", "0", "-m", str(tiny))
    assert run.err == "error: --sample-top-k is 0; it must be between 1 and the vocabulary's size, 384\n"
    with pytest.raises(UsageError) as raised:
        load(tiny).next_tokens("hello", steps=1, max_length=9)
    assert str(raised.value) == "steps and max_length exclude each other"
    assert str(raised.value.hint) == "steps counts the new tokens alone, max_length the prompt's as well"


def test_a_default_above_a_tiny_vocabulary_is_cut_to_it_in_the_record_too(tmp_path: Path) -> None:
    from checkpoints import make_checkpoint

    session = load(make_checkpoint(tmp_path))
    size = session.model.vocab_size
    assert analysis.ScoreQuestion(top_k=size).top_k == size
    with pytest.raises(UsageError, match=f"top_k is {size + 1}; it must be between 1 and the vocabulary's size"):
        session.score("hello", top_k=size + 1)
