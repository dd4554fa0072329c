"""The columns of a context pass: classes of the pass before, families of columns, names."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from unticker.layout import OFFSETS, REACHES, WINDOWS

# Classes of the first pass: the four labels, and lines of three of them told apart by where
# they stand (`examples` finds them): chrome above teasers, in, at the end of and behind the
# article; the page's own headline; bylines behind the article.
CLASSES = 12
CLASS_NAMES = (
    "headline-ticker", "ui-chrome", "byline", "body", "teaser heading", "own headline",
    "interruption", "caption", "closing", "foreign prose", "beside foreign prose",
    "byline behind",
)  # fmt: skip
LABEL_OF_CLASS = np.array([0, 1, 2, 3, 1, 3, 1, 1, 1, 1, 1, 2])

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
    return whole + [f"prose in {w} {side}" for w in REACHES for side in ("before", "behind")]


def _territory_names(classes: Classes) -> list[str]:
    del classes
    marks = (f"{name} behind prose" for name in ("teaser heading", "teaser", "byline"))
    return [each for m in marks for each in (f"most likely {m} before", f"sure {m} before")]


_SHARED = (
    "weight of shared words", "share of shared words", "shared words", "share of shared long words",
)  # fmt: skip


def _opening_names(classes: Classes) -> list[str]:
    del classes
    around = (f"share of them in {w} {side}" for w in REACHES for side in ("before", "behind"))
    return [*_SHARED, *around]


def _alike_names(classes: Classes) -> list[str]:
    names = []
    for alike in ALIKE:
        for name in classes[:4]:
            names += [f"{name} with same {alike}", f"{name} with same {alike}, by number"]
        names.append(f"units with same {alike}")
    return names


AROUND = ("element", "block", "container", "second container", "third container")
"""The elements around a unit whose labels it sees: `unticker.tree.Tree.around`."""


def _tree_names(classes: Classes) -> list[str]:
    names = []
    for around in AROUND:
        for name in classes[:4]:
            names += [f"{name} in its {around}", f"{name} in its {around}, by number"]
        names += [f"units in its {around}", f"share of prose in its {around}"]
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
    Family("cohesion", "words shared with the page's prose", _fixed(*_SHARED)),
    Family("opening", "words shared with the beginning of the page's prose", _opening_names),
    Family("alike", "labels of the page's units with the same outline, ending or first word",
        _alike_names),
)  # fmt: skip


TREE_FAMILY = Family(
    "tree", "labels of what stands in the elements around the unit, in HTML", _tree_names
)


def families(markup: bool) -> tuple[Family, ...]:
    """The families of columns for text alone, or with ``markup``."""
    return (*FAMILIES, TREE_FAMILY) if markup else FAMILIES


@lru_cache(maxsize=4)
def column_names(classes: int, markup: bool = False) -> tuple[str, ...]:
    """The names of all columns behind a pass of so many classes."""
    return tuple(
        f"{family.name}: {name}"
        for family in families(markup)
        for name in family.names(CLASS_NAMES[:classes])
    )
