"""Conjunctions: what several columns say together, in the last pass.

Each asks `DEPTH` questions of a unit, whether a column is greater than a number, and has a weight
for each of the `CASES` that the answers make. They are crosses whose columns and steps were found
(`unticker.search`), where those of `unticker.crosses` are chosen by hand.
"""

import numpy as np
from numpy.typing import NDArray

from unticker.sums import sum_rows
from unticker.units import FloatArray, IntArray

DEPTH = 4
CASES = 1 << DEPTH
Tests = NDArray[np.int32]
"""(conjunctions, `DEPTH`, 2): a column and the number that it is compared with. The columns over
the first pass's scores come first, then those over the second's."""

_UNITS = 1024
"""Units whose answers are worked out at a time: they stay in the cache."""


def cases(tests: Tests, first: FloatArray, second: FloatArray) -> NDArray[np.uint8]:
    """(conjunctions, units): the case of each unit. ``first`` and ``second`` are the columns over
    the scores of either pass, (columns, units)."""
    column, least = tests.reshape(-1, 2).T
    parts = [
        (np.flatnonzero(over), values, column[over] - start)
        for over, values, start in (
            (column < len(first), first, 0),
            (column >= len(first), second, len(first)),
        )
    ]
    units = first.shape[1]
    found = np.zeros((len(tests), units), np.uint8)
    for start in range(0, units, _UNITS):
        some = slice(start, start + _UNITS)
        number = len(range(units)[some])
        greater = np.empty((len(column), number), bool)
        for place, values, rows in parts:
            greater[place] = values[rows, some] > least[place, None]
        answers = greater.view(np.uint8).reshape(len(tests), DEPTH, number)
        case = found[:, some]
        for depth in range(DEPTH):
            case <<= 1
            case |= answers[:, depth]
    return found


def paired(weights: NDArray[np.int32]) -> NDArray[np.int32]:
    """Weights of cases (conjunctions * `CASES`, 4) as those of the cases of two conjunctions at
    once, (conjunctions * `CASES` * `CASES` / 2, 4): half as many look-ups."""
    tables = weights.reshape(-1, 2, CASES, weights.shape[1])
    both = tables[:, 0, :, None] + tables[:, 1, None]
    return both.reshape(-1, weights.shape[1])


def sums(pairs: NDArray[np.int32], found: NDArray[np.uint8]) -> IntArray:
    """(units, 4): what the `cases` of each unit add, by weights that are `paired`."""
    rows = (found[::2] << DEPTH | found[1::2]).astype(np.int64)
    rows += CASES * CASES * np.arange(len(rows))[:, None]
    return sum_rows(pairs, rows).astype(np.int64)
