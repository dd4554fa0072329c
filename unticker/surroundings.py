"""Where lines stand in their page's tree: prose around them, lines like them, the main part.

Elements of one path are one, so what is counted are kinds of places: all paragraphs
of an article, all cards of a list.
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from unticker.elements import UP, Elements, Lines
from unticker.families import table
from unticker.units import FloatArray, IntArray, quotient

PROSE, MOST = 60, 1000
"""Lines are prose from so many characters on, and count for so many at most."""
_LENGTHS = (25, 60, 120, 250)
_KINDS = 15  # length (5) and links (3) of a line


def place_rows(lines: Lines, elements: Elements) -> list[IntArray]:
    """For every family, the bucket of each line."""
    seen = Surroundings(lines, elements)
    return [*seen.mass(), *seen.clusters(), *seen.main(), seen.since()]


class Surroundings:
    """Lines with the elements around them. Elements count with all that stands in them."""

    def __init__(self, lines: Lines, elements: Elements) -> None:
        self.lines = lines
        self.parents = elements.parents
        self.block = elements.blocks[lines.element]
        self.is_h1 = elements.is_h1[lines.element] | elements.is_h1[self.block]
        self.index = np.arange(len(lines))
        prose = np.where((lines.length >= PROSE) & ~lines.cells, np.minimum(lines.length, MOST), 0)
        self.prose: FloatArray = np.maximum(prose - 2 * lines.linked, 0).astype(np.float64)
        self.pages = len(lines.first) - 1
        self.whole = np.bincount(lines.page, self.prose, self.pages)[lines.page]
        self.size = np.searchsorted(_LENGTHS, lines.length, "right")
        links = (lines.linked > 0).astype(np.int64) + (4 * lines.linked >= 3 * lines.length)
        self.kind = self.size * 3 + links

    @cached_property
    def _counted(self) -> tuple[FloatArray, FloatArray]:
        """Of each element: prose in it, and prose in its page where there is any in it."""
        total, whole = np.zeros(len(self.parents)), np.zeros(len(self.parents))
        line = np.flatnonzero(self.prose)
        here = self.lines.element[line]
        for _ in range(UP):
            if not len(line):
                break
            total += np.bincount(here, self.prose[line], len(total))
            whole[here] = self.whole[line]
            up = self.parents[here]
            moving = np.flatnonzero(up != here)
            line, here = line[moving], up[moving]
        return total, whole

    def mass(self) -> list[IntArray]:
        """Share of the page's prose in the three containers around the line's block, and in
        the direct children of the next, against the container that has most."""
        total, _ = self._counted
        rows, up = [], self.parents[self.block]
        parent = up
        for part in range(3):
            share = np.where(self.whole > 0, _share(8, total[up], self.whole), 9)
            rows.append(table("mass", 10 * _KINDS, part)[share * _KINDS + self.kind])
            up = self.parents[up]
        own = np.bincount(parent, self.prose, len(self.parents))[parent]
        best = np.zeros(self.pages)
        np.maximum.at(best, self.lines.page, own)
        share = _share(8, own, best[self.lines.page])
        return [*rows, table("mass", 9 * _KINDS, 3)[share * _KINDS + self.kind]]

    def clusters(self) -> list[IntArray]:
        """Lines in the same element or block: how many, how long, how much linked, prose."""
        lines, rows = self.lines, []
        for part, at in enumerate((lines.element, self.block)):
            number = np.bincount(at)[at]
            length, linked = (np.bincount(at, v)[at] for v in (lines.length, lines.linked))
            mean = np.searchsorted(_LENGTHS, quotient(length, number), "right")
            few = _steps(number, 5)
            value = (few * 5 + mean) * 5 + _share(4, linked, length)
            rows.append(table("cluster", 6 * 25, 2 * part)[value])
            share = _share(4, np.bincount(at, self.prose)[at], self.whole)
            value = (share * 5 + self.size) * 6 + few
            rows.append(table("cluster", 5 * 5 * 6, 2 * part + 1)[value])
        return rows

    def _climb(self, goal: NDArray[np.bool_]) -> tuple[IntArray, IntArray]:
        """The nearest element of a kind around each line's block, and how far up it is."""
        here, steps = self.block, np.zeros(len(self.lines), np.int64)
        for _ in range(UP):
            going = ~goal[here] & (self.parents[here] != here)
            if not going.any():
                break
            here = np.where(going, self.parents[here], here)
            steps += going
        return here, steps

    def main(self) -> list[IntArray]:
        """Place to the smallest element with over half of the page's prose: in it, before,
        behind, between its lines; steps up to it or around it; lines since its first."""
        total, whole = self._counted
        half = 2 * total > np.maximum(whole, 1)
        around, steps = self._climb(half)
        page = self.lines.page
        smallest = np.full(self.pages, -1)  # elements with over half stand in one another
        np.maximum.at(smallest, page, np.where(half[around], around, -1))
        inside = around == smallest[page]
        first, last = np.full(self.pages, len(page)), np.full(self.pages, -1)
        np.minimum.at(first, page[inside], self.index[inside])
        np.maximum.at(last, page[inside], self.index[inside])
        since, until = self.index - first[page], last[page] - self.index
        side = np.where(since < 0, 0, np.where(until < 0, 2, 3))
        none = smallest[page] < 0
        side = np.where(none, 4, np.where(inside, 1, side))
        since, until = (np.where(none, 20, _both_ways(n)) for n in (since, until))
        value = (side * 8 + np.minimum(steps, 7)) * _KINDS + self.kind
        return [
            table("main", 5 * 8 * _KINDS)[value],
            table("main", 21 * 5, 1)[since * 5 + self.size],
            table("main", 21 * 5, 2)[until * 5 + self.size],
        ]

    def since(self) -> IntArray:
        """Lines since the last <h1>, and which of the page's it is."""
        start = self.lines.first[self.lines.page]
        last = np.maximum.accumulate(np.where(self.is_h1, self.index, -1))
        gap = np.where(last >= start, 1 + _steps(self.index - last, 8), 0)
        starts = self.is_h1 & ~np.append(False, self.is_h1[:-1])
        gone = np.cumsum(starts)
        number = gone - gone[start] + starts[start]
        return table("since", 10 * 5 * 4)[(gap * 5 + self.size) * 4 + np.minimum(number, 3)]


def _share(parts: int, of: FloatArray | IntArray, whole: FloatArray | IntArray) -> IntArray:
    """``of`` in parts of ``whole``, rounded down."""
    share = np.minimum(quotient(parts * of, np.maximum(whole, 1)), parts)
    return share.astype(np.int64)


def _steps(values: IntArray, most: int) -> IntArray:
    """Steps of a factor of two, from 0 for 0."""
    return np.minimum(np.log2(np.maximum(values, 0) + 1).astype(np.int64), most)


def _both_ways(distance: IntArray) -> IntArray:
    """Twenty steps of a distance, ten on each side of 0."""
    steps = _steps(np.abs(distance), 9)
    return np.where(distance >= 0, 10 + steps, 9 - steps)
