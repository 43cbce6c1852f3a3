"""Guess the next token: places in texts, guesses for them, and a score in bits for student and model.

Shannon had people guess a text letter by letter, and so measured how much of it can be foreseen ("Prediction and
entropy of printed English", 1951). Here both sides put probability on the token that comes, and pay -log2 of it. The
model puts what it computes. A student names one token: that is a bet of one half on it, while the other half is spread
as the model would. So a right guess costs at most one bit, a wrong one costs one bit more than the model, and no guess
costs as much as the model: whoever knows no more than the model cannot beat it in the long run.
"""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, zip_longest

from ..checkpoint.tokenizer import Tokenizer
from ..errors import InputError
from ..messages import Message
from ..results import Candidate, Prompt
from ..results.quiz import Quiz, QuizTotals, Round
from .checks import check_positive, check_top_k, check_whole
from .continuation import Continuation
from .next_tokens import new_seed
from .prompt import encode, whole_prompt
from .question import LoadedModel
from .quiz_texts import CHINESE, ENGLISH
from .score import surprisal_bits

DEFAULT_ROUNDS = 10

_LEAST_BEFORE = 3
"""Tokens that stand before a place, for without any nobody can guess."""

_COMMON = "今天天气很好"
"""Who has a token for each of these characters, or fewer, has learned Chinese."""


class QuizGame:
    """A quiz that is being played.

    Args:
        model: whose tokens are guessed, and who guesses too.
        text: the text to ask about; None for sentences of our own, Chinese ones if the model has tokens for them.
        rounds: how many places to ask about; fewer if there are no more.
        seed: picks the places; by default a new one, which the record tells.
        top_k: how many of the model's candidates are listed.

    Raises:
        InputError: the text is empty, not valid Unicode, exceeds the model's n_positions, or has no place to ask about.
        UsageError: an option has a value that makes no sense.
        ModelUnusableError: the weights or the tokenizer are broken.
        BackendUnavailableError: the backend or the device is not there, or cannot run this model.
    """

    def __init__(
        self,
        model: LoadedModel,
        text: str | None = None,
        *,
        rounds: int = DEFAULT_ROUNDS,
        seed: int | None = None,
        top_k: int = 5,
    ) -> None:
        self._rounds_asked = check_positive("rounds", rounds)
        self._top_k = check_top_k(top_k, model.info.vocab_size, default=5)
        self._seed = new_seed() if seed is None else check_whole("seed", seed)
        _ = model.backend  # before the tokenizer: the weights are read ahead while that is loaded
        self._model = model
        self._prompt: Prompt | None = None if text is None else whole_prompt(model, text)
        self._tokenizer = model.tokenizer_for(text or "")
        texts = _own_texts(self._tokenizer) if self._prompt is None else [[each.id for each in self._prompt.tokens]]
        self._places = choose_places(self._tokenizer, texts, self._rounds_asked, random.Random(self._seed))
        if not self._places:
            raise InputError(
                Message("the text has no place to ask about"),
                Message("give one of some words; a place needs {least} tokens before it", least=_LEAST_BEFORE),
            )
        self._played: list[Round] = []

    @property
    def rounds(self) -> int:
        """How many there are."""
        return len(self._places)

    def turns(self) -> Iterator["Turn"]:
        """Each place, to be answered; one that is not does not count."""
        for number, token_ids in enumerate(self._places, start=1):
            yield Turn(self._model, self._tokenizer, number, token_ids, self._top_k, self._played.append)

    def result(self) -> Quiz:
        """The rounds that were played, and the score."""
        played = self._played
        return Quiz(
            model=self._model.info,
            run=self._model.run(self._seed),
            prompt=self._prompt,
            rounds_asked=self._rounds_asked,
            rounds=tuple(played),
            totals=QuizTotals(
                rounds=len(played),
                right=sum(each.right for each in played),
                model_right=sum(each.model_right for each in played),
                student_bits=math.fsum(each.student_bits for each in played),
                model_bits=math.fsum(each.model_bits for each in played),
            ),
        )


