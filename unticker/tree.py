"""The units of a batch in the trees of their pages, and sums over all that elements hold."""

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from unticker.elements import Elements, Lines, of_lines
from unticker.markup import Markup
from unticker.units import FloatArray, IntArray
from unticker.words import Text

STEPS = 8
"""Steps up to the main element are told apart below so many."""
_DEEPEST = 256
"""Elements deeper than this count as the one around them at this depth: a bound that keeps the
sums linear."""
_CONTAINERS = 3
_ARTICLE = 300
"""Characters of prose that make an article of what follows a heading."""


class Tree:
    """``markups`` has one entry a page of the batch; where it is None, the page's units are not
    ``known``. ``line``: the line of each unit, among the lines of all pages.

    `around`, `sums` and `main` number the elements by depth: the roots come first, one a page.
    """

    def __init__(self, text: Text, markups: Sequence[Markup | None]) -> None:
        self.markups = [
            _bare(text, number) if markup is None else of_lines(markup)
            for number, markup in enumerate(markups)
        ]
        self.page = text.units.page
        self.known = np.array([markup is not None for markup in markups], bool)[self.page]
        self.elements = Elements(self.markups)
        self.lines = Lines(self.markups, self.elements)
        self.line = self.lines.first[self.page] + text.units.line

    def _shallow(self) -> tuple[IntArray, IntArray]:
        """Of each element, in `Elements`' order: its depth, at most `_DEEPEST`; itself, or the
        element around it that it counts as."""
        depth: list[int] = []
        same: list[int] = []
        for row, parent in enumerate(self.elements.parents.tolist()):
            deep = parent != row and depth[parent] == _DEEPEST
            depth.append(0 if parent == row else min(depth[parent] + 1, _DEEPEST))
            same.append(same[parent] if deep else row)
        return np.array(depth, np.int64), np.array(same, np.int64)

    @cached_property
    def _by_depth(self) -> tuple[IntArray, IntArray, IntArray]:
        """Numbers by depth: of each element, in `Elements`' order; of the element around each, by
        number; the first of each depth, with the end."""
        depth, same = self._shallow()
        order = np.argsort(depth, kind="stable")
        number = np.empty(len(order), np.int64)
        number[order] = np.arange(len(order))
        bounds = np.searchsorted(depth[order], np.arange(int(depth.max(initial=0)) + 2))
        return number[same], number[self.elements.parents[same[order]]], bounds

    @cached_property
    def around(self) -> list[IntArray]:
        """Of each unit: its element, its block, and the three elements around that."""
        number, parents, _ = self._by_depth
        element = self.lines.element[self.line]
        found = [number[element], number[self.elements.blocks[element]]]
        for _ in range(_CONTAINERS):
            found.append(parents[found[-1]])
        return found

    def sums(self, values: FloatArray) -> FloatArray:
        """(rows, elements): what values (rows, units) add up to in each element and all that it
        holds. ``values`` are whole numbers."""
        _, parents, bounds = self._by_depth
        totals = np.zeros((len(values), len(parents)))
        for total, row in zip(totals, values, strict=True):
            total += np.bincount(self.around[0], row, len(parents))
        for above, start, end in zip(bounds[-3::-1], bounds[-2:0:-1], bounds[:1:-1], strict=True):
            parent = parents[start:end] - above
            for total in totals:
                total[above:start] += np.bincount(parent, total[start:end], start - above)
        return totals

    def main(self, mass: FloatArray) -> tuple[IntArray, IntArray]:
        """Of each unit: where it stands to the smallest element that holds over half of the page's
        mass (before it, in it, behind it, between its units, or 4: there is none), and steps from
        its block up to that element or to one around it. ``mass`` (elements,) are `sums`."""
        _, parents, bounds = self._by_depth
        page, pages = self.page, len(self.markups)
        owner, inside = np.arange(len(parents)), np.zeros(len(parents), bool)
        for start, end in pairwise(bounds[1:].tolist()):
            owner[start:end] = owner[parents[start:end]]
        half = 2 * mass > mass[owner]
        # Elements with over half stand in one another, and the inner one has the greater number.
        smallest = np.full(pages, -1)
        rows = np.flatnonzero(half)
        np.maximum.at(smallest, owner[rows], rows)
        inside[smallest[smallest >= 0]] = True
        for start, end in pairwise(bounds[1:].tolist()):
            inside[start:end] |= inside[parents[start:end]]
        within = np.flatnonzero(inside[self.around[0]])
        first, last = _first(page, within, pages, len(page)), np.full(pages, -1)
        np.maximum.at(last, page[within], within)
        index = np.arange(len(page))
        side = np.where(index < first[page], 0, np.where(index > last[page], 2, 3))
        side[within] = 1
        none = (smallest[page] < 0) | ~self.known
        return np.where(none, 4, side), np.where(none, 0, self._climb(half))

    def again(self, likely: NDArray[np.bool_], prose: IntArray) -> IntArray:
        """Of each unit: whether the page's own heading, the first that is ``likely`` body, is still
        to come (0) or went by (1: an <h1>, 2: a lesser one), and whether one of its kind came
        again behind prose (3, 4), as where a second article follows. What comes again sooner is a
        subhead. ``prose`` (units + 1,): characters of it before each unit."""
        page, pages, none = self.page, len(self.markups), len(self.page)
        if not none:
            return np.zeros(0, np.int64)
        elements = self.elements
        block = elements.blocks[self.lines.element[self.line]]
        heading = np.flatnonzero(elements.is_heading[block] & self.known)
        kind = elements.kinds[block]
        own = _first(page, heading[likely[heading]], pages, none)
        lesser = ~elements.is_h1[block[np.minimum(own, none - 1)]]
        first = own[page[heading]]
        alike = heading[(heading > first) & (kind[heading] == kind[np.minimum(first, none - 1)])]
        between = prose[alike] - prose[own[page[alike]]]
        soon = np.zeros(pages, bool)
        soon[page[alike[(between > 0) & (between < _ARTICLE)]]] = True
        far = alike[(between >= _ARTICLE) & ~soon[page[alike]]]
        again = _first(page, far, pages, none)[page]
        index = np.arange(none)
        return np.where(index < own[page], 0, 1 + lesser[page] + 2 * (index >= again))

    def _climb(self, goal: NDArray[np.bool_]) -> IntArray:
        """Steps from each unit's block up to an element of a kind, fewer than `STEPS`."""
        here, parents = self.around[1], self._by_depth[1]
        steps = np.zeros(len(here), np.int64)
        for _ in range(STEPS - 1):
            going = ~goal[here]
            here = np.where(going, parents[here], here)
            steps += going
        return steps


def _first(page: IntArray, units: IntArray, pages: int, none: int) -> IntArray:
    """The first of some units in every page, ``none`` where there is none."""
    first = np.full(pages, none)
    np.minimum.at(first, page[units], units)
    return first


def _bare(text: Text, page: int) -> Markup:
    """The lines of a page outside of any element."""
    count = int(text.units.line[text.units.of(page)].max(initial=0)) + 1
    none = [""] * count
    return Markup(none, [0] * count, [0] * count, [(-1, "", "")], none, [], none)
