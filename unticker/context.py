"""A unit among its neighbours: integer columns and crosses over the scores of a pass.

Everything is integer arithmetic, so that a page's labels depend neither on the
batch it came in nor on the machine. Probabilities are 0 to 255.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from unticker.features import SHAPES, Text
from unticker.types import BODY
from unticker.units import IntArray

# Classes of the first pass: the four labels, then a heading over teasers (chrome), the
# page's own headline (body) and an interruption inside the article (chrome).
CLASSES = 7
CLASS_NAMES = (
    "headline-ticker", "ui-chrome", "byline", "body", "teaser heading", "own headline",
    "interruption",
)  # fmt: skip
LABEL_OF_CLASS = np.array([0, 1, 2, 3, 1, 3, 1])

OFFSETS = (-4, -3, -2, -1, 1, 2, 3, 4)
WINDOWS = (3, 8, 20, 60, 1 << 40)
_GEOMETRIC = np.unique(np.round(1.25 ** np.arange(100)).astype(np.int64))
_DISTANCES = np.array([2, 3, 4, 6, 9, 14, 25, 50, 99])
_FAR = 99
_STRONG = 153  # a probability of 0.6: prose that is surely body
_WORD_SLOTS, _GROUP_SLOTS = 4096, 512
_SHAPE = {shape.name: index for index, shape in enumerate(SHAPES)}
_SIZE = {shape.name: shape.size for shape in SHAPES}


Named = tuple[str, IntArray]


def _log(values: IntArray) -> IntArray:
    """Steps of a quarter on a logarithmic scale."""
    return np.searchsorted(_GEOMETRIC, values, "right")


@dataclass(frozen=True, slots=True)
class Columns:
    """``values``: (units, columns) integers; ``crosses``: (units, crosses) selected rows."""

    values: NDArray[np.float64]
    crosses: IntArray


class Context:
    """The surroundings of every unit of a batch under one pass's probabilities.

    ``shapes`` is (units, shapes) with each shape's own value, ``probabilities``
    (units, 7 or 4) from 0 to 255: seven classes behind the first pass, the four
    labels behind the second.
    """

    def __init__(self, text: Text, shapes: IntArray, probabilities: IntArray) -> None:
        self.text = text
        self.shapes = shapes
        self.classes = probabilities
        self.labels = probabilities
        if probabilities.shape[1] == CLASSES:
            self.labels = probabilities[:, :4].copy()
            for extra in range(4, CLASSES):
                self.labels[:, LABEL_OF_CLASS[extra]] += probabilities[:, extra]
        units = text.units
        self.index = np.arange(len(units))
        self.first = units.first[units.page]
        self.last = units.first[units.page + 1]
        self.length = units.ends - units.starts
        # Short lines that stand many times in the page ("Advertisement") are passed over
        # when neighbours are counted.
        repeated = (self.shape("repeats") >= 3) & (self.length < 60)
        self.kept = np.flatnonzero(~repeated)
        self.rank = np.searchsorted(self.kept, self.index)
        self.own = ~repeated

    def __len__(self) -> int:
        return len(self.index)

    def at(self, values: IntArray, offset: int, outside: int) -> IntArray:
        """``values`` of the unit ``offset`` further on; ``outside`` beyond the page."""
        place, inside = self._places[offset]
        return np.where(inside, values[place], outside)

    @cached_property
    def _places(self) -> dict[int, tuple[IntArray, NDArray[np.bool_]]]:
        """For each offset: the unit there (any one where there is none), and whether it is."""
        places = {}
        for offset in OFFSETS:
            rank = self.rank + (offset if offset < 0 else offset - 1 + self.own)
            within = (rank >= 0) & (rank < len(self.kept))
            place = np.zeros_like(self.index)
            place[within] = self.kept[rank[within]]
            places[offset] = (
                place,
                within & (place >= self.first) & (place < self.last),
            )
        return places

    def shape(self, name: str) -> IntArray:
        return self.shapes[:, _SHAPE[name]]

    @cached_property
    def mass(self) -> IntArray:
        """Characters of likely prose: up to 600 a unit, times its body probability / 255."""
        prose = np.where(self.length >= 60, np.minimum(self.length, 600), 0)
        return self.labels[:, BODY] * prose // 255

    @cached_property
    def _mass_sums(self) -> IntArray:
        return np.concatenate(([0], np.cumsum(self.mass)))

    @cached_property
    def distances(self) -> tuple[IntArray, IntArray]:
        """Units to the nearest sure prose before and behind, `_FAR` where there is none."""
        strong = (self.labels[:, BODY] > _STRONG) & (self.length >= 80)
        none = -1 - _FAR
        before = np.maximum.accumulate(np.where(strong, self.index, none))
        before = np.concatenate(([none], before[:-1]))[: len(self)]
        far = len(self) + _FAR
        behind = np.minimum.accumulate(np.where(strong, self.index, far)[::-1])[::-1]
        behind = np.concatenate((behind[1:], [far]))[: len(self)]
        return (
            np.where(before >= self.first, self.index - before, _FAR),
            np.where(behind < self.last, behind - self.index, _FAR),
        )

    # ---- columns: families of (name, values)

    @property
    def _names(self) -> Sequence[str]:
        return CLASS_NAMES[: self.classes.shape[1]]

    def _own(self) -> list[Named]:
        named = zip(self._names, self.classes.T, strict=True)
        return [
            pair
            for name, p in named
            for pair in ((f"{name}", p), (f"{name}, logarithmic", _log(4 * p + 1)))
        ]

    def _neighbours(self) -> list[Named]:
        columns = []
        for offset in OFFSETS:
            columns.append((f"page ends {offset:+d}", self.at(self.index * 0, offset, 1)))
            for name, p in zip(self._names, self.classes.T, strict=True):
                columns.append((f"{name} at {offset:+d}", self.at(p, offset, 0)))
        return columns

    def _windows(self) -> list[Named]:
        sums = np.zeros((len(self.kept) + 1, self.classes.shape[1]), np.int64)
        np.cumsum(self.classes[self.kept], axis=0, out=sums[1:])
        first = np.searchsorted(self.kept, self.first)
        last = np.searchsorted(self.kept, self.last)
        columns: list[Named] = []
        for width in WINDOWS:
            low = np.maximum(self.rank - width, first)
            high = np.minimum(self.rank + self.own + width, last)
            size = "all" if width > 1000 else str(width)
            for side, start, end in (
                ("before", low, self.rank),
                ("behind", self.rank + self.own, high),
            ):
                share = (sums[end] - sums[start]) // np.maximum(end - start, 1)[:, None]
                for name, column in zip(self._names, share.T, strict=True):
                    columns.append((f"{name} over {size} {side}", column))
        return columns

    def _prose(self) -> list[Named]:
        sums = self._mass_sums
        before = sums[self.index] - sums[self.first]
        behind = sums[self.last] - sums[self.index + 1]
        total = np.maximum(sums[self.last] - sums[self.first], 1)
        columns = [
            ("prose before", _log(before)),
            ("prose behind", _log(behind)),
            ("prose in the page", _log(total)),
            ("share of prose before", 255 * before // total),
            ("share of prose behind", 255 * behind // total),
        ]
        for width in WINDOWS[:3]:
            low = np.maximum(self.index - width, self.first)
            high = np.minimum(self.index + 1 + width, self.last)
            columns.append((f"prose in {width} before", _log(sums[self.index] - sums[low])))
            columns.append((f"prose in {width} behind", _log(sums[high] - sums[self.index + 1])))
        return columns

    def _territory(self) -> list[Named]:
        """What has gone by: a heading over teasers, teasers, or a byline behind prose.

        They open foreign territory: what follows seldom is the article again.
        """
        seven = self.classes.shape[1] == CLASSES
        heading = self.classes[:, 4] if seven else self.classes[:, 0]
        prose = self._mass_sums[self.index] - self._mass_sums[self.first] >= 300
        columns = []
        for name, p in (
            ("teaser heading behind prose", np.where(prose, heading, 0)),
            ("teaser behind prose", np.where(prose, self.labels[:, 0], 0)),
            ("byline behind prose", np.where(prose, self.labels[:, 2], 0)),
        ):
            most = self._running(p)
            columns.append((f"most likely {name} before", most))
            columns.append((f"sure {name} before", np.where(most > _STRONG, 255, 0)))
        return columns

    def _running(self, p: IntArray) -> IntArray:
        """The greatest value before each unit in its page."""
        page = self.text.units.page * 256
        most = np.maximum.accumulate(p + page)
        most = np.concatenate(([0], most[:-1]))[: len(self)] - page
        return np.maximum(most, 0)

    def _position(self) -> list[Named]:
        count = self.last - self.first
        place = self.index - self.first
        return [
            ("units before", _log(place)),
            ("units behind", _log(count - 1 - place)),
            ("place in the page", 255 * place // count),
            ("units in the page", _log(count)),
        ]

    def _cohesion(self) -> list[Named]:
        """Words shared with the page's prose outside the unit."""
        text, n = self.text, len(self)
        long = text.word_ends - text.word_starts >= 4
        unit, hashes = text.word_unit[long], text.word_hashes[long]
        very = text.word_ends[long] - text.word_starts[long] >= 7
        slot = (hashes >> np.uint64(52)).astype(np.int64) + text.units.page[unit] * _WORD_SLOTS
        weight = np.minimum(self.mass, 100)[unit]
        pages = len(text.units.first) - 1
        total = np.bincount(slot, weight, pages * _WORD_SLOTS).astype(np.int64)
        uses = np.bincount(slot, minlength=pages * _WORD_SLOTS)
        other = total[slot] - weight
        score = np.minimum(other, 300) * 8 // (8 + 3 * np.minimum(uses[slot], 10))
        hit = other > 30
        words = np.maximum(np.bincount(unit, minlength=n), 1)
        longest = np.maximum(np.bincount(unit, very, n).astype(np.int64), 1)
        hits = np.bincount(unit, hit, n).astype(np.int64)
        shared_long = np.bincount(unit, hit & very, n).astype(np.int64)
        return [
            ("weight of shared words", np.bincount(unit, score, n).astype(np.int64) // words),
            ("share of shared words", 255 * hits // words),
            ("shared words", np.minimum(hits, 6)),
            ("share of shared long words", 255 * shared_long // longest),
        ]

    def _alike(self) -> list[Named]:
        """Mean labels of the page's other units of the same outline or first word."""
        outline = self.shape("starts-with") * 64 + self.shape("ends-with")
        length = self.shape("length")
        shapes = {
            "outline": (outline * 32 + length // 2) * 8 + self.shape("words") // 3,
            "ending": (self.shape("ends-with") * 32 + length // 3) * 16 + self.shape("capitalised"),
        }
        keys = {name: key.astype(np.uint64) for name, key in shapes.items()}
        keys["first word"] = self._first_words
        columns: list[Named] = []
        pages = len(self.text.units.first) - 1
        for alike, key in keys.items():
            slot = (key * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(55)).astype(np.int64)
            slot += self.text.units.page * _GROUP_SLOTS
            count = np.bincount(slot, minlength=pages * _GROUP_SLOTS)[slot] - 1
            for name, p in zip(CLASS_NAMES[:4], self.labels.T, strict=True):
                total = np.bincount(slot, p, pages * _GROUP_SLOTS).astype(np.int64)[slot] - p
                mean = total // np.maximum(count, 1)
                columns.append((f"{name} with same {alike}", mean))
                sure = mean * np.minimum(count, 5) // 5
                columns.append((f"{name} with same {alike}, by number", sure))
            columns.append((f"units with same {alike}", np.minimum(count, 10)))
        return columns

    @cached_property
    def _first_words(self) -> NDArray[np.uint64]:
        text = self.text
        has = text.last_word > text.first_word
        if not len(text.word_hashes):
            return np.zeros(len(self), np.uint64)
        first = np.minimum(text.first_word, len(text.word_hashes) - 1)
        return np.where(has, text.word_hashes[first], np.uint64(0))

    # ---- crosses

    def crosses(self) -> list[tuple[str, IntArray, int]]:
        """One-hot features: name, each unit's value, and the number of values."""
        before, behind = (np.searchsorted(_DISTANCES, d, "right") for d in self.distances)
        best = self.labels.argmax(axis=1)
        length, end, start = (self.shape(n) for n in ("length", "ends-with", "starts-with"))
        around = [self.at(best, offset, 4) for offset in (-2, -1, 1, 2)]
        crosses = [
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
        for offset in (-2, -1, 1, 2):
            for name, values, size in (
                ("length", length, 18),
                ("ends-with", end, 19),
                ("starts-with", start, 19),
            ):
                crosses.append((f"{name} at {offset:+d}", self.at(values, offset, size), size + 1))
        for offset in (-1, 1):
            crosses.append(
                (f"length here and at {offset:+d}", self.at(length, offset, 18) * 18 + length, 342)
            )
        return crosses + [(shape.name, self.shape(shape.name), shape.size) for shape in SHAPES]

    def columns(self) -> list[Named]:
        """All families' columns, in the order of `FAMILIES`."""
        return [
            (f"{family.name}: {name}", column)
            for family in FAMILIES
            for name, column in getattr(self, "_" + family.name)()
        ]

    def see(self) -> Columns:
        """Columns and crosses as matrices."""
        named = self.columns()
        matrix = np.empty((len(self), len(named)))
        for place, (_, column) in enumerate(named):
            matrix[:, place] = column
        selected = np.empty((len(self), len(crosses := self.crosses())), np.int64)
        offset = 0
        for place, (_, values, size) in enumerate(crosses):
            selected[:, place] = values + offset
            offset += size
        return Columns(matrix, selected)


@dataclass(frozen=True, slots=True)
class Family:
    """A family of context columns: `Context` computes it in the method of its name."""

    name: str
    meaning: str


FAMILIES: tuple[Family, ...] = (
    Family("own", "the unit's own scores of the pass before"),
    Family("neighbours", "scores of the four units before and behind"),
    Family("windows", "mean scores over 3, 8, 20, 60 and all units before and behind"),
    Family("prose", "characters of likely prose before and behind"),
    Family("territory", "whether teasers, their heading or a byline went by behind prose"),
    Family("position", "place in the page, length of the page"),
    Family("cohesion", "words shared with the page's prose"),
    Family("alike", "labels of the page's units with the same outline or first word"),
)
