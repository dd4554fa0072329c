"""Characters as numbers: class, folded form, and hashes of any span in constant time.

A span's hash is a polynomial over its folded characters, taken from one running
sum over the text (Karp and Rabin, "Efficient randomized pattern-matching
algorithms", 1987), modulo 2**64 by overflow: ``sum(fold[i] * P**i)``, shifted to
the text's start by a power of P's inverse.
"""

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unticker import kernels

CLASSES = (
    "space", "other", "lower", "upper", "letter", "unit", "mark", "digit", "stop", "comma",
    "colon", "quote", "dash", "open", "close", "bar", "money", "at", "rights",
)  # fmt: skip
SPACE, OTHER, LOWER, UPPER, LETTER, UNIT, MARK, DIGIT, STOP, COMMA = range(10)
COLON, QUOTE, DASH, OPEN, CLOSE, BAR, MONEY, AT, RIGHTS = range(10, 19)

# What a character is to a word: nothing, part of a letter word, part of a number,
# or (scripts without spaces between words) a word of its own.
KIND = np.zeros(len(CLASSES), np.uint8)
KIND[[LOWER, UPPER, LETTER, MARK]] = 1
KIND[DIGIT] = 2
KIND[UNIT] = 3

DATE, NAME, FUNCTION = 1, 2, 4
"""Kinds of known words: of dates and times, given names, function words."""

GOLDEN = 0x9E3779B97F4A7C15
"""2**64 over the golden ratio: multiplied by it, keys spread over the high bits (Knuth, The Art of
Computer Programming 3, 6.4)."""
_MODULUS = 1 << 64
_INVERSE = pow(GOLDEN, -1, _MODULUS)
MAX_CODES = 1 << 20


@dataclass(frozen=True, slots=True)
class Tables:
    """``classes`` and ``fold`` by code point; ``words``, the sorted hashes of known words, and
    what each is: a sum of `DATE`, `NAME` and `FUNCTION`."""

    classes: NDArray[np.uint8]
    fold: NDArray[np.uint16]
    words: NDArray[np.uint64]
    kinds: NDArray[np.uint8]


@lru_cache(maxsize=1)
def tables() -> Tables:
    with files("unticker").joinpath("tables.npz").open("rb") as stream:
        arrays: Any = np.load(stream, allow_pickle=False)
        shift = arrays["shift"]
        fold = shift + np.arange(len(shift)).astype(np.uint16)
        return Tables(arrays["classes"], fold, arrays["words"], arrays["kinds"])


@lru_cache(maxsize=1)
def _powers() -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    powers = np.empty((2, MAX_CODES + 1), np.uint64)
    for row, base in enumerate((GOLDEN, _INVERSE)):
        powers[row, 0] = 1
        filled = 1
        while filled <= MAX_CODES:  # doubling: P**(k+n) = P**k * P**n
            step = min(filled, MAX_CODES + 1 - filled)
            factor = np.uint64(pow(base, filled, _MODULUS))
            powers[row, filled : filled + step] = powers[row, :step] * factor
            filled += step
    return powers[0], powers[1]


class Hasher:
    """Hashes of spans of one text of at most `MAX_CODES` code points, each folded by the table."""

    def __init__(self, codes: NDArray[np.uint32], fold: NDArray[np.uint16]) -> None:
        powers, self._inverse = _powers()
        fast = kernels.compiled()
        if fast is not None:
            self._sums = fast.hash_sums(codes, fold, powers)
            return
        self._sums = np.empty(len(codes) + 1, np.uint64)
        self._sums[0] = 0
        np.cumsum((fold[codes] + np.uint64(1)) * powers[: len(codes)], out=self._sums[1:])

    def spans(self, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.uint64]:
        """The hash of each span ``[start, end)``; equal spans have equal hashes."""
        fast = kernels.compiled()
        if fast is not None:
            return fast.hash_spans(self._sums, self._inverse, starts, ends)
        return (self._sums[ends] - self._sums[starts]) * self._inverse[starts]


def coded(text: str) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    """The code points of a text, and their classes."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    fast = kernels.compiled()
    if fast is not None:
        return codes, fast.classify(codes, tables().classes)
    return codes, tables().classes[codes]


def hash_words(words: list[str], fold: NDArray[np.uint16]) -> NDArray[np.uint64]:
    """The hash of each word, as `Hasher.spans` gives it for the word in a text."""
    hashes = []
    for word in words:
        codes = np.frombuffer(word.encode("utf-32-le"), np.uint32)
        span = np.array([0]), np.array([len(codes)])
        hashes.append(int(Hasher(codes, fold).spans(*span)[0]))
    return np.array(hashes, np.uint64)
