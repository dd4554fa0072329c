"""How lines agree with what the page says of its article: rows for the first pass.

The hints of a batch's pages are cut into words and hashed like its lines. A unit
agrees with a hint by the share of its word pairs that stand in the hint, and by
the share of the hint that stands in the unit.
"""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unticker import units as cutting
from unticker.alphabet import GOLDEN
from unticker.families import table
from unticker.hints import FIELDS, Hints
from unticker.units import IntArray, quotient
from unticker.words import Text

_SALT, _NEXT, _PAIR = map(np.uint64, (0xA0761D6478BD642F, GOLDEN, 0x5851F42D4C957F2D))
_DATE = re.compile(r"([12]\d{3})-?(\d\d)-?(\d\d)(?:[T ]?\d\d:?(\d\d))?")
_YEAR, _MONTH, _DAY, _MINUTE = 1, 2, 4, 8
COMPARED = tuple(field for field in FIELDS if field != "dates")
_SHARES, _COVERS, _SIZES = 9, 6, 4
_NO_HINT = _SHARES * _COVERS * _SIZES
_ROOM = 1000
"""Hints are compared up to the length of the page and this many characters."""

Keys = NDArray[np.uint64]
Table = tuple[Keys, IntArray]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of every unit, with one hint: eighths of its pairs, fifths of the hint, and whether
    the page has it."""

    share: IntArray
    cover: IntArray
    known: NDArray[np.bool_]


def hint_rows(text: Text, hints: list[Hints]) -> list[IntArray]:
    """For every family, the bucket of each unit; ``hints`` has one entry a page."""
    words = text.last_word - text.first_word
    size = np.searchsorted((2, 4, 9), words, "right")
    rows = []
    for field, found in zip(COMPARED, _agreements(text, hints), strict=True):
        value = (found.share * _COVERS + found.cover) * _SIZES + size
        rows.append(table(field, _NO_HINT + 1)[np.where(found.known, value, _NO_HINT)])
    return [*rows, _dates(text, hints)]


def _agreements(text: Text, hints: list[Hints]) -> list[Agreement]:
    """For each field of `COMPARED`."""
    page, unit = text.units.page, text.word_unit
    lengths = np.diff(np.append(text.units.page_starts, len(text.units.codes))).tolist()
    shown, pairs, first = _keys(text)
    totals, known_words, known_pairs = _known(hints, lengths)
    words_in, in_words = _hits(unit, _find(known_words, shown))
    pairs_in, in_pairs = _hits(unit[first], _find(known_pairs, pairs))
    couples = np.bincount(unit[first], minlength=len(page))
    found = []
    for bit in range(len(COMPARED)):
        words = np.bincount(words_in, in_words >> bit & 1, len(page))
        joined = np.bincount(pairs_in, in_pairs >> bit & 1, len(page))
        single = np.where(words > 0, 8.0, 0.0)  # a word alone has no pair
        share = np.where(couples > 0, quotient(8 * joined, np.maximum(couples, 1)), single)
        total = totals[page, bit]
        cover = np.minimum(quotient(5 * words, np.maximum(total, 1)), 5)
        found.append(Agreement(share.astype(np.int64), cover.astype(np.int64), total > 0))
    return found


def _known(hints: list[Hints], lengths: list[int]) -> tuple[IntArray, Table, Table]:
    """Words in each hint (pages, fields), and tables of their words and pairs."""
    texts = []
    for hint, length in zip(hints, lengths, strict=True):
        values = (getattr(hint, field).replace("\n", " | ") for field in COMPARED)
        texts.append("\n".join(value[: length + _ROOM] for value in values))
    text = Text(cutting.cut(texts))
    keys, pairs, first = _keys(text)
    field = text.units.line[text.word_unit]
    totals = np.zeros((len(hints), len(COMPARED)), np.int64)
    np.add.at(totals, (text.units.page[text.word_unit], field), 1)
    bits = np.left_shift(1, field)
    return totals, _table(keys, bits), _table(pairs, bits[first])


def _keys(text: Text) -> tuple[Keys, Keys, IntArray]:
    """Keys of words, and of pairs of neighbours in a line, by page; each pair's first word."""
    unit, hashes = text.word_unit, text.word_hashes
    page = text.units.page[unit]
    line = text.units.line[unit]
    salt = (page + 1).astype(np.uint64) * _SALT
    first = np.flatnonzero((line[1:] == line[:-1]) & (page[1:] == page[:-1]))
    pairs = (hashes[first] * _NEXT + hashes[first + 1]) * _PAIR
    return hashes + salt, pairs + salt[first], first


def _table(keys: Keys, bits: IntArray) -> Table:
    """Distinct keys, sorted, with the bits of all that are equal."""
    if not len(keys):
        return keys, bits
    order = np.argsort(keys)
    keys, bits = keys[order], bits[order]
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    return keys[starts], np.bitwise_or.reduceat(bits, starts)


def _find(table: Table, keys: Keys) -> IntArray:
    """The bits of each key, 0 where it is not in the table."""
    known, bits = table
    found = np.zeros(len(keys), np.int64)
    if len(known):
        # Few words of a page stand in its hints: most are told by some of their bits.
        some = np.zeros(1 << 18, bool)
        some[(known >> np.uint64(46)).view(np.int64)] = True
        maybe = np.flatnonzero(some[(keys >> np.uint64(46)).view(np.int64)])
        place = np.minimum(np.searchsorted(known, keys[maybe]), len(known) - 1)
        found[maybe] = np.where(known[place] == keys[maybe], bits[place], 0)
    return found


def _hits(unit: IntArray, bits: IntArray) -> tuple[IntArray, IntArray]:
    """Units and bits of what stands in any hint."""
    hit = np.flatnonzero(bits)
    return unit[hit], bits[hit]


def _dates(text: Text, hints: list[Hints]) -> IntArray:
    """The bucket of which numbers of a date of the page a unit holds."""
    codes, units = text.units.codes, text.units
    length = text.word_ends - text.word_starts
    ascii_digit = (codes[text.word_starts] >= 48) & (codes[text.word_starts] < 58)
    number = np.flatnonzero(ascii_digit & (length <= 4))
    begin, size = text.word_starts[number], length[number]
    value = np.zeros(len(number), np.int64)
    for place in range(4):
        digit = codes.take(begin + place, mode="clip").astype(np.int64) - 48
        value = np.where(place < size, value * 10 + digit, value).clip(0, 9999)
    marks = np.zeros((len(hints), 10_000), np.int64)
    for page, hint in enumerate(hints):
        for year, month, day, minute in _DATE.findall(hint.dates):
            marks[page, int(year)] |= _YEAR
            marks[page, int(month)] |= _MONTH
            marks[page, int(day)] |= _DAY
            if minute.strip("0"):
                marks[page, int(minute)] |= _MINUTE
    unit = text.word_unit[number]
    seen = np.zeros(len(units), np.int64)
    np.bitwise_or.at(seen, unit, marks[units.page[unit], value])
    many = np.minimum(np.bincount(unit, minlength=len(units)), 3)
    short = np.searchsorted((40, 120), units.ends - units.starts, "right")
    dated = np.array([bool(_DATE.search(hint.dates)) for hint in hints], bool)
    row = np.where(dated[units.page], seen, 16)
    return table("dates", 17 * 4 * 3)[(row * 4 + many) * 3 + short]
