"""What a unit looks like by itself: n-grams and shape, for a batch of pages at once.

Two ordered tables say what is computed: `NGRAMS` (families of hashed spans) and
`SHAPES` (small integers, one a unit). Both are one-hot to the linear model: a
span's bucket and a shape's value each select one row of weights, and a unit's
scores are the sum of its rows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from unticker import alphabet
from unticker.alphabet import (
    AT,
    BAR,
    CLOSE,
    COLON,
    COMMA,
    DASH,
    DIGIT,
    KIND,
    LETTER,
    LOWER,
    MONEY,
    OPEN,
    QUOTE,
    RIGHTS,
    SPACE,
    STOP,
    UNIT,
    UPPER,
    Hasher,
)  # fmt: skip
from unticker.units import IntArray, Units

BUCKET_BITS = 17
BUCKETS = 1 << BUCKET_BITS
HEAD_WORDS, TAIL_WORDS = 10, 5
_MIX = np.uint64(0xD6E8FEB86659FD93)

# Counts per unit are summed eight at a time, in eight bits each of one integer;
# therefore only the first 255 characters and words of a unit are counted.
COUNTED = 255


class Text:
    """A batch's words and counts, each computed once, when first asked for."""

    def __init__(self, units: Units) -> None:
        self.units = units
        self.hasher = Hasher(alphabet.tables().fold[units.codes])

    @cached_property
    def _words(self) -> tuple[IntArray, IntArray, IntArray, IntArray, IntArray]:
        kind = KIND[self.units.classes]
        change = np.empty(len(kind) + 1, bool)
        change[0] = change[-1] = True
        np.not_equal(kind[1:], kind[:-1], out=change[1:-1])
        change[:-1] |= kind == 3
        edges = np.flatnonzero(change)
        wordy = kind[edges[:-1]] > 0 if len(kind) else np.zeros(0, bool)
        starts, ends = edges[:-1][wordy], edges[1:][wordy]
        unit = np.searchsorted(self.units.starts, starts, "right") - 1
        first = np.searchsorted(unit, np.arange(len(self.units)))
        last = np.searchsorted(unit, np.arange(len(self.units)), "right")
        return starts, ends, unit, first, last

    @property
    def word_starts(self) -> IntArray:
        return self._words[0]

    @property
    def word_ends(self) -> IntArray:
        return self._words[1]

    @property
    def word_unit(self) -> IntArray:
        return self._words[2]

    @property
    def first_word(self) -> IntArray:
        """Index of each unit's first word (of the word behind it, if it has none)."""
        return self._words[3]

    @property
    def last_word(self) -> IntArray:
        """One past the index of each unit's last word."""
        return self._words[4]

    @cached_property
    def word_hashes(self) -> NDArray[np.uint64]:
        return self.hasher.spans(self.word_starts, self.word_ends)

    @cached_property
    def edge_words(self) -> IntArray:
        """The first `HEAD_WORDS` and last `TAIL_WORDS` words of every unit."""
        index = np.arange(len(self.word_starts))
        unit = self.word_unit
        head = index - self.first_word[unit] < HEAD_WORDS
        return np.flatnonzero(head | (self.last_word[unit] - index <= TAIL_WORDS))

    @cached_property
    def unit_hashes(self) -> NDArray[np.uint64]:
        return self.hasher.spans(self.units.starts, self.units.ends)

    @cached_property
    def _class_counts(self) -> NDArray[np.int64]:
        """(19, units): characters by class among each unit's first `COUNTED`."""
        return _packed_counts(
            self.units.classes,
            len(alphabet.CLASSES),
            self.units.starts,
            np.minimum(self.units.ends, self.units.starts + COUNTED),
        )

    def count(self, *classes: int) -> IntArray:
        total = np.zeros(len(self.units), np.int64)
        for each in classes:
            total += self._class_counts[each]
        return total

    @cached_property
    def counted(self) -> IntArray:
        counted: IntArray = np.minimum(self.units.ends - self.units.starts, COUNTED)
        return counted

    @cached_property
    def word_traits(self) -> NDArray[np.int64]:
        """(6, units): words that are capitalised, short, long, numbers, dates, clock times."""
        classes = self.units.classes
        starts, ends = self.word_starts, self.word_ends
        length = ends - starts
        first = classes[starts] if len(starts) else np.zeros(0, np.uint8)
        number = first == DIGIT
        letters = ~number
        dates = alphabet.tables().dates
        slot = np.minimum(np.searchsorted(dates, self.word_hashes), len(dates) - 1)
        after = np.minimum(ends, len(classes) - 1)
        glued = np.zeros(len(starts), bool)  # 14:05, 3/5, 2.4: a number straight behind another
        glued[1:] = number[1:] & number[:-1] & (starts[1:] - ends[:-1] == 1)
        glued[1:] &= (self.word_unit[1:] == self.word_unit[:-1]) & (classes[ends[:-1]] != SPACE)
        traits = (
            (first == UPPER).astype(np.uint8)
            | (letters & (length <= 3)).astype(np.uint8) << 1
            | (letters & (length >= 7)).astype(np.uint8) << 2
            | number.astype(np.uint8) << 3
            | (dates[slot] == self.word_hashes).astype(np.uint8) << 4
            | (glued & (classes[after - 1] == DIGIT)).astype(np.uint8) << 5
        )
        last = np.minimum(self.last_word, self.first_word + COUNTED)
        bits = np.zeros((256,), np.uint64)
        for bit in range(6):
            bits[np.arange(256) >> bit & 1 == 1] += np.uint64(1 << (8 * bit))
        sums = np.zeros(len(starts) + 1, np.uint64)
        np.cumsum(bits[traits], out=sums[1:])
        packed = sums[last] - sums[self.first_word]
        return np.stack([(packed >> np.uint64(8 * b) & np.uint64(255)) for b in range(6)]).astype(
            np.int64
        )


