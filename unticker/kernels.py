"""The compiled inner loops (``loops``), where they were built when the package was installed.

They give the numbers that the NumPy code beside each call gives, in a fraction of the time. Where
there was no compiler, or the source is not the one that was built, that code runs.
"""

import ctypes
import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import DTypeLike, NDArray

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
Hashes = NDArray[np.uint64]

LIBRARY = "kernels.bin"
SOURCES = "loops"
WIDEST = 8
"""Weights of a column in a `Kernels.product`."""
_TRAITS, _MOST_CLASSES = 8, 32
_P, _N = ctypes.c_void_p, ctypes.c_int64
_ARGUMENTS: dict[str, list[Any]] = {
    "add_rows": [_P, _P, _N, _N, _P, _P, _N],
    "sum_rows": [_P, _P, _N, _N, _P, _P, _N, _N],
    "product": [_P, _P, _P, _N, _N, _N],
    "conjoin": [_P, _P, _P, _N, _P, _P, _N, _P, _P, _P, _N, _N],
    "histogram": [_P, _P, _P, _P, _N, _P, _N],
    "window_means": [_P, _P, _N, _N, _P, _N, _P, _P, _P, _N, _P, _P, _P, _P],
    "group_means": [_P, _P, _P, _P, _P, _N],
    "cohesion": [_P, _P, _P, _P, _P, _P, _P, _P, _P, _N, _N],
    "hash_sums": [_P, _P, _P, _P, _N],
    "hash_spans": [_P, _P, _P, _P, _P, _N],
    "hash_buckets": [_P, _P, _N, ctypes.c_uint64, ctypes.c_uint64, _N],
    "known_rows": [_P, _P, _P, _P, _N, _P],
    "classify": [_P, _P, _P, _N],
    "trim": [_P, _P, _P, _P, _P, _P, _N],
    "edge_words": [_P, _P, _P, _N, _N, _N],
    "page_words": [_P, _P, _P, _P, _P, _P, _P, _P, _P, _N, _N, _N, _P, _N, _N, _P],
    "probabilities": [_P, _P, _N, _N, _P, _N],
    "find_words": [_P, _P, _P, _P, _N],
    "count_classes": [_P, _P, _P, _P, _N],
    "word_traits": [_P, _P, _N, _P, _P, _P, _P, _P, _N, _N, _P, _N, _P, _P, ctypes.c_uint64, _N],
}


def sources(folder: Path) -> bytes:
    """All that the library is made from."""
    return b"".join(path.read_bytes() for path in sorted(folder.glob("*.[ch]")))


@lru_cache(maxsize=1)
def compiled() -> "Kernels | None":
    """The compiled loops, or None where there are none that belong to the source."""
    folder = Path(__file__).resolve().parent
    if sys.maxsize < 1 << 62:  # indices have 64 bits there
        return None
    try:
        library = ctypes.CDLL(str(folder / LIBRARY))
        library.source.restype = ctypes.c_uint32
        alike = library.source() == crc32(sources(folder / SOURCES))
    except (OSError, AttributeError):
        return None
    return Kernels(library) if alike else None


