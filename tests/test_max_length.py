"""`--max-length` counts prompt and completion together, as transformers' max_length does; `--steps` the completion."""

import json
from pathlib import Path

import pytest
import torch
from transformers import GPT2LMHeadModel

from gpt2_inspect import load
from gpt2_inspect.errors import InputError, UsageError
from gpt2_inspect.session import Session
from harness import Run, Terminal, check_error, run_cli

pytestmark = pytest.mark.usefixtures("one_torch_thread")

TEXT = "hello, how are you? 你好"
N_POSITIONS = 64


@pytest.fixture(scope="module", params=["numpy", "torch"])
def session(request: pytest.FixtureRequest, tiny: Path) -> Session:
    return load(str(tiny), backend=request.param)


def generate(tiny: Path, token_ids: list[int], max_length: int) -> list[int]:
    """What transformers makes of it."""
    model = GPT2LMHeadModel.from_pretrained(tiny).eval()
    inputs = torch.tensor([token_ids])
    with torch.inference_mode():
        sequences = model.generate(
            inputs, attention_mask=torch.ones_like(inputs), do_sample=False, max_length=max_length, pad_token_id=0
        )
    return sequences[0].tolist()


def test_prompt_and_completion_together(session: Session, tiny: Path) -> None:
    result = session.next_tokens(TEXT, max_length=30)
    prompt = [token.id for token in result.prompt.tokens]
    assert prompt + list(result.completion.token_ids) == generate(tiny, prompt, 30)
    assert len(prompt) + len(result.steps) == 30
    assert (result.decoding.max_length, result.decoding.steps) == (30, 30 - len(prompt))
    assert result.finish_reason == "length"


@pytest.mark.parametrize("sampling", [{}, {"temperature": 0.9, "seed": 4}], ids=["greedy", "sampled"])
def test_the_same_as_so_many_steps(session: Session, sampling: dict[str, float]) -> None:
    tokens = len(session.next_tokens(TEXT, steps=1).prompt.tokens)
    by_length = session.next_tokens(TEXT, max_length=tokens + 7, ignore_eos=True, **sampling)
    by_steps = session.next_tokens(TEXT, steps=7, ignore_eos=True, **sampling)
    assert by_length.completion == by_steps.completion
    assert [step.chosen for step in by_length.steps] == [step.chosen for step in by_steps.steps]
    assert (by_steps.decoding.max_length, by_steps.decoding.steps) == (None, 7)


def test_whole_context(session: Session, tiny: Path) -> None:
    """It can be filled, for the last token is never read: as in transformers."""
    longest = N_POSITIONS + 1
    result = session.next_tokens(TEXT, max_length=longest, ignore_eos=True)
    prompt = [token.id for token in result.prompt.tokens]
    assert prompt + list(result.completion.token_ids) == generate(tiny, prompt, longest)
    assert len(prompt) + len(result.steps) == longest
    full = session.next_tokens("!" * N_POSITIONS, steps=1)
    prompt = [token.id for token in full.prompt.tokens]
    assert (len(prompt), full.prompt.tokens_dropped) == (N_POSITIONS, 0)
    assert [*prompt, full.steps[0].chosen.id] == generate(tiny, prompt, longest)
    with pytest.raises(InputError, match="no room for 2 steps more"):
        session.next_tokens("!" * N_POSITIONS, steps=2)


def test_empty_prompt_counts_its_token(session: Session) -> None:
    result = session.next_tokens("", max_length=4, ignore_eos=True)
    assert (result.prompt.bos_added, len(result.prompt.tokens), len(result.steps)) == (True, 1, 3)
    with pytest.raises(InputError, match="the text has 1 token; max_length 1 leaves no room"):
        session.next_tokens("", max_length=1)


