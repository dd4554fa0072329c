"""What a unit looks like by itself: n-grams and shape, for a batch of pages at once.

Two ordered tables say what is computed: `NGRAMS` (families of hashed spans) and
`SHAPES` (small integers, one a unit). Both are one-hot to the linear model: a
span's bucket and a shape's value each select one row of weights, and a unit's
scores are the sum of its rows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from unticker import alphabet, kernels
from unticker.alphabet import (
    AT,
    BAR,
    CLOSE,
    COLON,
    COMMA,
    DASH,
    DIGIT,
    LETTER,
    LOWER,
    MONEY,
    OPEN,
    QUOTE,
    RIGHTS,
    STOP,
    UNIT,
    UPPER,
)  # fmt: skip
from unticker.units import IntArray, binned, quotient
from unticker.words import COUNTED, MIX, Text

BUCKET_BITS = 22
BUCKETS = 1 << BUCKET_BITS
"""So many that few n-grams share one; see `unticker.vocabulary`."""


# ---- n-grams --------------------------------------------------------------------------

Places = tuple[IntArray, IntArray, IntArray]  # unit, start, end


def _words(text: Text) -> Places:
    return text.edge_places


def _bigrams(text: Text) -> Places:
    edge = text.edge_words
    edge = edge[edge < len(text.word_unit) - 1]
    edge = edge[text.word_unit[edge] == text.word_unit[edge + 1]]
    return text.word_unit[edge], text.word_starts[edge], text.word_ends[edge + 1]


_HANGUL = 0xAC00, 0xD7A4
"""Its characters are syllables, of two or three letters each."""


def _stems(text: Text) -> Places:
    """The first characters of the edge words: four of six or more, of Hangul two of three."""
    unit, starts, ends = _words(text)
    long, size = _long(text, starts, ends)
    return unit[long], starts[long], starts[long] + size


def _endings(text: Text) -> Places:
    """The last characters of the same words."""
    unit, starts, ends = _words(text)
    long, size = _long(text, starts, ends)
    return unit[long], ends[long] - size, ends[long]


def _long(text: Text, starts: IntArray, ends: IntArray) -> tuple[IntArray, IntArray]:
    """Which words have a stem, and how long it is."""
    first = text.units.codes[starts]
    syllables = (first >= _HANGUL[0]) & (first < _HANGUL[1])
    long = np.flatnonzero(ends - starts >= np.where(syllables, 3, 6))
    return long, np.where(syllables, 2, 4)[long]


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


# ---- shapes ---------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _tenths() -> NDArray[np.uint8]:
    """Tenths that each count is of each, rounded to the nearest; 11 where there is no whole."""
    part, whole = np.ogrid[: COUNTED + 1, : COUNTED + 1]
    tenths = quotient(20 * part + whole, np.maximum(2 * whole, 1))
    return np.where(whole > 0, tenths, 11).astype(np.uint8).ravel()


def _share(part: IntArray, whole: IntArray) -> NDArray[np.uint8]:
    """Tenths of the first `COUNTED` characters or words."""
    return _tenths().take(part * (COUNTED + 1) + whole)


def _letters(text: Text) -> IntArray:
    return text.count(LOWER, UPPER, LETTER, UNIT)


def _word_count(text: Text) -> IntArray:
    return text.last_word - text.first_word


def _repeats(text: Text) -> IntArray:
    """How often the unit's text stands in its page, less one."""
    units = text.units
    keys = text.unit_hashes + units.page.astype(np.uint64) * MIX
    # Only those that share a slot of a small table can be equal.
    bits = len(keys).bit_length() + 3
    slot = (keys * MIX >> np.uint64(64 - bits)).view(np.int64)
    maybe = np.flatnonzero((np.bincount(slot, minlength=1) > 1)[slot])
    _, inverse, counts = np.unique(keys[maybe], return_inverse=True, return_counts=True)
    repeats = np.zeros(len(keys), np.int64)
    repeats[maybe] = np.minimum(counts[inverse] - 1, 4)
    return repeats


Values = IntArray | NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Shape:
    """A small integer for each unit: ``values(text)`` in ``range(size)``."""

    name: str
    meaning: str
    size: int
    values: Callable[[Text], Values]


def _counted(name: str, meaning: str, *classes: int) -> Shape:
    return Shape(name, meaning, 4, lambda text: np.minimum(text.count(*classes), 3))


def _stops_inside(text: Text) -> IntArray:
    last = text.edge_class(-1) == STOP
    inside: IntArray = np.clip(text.count(STOP) - last, 0, 4)
    return inside


def _capitalised(text: Text) -> NDArray[np.uint8]:
    return _share(text.word_traits[0], np.minimum(_word_count(text), COUNTED))


def _with_length(size: int, values: Callable[[Text], Values]) -> Callable[[Text], IntArray]:
    """A shape of ``size`` values, told apart by the unit's length."""
    return lambda text: size * text.length_steps + values(text)


def _dates(text: Text) -> IntArray:
    return 3 * np.minimum(text.word_traits[4], 2) + np.minimum(text.word_traits[5], 2)


def _function_words(text: Text) -> NDArray[np.uint8]:
    return _share(text.word_traits[7], np.minimum(_word_count(text), COUNTED))


def _names(text: Text) -> IntArray:
    """Given names: their number (to 3), and whether they are a third of the words."""
    names, words = text.word_traits[6], np.minimum(_word_count(text), COUNTED)
    return np.minimum(names, 3) * 2 + (3 * names >= words) * (names > 0)


