"""A unit among its neighbours: integer columns and crosses over the scores of a pass.

Everything is integer arithmetic, so that a page's labels depend neither on the
batch it came in nor on the machine. Probabilities are 0 to 255. The columns are
kept as float64, which holds these integers exactly and is the faster type; they
lie column by column, each over all units.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from unticker.alphabet import MAX_CODES
from unticker.layout import OFFSETS, WINDOWS, Cross, Layout, rows
from unticker.types import BODY
from unticker.units import FloatArray, IntArray, quotient
from unticker.words import Text

# Classes of the first pass: the four labels, then a heading over teasers (chrome), the
# page's own headline (body) and an interruption inside the article (chrome).
CLASSES = 7
CLASS_NAMES = (
    "headline-ticker", "ui-chrome", "byline", "body", "teaser heading", "own headline",
    "interruption",
)  # fmt: skip
LABEL_OF_CLASS = np.array([0, 1, 2, 3, 1, 3, 1])

_FAR = 99
_STRONG = 153  # a probability of 0.6: prose that is surely body


@lru_cache(maxsize=1)
def _steps() -> NDArray[np.uint8]:
    """Steps of a quarter on a logarithmic scale, for every number of characters or units."""
    edges = np.unique(np.round(1.25 ** np.arange(100)).astype(np.int64))
    edges = edges[edges < 4 * MAX_CODES]
    steps = np.arange(len(edges) + 1, dtype=np.uint8)
    return np.repeat(steps, np.diff(edges, prepend=0, append=4 * MAX_CODES))


@lru_cache(maxsize=1)
def _distance_steps() -> IntArray:
    """Ten steps of distances from 0 to `_FAR`."""
    edges = np.array([2, 3, 4, 6, 9, 14, 25, 50, 99])
    return np.searchsorted(edges, np.arange(_FAR + 1), "right")


@dataclass(frozen=True, slots=True)
class Columns:
    """``values``: (units, columns) integers; ``crosses``: (units, crosses) selected rows.

    Both are transposed: in memory, columns and crosses lie one after the other.
    """

    values: FloatArray
    crosses: IntArray


class Context:
    """The surroundings of every unit of a batch under one pass's probabilities.

    ``shapes`` is (units, shapes) with each shape's own value, ``probabilities``
    (units, 7 or 4) from 0 to 255: seven classes behind the first pass, the four
    labels behind the second. ``layout`` is that of the text and shapes, if known.
    """

    def __init__(
        self,
        text: Text,
        shapes: IntArray,
        probabilities: IntArray,
        layout: Layout | None = None,
    ) -> None:
        self.text = text
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
    def distances(self) -> tuple[IntArray, IntArray]:
        """Units to the nearest sure prose before and behind, `_FAR` where there is none."""
        layout = self.layout
        strong = (self._labels[BODY] > _STRONG) & (layout.length >= 80)
        none = -1 - _FAR
        before = np.maximum.accumulate(np.where(strong, layout.index, none))
        before = np.concatenate(([none], before[:-1]))[: len(self)]
        far = len(self) + _FAR
        behind = np.minimum.accumulate(np.where(strong, layout.index, far)[::-1])[::-1]
        behind = np.concatenate((behind[1:], [far]))[: len(self)]
        return (
            np.where(before >= layout.first, layout.index - before, _FAR),
            np.where(behind < layout.last, behind - layout.index, _FAR),
        )

    # ---- columns: each family fills its rows of the matrix; names in `FAMILIES`

    def fill_own(self, out: FloatArray) -> None:
        out[0::2] = self._classes
        out[1::2] = _steps().take((4 * self._classes + 1).astype(np.int64))

    def fill_neighbours(self, out: FloatArray) -> None:
        padded = np.zeros((len(self._classes) + 1, len(self) + 1))
        padded[0, -1] = 1
        padded[1:, :-1] = self._classes
        blocks = out.reshape(len(OFFSETS), len(padded), len(self))
        for block, place in zip(blocks, self.layout.places.values(), strict=True):
            padded.take(place, axis=1, out=block, mode="clip")

    def fill_windows(self, out: FloatArray) -> None:
        layout, count = self.layout, len(self._classes)
        sums = np.zeros((count, len(layout.kept) + 1))
        np.cumsum(self._classes[:, layout.kept], axis=1, out=sums[:, 1:])
        here, beyond = sums.take(layout.rank, axis=1), sums.take(layout.rank_behind, axis=1)
        blocks = out.reshape(len(WINDOWS), 2, count, len(self))
        for (before, behind), window in zip(blocks, layout.windows, strict=True):
            sums.take(window.low, axis=1, out=before, mode="clip")
            np.subtract(here, before, out=before)
            np.divide(before, window.before, out=before)
            sums.take(window.high, axis=1, out=behind, mode="clip")
            np.subtract(behind, beyond, out=behind)
            np.divide(behind, window.behind, out=behind)
        np.floor(out, out=out)  # exact: see `quotient`

    def fill_prose(self, out: FloatArray) -> None:
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
        for place, width in enumerate(WINDOWS[:3]):
            low = np.maximum(layout.index - width, layout.first)
            high = np.minimum(layout.index + 1 + width, layout.last)
            out[5 + 2 * place] = steps.take(here - sums[low])
            out[6 + 2 * place] = steps.take(sums[high] - beyond)

    def fill_territory(self, out: FloatArray) -> None:
        """What has gone by: a heading over teasers, teasers, or a byline behind prose.

        They open foreign territory: what follows seldom is the article again.
        """
        seven = len(self._classes) == CLASSES
        heading = self._classes[4] if seven else self._classes[0]
        prose = self._mass_sums[:-1] - self._mass_sums[self.layout.first] >= 300
        page = self.text.units.page * 256.0
        for place, p in enumerate((heading, self._labels[0], self._labels[2])):
            # The greatest value before each unit in its page.
            most = np.maximum.accumulate(p * prose + page)
            most = np.concatenate(([0], most[:-1]))[: len(self)] - page
            np.maximum(most, 0, out=out[2 * place])
            out[2 * place + 1] = np.where(most > _STRONG, 255, 0)

    def fill_position(self, out: FloatArray) -> None:
        layout, steps = self.layout, _steps()
        count = layout.last - layout.first
        place = layout.index - layout.first
        out[0] = steps.take(place)
        out[1] = steps.take(count - 1 - place)
        out[2] = quotient(255 * place, count)
        out[3] = steps.take(count)

    def fill_cohesion(self, out: FloatArray) -> None:
        """Words shared with the page's prose outside the unit."""
        words, n = self.layout.words, len(self)
        every, longest = self.layout.word_counts
        weight = np.minimum(self._mass, 100)[words.unit]
        other = np.bincount(words.same, weight, len(words.same))[words.same] - weight
        score = quotient(np.minimum(other, 300) * 8, words.rarity)
        hit = np.flatnonzero(other > 30)
        hits = np.bincount(words.unit[hit], minlength=n)
        very = np.bincount(words.unit[hit[words.very[hit]]], minlength=n)
        out[0] = quotient(np.bincount(words.unit, score, n), every)
        out[1] = quotient(255 * hits, every)
        np.minimum(hits, 6, out=out[2])
        out[3] = quotient(255 * very, longest)

    def fill_alike(self, out: FloatArray) -> None:
        """Mean labels of the page's other units of the same outline or first word."""
        blocks = out.reshape(len(ALIKE), 9, len(self))
        for block, (same, others) in zip(blocks, self.layout.groups, strict=True):
            size, few = np.maximum(others, 1), np.minimum(others, 5)
            for place, p in enumerate(self._labels):
                total = np.bincount(same, p, len(same))[same] - p
                mean = quotient(total, size)
                block[2 * place] = mean
                block[2 * place + 1] = quotient(mean * few, 5)
            np.minimum(others, 10, out=block[8])

    # ---- crosses

    def crosses(self) -> list[Cross]:
        """One-hot features: name, each unit's value, and the number of values."""
        return self.passing() + self.layout.crosses

    def passing(self) -> list[Cross]:
        """The crosses that hang on probabilities; those of the layout come behind them."""
        steps = _distance_steps()
        before, behind = (steps.take(np.minimum(d, _FAR)) for d in self.distances)
        best = np.zeros(len(self), np.int64)
        top = self._labels[0]
        for label in range(1, 4):
            best[self._labels[label] > top] = label
            top = np.maximum(top, self._labels[label])
        length = self.layout.shape("length")
        around = [self.layout.at(best, offset, 4) for offset in (-2, -1, 1, 2)]
        return [
            ("distance to prose on both sides", before * 10 + behind, 100),
            ("labels of the unit and beside it", (around[1] * 5 + around[2]) * 4 + best, 100),
            (
                "labels of two units on both sides",
                ((around[0] * 5 + around[1]) * 5 + around[2]) * 5 + around[3],
                625,
            ),
            ("distance to prose before, length", before * 18 + length, 180),
            ("distance to prose behind, length", behind * 18 + length, 180),
        ]

    def columns(self) -> list[tuple[str, IntArray]]:
        """All columns by name, in the order of `FAMILIES`."""
        rows = self.values().astype(np.int64)
        return list(zip(column_names(len(self._classes)), rows, strict=True))

    def see(self) -> Columns:
        """Columns and crosses as matrices."""
        return Columns(self.values().T, rows(self.crosses()).T)

    def values(self) -> FloatArray:
        """(columns, units): all columns' numbers."""
        matrix = np.empty((len(column_names(len(self._classes))), len(self)))
        start = 0
        for family in FAMILIES:
            end = start + len(family.names(CLASS_NAMES[: len(self._classes)]))
            getattr(self, "fill_" + family.name)(matrix[start:end])
            start = end
        return matrix