def _packed_counts(
    values: NDArray[np.uint8], kinds: int, starts: IntArray, ends: IntArray
) -> NDArray[np.int64]:
    counts = np.zeros((kinds, len(starts)), np.int64)
    for low in range(0, kinds, 8):
        table = np.zeros(max(kinds, 1), np.uint64)
        for kind in range(low, min(low + 8, kinds)):
            table[kind] = 1 << (8 * (kind - low))
        sums = np.zeros(len(values) + 1, np.uint64)
        np.cumsum(table[values], out=sums[1:])
        packed = sums[ends] - sums[starts]
        for kind in range(low, min(low + 8, kinds)):
            counts[kind] = (packed >> np.uint64(8 * (kind - low)) & np.uint64(255)).astype(np.int64)
    return counts


# ---- n-grams --------------------------------------------------------------------------

Places = tuple[IntArray, IntArray, IntArray]  # unit, start, end


def _words(text: Text) -> Places:
    edge = text.edge_words
    return text.word_unit[edge], text.word_starts[edge], text.word_ends[edge]


def _bigrams(text: Text) -> Places:
    edge = text.edge_words
    edge = edge[edge < len(text.word_unit) - 1]
    edge = edge[text.word_unit[edge] == text.word_unit[edge + 1]]
    return text.word_unit[edge], text.word_starts[edge], text.word_ends[edge + 1]


def _stems(length: int) -> Callable[[Text], Places]:
    """The first (or, below zero, the last) characters of the edge words with six or more."""

    def places(text: Text) -> Places:
        unit, starts, ends = _words(text)
        long = np.flatnonzero(ends - starts >= 6)
        unit, starts, ends = unit[long], starts[long], ends[long]
        return (unit, starts, starts + length) if length > 0 else (unit, ends + length, ends)

    return places


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
    Ngram("stem", "the first four letters of these words, where they have six", _stems(4)),
    Ngram("ending", "the last four letters of these words, where they have six", _stems(-4)),
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
    salt = np.uint64((family + 1) * 0xA0761D6478BD642F & 0xFFFFFFFFFFFFFFFF)
    mixed = (hashes ^ salt) * _MIX
    mixed ^= mixed >> np.uint64(29)
    chosen: IntArray = ((mixed * _MIX) >> np.uint64(64 - BUCKET_BITS)).astype(np.int64)
    return chosen


# ---- shapes ---------------------------------------------------------------------------


def _binned(values: IntArray, *edges: int) -> IntArray:
    """0 below the first edge, 1 from there on, …, ``len(edges)`` from the last edge on."""
    return np.searchsorted(np.array(edges), values, "right")