class Turn:
    """One place that is asked about: `text` is what stands before it."""

    def __init__(
        self,
        model: LoadedModel,
        tokenizer: Tokenizer,
        number: int,
        token_ids: Sequence[int],
        top_k: int,
        on_answer: Callable[[Round], None],
    ) -> None:
        """`token_ids` are those before the place, and the one that stands there."""
        *before, self._truth = token_ids
        self.number = number
        self.text = tokenizer.decode(before)
        self._on_answer = on_answer
        self._tokenizer = tokenizer
        self._continuation = Continuation(model, before, capacity=len(before))
        self._top_k = top_k

    def answer(self, typed: str) -> Round:
        """Score a guess; an empty one is none. Every answer counts as a round.

        Raises InputError if it is not valid Unicode, ModelUnusableError if a logit is NaN or infinite.
        """
        truth = self._continuation.candidate(self._truth)
        guess, space_added = self._taken_for(typed.rstrip(), truth)
        right = guess is not None and guess.id == truth.id
        outcome = Round(
            round=self.number,
            text=self.text,
            truth=truth,
            typed=typed if guess else None,
            guess=guess,
            space_added=space_added,
            right=right,
            model_right=truth.rank == 1,
            student_bits=student_bits(truth.logprob, None if guess is None else right),
            model_bits=surprisal_bits(truth.logprob),
            top_logprobs=self._continuation.propose(self._top_k).candidates,
        )
        self._on_answer(outcome)
        return outcome

    def _taken_for(self, typed: str, truth: Candidate) -> tuple[Candidate | None, bool]:
        """The first token of a guess, and whether that has a space that was not typed.

        `going` may mean the token `going` or ` going`. Taken is the right one if one is; else the one that is a whole
        token, and of two such the one that the model finds more probable.
        """
        forms = {form: encode(form, self._tokenizer) for form in (typed, f" {typed}") if typed.strip()}
        if typed[:1].isspace():
            forms.pop(f" {typed}", None)
        found = [
            (first.id == truth.id, len(ids) == 1, first.logprob, first, form != typed)
            for form, ids in forms.items()
            for first in map(self._continuation.candidate, ids[:1])
        ]
        *_, guess, space_added = max(found, key=lambda each: each[:3], default=(None, False))
        return guess, space_added


def student_bits(logprob: float, right: bool | None) -> float:
    """What a guess costs where the model gives the token this logprob, in nats; None for no guess.

    One half is bet on the guess, the other is spread as the model's probabilities are.
    """
    if right is None:
        return surprisal_bits(logprob)
    return abs(math.log2((1 + math.exp(logprob)) / 2)) if right else surprisal_bits(logprob) + 1


def choose_places(
    tokenizer: Tokenizer, texts: Sequence[Sequence[int]], rounds: int, rng: random.Random
) -> list[list[int]]:
    """The tokens up to each place that is asked about, and the one that stands there.

    Each text has its turn before one has its second; the places of a single text are in its order.
    """
    shuffled = []
    for token_ids in rng.sample(texts, len(texts)):
        places = [index for index in range(_LEAST_BEFORE, len(token_ids)) if _is_word(tokenizer, token_ids, index)]
        shuffled.append([list(token_ids[: index + 1]) for index in rng.sample(places, len(places))])
    in_turn = (place for turn in zip_longest(*shuffled) for place in turn if place is not None)
    chosen = list(islice(in_turn, rounds))
    return sorted(chosen, key=len) if len(texts) == 1 else chosen


def _is_word(tokenizer: Tokenizer, token_ids: Sequence[int], index: int) -> bool:
    """Whether the token is a whole word, or characters of a script without spaces between words."""
    last = tokenizer.decode(token_ids[max(0, index - _LONGEST) : index])[-1:]
    token, *rest = (
        tokenizer.token_bytes(token_id).decode("utf-8", "replace") for token_id in token_ids[index : index + 2]
    )
    word, following = token.strip(), rest[0][:1] if rest else ""
    if not word.isalnum() or last == "\ufffd":
        return False
    begins = token[0].isspace() or not (_joins(last) and _joins(word[0]))
    return begins and not (_joins(word[-1]) and _joins(following))


_LONGEST = 4
"""Tokens that a character is spread over at most: a byte each."""

_WITHOUT_SPACES = "\u2e80"
"""The first character of the scripts of East Asia in Unicode, which put no spaces between words."""


def _joins(character: str) -> bool:
    """Whether it forms words with its neighbours: letters, digits, and what stands inside of `don't`."""
    return character in ("'", "’", "-") or (character.isalnum() and character < _WITHOUT_SPACES)


def _own_texts(tokenizer: Tokenizer) -> list[list[int]]:
    chinese = len(tokenizer.encode(_COMMON)) <= len(_COMMON)
    return [tokenizer.encode(text) for text in (CHINESE if chinese else ENGLISH)]