ALIKE = ("outline", "ending", "first word")
Classes = tuple[str, ...]


def _own_names(classes: Classes) -> list[str]:
    return [each for name in classes for each in (name, f"{name}, logarithmic")]


def _neighbour_names(classes: Classes) -> list[str]:
    return [
        each
        for offset in OFFSETS
        for each in (f"page ends {offset:+d}", *(f"{name} at {offset:+d}" for name in classes))
    ]


def _window_names(classes: Classes) -> list[str]:
    sizes = ("all" if width > 1000 else str(width) for width in WINDOWS)
    return [
        f"{name} over {size} {side}"
        for size in sizes
        for side in ("before", "behind")
        for name in classes
    ]


def _prose_names(classes: Classes) -> list[str]:
    del classes
    whole = ["prose before", "prose behind", "prose in the page"]
    whole += ["share of prose before", "share of prose behind"]
    return whole + [f"prose in {w} {side}" for w in WINDOWS[:3] for side in ("before", "behind")]


def _territory_names(classes: Classes) -> list[str]:
    del classes
    marks = (f"{name} behind prose" for name in ("teaser heading", "teaser", "byline"))
    return [each for m in marks for each in (f"most likely {m} before", f"sure {m} before")]


def _alike_names(classes: Classes) -> list[str]:
    names = []
    for alike in ALIKE:
        for name in classes[:4]:
            names += [f"{name} with same {alike}", f"{name} with same {alike}, by number"]
        names.append(f"units with same {alike}")
    return names


