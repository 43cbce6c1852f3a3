"""Inspect GPT-2's token predictions.

    >>> import gpt2_inspect
    >>> result = gpt2_inspect.load("pocket").next_tokens("hello,how are you", steps=10, top_k=5)
    >>> result.steps[0].chosen.token

The public names are loaded when first used, so that importing the package costs nothing.
"""

from .version import __version__

TYPE_CHECKING = False  # that of `typing`, which takes longer to import than all else before a command begins
if TYPE_CHECKING:
    from .cluster.on_ray import on_ray as on_ray
    from .errors import InspectError as InspectError
    from .session import Session as Session
    from .session import Side as Side
    from .session import compare as compare
    from .session import load as load

__all__ = ["InspectError", "Session", "Side", "__version__", "compare", "load", "on_ray"]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})  # completion in notebooks asks for it


def __getattr__(name: str) -> object:
    if name in ("Session", "Side", "compare", "load"):
        from . import session

        return getattr(session, name)
    if name == "on_ray":
        from .cluster.on_ray import on_ray

        return on_ray
    if name == "InspectError":
        from .errors import InspectError

        return InspectError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