def _clauses(text: Text) -> IntArray:
    return 4 * _stops_inside(text) + np.minimum(text.count(COMMA), 3)


SHAPES: tuple[Shape, ...] = (
    Shape("length", "characters, in 18 steps", 18, lambda t: t.length_steps),
    Shape("words", "words, in 14 steps", 14, lambda t: binned(
        _word_count(t), 1, 2, 3, 4, 5, 7, 9, 12, 16, 22, 32, 50, 90)),
    Shape("word-length", "characters a word", 12, lambda t: np.minimum(
        t.counted // np.maximum(np.minimum(_word_count(t), COUNTED), 1), 11)),
    Shape("starts-with", "class of the first character", 19, lambda t: t.edge_class(0)),
    Shape("ends-with", "class of the last character", 19, lambda t: t.edge_class(-1)),
    Shape("start-pattern", "classes of the first two characters", 361, lambda t: (
        19 * t.edge_class(0) + t.edge_class(1))),
    Shape("end-pattern", "classes of the last two characters", 361, lambda t: (
        19 * t.edge_class(-1) + t.edge_class(-2))),
    Shape("digits", "digits among the characters, in tenths", 12, lambda t: _share(
        t.count(DIGIT), t.counted)),
    Shape("capitals", "capitals among the letters, in tenths", 12, lambda t: _share(
        t.count(UPPER), _letters(t))),
    Shape("capitalised", "words with a capital, in tenths", 12, _capitalised),
    Shape("short-words", "words of up to three letters, in tenths", 12, lambda t: _share(
        t.word_traits[1], np.minimum(_word_count(t), COUNTED))),
    Shape("long-words", "words of seven letters or more, in tenths", 12, lambda t: _share(
        t.word_traits[2], np.minimum(_word_count(t), COUNTED))),
    Shape("numbers", "words that are numbers", 6, lambda t: np.minimum(t.word_traits[3], 5)),
    Shape("date-words", "names of months, days and units of time (CLDR)", 4, lambda t: (
        np.minimum(t.word_traits[4], 3))),
    Shape("glued-numbers", "numbers joined by one sign: 14:05, 3/5/2024", 4, lambda t: (
        np.minimum(t.word_traits[5], 3))),
    Shape("names", "given names, and whether they are a third of the words", 8, _names),
    Shape("function-words", "function words, in tenths", 12, _function_words),
    Shape("stops", "sentence ends before the last character", 5, _stops_inside),
    _counted("commas", "commas and semicolons", COMMA),
    _counted("colons", "colons", COLON),
    _counted("quotes", "quotation marks and apostrophes", QUOTE),
    _counted("dashes", "dashes", DASH),
    _counted("brackets", "brackets", OPEN, CLOSE),
    _counted("bars", "separators: | · › / and the like", BAR),
    _counted("money", "currency and per cent signs", MONEY),
    _counted("at", "@, # and &", AT),
    _counted("rights", "© and ®", RIGHTS),
    _counted("others", "other signs, emoji", alphabet.OTHER),
    Shape("script", "none, cased, uncased, without spaces", 4, lambda t: t.script),
    Shape("parts", "units in the line", 6, lambda t: binned(t.units.parts, 2, 3, 6, 12, 25)),
    Shape("part", "first, inner or last unit of its line", 3, lambda t: np.where(
        t.units.part == 0, 0, np.where(t.units.part == t.units.parts - 1, 2, 1))),
    Shape("repeats", "the same text elsewhere in the page", 5, _repeats),
    Shape("length-start", "length and class of the first character", 342, _with_length(
        19, lambda t: t.edge_class(0))),
    Shape("length-end", "length and class of the last character", 342, _with_length(
        19, lambda t: t.edge_class(-1))),
    Shape("length-script", "length and script", 72, _with_length(4, lambda t: t.script)),
    Shape("length-dates", "length, names and numbers of dates", 162, _with_length(9, _dates)),
    Shape("length-names", "length and given names", 144, _with_length(8, _names)),
    Shape("length-function-words", "length and function words", 216, _with_length(
        12, _function_words)),
    Shape("length-capitals", "length and words with a capital", 216, _with_length(
        12, _capitalised)),
    Shape("length-clauses", "length, sentence ends, commas", 360, _with_length(20, _clauses)),
)  # fmt: skip

SHAPE_OFFSETS = np.cumsum([0] + [shape.size for shape in SHAPES])
"""Where each shape's values start among all shapes' rows; the last entry is their number."""


def shape_rows(text: Text) -> IntArray:
    """(units, shapes): the row each shape's value selects, counted over all shapes."""
    rows: IntArray = np.empty((len(SHAPES), len(text.units)), np.int64)
    for row, shape, offset in zip(rows, SHAPES, SHAPE_OFFSETS, strict=False):
        np.add(shape.values(text), offset, out=row)
    transposed: IntArray = rows.T
    return transposed


def ngram_rows(text: Text) -> list[tuple[IntArray, IntArray]]:
    """For each family of `NGRAMS`: the unit and the bucket of every span."""
    rows = []
    for family, ngram in enumerate(NGRAMS):
        unit, starts, ends = ngram.places(text)
        rows.append((unit, buckets(text.hasher.spans(starts, ends), family)))
    return rows