def _fixed(*names: str) -> Callable[[Classes], list[str]]:
    return lambda classes: list(names)


@dataclass(frozen=True, slots=True)
class Family:
    """A family of context columns: `Context` fills it in by the method of its name;
    ``names`` gives its columns' names for the classes of the pass before."""

    name: str
    meaning: str
    names: Callable[[Classes], list[str]]


FAMILIES: tuple[Family, ...] = (
    Family("own", "the unit's own scores of the pass before", _own_names),
    Family("neighbours", "scores of the four units before and behind", _neighbour_names),
    Family("windows", "mean scores over 3, 8, 20, 60 and all units before and behind",
        _window_names),
    Family("prose", "characters of likely prose before and behind", _prose_names),
    Family("territory", "whether teasers, their heading or a byline went by behind prose",
        _territory_names),
    Family("position", "place in the page, length of the page", _fixed(
        "units before", "units behind", "place in the page", "units in the page")),
    Family("cohesion", "words shared with the page's prose", _fixed(
        "weight of shared words", "share of shared words", "shared words",
        "share of shared long words")),
    Family("alike", "labels of the page's units with the same outline or first word",
        _alike_names),
)  # fmt: skip


@lru_cache(maxsize=2)
def column_names(classes: int) -> tuple[str, ...]:
    """The names of all columns behind a pass of so many classes."""
    return tuple(
        f"{family.name}: {name}"
        for family in FAMILIES
        for name in family.names(CLASS_NAMES[:classes])
    )
