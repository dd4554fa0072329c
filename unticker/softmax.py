"""Scores to probabilities, in whole numbers: the same on any machine."""

from functools import lru_cache
from math import exp

import numpy as np

from unticker import kernels
from unticker.units import FloatArray, IntArray, quotient

UNIT_SCALE = 256
"""Scores, and the first pass's weights, are multiples of 1/256 (logits)."""
_STEPS = 16 * UNIT_SCALE


@lru_cache(maxsize=1)
def _exponentials() -> FloatArray:
    """exp(-d / 256) in 2**-20, for a distance d to the best score; 0 from 16 logits on."""
    table = [round(exp(-step / UNIT_SCALE) * (1 << 20)) for step in range(_STEPS)]
    return np.array([*table, 0], np.float64)


def exponentials(scores: IntArray) -> FloatArray:
    """Softmax numerators of scores in 1/256 logits, as whole numbers; (units, classes)."""
    columns = np.ascontiguousarray(scores.T)
    distance = columns.max(axis=0) - columns
    np.minimum(distance, _STEPS, out=distance)
    powers: FloatArray = _exponentials().take(distance).T
    return powers


def probabilities(scores: IntArray) -> IntArray:
    """Softmax of scores in 1/256 logits, rounded to 0..255."""
    fast = kernels.compiled()
    if fast is not None:
        return fast.probabilities(scores, _exponentials())
    powers = exponentials(scores).T
    total = powers.sum(axis=0)
    rounded: IntArray = quotient(510 * powers + total, 2 * total).astype(np.int64).T
    return rounded
