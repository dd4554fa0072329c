"""The n-grams of a unit: an ordered table of families of hashed spans, over many pages at once.

They are one-hot to the linear model: a span's bucket selects one row of weights, if a model knows
it (`unticker.vocabulary`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unticker import kernels
from unticker.units import IntArray
from unticker.words import MIX, Text

BUCKET_BITS = 22
BUCKETS = 1 << BUCKET_BITS
"""So many that few n-grams share one; see `unticker.vocabulary`."""

Places = tuple[IntArray, IntArray, IntArray]  # unit, start, end


def _words(text: Text) -> Places:
    return text.edge_places


def _bigrams(text: Text) -> Places:
    edge = text.edge_words
    edge = edge[edge < len(text.word_unit) - 1]
    edge = edge[text.word_unit[edge] == text.word_unit[edge + 1]]
    return text.word_unit[edge], text.word_starts[edge], text.word_ends[edge + 1]


def _stems(text: Text) -> Places:
    """The first characters of the edge words that have a stem."""
    unit, starts, _, size = text.stems
    return unit, starts, starts + size


def _endings(text: Text) -> Places:
    """The last characters of the same words."""
    unit, _, ends, size = text.stems
    return unit, ends - size, ends


def _whole(text: Text) -> Places:
    return np.arange(len(text.units)), text.units.starts, text.units.ends


def _edge(length: int) -> Callable[[Text], Places]:
    """The first (or, below zero, the last) characters of the unit."""

    def places(text: Text) -> Places:
        units = text.units
        chosen = np.flatnonzero(units.ends - units.starts >= abs(length))
        if length > 0:
            return chosen, units.starts[chosen], units.starts[chosen] + length
        return chosen, units.ends[chosen] + length, units.ends[chosen]

    return places


def _edge_words(count: int) -> Callable[[Text], Places]:
    """The first (or, below zero, the last) words of the unit."""

    def places(text: Text) -> Places:
        chosen = np.flatnonzero(text.last_word - text.first_word >= abs(count))
        first, last = text.first_word[chosen], text.last_word[chosen]
        if count > 0:
            return chosen, text.word_starts[first], text.word_ends[first + count - 1]
        return chosen, text.word_starts[last + count], text.word_ends[last - 1]

    return places


@dataclass(frozen=True, slots=True)
class Ngram:
    """A family of hashed spans: ``places(text)`` gives unit, start and end of each."""

    name: str
    meaning: str
    places: Callable[[Text], Places]


NGRAMS: tuple[Ngram, ...] = (
    Ngram("word", "a word among the unit's first ten or last five", _words),
    Ngram("bigram", "two neighbouring words and what stands between them", _bigrams),
    Ngram(
        "stem",
        "the first four letters of these words, where they have six; two syllables of "
        "Hangul, where they have three",
        _stems,
    ),
    Ngram("ending", "the last letters of these words, likewise", _endings),
    Ngram("whole", "the whole unit, digits folded", _whole),
    Ngram("first", "the first word", _edge_words(1)),
    Ngram("first-two", "the first two words", _edge_words(2)),
    Ngram("last", "the last word", _edge_words(-1)),
    Ngram("last-two", "the last two words", _edge_words(-2)),
    *(Ngram(f"prefix-{n}", f"the first {n} characters", _edge(n)) for n in (1, 2, 3, 4, 6)),
    *(Ngram(f"suffix-{n}", f"the last {n} characters", _edge(-n)) for n in (1, 2, 3, 4)),
)


def buckets(hashes: NDArray[np.uint64], family: int) -> IntArray:
    """The bucket of each hash in `BUCKETS`, salted by the family's number."""
    salt = (family + 1) * 0xA0761D6478BD642F & 0xFFFFFFFFFFFFFFFF
    fast = kernels.compiled()
    if fast is not None:
        return fast.hash_buckets(hashes, salt, int(MIX), 64 - BUCKET_BITS)
    mixed = (hashes ^ np.uint64(salt)) * MIX
    mixed ^= mixed >> np.uint64(29)
    chosen: IntArray = ((mixed * MIX) >> np.uint64(64 - BUCKET_BITS)).astype(np.int64)
    return chosen


def ngram_rows(text: Text) -> list[tuple[IntArray, IntArray]]:
    """For each family of `NGRAMS`: the unit and the bucket of every span."""
    rows = []
    for family, ngram in enumerate(NGRAMS):
        unit, starts, ends = ngram.places(text)
        rows.append((unit, buckets(text.hasher.spans(starts, ends), family)))
    return rows
