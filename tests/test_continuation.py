"""A continuation that is stepped, taken back and branched says what a fresh run over the same tokens says."""

import pickle
from pathlib import Path

import pytest

from gpt2_inspect import load
from gpt2_inspect.analysis.continuation import Continuation, Proposals
from gpt2_inspect.analysis.sampling import Sampler
from gpt2_inspect.errors import InputError
from gpt2_inspect.results import SampledCandidate
from gpt2_inspect.session import Session
from harness import both_backends

pytestmark = [pytest.mark.usefixtures("one_torch_thread"), both_backends]


@pytest.fixture
def session(tiny: Path, backend: str) -> Session:
    return load(tiny, backend=backend)


def check_fresh(session: Session, continuation: Continuation) -> Proposals:
    """Its proposals, which are those of a fresh continuation of the same tokens."""
    fresh = Continuation(session._loaded, continuation.token_ids).propose(4)
    found = continuation.propose(4)
    assert [candidate.id for candidate in found.candidates] == [candidate.id for candidate in fresh.candidates]
    for ours, expected in zip(found.candidates, fresh.candidates, strict=True):
        assert ours.logprob == pytest.approx(expected.logprob, abs=1e-5)
    assert found.entropy_bits == pytest.approx(fresh.entropy_bits, abs=1e-5)
    return found


def test_taking_the_best_is_greedy_decoding(session: Session) -> None:
    expected = session.next_tokens("hello, how", steps=5)
    continuation = session.continuation("hello, how")
    for step in expected.steps:
        found = continuation.propose(5)
        assert found.candidates == step.top_logprobs and found.chosen == step.chosen
        assert found.entropy_bits == step.entropy_bits
        continuation.take(found.chosen.id)
    assert continuation.taken == expected.completion.token_ids


def test_drawing_is_sampling(session: Session) -> None:
    expected = session.next_tokens("hello", steps=4, temperature=1.5, top_p=0.9, seed=3, ignore_eos=True)
    sampler = Sampler(3, 1.5, None, 0.9)
    continuation = session.continuation("hello")
    for step in expected.steps:
        found = continuation.draw(sampler, 5)
        assert found.chosen == step.chosen and isinstance(found.chosen, SampledCandidate)
        continuation.take(found.chosen.id)


def test_any_token_can_be_taken_several_before_they_are_read(session: Session) -> None:
    continuation = session.continuation("hello")
    check_fresh(session, continuation)
    for token_id in (7, 3, 200):
        continuation.take(token_id)
    assert continuation.taken == (7, 3, 200)
    check_fresh(session, continuation)


@pytest.mark.parametrize("steps", [0, 1, 2, 4])
def test_going_back(session: Session, steps: int) -> None:
    continuation = session.continuation("hello")
    for token_id in (7, 3, 200, 9):
        continuation.propose(1)
        continuation.take(token_id)
    continuation.back(steps)
    assert continuation.taken == (7, 3, 200, 9)[: 4 - steps]
    check_fresh(session, continuation)
    continuation.take(11)
    check_fresh(session, continuation)


def test_going_back_over_what_was_never_read(session: Session) -> None:
    continuation = session.continuation("hello")
    continuation.propose(1)
    for token_id in (7, 3):
        continuation.take(token_id)
    continuation.back()
    assert continuation.taken == (7,)
    check_fresh(session, continuation)


def test_forks_go_on_apart(session: Session) -> None:
    one = session.continuation("hello, how")
    one.take(one.propose(1).chosen.id)
    for read_before in (False, True):
        if read_before:
            one.propose(1)
        other = one.fork()
        other.take(5)
        check_fresh(session, other)
        one.take(17)
        check_fresh(session, one)
        other.back()
        check_fresh(session, other)
        one.back()


def test_the_context_can_be_filled_and_not_more(session: Session) -> None:
    n_positions = session.model.n_positions
    continuation = Continuation(session._loaded, [5] * (n_positions - 1))
    continuation.take(6)
    found = check_fresh(session, continuation)
    continuation.take(found.chosen.id)
    assert len(continuation.token_ids) == n_positions + 1
    with pytest.raises(InputError, match=f"{n_positions + 1} tokens are more than can be read"):
        continuation.propose(1)
    continuation.back()
    assert check_fresh(session, continuation).chosen.id == found.chosen.id


def test_what_cannot_be_done(session: Session) -> None:
    continuation = session.continuation("hello")
    for token_id in (-1, session.model.vocab_size):
        with pytest.raises(InputError, match="outside the vocabulary"):
            continuation.take(token_id)
    with pytest.raises(InputError, match="cannot go back 1: 0 tokens have been taken"):
        continuation.back()
    assert continuation.taken == ()


def test_a_used_session_travels_and_opens_its_files_again(session: Session) -> None:
    expected = session.score("hello, how")
    packed = pickle.dumps(session)
    assert len(packed) < 10_000
    assert pickle.loads(packed).score("hello, how") == expected
