"""`quiz`: places in texts, guesses for them, and a score in bits that nobody can talk up."""

import csv
import io
import json
import math
import random
from pathlib import Path
from typing import Any

import pytest

from gpt2_inspect import load
from gpt2_inspect.analysis.quiz import choose_places, student_bits
from gpt2_inspect.analysis.quiz_texts import CHINESE, ENGLISH
from gpt2_inspect.checkpoint.tokenizer_files import load_tokenizer
from gpt2_inspect.results.quiz import Quiz
from gpt2_inspect.session import Session
from gpt2_inspect.sources import find_model
from harness import Terminal, check_error, run_cli

TEXT = "The cat sat on the mat, and the dog ran after the cat."


@pytest.fixture(scope="module")
def pocket() -> Session:
    return load("pocket")


def play(session: Session, guesses: list[str], **options: Any) -> Quiz:
    game = session.quiz(**options)
    for turn, guess in zip(game.turns(), guesses, strict=False):
        turn.answer(guess)
    return game.result()


def run(*arguments: str, guesses: str = "", **options: Any) -> Any:
    return run_cli("quiz", *arguments, "--model", "pocket", stdin=guesses.encode(), **options)


def test_bits() -> None:
    p = 0.2
    assert student_bits(math.log(p), None) == pytest.approx(-math.log2(p))
    assert student_bits(math.log(p), True) == pytest.approx(-math.log2(0.5 + p / 2))
    assert student_bits(math.log(p), False) == pytest.approx(-math.log2(p / 2))
    assert str(student_bits(0, True)) == "0.0"


@pytest.mark.parametrize("p", [0.01, 0.3, 0.9])
def test_who_knows_no_more_than_the_model_does_not_gain(p: float) -> None:
    """To guess what is right with the model's own probability costs more than the model on average."""
    mean = p * student_bits(math.log(p), True) + (1 - p) * student_bits(math.log(1 - p), False)
    assert mean > -(p * math.log2(p) + (1 - p) * math.log2(1 - p))


def test_rounds(pocket: Session) -> None:
    """What is shown is the text before the word; numbers are those of score."""
    scored = {token.index: token for token in pocket.score(TEXT).positions}
    result = play(pocket, [""] * 12, text=TEXT, rounds=12, seed=1)
    assert len(result.rounds) == 10 and result.rounds_asked == 12 and result.prompt is not None
    for played in result.rounds:
        before = pocket.encode_ids(played.text)
        token = scored[len(before)]
        assert TEXT.startswith(played.text + played.truth.token)
        assert (played.truth.id, played.truth.rank) == (token.id, token.rank)
        assert played.model_bits == played.student_bits == pytest.approx(token.surprisal_bits, rel=1e-4)
        assert (played.guess, played.typed, played.right) == (None, None, False)
        assert played.model_right is (played.top_logprobs[0].id == token.id)
    lengths = [len(played.text) for played in result.rounds]
    assert lengths == sorted(set(lengths))  # a text is asked about in its order, and no place twice
    assert result.totals.model_bits == pytest.approx(math.fsum(played.model_bits for played in result.rounds))


@pytest.mark.parametrize(
    ("typed", "token", "added"),
    [
        ("sat", " sat", True),
        (" sat", " sat", False),
        ("sat down", " sat", True),
        ("jumped", " jumped", True),
        (",", ",", False),
        ("xqz", None, None),
    ],
)
def test_what_a_guess_is_taken_for(pocket: Session, typed: str, token: str | None, added: bool | None) -> None:
    turn = next(turn for turn in pocket.quiz("Look: the cat sat.", seed=1).turns() if turn.text.endswith("cat"))
    played = turn.answer(typed)
    assert played.guess is not None
    assert played.right is (token == " sat")
    assert token is None or (played.guess.token, played.space_added) == (token, added)
    assert played.typed == typed


