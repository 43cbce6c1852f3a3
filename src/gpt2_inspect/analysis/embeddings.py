"""What a text is before the first block: its rows of wte and wpe, and the tokens whose rows of wte are nearest."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..backends.base import Backend
from ..checkpoint.tokenizer import Tokenizer
from ..errors import not_finite
from ..messages import Message
from ..results import Prompt, record
from ..results.embeddings import EmbeddedToken, Embeddings, Neighbor, Shapes, Vector
from .checks import check_count, check_whole
from .prompt import whole_prompt
from .question import LoadedModel, Question
from .tokens import make_token

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]
    Exact = npt.NDArray[np.float64]
    Ids = npt.NDArray[np.int64]

FIRST = 4
"""Numbers of a vector that are shown."""

COSINES = 1 << 23
"""Cosines computed at a time, 32 MiB: those of a long text with all of GPT-2's vocabulary would take 200."""

ROWS = 1 << 12
"""Rows that are widened to float64 at a time, 24 MiB of them at GPT-2's width."""

ALIKE = 0.99
"""Rows with at least this cosine count as nearly the same. In the bundled model 306 tokens have such another, 280 of
them bytes and pieces that the training texts hardly or never hold by themselves; each of these has 16 or more."""

_EMBEDDINGS = Message("the model's embeddings")


@record
class EmbeddingsQuestion(Question[str, Embeddings]):
    """Look at the vectors of the tokens (wte), of their positions (wpe), and at their sums. The model does not run.

    The parts that can be seen before the answer is whole are the vectors of the text, as one dictionary: (T, D) each,
    by the names `wte`, `wpe` and `sum`; they are copies, which may be written to.

    Args:
        neighbors: how many of the nearest tokens to list for each, by cosine in wte, the token itself left out.

    Raises:
        InputError: the text is empty, not valid Unicode or exceeds the model's n_positions.
        UsageError: `neighbors` is below 1, or more than there are other tokens.
        ModelUnusableError: the weights or the tokenizer are broken.
        BackendUnavailableError: the backend or the device is not there, or cannot run this model.
    """

    command: ClassVar[str] = "embeddings"
    neighbors: int = 5

    def __post_init__(self) -> None:
        self._settle(neighbors=check_whole)

    def answer(self, model: LoadedModel, asked: str, on_part: Callable[[Any], None] | None = None) -> Embeddings:
        others, default = model.info.vocab_size - 1, type(self).neighbors
        neighbors = check_count(
            "neighbors", self.neighbors, others, Message("the number of other tokens"), default=default
        )
        backend = model.backend
        prompt = whole_prompt(model, asked)
        shapes, plane_share, tokens = embed(
            backend, model.tokenizer_for(asked), prompt, neighbors=neighbors, on_part=on_part
        )
        return Embeddings(
            model=model.info,
            run=model.run(),
            prompt=prompt,
            options=replace(self, neighbors=neighbors),
            shapes=shapes,
            plane_share=plane_share,
            tokens=tokens,
        )


def embed(
    backend: Backend,
    tokenizer: Tokenizer,
    prompt: Prompt,
    *,
    neighbors: int,
    on_part: "Callable[[dict[str, Array]], None] | None",
) -> tuple[Shapes, float | None, tuple[EmbeddedToken, ...]]:
    """The shapes of wte and wpe, how much a plane shows, and each token with its vectors and its nearest tokens.

    Raises ModelUnusableError if the embeddings are NaN or infinite.
    """
    wte, wpe = backend.embeddings()
    token_ids = [token.id for token in prompt.tokens]
    vectors = {"wte": wte[token_ids], "wpe": wpe[: len(token_ids)].copy()}  # (T, D) each, none of the model's memory
    vectors["sum"] = vectors["wte"] + vectors["wpe"]
    if not np.isfinite(vectors["sum"]).all():
        raise not_finite(_EMBEDDINGS)
    different = sorted(set(token_ids))
    places, share = plane(wte[different])
    place_of = dict(zip(different, map(tuple, places.tolist()), strict=True))
    nearest, alike = {}, {}
    for token_id, ids, cosines, alike[token_id] in nearest_rows(wte, different, neighbors):
        found = zip(ids.tolist(), cosines.tolist(), strict=True)
        nearest[token_id] = tuple(_neighbor(tokenizer, *each) for each in found)
    tokens = tuple(
        EmbeddedToken(
            id=token.id,
            token=token.token,
            bytes=token.bytes,
            position=position,
            **{name: _describe(rows[position]) for name, rows in vectors.items()},
            alike=alike[token.id],
            plane=place_of[token.id],
            nearest=nearest[token.id],
        )
        for position, token in enumerate(prompt.tokens)
    )
    if on_part is not None:
        on_part(vectors)  # last, for they may be written to
    (vocab_size, n_embd), (n_positions, _) = wte.shape, wpe.shape
    return Shapes(wte=(vocab_size, n_embd), wpe=(n_positions, n_embd)), share, tokens


