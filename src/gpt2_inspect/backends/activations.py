"""The activation functions that GPT-2 checkpoints use, in place, under the names of config.json."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

Activation = Callable[[Array, Array], None]
"""Overwrites its first argument with the activation of it, and its second, of the same shape, with anything."""


def gelu_new(x: Array, scratch: Array) -> None:
    """The tanh form of GELU: x / 2 * (1 + tanh(z)), which equals x / (1 + exp(-2z)).

    z = sqrt(2 / pi) * (x + 0.044715 x^3) (Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415). Where the
    exponential overflows, x / inf is the right limit, 0.
    """
    slope = -2 * math.sqrt(2 / math.pi)
    np.multiply(x, x, out=scratch)
    scratch *= slope * 0.044715
    scratch += slope
    scratch *= x
    np.exp(scratch, out=scratch)
    scratch += 1
    x /= scratch


def gelu(x: Array, scratch: Array) -> None:
    """The exact GELU: x times the normal distribution's cumulative function.

    NumPy has no erf. Formula 7.1.26 of Abramowitz and Stegun, Handbook of Mathematical Functions (1964), is within
    1.5e-7 of it, which is the spacing of float32 near 1.
    """
    np.abs(x, out=scratch)
    scratch *= 1 / math.sqrt(2)
    tail = np.exp(-scratch * scratch)
    t = 1 / (1 + 0.3275911 * scratch)
    tail *= t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    np.copysign(0.5 - 0.5 * tail, x, out=scratch)  # erf(x / sqrt 2) / 2
    scratch += 0.5
    x *= scratch


def relu(x: Array, scratch: Array) -> None:
    """max(x, 0)."""
    np.maximum(x, 0, out=x)


def silu(x: Array, scratch: Array) -> None:
    """x / (1 + exp(-x))."""
    np.negative(x, out=scratch)
    np.exp(scratch, out=scratch)
    scratch += 1
    x /= scratch


ACTIVATIONS: dict[str, Activation] = {
    "gelu_new": gelu_new,
    "gelu": gelu,
    "relu": relu,
    "silu": silu,
}
