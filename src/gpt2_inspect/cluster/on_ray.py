"""Ray Data, which hands rows and files to actors wherever they run. The only file that imports it."""

import io
import logging
import os
import pickle
import re
import socket
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from ..errors import BackendUnavailableError, first_line, importing, shortened
from ..messages import Message, Option
from ..session import TOGETHER
from .actors import Asking, FileActor, Model, Report, RowActor

if TYPE_CHECKING:
    from ray.data import Dataset

_COLOURS = re.compile(r"\x1b\[[\d;]*m")

REACHED_S = 5.0
"""Within which a head node answers, if there is one: Ray itself would try for many minutes."""


def on_ray(
    dataset: "Dataset",
    question: Any,
    *,
    model: str | os.PathLike[str] | None = None,
    field: str = "text",
    backend: str = "auto",
    device: str = "cpu",
    dtype: str = "float32",
    revision: str | None = None,
    offline: bool = False,
    concurrency: int | None = None,
    batch_size: int = 8 * TOGETHER,
) -> "Dataset":
    """Answer a question about every row of a Ray dataset.

    Nothing is computed before the dataset is read. Each actor loads the model once, and asks Ray for one processor and,
    if the device is a GPU, for one of these.

    Args:
        dataset: rows with a text, and perhaps an `id`.
        question: such as `ScoreQuestion(top_k=3)`.
        model: as for `load`; a directory has to be there on every node.
        field: the column that has the text; for `DecodeQuestion` the token ids.
        backend: as for `load`.
        device: `cpu` or `cuda`.
        dtype: as for `load`.
        revision: as for `load`.
        offline: as for `load`.
        concurrency: actors at most; by default as many as there is room for.
        batch_size: rows that an actor gets at a time; some of them are read together.

    Returns:
        A dataset of the tidy rows that CSV has, in columns with their types: before them `prompt_id`, if the rows have
        an `id`; behind them `error`, null but in the one row of a text that has no answer.

    Raises BackendUnavailableError if Ray is not installed. An actor raises what `load` and the question do.
    """
    actors = _actors(device, concurrency)
    name = None if model is None else os.fspath(model)
    if name is not None and Path(name).is_dir():
        name = str(Path(name).absolute())  # actors run in a folder of their own
    chosen = Model(name, revision, backend, device, dtype, offline)
    return dataset.map_batches(
        RowActor,
        fn_constructor_args=(chosen, question, field),
        batch_format="pyarrow",
        batch_size=batch_size,
        **actors,
    )


class Job(NamedTuple):
    """A file to answer."""

    place: str
    name: str
    """Of its output."""


def answer_files(model: Model, asking: Asking, jobs: Sequence[Job], *, most: int | None) -> Iterator[Report]:
    """Answer files, each into one of its own; a report of each as it is done, in no order.

    A file whose actor, or the node of that, is lost goes to another one. `most` is how many actors there may be.

    Raises BackendUnavailableError if Ray gives up.
    """
    import ray.data

    rows = [job._asdict() for job in jobs]
    reports = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
        FileActor,
        fn_constructor_args=(model, asking),
        batch_size=1,
        **_actors(model.device, min(len(rows), most or _room(model.device))),
    )
    found = iter(reports.iter_rows())
    while True:
        try:
            with _without_words():
                row = next(found, None)
        except ray.exceptions.RayError as error:
            raise BackendUnavailableError(
                Message("Ray has given up: {reason}", reason=first_line(error)),
                Message("the same command again goes on with what is left"),
            ) from error
        if row is None:
            return
        yield pickle.loads(row["report"])


def _actors(device: str, most: int | None) -> dict[str, Any]:
    """How many there are, and what each needs. There may be fewer for a while, when a node is lost."""
    with importing(("ray[data]",), Message("Ray")):
        from ray.data import ActorPoolStrategy
    return {
        "compute": ActorPoolStrategy(
            min_size=1, max_size=most, initial_size=most, max_tasks_in_flight_per_actor=1 if most else None
        ),
        "num_cpus": 1,
        "num_gpus": 0 if device == "cpu" else 1,
    }


def _room(device: str) -> int:
    """How many actors the cluster has room for."""
    import ray

    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return max(1, int(resources.get("CPU" if device == "cpu" else "GPU", 1)))


@contextmanager
def connected(address: str | None) -> Iterator[deque[str]]:
    """A cluster by its address, or Ray started on this machine. The lines that it would print, about nodes and actors
    that are lost, are put into what this gives.

    Raises BackendUnavailableError if it is not installed, or not to be reached.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere unless somebody wants that
    with importing(("ray[data]",), Message("{engine} ray", engine=Option("engine"))):
        import ray
        import ray.data
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = False
    ray.data.DataContext.get_current().print_on_execution_start = False
    settings: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    try:
        with _without_words():
            if address is None:
                ray.init(include_dashboard=False, **settings)
            else:
                _check_reachable(address)
                ray.init(address=address, **settings)
    except (OSError, RuntimeError, ValueError) as error:
        raise BackendUnavailableError(
            Message("Ray cannot be reached: {reason}", reason=first_line(error)),
            Message("`ray status` says whether a cluster runs; its address is that of the head node, as HOST:6379"),
        ) from error
    try:
        lines = _Lines()
        with redirect_stdout(lines):
            yield lines.found
    finally:
        with _without_words():
            ray.shutdown()


def _check_reachable(address: str) -> None:
    """Raise OSError or ValueError if nothing answers there. What names no host, such as `auto`, Ray looks up itself."""
    place = urlsplit(address if "://" in address else f"//{address}")
    if place.hostname is not None and place.port is not None:
        socket.create_connection((place.hostname, place.port), REACHED_S).close()


class _Lines(io.TextIOBase):
    """A file that keeps the first line of what is written at once, without colours: a whole log may follow."""

    def __init__(self) -> None:
        self.found: deque[str] = deque()

    def write(self, text: str) -> int:
        line = _COLOURS.sub("", text).partition("\n")[0]
        if line.strip():
            self.found.append(shortened(line))
        return len(text)


@contextmanager
def _without_words() -> Iterator[None]:
    """Nothing is written to file descriptor 2: Ray's core does that whatever its level of logging, and it keeps the
    same in its own files."""
    try:
        kept = os.dup(2)
    except OSError:  # it is closed
        yield
        return
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
