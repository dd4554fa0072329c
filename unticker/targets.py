"""Where lines lead: rows for the first pass, from the address of each line's first link.

Teasers lead to pages of the site whose names are long and say what the teaser says; entries of
menus to short names; names of authors to a folder of authors. On a page with few addresses of its
own site (saved without its links, or written by hand) they tell nothing.
"""

from functools import lru_cache
from itertools import compress
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from unticker import addresses, alphabet
from unticker import units as cutting
from unticker.addresses import DEPTHS, HYPHENS, KINDS, NUMBERS, Address
from unticker.alphabet import Hasher
from unticker.families import Rows, rows, spread
from unticker.tree import Tree
from unticker.units import IntArray, quotient
from unticker.words import MIX, Text

_LEAST = 10
"""Different addresses of its site that a page must have, for them to tell anything."""
_LENGTHS, _NUMBERS, _WORDS = (12, 25, 60, 120), (2, 4, 8, 16, 32), (2, 3, 5)
_SIZES, _WHOLE = 5, 3
_SPELT = (("ae", "a"), ("oe", "o"), ("ue", "u"))
_LETTERS = {"ø": "o", "ł": "l", "đ": "d", "ı": "i", "æ": "a", "œ": "o"}


def target_rows(text: Text, tree: Tree) -> Rows:
    """Unit and bucket of every feature."""
    leading = _Leading(tree)
    return leading.rows(text, tree) if len(leading.line) else []