def test_truncated_prompt_leaves_room_for_one_step(session: Session) -> None:
    result = session.next_tokens("?!" * 40, max_length=20, truncate_left=True)
    assert (result.prompt.tokens_dropped, len(result.prompt.tokens), len(result.steps)) == (61, 19, 1)
    short = session.next_tokens("?!", max_length=5, truncate_left=True, ignore_eos=True)
    assert (short.prompt.tokens_dropped, len(short.steps)) == (0, 3)


def test_without_either_there_are_ten_steps(session: Session) -> None:
    decoding = session.next_tokens("!", ignore_eos=True).decoding
    assert (decoding.steps, decoding.max_length) == (10, None)


def test_both_are_refused_in_python(session: Session) -> None:
    with pytest.raises(UsageError, match="exclude each other"):
        session.next_tokens("!", steps=2, max_length=3)


def next_tokens(tiny: Path, *arguments: str, **options: Terminal) -> Run:
    return run_cli("next-tokens", "-m", str(tiny), *arguments, **options)


class TestCommandLine:
    def test_record(self, tiny: Path) -> None:
        document = json.loads(next_tokens(tiny, "!!!", "--max-length", "5", "--ignore-eos", "--json").out)
        expected = load(str(tiny)).next_tokens("!!!", max_length=5, ignore_eos=True).to_dict()
        assert document["decoding"] == expected["decoding"]
        assert document["completion"] == expected["completion"]
        assert len(document["steps"]) == document["decoding"]["steps"] == 2

    def test_live_table(self, tiny: Path) -> None:
        out = Terminal(newline="\n")
        run = next_tokens(tiny, "!!!", "--max-length", "5", "--ignore-eos", out=out)
        assert run.out.count("◀") == 2 + 1  # that of the legend

    def test_help_says_which_is_which(self) -> None:
        words = run_cli("next-tokens", "--help").out.split()
        text = " ".join(words)
        assert "How many tokens to add (transformers' max_new_tokens)" in text
        assert "prompt and completion have together (transformers' max_length)" in text

    @pytest.mark.parametrize(
        ("arguments", "code", "words"),
        [
            (["--steps", "2", "--max-length", "5"], 2, ["--steps", "--max-length", "hint"]),
            (["-n", "10", "--max-length", "13"], 2, ["exclude each other"]),
            (["--max-length", "0"], 2, ["--max-length is 0"]),
            (["--max-length", "-5"], 2, ["--max-length is -5"]),
            (["--max-length", "x"], 2, ["--max-length", "x"]),
            (["--max-length", "66"], 5, ["--max-length is 66", "context is 64", "largest --max-length is 65"]),
            (["--max-length", str(10**20)], 5, ["context is 64"]),
            (["--max-length", "66", "--truncate-left"], 5, ["context is 64"]),
            (["--max-length", "3"], 5, ["3 tokens", "--max-length 3", "adds one is 4", "--truncate-left"]),
            (["--max-length", "2"], 5, ["3 tokens", "--max-length 2", "adds one is 4"]),
            (["--max-length", "1", "--truncate-left"], 5, ["3 tokens", "--max-length 1"]),
        ],
    )
    def test_refused(self, tiny: Path, tmp_path: Path, arguments: list[str], code: int, words: list[str]) -> None:
        old = tmp_path / "old"
        old.write_text("old")
        check_error(next_tokens(tiny, "!!!", "-o", str(old), *arguments), code, *words)
        assert (old.read_text(), list(tmp_path.iterdir())) == ("old", [old])

    def test_no_room_at_all(self, tiny: Path) -> None:
        run = next_tokens(tiny, "!" * (N_POSITIONS + 1), "--max-length", str(N_POSITIONS + 1))
        check_error(run, 5, "no --max-length fits", "--truncate-left")
        run = next_tokens(tiny, "!" * N_POSITIONS, "--max-length", str(N_POSITIONS))
        check_error(run, 5, f"adds one is {N_POSITIONS + 1}", "--truncate-left")
        short = next_tokens(tiny, "!", "--max-length", "1", "--truncate-left")
        check_error(short, 5, "the text has 1 token;", "adds one is 2")
        assert "--truncate-left" not in short.err
