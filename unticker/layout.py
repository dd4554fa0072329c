"""Where units stand in their pages: all that the context passes see alike.

Computed once a batch. What hangs on a pass's probabilities is in `unticker.context`.
"""

from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unticker import kernels
from unticker.alphabet import GOLDEN
from unticker.shapes import SHAPES
from unticker.units import FloatArray, IntArray
from unticker.words import Text

OFFSETS = (-4, -3, -2, -1, 1, 2, 3, 4)
WINDOWS = (3, 8, 20, 60, 1 << 40)
REACHES = WINDOWS[:3]
"""The windows in which prose is counted, and what it shares with the page's beginning."""
_REACH = max(OFFSETS)
_WORD_BITS, _GROUP_SLOTS = 12, 512
_WORD_SLOTS, _SLOT_SHIFT = 1 << _WORD_BITS, 64 - _WORD_BITS
_LETTERS, _MANY = 4, 7
"""Of the words that pages are compared by, and of their long ones."""
_SHAPE = {shape.name: index for index, shape in enumerate(SHAPES)}


Cross = tuple[str, IntArray, int]
"""A one-hot feature: name, each unit's value, and the number of values."""


def offsets(crosses: list[Cross]) -> IntArray:
    """Where each cross's values start among the rows of all, and how many there are."""
    return np.cumsum([0] + [size for _, _, size in crosses])


def rows(crosses: list[Cross]) -> NDArray[np.int32]:
    """(crosses, units): the row each value selects, counted over all crosses."""
    selected = np.empty((len(crosses), len(crosses[0][1])), np.int32)
    for row, (_, values, _), offset in zip(selected, crosses, offsets(crosses), strict=False):
        row[:] = values + offset
    return selected


class Window(NamedTuple):
    """Ranks at which windows of one width start before and end behind; their sizes, from 1."""

    low: IntArray
    high: IntArray
    before: FloatArray
    behind: FloatArray


class Words(NamedTuple):
    """Words of four letters or more: their units, whether they are of seven or more, another
    word in the page for all of the same hash, and a weight that falls with their number."""

    unit: IntArray
    very: NDArray[np.bool_]
    same: IntArray
    rarity: IntArray