class _Leading:
    """The lines that lead somewhere, on the pages where that tells something; arrays are (lines,).

    ``line``: which of the batch's lines; ``found``: their addresses; ``own``: whether those are of
    the page's site; ``shape``: how they are made, but for words. ``size``: the line's length, in
    steps (``sizes``: those of all lines); ``whole``: how much of it stands in links.
    """

    def __init__(self, tree: Tree) -> None:
        self.found: list[Address] = []
        line: list[int] = []
        own: list[bool] = []
        for start, markup in zip(tree.lines.first.tolist(), tree.markups, strict=False):
            places = [place for place, tag in enumerate(markup.targets) if tag]
            tags = [markup.targets[place] for place in places]
            read = {tag: addresses.of_tag(tag) for tag in dict.fromkeys(tags)}
            found = [read[tag] for tag in tags]
            of_site = addresses.of_site(found)
            if len({each.path for each in compress(found, of_site) if each.path}) >= _LEAST:
                line += [start + place for place in places]
                self.found += found
                own += of_site
        lines = tree.lines
        self.line = np.array(line, np.int64)
        self.page = lines.page[self.line]
        self.own = np.array(own, np.int64)
        numbers = np.array([each[:NUMBERS] for each in self.found], np.int64).reshape(-1, NUMBERS)
        self.kind, self.depth, self.hyphens, number, self.dated, self.ending, self.outermost = (
            numbers.T
        )
        self.of_site = self.kind * 2 + self.own
        self.shape = ((self.of_site * DEPTHS + self.depth) * HYPHENS + self.hyphens) * 2
        self.shape += number
        length = lines.length[self.line]
        self.sizes = np.searchsorted(_LENGTHS, lines.length, "right")
        self.size = self.sizes[self.line]
        share = quotient(10 * lines.linked[self.line], np.maximum(length, 1))
        self.whole = np.searchsorted((4, 9), share, "right")

    def rows(self, text: Text, tree: Tree) -> Rows:
        place = np.full(len(tree.lines), -1)
        place[self.line] = np.arange(len(self.line))
        at = place[tree.line]
        unit = np.flatnonzero(at >= 0)
        dense = [*self._form(), *self._again(len(place))]
        dense += self._overlap(text, at)
        found = [(unit, bucket[at[unit]]) for bucket in dense]
        return [*found, self._folders(unit, at[unit]), self._beside(tree, place)]

    def _form(self) -> list[IntArray]:
        """How the address is made."""
        query = np.array([bool(each.query) for each in self.found], np.int64)
        deep = (self.of_site * DEPTHS + self.depth) * 4 + self.dated
        named = self.of_site * HYPHENS + self.hyphens
        return [
            _rows("target", 0, self.shape * _WHOLE + self.whole),
            _rows("target", 1, (self.shape * 4 + self.dated) * _WHOLE + self.whole),
            _rows("target", 2, self.shape * _WHOLE + self.whole, self.ending),
            _rows("target", 3, deep * _SIZES + self.size),
            _rows("target", 4, (named * _SIZES + self.size) * _WHOLE + self.whole),
            _rows("target", 5, (self.of_site * 3 + np.minimum(self.depth, 2)) * 2 + query),
        ]

    def _again(self, lines: int) -> list[IntArray]:
        """How many lines lead to the same place, whether such ones stand near; how many lead to
        places like it."""
        numbers: dict[tuple[int, str, str, str], int] = {}
        key = np.array([
            numbers.setdefault((page, each.host, each.path, each.query), len(numbers))
            for page, each in zip(self.page.tolist(), self.found, strict=True)
        ], np.int64)  # fmt: skip
        by_line = np.full(lines + 4, -1)
        by_line[self.line + 2] = key
        near = [by_line[self.line + step] == key for step in (0, 1, 3, 4)]
        sides = (near[0] | near[1]) + 2 * (near[2] | near[3])
        same = np.minimum(np.bincount(key)[key], 4) * 4 + sides
        shape = self.page * (KINDS * 2 * DEPTHS * HYPHENS * 2) + self.shape
        alike, within = map(_counted, (shape, shape << 32 | self.outermost))
        return [
            _rows("target", 6, same * _SIZES + self.size),
            _rows("target", 7, same * HYPHENS + self.hyphens),
            _rows("target", 8, (within * HYPHENS + self.hyphens) * _SIZES + self.size),
            _rows("target", 9, (alike * HYPHENS + self.hyphens) * _WHOLE + self.whole),
        ]

    def _overlap(self, text: Text, at: IntArray) -> list[IntArray]:
        """Share of the words of the address's name that stand in the line, and the reverse.

        Addresses have no accents; for an umlaut they have one letter or two."""
        shown = "\n".join(each.name for each in self.found).lower()
        spelt = shown
        for two, one in _SPELT:
            spelt = spelt.replace(two, one)
        names = Text(cutting.cut([shown, spelt]))
        named = names.units.line[names.word_unit]
        known = _keys(names, np.arange(len(named)), named)
        line = at[text.word_unit]
        mine = np.flatnonzero(line >= 0)
        line = line[mine]
        hits = line[np.isin(_keys(text, mine, line), known)]
        total, many, hit = (
            np.bincount(each, minlength=len(self.found))
            for each in (named[names.units.page[names.word_unit] == 0], line, hits)
        )
        share, cover = (
            np.minimum(quotient(4 * hit, np.maximum(each, 1)), 4).astype(np.int64)
            for each in (total, many)
        )
        share = np.where(total > 0, share, 5)
        few = np.searchsorted(_WORDS, total, "right")
        both = share * 5 + cover
        return [
            _rows("overlap", 0, (share * 4 + few) * _WHOLE + self.whole),
            _rows("overlap", 1, both * _SIZES + self.size),
            _rows("overlap", 2, both * HYPHENS + self.hyphens),
        ]

    def _folders(self, unit: IntArray, at: IntArray) -> tuple[IntArray, IntArray]:
        """Words in the address, above all the first; other sites' names; keys of the query."""
        found = [each.words[own] for each, own in zip(self.found, self.own.tolist(), strict=True)]
        bucket = rows("folder", np.array([word for each in found for word in each], np.uint64))
        row = np.repeat(np.arange(len(found)), [len(each) for each in found])
        place, bucket = spread(at, row, bucket)
        return unit[place], bucket

    def _beside(self, tree: Tree, place: IntArray) -> tuple[IntArray, IntArray]:
        """Of lines that lead nowhere, on the same pages: whether those beside lead somewhere."""
        lines = tree.lines
        tells = np.zeros(len(tree.markups), bool)
        tells[self.page] = True
        leads = np.concatenate([[False], place >= 0, [False]])
        value = (self.sizes * 2 + leads[:-2]) * 2 + leads[2:]
        unit = np.flatnonzero(tells[lines.page[tree.line]] & (place[tree.line] < 0))
        return unit, _rows("target", 10, value)[tree.line[unit]]


def _counted(values: IntArray) -> IntArray:
    """How many have the same value, in steps."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.searchsorted(_NUMBERS, counts, "right")[inverse]


@lru_cache(maxsize=1)
def _plain() -> NDArray[np.uint16]:
    """The alphabet's folding, of accents too."""
    fold = alphabet.tables().fold.copy()
    for code in range(0xC0, 0x250):
        letter = chr(fold[code])
        base = _LETTERS.get(letter, normalize("NFKD", letter)[0])
        if base.isascii():
            fold[code] = ord(base)
    return fold


def _keys(text: Text, words: IntArray, line: IntArray) -> NDArray[np.uint64]:
    """Keys of some words, which differ from line to line."""
    hasher = Hasher(text.units.codes, _plain())
    hashes = hasher.spans(text.word_starts[words], text.word_ends[words])
    return hashes + (line + 1).astype(np.uint64) * MIX


def _rows(family: str, part: int, values: IntArray, hashes: IntArray | None = None) -> IntArray:
    """The row of each value (below 2**24) in a part of a family, with a hash of 32 bits."""
    keys = values + (part << 24) << 32
    return rows(family, (keys if hashes is None else keys | hashes).astype(np.uint64))