def test_places_are_words() -> None:
    for name, texts in (("pocket", ENGLISH), ("pocket-zh", CHINESE)):
        tokenizer = load_tokenizer(find_model(name).folder)
        for text in texts:
            places = choose_places(tokenizer, [tokenizer.encode(text)], 100, random.Random(1))
            assert len(places) >= 2, text
            for *before, place in places:
                shown, word = tokenizer.decode(before), tokenizer.decode([place])
                assert text.startswith(shown + word) and "\ufffd" not in shown
                assert word.strip().isalnum()
                if name == "pocket":
                    following = text[len(shown + word) :][:1]
                    assert word.startswith(" ") and not following.isalnum() and following not in ("'", "-")


def test_each_sentence_has_its_turn_and_a_seed_fixes_them(pocket: Session) -> None:
    def asked(seed: int | None, rounds: int = 10) -> list[str]:
        return [played.text for played in play(pocket, [""] * 100, rounds=rounds, seed=seed).rounds]

    first = asked(7, rounds=len(ENGLISH))
    assert {next(i for i, text in enumerate(ENGLISH) if text.startswith(shown)) for shown in first} == set(range(24))
    assert asked(7) == asked(7) == first[:10] != asked(8)
    new = [play(pocket, [""], rounds=1).run.seed for _ in range(2)]
    assert new[0] != new[1]


def test_chinese_is_asked_of_those_who_know_it() -> None:
    (played,) = play(load("pocket-zh"), [""], rounds=1, seed=1).rounds
    assert any(text.startswith(played.text) for text in CHINESE)


def test_from_a_pipe() -> None:
    done = run("--seed", "3", "--rounds", "3", "--json", guesses="much\n\nthe\n")
    document = json.loads(done.out)
    assert (done.code, document["command"], document["run"]["seed"]) == (0, "quiz", 3)
    assert Quiz.from_dict(document).to_dict() == document
    assert [played["typed"] for played in document["rounds"]] == ["much", None, "the"]
    assert document["rounds"][0]["right"] and document["totals"]["right"] == 1
    for played in document["rounds"]:
        assert played["text"] in " ".join(done.err.split())
    assert "your guess: much\n" in done.err and "Right!" in done.err
    assert done.err.endswith(".\n\n"), "the score below it begins apart"
    again = run("--seed", "3", "--rounds", "3", "--json", guesses="much\r\n\r\nthe")
    assert again.out == done.out


def test_the_end_of_the_input_ends_it(tmp_path: Path) -> None:
    path = tmp_path / "score.csv"
    assert run("--seed", "3", "--output", str(path), guesses="a\nb\n").code == 0
    rows = list(csv.DictReader(io.StringIO(path.read_text())))
    assert [row["typed"] for row in rows] == ["a", "b"]
    done = run("--seed", "3")
    assert done.code == 0 and "no round was played" in done.out


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_fits_the_terminal(columns: int) -> None:
    environ = {"COLUMNS": str(columns), "NO_COLOR": "1"}
    done = run("--seed", "1", guesses="the\n" * 9 + "\x1b[31m\n", out=Terminal(), environ=environ)
    assert "\x1b" not in done.out + done.err
    assert max(map(len, done.out.splitlines())) <= columns
    assert run("--format", "markdown", guesses="the\n").code == 0


@pytest.mark.parametrize(
    ("arguments", "guesses", "code", "words"),
    [
        (["-"], b"", 2, "standard input is where the guesses come from"),
        (["--rounds", "0"], b"", 2, "--rounds is 0"),
        (["--top-k", "0"], b"", 2, "--top-k is 0"),
        ([""], b"", 5, "empty"),
        (["one two"], b"", 5, "no place to ask about"),
        (["x " * 600], b"", 5, "512"),
    ],
)
def test_errors(arguments: list[str], guesses: bytes, code: int, words: str) -> None:
    check_error(run_cli("quiz", *arguments, "--model", "pocket", stdin=guesses), code, words)


def test_a_guess_that_is_no_text() -> None:
    done = run_cli("quiz", "--model", "pocket", stdin=b"\xff\n")
    assert done.code == 5 and "error: standard input is not valid UTF-8" in done.err and done.out == ""