class Kernels:
    """The functions of the library, for arrays. What each is for stands beside it in ``loops``."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        for name, arguments in _ARGUMENTS.items():
            function = getattr(library, name)
            function.argtypes, function.restype = arguments, None
        library.product.restype = library.conjoin.restype = ctypes.c_int
        for counting in ("find_words", "known_rows", "trim", "edge_words", "page_words"):
            getattr(library, counting).restype = _N

    def add_rows(
        self, sums: NDArray[np.int32], table: NDArray[np.int16], unit: IntArray, row: IntArray
    ) -> None:
        table, unit, row = _given(table, "i2"), _given(unit, "i8"), _given(row, "i8")
        height, width = table.shape
        self._library.add_rows(_at(sums), _at(table), height, width, _at(unit), _at(row), len(row))

    def sum_rows(
        self,
        table: NDArray[np.int32],
        selected: Sequence[NDArray[np.signedinteger]],
        offsets: IntArray,
    ) -> IntArray:
        """(units, width); ``selected`` has arrays (units,)."""
        table, given = _given(table, "i4"), [_given(each, "i8") for each in selected]
        height, width = table.shape
        offsets, sums = _given(offsets, "i8"), np.empty((len(given[0]), width), np.int64)
        self._library.sum_rows(
            _at(sums), _at(table), height, width, _all(given), _at(offsets), len(given), len(sums)
        )
        return sums

    def product(self, weights: NDArray[np.int32], values: NDArray[np.int16]) -> IntArray:
        """(units, width); ``values`` is (columns, units)."""
        sums = np.empty((values.shape[1], weights.shape[1]), np.int64)
        weighed, values = _given(weights, "f8"), _given(values, "i2")
        short = self._library.product(
            _at(sums), _at(weighed), _at(values), *weights.shape, len(sums)
        )
        if short:
            raise MemoryError
        return sums

    def conjoin(
        self, first: NDArray[np.int16], second: NDArray[np.int16], column: IntArray,
        begin: IntArray, least: NDArray[np.int16], places: IntArray, pairs: NDArray[np.int32],
    ) -> IntArray:  # fmt: skip
        """(units, 4); ``first`` and ``second`` are (columns, units)."""
        first, second = _given(first, "i2"), _given(second, "i2")
        sums = np.empty((first.shape[1], pairs.shape[1]), np.int64)
        short = self._library.conjoin(
            _at(sums), _at(first), _at(second), len(first), _at(column), _at(begin), len(column),
            _at(least), _at(places), _at(pairs), len(places) // 8, len(sums),
        )  # fmt: skip
        if short:
            raise MemoryError
        return sums

    def histogram(
        self, step: NDArray[np.uint8], rows: IntArray, case: IntArray, cases: int, steps: int,
        measures: FloatArray,
    ) -> FloatArray:  # fmt: skip
        """(cases * steps, 4); ``measures`` is (rows, 4)."""
        sums = np.zeros((cases * steps, 4))
        step, measures = _given(step, "u1"), _given(measures, "f8")
        rows, case = _given(rows, "i8"), _given(case, "i8")
        self._library.histogram(
            _at(sums), _at(step), _at(rows), _at(case), steps, _at(measures), len(rows)
        )
        return sums

    def window_means(
        self, means: NDArray[np.int16], values: FloatArray, kept: IntArray, rank: IntArray,
        rank_behind: IntArray, low: Sequence[IntArray], high: Sequence[IntArray],
        before: Sequence[FloatArray], behind: Sequence[FloatArray],
    ) -> None:  # fmt: skip
        values, sums = _given(values, "f8"), np.empty(len(kept) + 1)
        self._library.window_means(
            _at(means), _at(values), *values.shape, _at(kept), len(kept), _at(sums), _at(rank),
            _at(rank_behind), len(low), _all(low), _all(high), _all(before), _all(behind),
        )  # fmt: skip

    def group_means(
        self, means: NDArray[np.int16], same: IntArray, others: IntArray, values: FloatArray
    ) -> None:
        values, sums = _given(values, "f8"), np.zeros(values.size)
        self._library.group_means(
            _at(means), _at(same), _at(others), _at(values), _at(sums), len(same)
        )

    def cohesion(
        self, shared: NDArray[np.int16], unit: IntArray, very: NDArray[np.bool_], same: IntArray,
        rarity: IntArray, weight: FloatArray, every: IntArray, longest: IntArray,
    ) -> None:  # fmt: skip
        weight, sums = _given(weight, "f8"), np.zeros(len(unit))
        self._library.cohesion(
            _at(shared), _at(unit), _at(very), _at(same), _at(rarity), _at(weight), _at(every),
            _at(longest), _at(sums), len(unit), len(weight),
        )  # fmt: skip

    def hash_sums(
        self, codes: NDArray[np.uint32], fold: NDArray[np.uint16], powers: Hashes
    ) -> Hashes:
        sums = np.empty(len(codes) + 1, np.uint64)
        self._library.hash_sums(_at(sums), _at(codes), _at(fold), _at(powers), len(codes))
        return sums

    def hash_spans(self, sums: Hashes, inverse: Hashes, starts: IntArray, ends: IntArray) -> Hashes:
        starts, ends = _given(starts, "i8"), _given(ends, "i8")
        hashes = np.empty(len(starts), np.uint64)
        self._library.hash_spans(
            _at(hashes), _at(sums), _at(inverse), _at(starts), _at(ends), len(starts)
        )
        return hashes

    def hash_buckets(self, hashes: Hashes, salt: int, mix: int, shift: int) -> IntArray:
        hashes, buckets = _given(hashes, "u8"), np.empty(len(hashes), np.int64)
        self._library.hash_buckets(_at(buckets), _at(hashes), len(hashes), salt, mix, shift)
        return buckets

    def classify(self, codes: NDArray[np.uint32], table: NDArray[np.uint8]) -> NDArray[np.uint8]:
        classes = np.empty(len(codes), np.uint8)
        self._library.classify(_at(classes), _at(codes), _at(_given(table, "u1")), len(codes))
        return classes

    def trim(
        self, classes: NDArray[np.uint8], starts: IntArray, ends: IntArray
    ) -> tuple[IntArray, IntArray, IntArray]:
        starts, ends = _given(starts, "i8"), _given(ends, "i8")
        begin, end, kept = np.empty((3, len(starts)), np.int64)
        found = self._library.trim(
            _at(begin), _at(end), _at(kept), _at(classes), _at(starts), _at(ends), len(starts)
        )
        return begin[:found], end[:found], kept[:found]

    def edge_words(
        self, first: IntArray, last: IntArray, words: int, head: int, tail: int
    ) -> IntArray:
        chosen = np.empty(words, np.int64)
        found = self._library.edge_words(
            _at(chosen), _at(_given(first, "i8")), _at(_given(last, "i8")), len(first), head, tail
        )
        return chosen[:found]

    def page_words(
        self, starts: IntArray, ends: IntArray, unit: IntArray, hashes: Hashes, page: IntArray,
        pages: int, least: int, most: int, slots: int, shift: int,
    ) -> tuple[IntArray, NDArray[np.bool_], IntArray, IntArray]:  # fmt: skip
        n = len(starts)
        units, same, rarity = np.empty((3, n), np.int64)
        very, uses = np.empty(n, np.uint8), np.zeros(n, np.int64)
        last = np.empty(pages * slots, np.int64)  # only what is written next is read
        found = self._library.page_words(
            _at(units), _at(very), _at(same), _at(rarity), _at(starts), _at(ends), _at(unit),
            _at(hashes), _at(_given(page, "i8")), n, least, most, _at(last), slots, shift,
            _at(uses),
        )  # fmt: skip
        return units[:found], very[:found].view(bool), same[:found], rarity[:found]

    def probabilities(self, scores: IntArray, powers: FloatArray) -> IntArray:
        """(units, classes)."""
        scores = _given(scores, "i8")
        units, classes = scores.shape
        chances = np.empty((classes, units), np.int64)
        self._library.probabilities(
            _at(chances), _at(scores), units, classes, _at(powers), len(powers) - 1
        )
        return chances.T

    def known_rows(
        self, unit: IntArray, bucket: IntArray, bits: NDArray[np.uint64]
    ) -> tuple[IntArray, IntArray]:
        unit, bucket = _given(unit, "i8"), _given(bucket, "i8")
        units, rows = np.empty(len(unit), np.int64), np.empty(len(unit), np.int64)
        known = self._library.known_rows(
            _at(units), _at(rows), _at(unit), _at(bucket), len(unit), _at(bits)
        )
        return units[:known], rows[:known]

    def find_words(
        self, classes: NDArray[np.uint8], kind: NDArray[np.uint8]
    ) -> tuple[IntArray, IntArray]:
        size = len(classes)
        starts, ends = np.empty(size, np.int64), np.empty(size, np.int64)
        words = self._library.find_words(
            _at(starts), _at(ends), _at(_given(classes, "u1")), _at(kind), size
        )
        return starts[:words].copy(), ends[:words].copy()

    def count_classes(
        self, classes: NDArray[np.uint8], starts: IntArray, ends: IntArray
    ) -> IntArray:
        counts = np.empty((_MOST_CLASSES, len(starts)), np.int64)
        self._library.count_classes(_at(counts), _at(classes), _at(starts), _at(ends), len(starts))
        return counts

    def word_traits(
        self, classes: NDArray[np.uint8], starts: IntArray, ends: IntArray, hashes: Hashes,
        first: IntArray, last: IntArray, shelves: IntArray, longest: int, known: Hashes,
        kinds: NDArray[np.uint8], mix: int, shift: int,
    ) -> IntArray:  # fmt: skip
        counts = np.empty((_TRAITS, len(first)), np.int64)
        self._library.word_traits(
            _at(counts), _at(classes), len(classes), _at(starts), _at(ends), _at(hashes),
            _at(first), _at(last), len(first), len(hashes), _at(shelves), longest, _at(known),
            _at(kinds), mix, shift,
        )  # fmt: skip
        return counts


def _given(array: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """The array as C reads it; itself, where it is so."""
    return np.ascontiguousarray(array, dtype)


def _at(array: NDArray[Any]) -> int:
    """Where the array lies, as long as somebody holds it."""
    return array.ctypes.data


def _all(arrays: Sequence[NDArray[Any]]) -> Any:
    return (_P * len(arrays))(*map(_at, arrays))
