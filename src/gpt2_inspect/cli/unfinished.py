"""Files that are being written. Whatever ends the process, nothing of them may stay."""

import os

_places: dict[str, str] = {}
"""Temporary name -> the place that the file will have."""


def begin(temporary: str, place: str) -> None:
    """A file is about to be created under a temporary name."""
    _places[temporary] = place


def forget(temporary: str) -> None:
    """It has been renamed, or could not be created."""
    _places.pop(temporary, None)


def clear_away() -> None:
    """Delete all of them."""
    for temporary in tuple(_places):
        delete(temporary)


def delete(temporary: str) -> None:
    """Delete this one, unless it has been renamed."""
    if temporary not in _places:
        return
    try:  # noqa: SIM105  # as for all that a signal may call, nothing is imported for it
        os.unlink(temporary)  # noqa: PTH108
    except OSError:
        pass
    forget(temporary)


def places() -> tuple[str, ...]:
    """Where they will be."""
    return tuple(_places.values())