def plane(rows: "Array") -> "tuple[Exact, float | None]":
    """The rows (N, D) on the plane of their first two principal components (N, 2), and the variance's share in it.

    A component may point either way: here the one in which the row farthest from the middle is positive. What is zero
    but for rounding is zero.
    """
    centred = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)  # (N, n), (n,)
    sizes[sizes <= 1e-9 * max(1.0, float(np.abs(rows).max()))] = 0
    places = np.zeros((len(rows), 2))
    for axis in range(min(2, int(np.count_nonzero(sizes)))):
        component = left[:, axis] * sizes[axis]
        farthest = component[np.abs(component) >= np.abs(component).max() * (1 - 1e-9)][0]
        places[:, axis] = component if farthest > 0 else -component
    total = float(np.square(sizes).sum())
    return places, float(np.square(sizes[:2]).sum() / total) if total else None


def nearest_rows(wte: "Array", token_ids: Sequence[int], count: int) -> "Iterator[tuple[int, Ids, Exact, int]]":
    """Each id with the `count` others whose rows of wte (V, D) have the largest cosines with its own, these, and how
    many others have one of at least ALIKE.

    They are best first, equal cosines by the lower id. There are fewer where the others are zero, and none for a row
    of zeros: it has no direction. Raises ModelUnusableError if a row is NaN or infinite.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # reported as an error
        norms = np.sqrt(np.vecdot(wte, wte))  # (V,)
    if not np.isfinite(norms).all():
        raise not_finite(_EMBEDDINGS)
    zero = norms == 0
    divisors = np.where(zero, 1, norms)
    group = max(1, COSINES // len(wte))
    for first in range(0, len(token_ids), group):
        some = list(token_ids[first : first + group])
        cosines = (wte[some] / divisors[some, None]) @ wte.T  # (group, V)
        cosines /= divisors
        cosines[:, zero] = -np.inf
        cosines[zero[some]] = -np.inf
        for token_id, row in zip(some, cosines, strict=True):
            row[token_id] = -np.inf
            yield token_id, *_best(wte, token_id, row, count), int(np.count_nonzero(row >= ALIKE))


def _best(wte: "Array", token_id: int, cosines: "Array", count: int) -> "tuple[Ids, Exact]":
    """The best of the cosines (V,), which are rounded, once more in float64; -inf are not among them.

    A product of matrices rounds equal rows differently, according to where in the matrix they stand. So all that the
    rounding may have put below the last of the best are taken as well: it is at most (D + a few) * eps / 2 for each
    of the two (Higham 2002, "Accuracy and Stability of Numerical Algorithms", section 3.1).
    """
    count = min(count, int(np.count_nonzero(cosines > -np.inf)))
    if count == 0:
        return np.empty(0, np.int64), np.empty(0)
    last = np.partition(cosines, len(cosines) - count)[len(cosines) - count]
    rounding = (wte.shape[1] + 8) * np.finfo(np.float32).eps
    ids = np.flatnonzero(cosines >= last - rounding)
    exact = np.concatenate([_cosines(wte[token_id], wte[ids[at : at + ROWS]]) for at in range(0, len(ids), ROWS)])
    order = np.lexsort((ids, -exact))[:count]
    return ids[order], exact[order]


def _cosines(vector: "Array", rows: "Array") -> "Exact":
    """Of the angles between `vector` (D,) and the rows (N, D), in float64; equal rows have equal ones."""
    wide, wide_rows = vector.astype(np.float64), rows.astype(np.float64)
    norms = np.sqrt(np.vecdot(wide, wide) * np.vecdot(wide_rows, wide_rows))
    return np.asarray(np.clip(np.vecdot(wide_rows, wide) / norms, -1, 1))


def _neighbor(tokenizer: Tokenizer, token_id: int, cosine: float) -> Neighbor:
    token = make_token(tokenizer, token_id)
    return Neighbor(id=token.id, token=token.token, bytes=token.bytes, cosine=cosine)


def _describe(row: "Array") -> Vector:
    wide = row.astype(np.float64)
    return Vector(
        norm=float(np.linalg.norm(wide)),
        mean=float(wide.mean()),
        std=float(wide.std()),
        first=tuple(wide[:FIRST].tolist()),
    )
