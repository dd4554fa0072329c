"""Sums that all passes need: of rows of tables, and of columns times their weights.

All are of whole numbers, and exact.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unticker import kernels
from unticker.units import IntArray
from unticker.vocabulary import Family

_ONE_THREAD = 1 << 18
"""Multiplications that OpenBLAS does in one thread."""


def add(sums: NDArray[np.int32], table: NDArray[np.int16], families: list[Family]) -> None:
    """Add the table's rows that units select; its last one is zeros."""
    # A unit selects fewer than 2**16 rows of int16: their sum is an int32.
    fast = kernels.compiled()
    picked = np.empty(sums.shape if fast is None else 0, np.int16)
    for unit, bucket in families:
        if fast is not None:
            fast.add_rows(sums, table, unit, bucket)
            continue
        if not len(unit):
            continue
        starts = np.flatnonzero(np.append(True, unit[1:] != unit[:-1]))
        if len(starts) == len(unit):
            every = np.full(len(sums), len(table) - 1)
            every[unit] = bucket
            sums += table.take(every, axis=0, out=picked, mode="clip")
        else:
            sums[unit[starts]] += _segment_sums(table, bucket, starts)


def _segment_sums(table: NDArray[np.int16], rows: IntArray, starts: IntArray) -> NDArray[np.int32]:
    """Sums of the table's rows in segments that begin at ``starts``: the first of each, then the
    second of those that have one, and so on, which is faster than ``np.add.reduceat``."""
    size = np.diff(starts, append=len(rows))
    order = np.argsort(-size, kind="stable")
    starts = starts[order]
    having = np.cumsum(np.bincount(size)[::-1])[::-1]  # segments of at least so many rows
    picked = table.take(rows[starts], axis=0)
    sums = picked.astype(np.int32)
    for place in range(1, len(having) - 1):
        n = having[place + 1]
        sums[:n] += table.take(rows[starts[:n] + place], axis=0, out=picked[:n], mode="clip")
    unordered = np.empty_like(sums)
    unordered[order] = sums
    return unordered


def product(columns: NDArray[np.int32], values: NDArray[np.int16]) -> IntArray:
    """What columns (columns, units) add to each unit, by their weights: (units, width)."""
    fast = kernels.compiled()
    if fast is not None and columns.shape[1] <= kernels.WIDEST:
        return fast.product(columns, values)
    # float64 holds these integers exactly (below 2**53), so BLAS may sum in any order. It gets so
    # few units at a time that it starts no threads: they gain next to nothing on so thin a matrix,
    # and wait for the next one by keeping another core busy.
    rows = np.ascontiguousarray(columns.T, np.float64)
    step = max(1, _ONE_THREAD // max(columns.size, 1))
    products = np.empty((len(rows), values.shape[1]))
    for start in range(0, values.shape[1], step):
        part = slice(start, start + step)
        np.matmul(rows, values[:, part].astype(np.float64), out=products[:, part])
    sums: IntArray = products.T.astype(np.int64)
    return sums


def sum_rows(
    table: NDArray[np.signedinteger],
    selected: Sequence[NDArray[np.signedinteger]],
    offsets: IntArray | None = None,
) -> IntArray:
    """(units, width): the sum of the table's rows that each unit selects, in each of several
    arrays (units,), counted from that array's offset if there are any."""
    offsets = np.zeros(len(selected), np.int64) if offsets is None else offsets
    fast = kernels.compiled()
    if fast is not None and table.dtype == np.int32:
        return fast.sum_rows(table, selected, offsets)
    widest = max(int(table.max(initial=0)), -int(table.min(initial=0)))
    if widest * len(selected) >= 1 << 31:
        table = table.astype(np.int64)
    added = np.zeros((len(selected[0]), table.shape[1]), table.dtype)
    picked = np.empty_like(added)
    for rows, offset in zip(selected, offsets.tolist(), strict=True):
        added += table.take(rows + offset, axis=0, out=picked, mode="clip")
    return added.astype(np.int64)
