"""The words of a batch of pages and counts of what its units hold, in one pass over the text."""

from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unticker import alphabet, kernels
from unticker.alphabet import (
    DATE,
    DIGIT,
    FUNCTION,
    KIND,
    LETTER,
    LOWER,
    NAME,
    SPACE,
    UNIT,
    UPPER,
    Hasher,
)
from unticker.units import IntArray, Units, binned

_SHELF_BITS = 19
_SHELF = np.uint64(64 - _SHELF_BITS)
MIX = np.uint64(0xD6E8FEB86659FD93)
"""An odd factor that spreads a hash over its highest bits."""
HEAD_WORDS, TAIL_WORDS = 10, 5
_HANGUL = 0xAC00, 0xD7A4
"""Its characters are syllables, of two or three letters each."""
_LENGTHS = (2, 4, 7, 11, 16, 22, 30, 40, 52, 66, 82, 105, 140, 190, 260, 400, 800)

# Counts per unit are summed eight at a time, in eight bits each of one integer;
# therefore only the first 255 characters and words of a unit are counted.
COUNTED = 255


class Text:
    """A batch's words and counts, each computed once, when first asked for."""

    def __init__(self, units: Units) -> None:
        self.units = units
        self.hasher = Hasher(units.codes, alphabet.tables().fold)

    @cached_property
    def _words(self) -> tuple[IntArray, IntArray, IntArray, IntArray, IntArray]:
        starts, ends = _word_places(self.units.classes)
        first = np.searchsorted(starts, self.units.starts)
        last = np.append(first, len(starts))[1:]  # every word stands in a unit
        unit = np.repeat(np.arange(len(self.units)), last - first)
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
        fast = kernels.compiled()
        if fast is not None:
            return fast.edge_words(
                self.first_word, self.last_word, len(self.word_starts), HEAD_WORDS, TAIL_WORDS
            )
        index = np.arange(len(self.word_starts))
        unit = self.word_unit
        head = index - self.first_word[unit] < HEAD_WORDS
        return np.flatnonzero(head | (self.last_word[unit] - index <= TAIL_WORDS))

    @cached_property
    def edge_places(self) -> tuple[IntArray, IntArray, IntArray]:
        """Unit, start and end of each of `edge_words`."""
        edge = self.edge_words
        return self.word_unit[edge], self.word_starts[edge], self.word_ends[edge]

    @cached_property
    def stems(self) -> tuple[IntArray, IntArray, IntArray, IntArray]:
        """Unit, start and end of the edge words that have a stem, and how long it is: four
        characters of six or more, of Hangul two of three."""
        unit, starts, ends = self.edge_places
        first = self.units.codes[starts]
        syllables = (first >= _HANGUL[0]) & (first < _HANGUL[1])
        long = np.flatnonzero(ends - starts >= np.where(syllables, 3, 6))
        return unit[long], starts[long], ends[long], np.where(syllables, 2, 4)[long]

    @cached_property
    def unit_hashes(self) -> NDArray[np.uint64]:
        return self.hasher.spans(self.units.starts, self.units.ends)

    @cached_property
    def _class_counts(self) -> NDArray[np.int64]:
        """(classes, units): characters by class among each unit's first `COUNTED`."""
        starts = self.units.starts
        ends = np.minimum(self.units.ends, starts + COUNTED)
        fast = kernels.compiled()
        if fast is not None:
            return fast.count_classes(self.units.classes, starts, ends)
        return _packed_counts(self.units.classes, len(alphabet.CLASSES), starts, ends)

    def count(self, *classes: int) -> IntArray:
        counts = self._class_counts
        return sum((counts[each] for each in classes[1:]), counts[classes[0]])

    @cached_property
    def script(self) -> IntArray:
        """Of most letters: 0 where there are none, 1 cased, 2 uncased, 3 without spaces."""
        cased, letter, unit = self.count(LOWER, UPPER), self.count(LETTER), self.count(UNIT)
        most = np.maximum(np.maximum(cased, letter), unit)
        return np.where(most == 0, 0, np.where(most == cased, 1, np.where(most == unit, 3, 2)))

    @cached_property
    def _edge_classes(self) -> IntArray:
        units = self.units
        edges = (units.starts, units.starts + 1, units.ends - 2, units.ends - 1)
        inside = (np.minimum(np.maximum(at, units.starts), units.ends - 1) for at in edges)
        return np.stack([units.classes.take(at) for at in inside]).astype(np.int64)

    def edge_class(self, offset: int) -> IntArray:
        """Class of each unit's first character (0), its second (1), last (-1) or last but one."""
        return self._edge_classes[offset]

    @cached_property
    def length_steps(self) -> IntArray:
        """Characters of each unit, in 18 steps."""
        return binned(self.units.ends - self.units.starts, *_LENGTHS)

    @cached_property
    def counted(self) -> IntArray:
        counted: IntArray = np.minimum(self.units.ends - self.units.starts, COUNTED)
        return counted

    @property
    def _known(self) -> NDArray[np.uint8]:
        """What each word is by the tables: a sum of kinds, 0 for most."""
        hashes, shelves = self.word_hashes, _shelves()
        shelf = _shelf(hashes)
        filled = np.flatnonzero(shelves.filled.take(shelf))
        wanted, place = hashes[filled], shelves.starts.take(shelf[filled])
        found = np.zeros(len(filled), np.uint8)
        for _ in range(shelves.longest):
            found |= np.where(shelves.words.take(place) == wanted, shelves.kinds.take(place), 0)
            place += 1
        kinds = np.zeros(len(hashes), np.uint8)
        kinds[filled] = found
        return kinds

    @cached_property
    def word_traits(self) -> NDArray[np.int64]:
        """(8, units): words that are capitalised, short, long, numbers, dates, clock times, given
        names, function words."""
        classes = self.units.classes
        starts, ends = self.word_starts, self.word_ends
        last = np.minimum(self.last_word, self.first_word + COUNTED)
        fast = kernels.compiled()
        if fast is not None:
            shelves = _shelves()
            return fast.word_traits(
                classes, starts, ends, self.word_hashes, self.first_word, last, shelves.starts,
                shelves.longest, shelves.words, shelves.kinds, int(MIX), 64 - _SHELF_BITS,
            )  # fmt: skip
        length = ends - starts
        first = classes[starts] if len(starts) else np.zeros(0, np.uint8)
        number = first == DIGIT
        letters = ~number
        after = np.minimum(ends, len(classes) - 1)
        glued = np.zeros(len(starts), bool)  # 14:05, 3/5, 2.4: a number straight behind another
        glued[1:] = number[1:] & number[:-1] & (starts[1:] - ends[:-1] == 1)
        glued[1:] &= (self.word_unit[1:] == self.word_unit[:-1]) & (classes[ends[:-1]] != SPACE)
        known = self._known
        named = (known & NAME != 0) & ((first == UPPER) | (first == LETTER))
        traits = (
            (first == UPPER).astype(np.uint8)
            | (letters & (length <= 3)).astype(np.uint8) << 1
            | (letters & (length >= 7)).astype(np.uint8) << 2
            | number.astype(np.uint8) << 3
            | (known & DATE != 0).astype(np.uint8) << 4
            | (glued & (classes[after - 1] == DIGIT)).astype(np.uint8) << 5
            | named.astype(np.uint8) << 6
            | (known & FUNCTION != 0).astype(np.uint8) << 7
        )
        # Bits to bytes, so that the sum of eight words' traits counts each of them.
        sums = np.zeros(len(starts) + 1, np.uint64)
        np.cumsum(_spread().take(traits), out=sums[1:])
        return _unpacked(sums[last] - sums[self.first_word], 8)