class Layout:
    """The places of a batch's units. ``shapes`` is (units, shapes) with shapes' own values."""

    def __init__(self, text: Text, shapes: IntArray) -> None:
        self.text = text
        self.shapes = shapes
        units = text.units
        self.index = np.arange(len(units))
        self.first = units.first[units.page]
        self.last = units.first[units.page + 1]
        self.opens = self.index == self.first
        self.length = units.ends - units.starts
        # Short lines that stand many times in the page ("Advertisement") are passed over
        # when neighbours are counted.
        self.own = (self.shape("repeats") < 3) | (self.length >= 60)
        self.kept = np.flatnonzero(self.own)
        ranks = np.zeros(len(units) + 1, np.int64)
        np.cumsum(self.own, out=ranks[1:])
        self.rank, self.rank_behind = ranks[:-1], ranks[1:]
        self._first_rank, self._last_rank = ranks[self.first], ranks[self.last]

    def __len__(self) -> int:
        return len(self.index)

    def shape(self, name: str) -> IntArray:
        return self.shapes[:, _SHAPE[name]]

    @cached_property
    def places(self) -> dict[int, IntArray]:
        """For each offset: the unit there, or the number of units where the page has ended."""
        outside = len(self)
        padded = np.full(len(self.kept) + 2 * _REACH, outside)
        padded[_REACH : _REACH + len(self.kept)] = self.kept
        places = {}
        for offset in OFFSETS:
            rank = self.rank if offset < 0 else self.rank_behind - 1
            place = padded.take(rank + (_REACH + offset))
            inside = (place >= self.first) & (place < self.last)
            places[offset] = np.where(inside, place, outside)
        return places

    def at(self, values: IntArray, offset: int, outside: int) -> IntArray:
        """``values`` of the unit ``offset`` further on; ``outside`` beyond the page."""
        return np.append(values, outside).take(self.places[offset])

    def _next(self, values: IntArray, offset: int, outside: int) -> IntArray:
        """``values`` of the unit ``offset`` further on, passing over none."""
        place = self.index + offset
        inside = (place >= self.first) & (place < self.last)
        return np.where(inside, values.take(place, mode="clip"), outside)

    @cached_property
    def _repeats(self) -> list[IntArray]:
        """How often the two units before and the two behind stand in the page, less one: to 2;
        3 beyond the page. What stands behind each of many comments ("Reply") shows here."""
        repeats = np.minimum(self.shape("repeats"), 2)
        return [self._next(repeats, offset, 3) for offset in (-2, -1, 1, 2)]

    @cached_property
    def repeats_around(self) -> IntArray:
        """Repeats of two units on both sides, as one of 256 values."""
        second, first, next_, last = self._repeats
        return ((second * 4 + first) * 4 + next_) * 4 + last

    @cached_property
    def repeats_beside(self) -> IntArray:
        """Repeats of the units before and behind, as one of 16 values."""
        return self._repeats[1] * 4 + self._repeats[2]

    @cached_property
    def windows(self) -> list[Window]:
        """For each width of `WINDOWS`, ranks among the units that are counted."""
        windows = []
        for width in WINDOWS:
            low = np.maximum(self.rank - width, self._first_rank)
            high = np.minimum(self.rank_behind + width, self._last_rank)
            before = np.maximum(self.rank - low, 1).astype(np.float64)
            behind = np.maximum(high - self.rank_behind, 1).astype(np.float64)
            windows.append(Window(low, high, before, behind))
        return windows

    @cached_property
    def reaches(self) -> list[tuple[IntArray, IntArray]]:
        """For each of `REACHES`, the first unit so near to each in its page, and one past the
        last."""
        return [
            (np.maximum(self.index - width, self.first),
             np.minimum(self.index + 1 + width, self.last))
            for width in REACHES
        ]  # fmt: skip

    @cached_property
    def prose_length(self) -> IntArray:
        """Characters that count where a unit is prose: up to 600, none below 60."""
        return np.where(self.length >= 60, np.minimum(self.length, 600), 0)

    @cached_property
    def words(self) -> Words:
        text, pages = self.text, len(self.text.units.first) - 1
        fast = kernels.compiled()
        if fast is not None:
            return Words(*fast.page_words(
                text.word_starts, text.word_ends, text.word_unit, text.word_hashes,
                text.units.page, pages, _LETTERS, _MANY, _WORD_SLOTS, _SLOT_SHIFT,
            ))  # fmt: skip
        length = text.word_ends - text.word_starts
        long = np.flatnonzero(length >= _LETTERS)
        unit = text.word_unit[long]
        slot = (text.word_hashes[long] >> np.uint64(_SLOT_SHIFT)).view(np.int64)
        slot += text.units.page[unit] * _WORD_SLOTS
        same = _representatives(slot, pages * _WORD_SLOTS)
        uses = np.bincount(same, minlength=1)[same]
        return Words(unit, length[long] >= _MANY, same, 8 + 3 * np.minimum(uses, 10))

    @cached_property
    def word_counts(self) -> tuple[IntArray, IntArray]:
        """Words of four letters or more, and of seven or more, in each unit; at least 1."""
        unit, very = self.words.unit, self.words.very
        every = np.bincount(unit, minlength=len(self))
        longest = np.bincount(unit[very], minlength=len(self))
        return np.maximum(every, 1), np.maximum(longest, 1)

    @cached_property
    def groups(self) -> list[tuple[IntArray, IntArray]]:
        """Units alike in outline, ending, first word: one unit of the group in the page that
        stands for all, and how many others there are."""
        starts, ends = self.shape("starts-with"), self.shape("ends-with")
        length = self.shape("length")
        outline = ((starts * 64 + ends) * 32 + length // 2) * 8 + self.shape("words") // 3
        ending = (ends * 32 + length // 3) * 16 + self.shape("capitalised")
        keys = (outline.astype(np.uint64), ending.astype(np.uint64), self._first_words)
        groups = []
        for key in keys:
            slot = (key * np.uint64(GOLDEN) >> np.uint64(55)).view(np.int64)
            slot += self.text.units.page * _GROUP_SLOTS
            same = _representatives(slot, (len(self.text.units.first) - 1) * _GROUP_SLOTS)
            groups.append((same, np.bincount(same, minlength=len(self))[same] - 1))
        return groups

    @property
    def _first_words(self) -> NDArray[np.uint64]:
        text = self.text
        if not len(text.word_hashes):
            return np.zeros(len(self), np.uint64)
        first = np.minimum(text.first_word, len(text.word_hashes) - 1)
        has = text.last_word > text.first_word
        return np.where(has, text.word_hashes[first], np.uint64(0))

    @cached_property
    def crosses(self) -> list[Cross]:
        """Crosses of the shapes here and around."""
        length = self.shape("length")
        crosses = []
        for offset in (-2, -1, 1, 2):
            for name, size in (("length", 18), ("ends-with", 19), ("starts-with", 19)):
                values = self.at(self.shape(name), offset, size)
                crosses.append((f"{name} at {offset:+d}", values, size + 1))
        for offset in (-1, 1):
            values = self.at(length, offset, 18) * 18 + length
            crosses.append((f"length here and at {offset:+d}", values, 342))
        return crosses + [(shape.name, self.shape(shape.name), shape.size) for shape in SHAPES]


def _representatives(slot: IntArray, slots: int) -> IntArray:
    """For each entry, the index of one entry with the same slot, the same one for all."""
    index = np.arange(len(slot))
    last = np.empty(slots, np.int64)  # only what is written next is read
    last[slot] = index
    return last[slot]
