"""A unit among its neighbours: integer columns and crosses over the scores of a pass.

Everything is integer arithmetic, so that a page's labels depend neither on the
batch it came in nor on the machine. Probabilities are 0 to 255, and no column
holds more than some hundreds: they are int16, since what takes time is memory,
and lie column by column, each over all units. What they are worked out from is
float64, which holds such integers exactly and is the fastest type to divide.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from unticker import cohesion, crosses, kernels
from unticker.alphabet import MAX_CODES
from unticker.columns import (
    ALIKE,
    AROUND,
    CLASS_NAMES,
    CLASSES,
    LABEL_OF_CLASS,
    column_names,
    families,
)
from unticker.conjunctions import Rows
from unticker.crosses import FAR, STRONG, Evidence
from unticker.layout import OFFSETS, WINDOWS, Cross, Layout, rows
from unticker.stretch import Stretch, stretch
from unticker.tree import Tree
from unticker.types import BODY
from unticker.units import FloatArray, IntArray, quotient
from unticker.words import Text


@lru_cache(maxsize=1)
def _steps() -> NDArray[np.uint8]:
    """Steps of a quarter on a logarithmic scale, for every number of characters or units."""
    edges = np.unique(np.round(1.25 ** np.arange(100)).astype(np.int64))
    edges = edges[edges < 4 * MAX_CODES]
    steps = np.arange(len(edges) + 1, dtype=np.uint8)
    return np.repeat(steps, np.diff(edges, prepend=0, append=4 * MAX_CODES))


@dataclass(frozen=True, slots=True)
class Columns:
    """``values``: (units, columns) int16; ``crosses``: (units, crosses) int32, selected rows.

    Both are transposed: in memory, columns and crosses lie one after the other.
    """

    values: NDArray[np.int16]
    crosses: NDArray[np.int32]


class Context:
    """The surroundings of every unit of a batch under one pass's probabilities.

    ``shapes`` is (units, shapes) with each shape's own value, ``probabilities``
    (units, 12 or 4) from 0 to 255: twelve classes behind the first pass, the four
    labels behind the second. ``layout`` is that of the text and shapes, if known; ``tree`` is
    there for pages with markup.
    """

    def __init__(
        self,
        text: Text,
        shapes: IntArray,
        probabilities: IntArray,
        layout: Layout | None = None,
        tree: Tree | None = None,
    ) -> None:
        self.text, self.tree = text, tree
        self.layout = Layout(text, shapes) if layout is None else layout
        self._classes = np.ascontiguousarray(probabilities.T, np.float64)
        self._labels = self._classes
        if len(self._classes) == CLASSES:
            self._labels = self._classes[:4].copy()
            for extra in range(4, CLASSES):
                self._labels[LABEL_OF_CLASS[extra]] += self._classes[extra]

    def __len__(self) -> int:
        return len(self.layout)

    @property
    def labels(self) -> FloatArray:
        """(units, 4): the classes' probabilities added up to the four labels'."""
        transposed: FloatArray = self._labels.T
        return transposed

    @cached_property
    def _mass(self) -> FloatArray:
        """Characters of likely prose: up to 600 a unit, times its body probability / 255."""
        return quotient(self._labels[BODY] * self.layout.prose_length, 255)

    @cached_property
    def _mass_sums(self) -> IntArray:
        return np.concatenate(([0], np.cumsum(self._mass))).astype(np.int64)

    @cached_property
    def article(self) -> Stretch:
        """The stretch of each page that is most likely its article."""
        return stretch(self.layout, self._labels[BODY])

    @cached_property
    def distances(self) -> tuple[IntArray, IntArray]:
        """Units to the nearest sure prose before and behind, `FAR` where there is none."""
        layout = self.layout
        strong = (self._labels[BODY] > STRONG) & (layout.length >= 80)
        none = -1 - FAR
        before = np.maximum.accumulate(np.where(strong, layout.index, none))
        before = np.concatenate(([none], before[:-1]))[: len(self)]
        far = len(self) + FAR
        behind = np.minimum.accumulate(np.where(strong, layout.index, far)[::-1])[::-1]
        behind = np.concatenate((behind[1:], [far]))[: len(self)]
        return (
            np.where(before >= layout.first, layout.index - before, FAR),
            np.where(behind < layout.last, behind - layout.index, FAR),
        )

    # ---- columns: each family fills its rows of the matrix; names in `columns`

    def fill_own(self, out: Rows) -> None:
        out[0::2] = self._classes
        out[1::2] = _steps().take((4 * self._classes + 1).astype(np.int64))

    def fill_neighbours(self, out: Rows) -> None:
        padded = np.zeros((len(self._classes) + 1, len(self) + 1), np.int16)
        padded[0, -1] = 1
        padded[1:, :-1] = self._classes
        blocks = out.reshape(len(OFFSETS), len(padded), len(self))
        for block, place in zip(blocks, self.layout.places.values(), strict=True):
            padded.take(place, axis=1, out=block, mode="clip")

    def fill_windows(self, out: Rows) -> None:
        layout, count = self.layout, len(self._classes)
        fast = kernels.compiled()
        if fast is not None:
            low, high, before, behind = zip(*layout.windows, strict=True)
            fast.window_means(
                out, self._classes, layout.kept, layout.rank, layout.rank_behind, low, high,
                before, behind,
            )  # fmt: skip
            return
        sums = np.zeros((count, len(layout.kept) + 1))
        np.cumsum(self._classes[:, layout.kept], axis=1, out=sums[:, 1:])
        here, beyond = sums.take(layout.rank, axis=1), sums.take(layout.rank_behind, axis=1)
        blocks = out.reshape(len(WINDOWS), 2, count, len(self))
        for (before, behind), window in zip(blocks, layout.windows, strict=True):
            before[:] = quotient(here - sums.take(window.low, axis=1), window.before)
            behind[:] = quotient(sums.take(window.high, axis=1) - beyond, window.behind)

    def fill_prose(self, out: Rows) -> None:
        layout, sums, steps = self.layout, self._mass_sums, _steps()
        here, beyond = sums[:-1], sums[1:]
        start, end = sums[layout.first], sums[layout.last]
        before, behind = here - start, end - beyond
        total = np.maximum(end - start, 1)
        out[0] = steps.take(before)
        out[1] = steps.take(behind)
        out[2] = steps.take(total)
        out[3] = quotient(255 * before, total)
        out[4] = quotient(255 * behind, total)
        for place, (low, high) in enumerate(layout.reaches):
            out[5 + 2 * place] = steps.take(here - sums[low])
            out[6 + 2 * place] = steps.take(sums[high] - beyond)

    @cached_property
    def _passed(self) -> list[FloatArray]:
        """The greatest probability, before each unit in its page and behind prose, of a heading
        over teasers, of a teaser and of a byline."""
        heading = self._classes[4] if len(self._classes) == CLASSES else self._classes[0]
        behind = self._mass_sums[:-1] - self._mass_sums[self.layout.first] >= 300
        page = self.text.units.page * 256.0
        passed = []
        for p in (heading, self._labels[0], self._labels[2]):
            most = np.maximum.accumulate(p * behind + page)
            most = np.concatenate(([0], most[:-1]))[: len(self)] - page
            passed.append(np.maximum(most, 0))
        return passed

    def fill_territory(self, out: Rows) -> None:
        """What has gone by: a heading over teasers, teasers, or a byline behind prose.

        They open foreign territory: what follows seldom is the article again.
        """
        for place, most in enumerate(self._passed):
            out[2 * place] = most
            out[2 * place + 1] = np.where(most > STRONG, 255, 0)

    def fill_position(self, out: Rows) -> None:
        layout, steps = self.layout, _steps()
        count = layout.last - layout.first
        place = layout.index - layout.first
        out[0] = steps.take(place)
        out[1] = steps.take(count - 1 - place)
        out[2] = quotient(255 * place, count)
        out[3] = steps.take(count)

    def fill_cohesion(self, out: Rows) -> None:
        """Words shared with the page's prose outside the unit."""
        cohesion.fill(out, self.layout, self._mass)

    def fill_opening(self, out: Rows) -> None:
        """Words shared with the first of the page's prose."""
        cohesion.fill_opening(out, self.layout, self._mass, self._mass_sums)

    def fill_alike(self, out: Rows) -> None:
        """Mean labels of the page's other units of the same outline, ending or first word."""
        blocks = out.reshape(len(ALIKE), 9, len(self))
        fast = kernels.compiled()
        for block, (same, others) in zip(blocks, self.layout.groups, strict=True):
            if fast is not None:
                fast.group_means(block, same, others, self._labels)
                continue
            size, few = np.maximum(others, 1), np.minimum(others, 5)
            for place, p in enumerate(self._labels):
                total = np.bincount(same, p, len(same))[same] - p
                mean = quotient(total, size)
                block[2 * place] = mean
                block[2 * place + 1] = quotient(mean * few, 5)
            np.minimum(others, 10, out=block[8])

    @cached_property
    def _in_elements(self) -> FloatArray:
        """(6, elements): probabilities of the four labels, units and `_mass` in each element."""
        assert self.tree is not None
        ones = np.ones((1, len(self)))
        return self.tree.sums(np.concatenate([self._labels, ones, self._mass[None]]))

    @cached_property
    def _around(self) -> list[FloatArray]:
        """For each of `AROUND`, (6, units): what `_in_elements` says of that element; 0 for units
        whose markup is not known."""
        tree = self.tree
        if tree is None:
            return []
        return [self._in_elements[:, element] * tree.known for element in tree.around]

    def fill_tree(self, out: Rows) -> None:
        """Mean labels of the page's other units in the elements around each; the share of the
        page's prose there."""
        layout, sums = self.layout, self._mass_sums
        whole = np.maximum(sums[layout.last] - sums[layout.first], 1)
        blocks = out.reshape(len(AROUND), 10, len(self))
        for block, total in zip(blocks, self._around, strict=True):
            others = np.maximum(total[4] - 1, 0)
            size, few = np.maximum(others, 1), np.minimum(others, 5)
            for place, p in enumerate(self._labels):
                mean = quotient(np.maximum(total[place] - p, 0), size)
                block[2 * place] = mean
                block[2 * place + 1] = quotient(mean * few, 5)
            block[8] = _steps().take(others.astype(np.int64))
            block[9] = quotient(255 * total[5], whole)

    # ---- crosses

    def crosses(self) -> list[Cross]:
        """One-hot features: name, each unit's value, and the number of values."""
        return self.passing() + self.layout.crosses

    def passing(self) -> list[Cross]:
        """The crosses that hang on probabilities; those of the layout come behind them."""
        layout, sums = self.layout, self._mass_sums
        start, end = sums[layout.first], sums[layout.last]
        prose = sums[:-1] - start, end - sums[1:], end - start
        main = None
        if self.tree is not None:
            again = self.tree.again(self._labels[BODY] > STRONG, sums)
            main = (*self.tree.main(self._in_elements[5]), again)
        seen = Evidence(
            self._labels, self.distances, prose, self._passed, self.article, main, self._around
        )
        return crosses.passing(layout, seen, last=len(self._classes) < CLASSES)

    def columns(self) -> list[tuple[str, IntArray]]:
        """All columns by name, in the order of `families`."""
        rows = self.values().astype(np.int64)
        names = column_names(len(self._classes), self.tree is not None)
        return list(zip(names, rows, strict=True))

    def see(self) -> Columns:
        """Columns and crosses as matrices."""
        return Columns(self.values().T, rows(self.crosses()).T)

    def values(self) -> Rows:
        """(columns, units): all columns' numbers."""
        classes, markup = len(self._classes), self.tree is not None
        matrix = np.empty((len(column_names(classes, markup)), len(self)), np.int16)
        start = 0
        for family in families(markup):
            end = start + len(family.names(CLASS_NAMES[:classes]))
            getattr(self, "fill_" + family.name)(matrix[start:end])
            start = end
        return matrix