def _word_places(classes: NDArray[np.uint8]) -> tuple[IntArray, IntArray]:
    """Where words start and end: runs of one kind above 0, of kind 3 each character."""
    fast = kernels.compiled()
    if fast is not None:
        return fast.find_words(classes, KIND)
    kind = KIND[classes]
    change = np.empty(len(kind) + 1, bool)
    change[0] = change[-1] = True
    np.not_equal(kind[1:], kind[:-1], out=change[1:-1])
    change[:-1] |= kind == 3
    edges = np.flatnonzero(change)
    wordy = kind[edges[:-1]] > 0 if len(kind) else np.zeros(0, bool)
    return edges[:-1][wordy], edges[1:][wordy]


class Shelves(NamedTuple):
    """The known words by shelves, which a word's hash tells: a look-up is several times faster than
    a binary search. Whether a shelf holds any, where it starts, and how many the fullest holds."""

    filled: NDArray[np.bool_]
    starts: IntArray
    longest: int
    words: NDArray[np.uint64]
    kinds: NDArray[np.uint8]


def _shelf(hashes: NDArray[np.uint64]) -> IntArray:
    shelf: IntArray = (hashes * MIX >> _SHELF).view(np.int64)
    return shelf


@lru_cache(maxsize=1)
def _shelves() -> Shelves:
    tables = alphabet.tables()
    shelf = _shelf(tables.words)
    size = np.bincount(shelf, minlength=1 << _SHELF_BITS)
    longest = int(size.max())
    order = np.argsort(shelf, kind="stable")
    words, kinds = (
        np.append(a[order], np.zeros(longest, a.dtype)) for a in (tables.words, tables.kinds)
    )
    return Shelves(size > 0, np.cumsum(size) - size, longest, words, kinds)


@lru_cache(maxsize=1)
def _spread() -> NDArray[np.uint64]:
    """The eight bits of a byte as the lowest bits of eight bytes."""
    bits = np.arange(256, dtype=np.uint64)[:, None] >> np.arange(8, dtype=np.uint64)
    spread: NDArray[np.uint64] = (bits & np.uint64(1)) << np.arange(0, 64, 8, dtype=np.uint64)
    return spread.sum(axis=1, dtype=np.uint64)


def _unpacked(packed: NDArray[np.uint64], count: int) -> NDArray[np.int64]:
    """(count, units): the lowest bytes of each number."""
    octets = packed.astype("<u8", copy=False).view(np.uint8).reshape(-1, 8)
    counts: IntArray = octets.T[:count].astype(np.int64)
    return counts


def _packed_counts(
    values: NDArray[np.uint8], kinds: int, starts: IntArray, ends: IntArray
) -> NDArray[np.int64]:
    """(kinds, units): how often each value below ``kinds`` stands in each unit."""
    if not len(starts):
        return np.zeros((kinds, 0), np.int64)
    counts = []
    places = values.astype(np.int64)
    # Every second run is a unit; a newline follows each, so that an end is in the text.
    bounds = np.stack([starts, ends], axis=1).ravel()
    for low in range(0, kinds, 8):
        table = np.zeros(kinds, np.uint64)
        count = min(kinds - low, 8)
        table[low : low + count] = np.uint64(1) << (8 * np.arange(count)).astype(np.uint64)
        sums = np.add.reduceat(table.take(places, mode="clip"), bounds)[::2]
        counts.append(_unpacked(np.ascontiguousarray(sums), count))
    return np.concatenate(counts)