def _share(part: IntArray, whole: IntArray) -> IntArray:
    """Tenths, rounded to the nearest; 11 where there is no whole."""
    return np.where(whole > 0, (20 * part + whole) // np.maximum(2 * whole, 1), 11)


def _letters(text: Text) -> IntArray:
    return text.count(LOWER, UPPER, LETTER, UNIT)


def _word_count(text: Text) -> IntArray:
    return text.last_word - text.first_word


def _script(text: Text) -> IntArray:
    cased, letter, unit = text.count(LOWER, UPPER), text.count(LETTER), text.count(UNIT)
    most = np.maximum(np.maximum(cased, letter), unit)
    return np.where(most == 0, 0, np.where(most == cased, 1, np.where(most == unit, 3, 2)))


def _repeats(text: Text) -> IntArray:
    """How often the unit's text stands in its page, less one."""
    units = text.units
    keys = text.unit_hashes + units.page.astype(np.uint64) * _MIX
    _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    return np.minimum(counts[inverse] - 1, 4)


@dataclass(frozen=True, slots=True)
class Shape:
    """A small integer for each unit: ``values(text)`` in ``range(size)``."""

    name: str
    meaning: str
    size: int
    values: Callable[[Text], IntArray]


def _edge_class(text: Text, offset: int) -> IntArray:
    units = text.units
    at = units.starts + offset if offset >= 0 else units.ends + offset
    at = np.clip(at, units.starts, units.ends - 1)
    return units.classes[at].astype(np.int64)


def _counted(name: str, meaning: str, *classes: int) -> Shape:
    return Shape(name, meaning, 4, lambda text: np.minimum(text.count(*classes), 3))


def _stops_inside(text: Text) -> IntArray:
    last = _edge_class(text, -1) == STOP
    inside: IntArray = np.clip(text.count(STOP) - last, 0, 4)
    return inside


SHAPES: tuple[Shape, ...] = (
    Shape("length", "characters, in 18 steps", 18, lambda t: _binned(
        t.units.ends - t.units.starts,
        2, 4, 7, 11, 16, 22, 30, 40, 52, 66, 82, 105, 140, 190, 260, 400, 800)),
    Shape("words", "words, in 14 steps", 14, lambda t: _binned(
        _word_count(t), 1, 2, 3, 4, 5, 7, 9, 12, 16, 22, 32, 50, 90)),
    Shape("word-length", "characters a word", 12, lambda t: np.minimum(
        t.counted // np.maximum(np.minimum(_word_count(t), COUNTED), 1), 11)),
    Shape("starts-with", "class of the first character", 19, lambda t: _edge_class(t, 0)),
    Shape("ends-with", "class of the last character", 19, lambda t: _edge_class(t, -1)),
    Shape("start-pattern", "classes of the first two characters", 361, lambda t: (
        19 * _edge_class(t, 0) + _edge_class(t, 1))),
    Shape("end-pattern", "classes of the last two characters", 361, lambda t: (
        19 * _edge_class(t, -1) + _edge_class(t, -2))),
    Shape("digits", "digits among the characters, in tenths", 12, lambda t: _share(
        t.count(DIGIT), t.counted)),
    Shape("capitals", "capitals among the letters, in tenths", 12, lambda t: _share(
        t.count(UPPER), _letters(t))),
    Shape("capitalised", "words with a capital, in tenths", 12, lambda t: _share(
        t.word_traits[0], np.minimum(_word_count(t), COUNTED))),
    Shape("short-words", "words of up to three letters, in tenths", 12, lambda t: _share(
        t.word_traits[1], np.minimum(_word_count(t), COUNTED))),
    Shape("long-words", "words of seven letters or more, in tenths", 12, lambda t: _share(
        t.word_traits[2], np.minimum(_word_count(t), COUNTED))),
    Shape("numbers", "words that are numbers", 6, lambda t: np.minimum(t.word_traits[3], 5)),
    Shape("date-words", "names of months, days and units of time (CLDR)", 4, lambda t: (
        np.minimum(t.word_traits[4], 3))),
    Shape("glued-numbers", "numbers joined by one sign: 14:05, 3/5/2024", 4, lambda t: (
        np.minimum(t.word_traits[5], 3))),
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
    Shape("script", "none, cased, uncased, without spaces", 4, _script),
    Shape("parts", "units in the line", 6, lambda t: _binned(t.units.parts, 2, 3, 6, 12, 25)),
    Shape("part", "first, inner or last unit of its line", 3, lambda t: np.where(
        t.units.part == 0, 0, np.where(t.units.part == t.units.parts - 1, 2, 1))),
    Shape("repeats", "the same text elsewhere in the page", 5, _repeats),
)  # fmt: skip

SHAPE_OFFSETS = np.cumsum([0] + [shape.size for shape in SHAPES])
"""Where each shape's values start among all shapes' rows; the last entry is their number."""


def shape_rows(text: Text) -> IntArray:
    """(units, shapes): the row each shape's value selects, counted over all shapes."""
    columns = [
        np.clip(shape.values(text), 0, shape.size - 1) + offset
        for shape, offset in zip(SHAPES, SHAPE_OFFSETS, strict=False)
    ]
    return np.stack(columns, axis=1) if columns else np.zeros((0, 0), np.int64)


def ngram_rows(text: Text) -> list[tuple[IntArray, IntArray]]:
    """For each family of `NGRAMS`: the unit and the bucket of every span."""
    rows = []
    for family, ngram in enumerate(NGRAMS):
        unit, starts, ends = ngram.places(text)
        rows.append((unit, buckets(text.hasher.spans(starts, ends), family)))
    return rows
