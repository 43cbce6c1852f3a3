"""How much can be drawn of a text: what grows with its square, or with all layers, is asked for a short one alone."""

from ..results import ModelInfo

MOST_WEIGHTS = 200_000
"""Attention weights, of all heads together: of more the page would become too large, and the record far larger."""

MOST_STATES = 1_500
"""States that the lens reads out, of all positions together: of a few hundred columns nobody sees more than some."""


def all_weights_fit(model: ModelInfo, n_tokens: int) -> bool:
    """Whether the weights of every position can be drawn, for all heads."""
    return model.n_layer * model.n_head * n_tokens * (n_tokens + 1) // 2 <= MOST_WEIGHTS


def all_states_fit(model: ModelInfo, n_tokens: int) -> bool:
    """Whether the lens can be drawn for every position."""
    return (model.n_layer + 1) * n_tokens <= MOST_STATES
