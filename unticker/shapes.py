"""The shape of a unit: an ordered table of small integers, over many pages at once.

They are one-hot to the linear model: a shape's value selects one row of weights.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

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
    """How often the unit's text stands in its page, less one: to 4, and in steps from there."""
    units = text.units
    keys = text.unit_hashes + units.page.astype(np.uint64) * MIX
    # Only those that share a slot of a small table can be equal.
    bits = len(keys).bit_length() + 3
    slot = (keys * MIX >> np.uint64(64 - bits)).view(np.int64)
    maybe = np.flatnonzero((np.bincount(slot, minlength=1) > 1)[slot])
    _, inverse, counts = np.unique(keys[maybe], return_inverse=True, return_counts=True)
    repeats = np.zeros(len(keys), np.int64)
    repeats[maybe] = binned(counts[inverse] - 1, 1, 2, 3, 4, 6, 12, 24)
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
    Shape("repeats", "the same text elsewhere in the page", 8, _repeats),
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
