"""The n-grams that a model knows: those that several sites of its training pages share.

A span selects one of so many buckets that few n-grams share one. A model has rows for the buckets
of its vocabulary alone, a twelfth of all, so that an n-gram which it never saw adds nothing: in a
table of as many buckets as rows, it would add the weights of another.
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from unticker import kernels
from unticker.ngrams import BUCKETS
from unticker.units import IntArray

Family = tuple[IntArray, IntArray]
"""Units (rising), and what each selects: a bucket, or the row of a table."""

_WORD = 64


class Vocabulary:
    """``buckets``: those that are known, rising; the place of each is its row."""

    def __init__(self, buckets: NDArray[np.signedinteger]) -> None:
        self.buckets = buckets

    def __len__(self) -> int:
        return len(self.buckets)

    def known(self, family: Family) -> Family:
        """The unit and the row of each n-gram that is known, of units and buckets."""
        unit, bucket = family
        fast = kernels.compiled()
        if fast is not None:
            return fast.known_rows(unit, bucket, self._bits)
        row = self.find(bucket)
        found = np.flatnonzero(row >= 0)
        return unit[found], row[found]

    def find(self, bucket: IntArray) -> IntArray:
        """The row of each bucket, -1 where it is not known."""
        return self._rows.take(bucket).astype(np.int64)

    @cached_property
    def _rows(self) -> NDArray[np.int32]:
        rows = np.full(BUCKETS, -1, np.int32)
        rows[self.buckets] = np.arange(len(self))
        return rows

    @cached_property
    def _bits(self) -> NDArray[np.uint64]:
        """(words, 2): a bit for each bucket, set where it is known, in words of 64; and how many
        are known ahead of each word. They stay in a cache that a table of rows would not fit in."""
        bits = np.zeros((BUCKETS // _WORD, 2), np.uint64)
        word, place = np.divmod(self.buckets.astype(np.uint64), np.uint64(_WORD))
        np.bitwise_or.at(bits[:, 0], word.astype(np.int64), np.uint64(1) << place)
        bits[:, 1] = np.searchsorted(self.buckets, _WORD * np.arange(len(bits)))
        return bits
