"""Conjunctions: what several columns say together, in the last pass.

Each asks `DEPTH` questions of a unit, whether a column is greater than a number, and has a weight
for each of the `CASES` that the answers make. They are crosses whose columns and steps were found
(`unticker.search`), where those of `unticker.crosses` are chosen by hand.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unticker import kernels
from unticker.sums import sum_rows
from unticker.units import IntArray

DEPTH = 4
CASES = 1 << DEPTH
Rows = NDArray[np.int16]
"""Columns, one a row: (columns, units)."""
Tests = NDArray[np.int32]
"""(conjunctions, `DEPTH`, 2): a column and the number that it is compared with. The columns over
the first pass's scores come first, then those over the second's."""

_UNITS = 4096
"""Units whose answers are worked out at a time."""


class Questions(NamedTuple):
    """The distinct questions of conjunctions: the columns that are asked about, and ``least``, the
    numbers that they are compared with, of which each column's begin at one of ``starts`` and end
    at the next. ``places``: where the answers of every conjunction, `DEPTH` each, stand among all
    answers."""

    places: IntArray
    columns: IntArray
    least: NDArray[np.int16]
    starts: IntArray


def questions(tests: Tests) -> Questions:
    distinct, places = np.unique(tests.reshape(-1, 2), axis=0, return_inverse=True)
    columns, starts = np.unique(distinct[:, 0], return_index=True)
    least = np.clip(distinct[:, 1], -(1 << 15), (1 << 15) - 1).astype(np.int16)
    starts = np.append(starts, len(distinct))
    return Questions(places.ravel(), columns.astype(np.int64), least, starts)


def cases(known: Questions, first: Rows, second: Rows) -> NDArray[np.uint8]:
    """(conjunctions, units): the case of each unit. ``first`` and ``second`` are the columns over
    the scores of either pass, (columns, units)."""
    number, units = len(known.places) // DEPTH, first.shape[1]
    found = np.zeros((number, units), np.uint8)
    bounds = list(pairwise(known.starts.tolist()))
    for start in range(0, units, _UNITS):
        some = slice(start, min(start + _UNITS, units))
        greater = np.empty((len(known.least), some.stop - start), bool)
        for column, (low, high) in zip(known.columns.tolist(), bounds, strict=True):
            values = first[column] if column < len(first) else second[column - len(first)]
            np.greater(values[some], known.least[low:high, None], out=greater[low:high])
        answers = greater.view(np.uint8).take(known.places, axis=0)
        answers = answers.reshape(number, DEPTH, some.stop - start)
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


def sums(known: Questions, pairs: NDArray[np.int32], first: Rows, second: Rows) -> IntArray:
    """(units, 4): what the `cases` of each unit add, by weights that are `paired`."""
    if not len(pairs):
        return np.zeros((first.shape[1], pairs.shape[1]), np.int64)
    fast = kernels.compiled()
    if fast is not None:
        return fast.conjoin(
            first, second, known.columns, known.starts, known.least, known.places, pairs
        )
    found = cases(known, first, second)
    rows = (found[::2] << DEPTH | found[1::2]).astype(np.int64)
    return sum_rows(pairs, list(rows), CASES * CASES * np.arange(len(rows)))
