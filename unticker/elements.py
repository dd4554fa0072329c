"""The elements and lines of a batch of pages as arrays, numbered through all pages."""

import re
from dataclasses import replace
from functools import cached_property, lru_cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from unticker.markup import Markup
from unticker.tags import BLOCK
from unticker.units import IntArray

UP = 64
"""How far up the tree is looked: a bound that keeps the passes linear."""
DEPTH = 12
"""How many elements around a line are looked at one by one."""
MAX_WORDS = 36
MARKS = frozenset(
    "a address article aside b blockquote button caption em figcaption figure footer form h1 "
    "h2 h3 h4 h5 h6 header label legend li main nav p pre section small span strong summary "
    "table time td th ul ol dl".split()
)
_MANY = 8192
_TOKEN = re.compile("[A-Z]{3,}(?![a-z])|[A-Z]?[a-z]{2,}")
_BLOCK, _H1, _HEADING, _MARK = 1, 2, 4, 8


@lru_cache(maxsize=65536)
def _words(signature: str) -> tuple[int, ...]:
    """Hashes of 32 bits of a signature's words, camelCase ones too, and of long ones' stems."""
    words = [word.lower()[:16] for word in _TOKEN.findall(signature)][:MAX_WORDS]
    words += [word[:5] + "-" for word in words if len(word) >= 7]
    return tuple(dict.fromkeys(crc32(word.encode()) for word in words))


@lru_cache(maxsize=4096)
def _name(name: str) -> int:
    """A hash of 32 bits of an element's name, above four bits for its kind."""
    kind = _BLOCK * (name in BLOCK) + _MARK * (name in MARKS)
    kind += _H1 * (name == "h1") + _HEADING * (name in ("h1", "h2", "h3"))
    return crc32(name.encode()) << 4 | kind


def of_lines(markup: Markup) -> Markup:
    """A piece of a huge page without the elements that none of its lines stands in."""
    if len(markup.elements) <= _MANY:
        return markup
    needed = {0}
    for row in markup.contexts:
        while row not in needed:
            needed.add(row)
            row = markup.elements[row][0]
    rows = sorted(needed)
    number = {row: place for place, row in enumerate(rows)}
    elements = [
        (number.get(parent, -1), name, signature)
        for parent, name, signature in (markup.elements[row] for row in rows)
    ]
    return replace(markup, elements=elements, contexts=[number[row] for row in markup.contexts])


class Elements:
    """All elements of a batch; those of one path in a page are one (see `Markup`).

    ``offset``: where each page's elements start. ``parents``: a page's root is its own.
    ``names``: hashes; the hashed words of element n are ``words[first[n]:first[n + 1]]``.
    """

    def __init__(self, markups: list[Markup]) -> None:
        rows = [row for markup in markups for row in markup.elements]
        sizes = [len(markup.elements) for markup in markups]
        self.offset = np.cumsum([0, *sizes])[:-1]
        parents = np.array([parent for parent, _, _ in rows], np.int64)
        self.parents = np.repeat(self.offset, sizes) + np.maximum(parents, 0)
        self.is_root = parents < 0
        names = np.array([_name(name) for _, name, _ in rows], np.uint64)
        self.names = names >> np.uint64(4)
        self.is_block = self.is_root | (names & np.uint64(_BLOCK) > 0)
        self.is_h1 = names & np.uint64(_H1) > 0
        self.is_heading = names & np.uint64(_HEADING) > 0
        self.is_mark = names & np.uint64(_MARK) > 0
        words = [_words(signature) for _, _, signature in rows]
        self.first = np.cumsum([0, *map(len, words)])
        self.words = np.array([word for each in words for word in each], np.uint64)

    def __len__(self) -> int:
        return len(self.parents)

    def chains(self, rows: IntArray) -> IntArray:
        """(rows, `DEPTH`): each element and those around it, -1 beyond the outermost."""
        chains = np.full((len(rows), DEPTH), -1)
        here = rows
        for depth in range(DEPTH):
            chains[:, depth] = np.where(self.is_root[here], -1, here)
            here = self.parents[here]
        return chains

    def names_of(self, rows: IntArray) -> NDArray[np.uint64]:
        """Hashes of the names of elements; 0 for -1."""
        return np.where(rows >= 0, self.names[rows], 0)

    def words_of(self, rows: IntArray) -> tuple[IntArray, NDArray[np.uint64]]:
        """The words of each of some elements: index among them, and hash."""
        begin = self.first[rows]
        number = self.first[rows + 1] - begin
        end = np.cumsum(number)
        place = np.arange(end[-1] if len(end) else 0)
        place += np.repeat(begin - end + number, number)
        return np.repeat(np.arange(len(rows)), number), self.words[place]

    @cached_property
    def kinds(self) -> NDArray[np.uint64]:
        """A hash of each element's name and signature, and of those of the element around it."""
        sums = np.append(np.uint64(0), np.cumsum(self.words))[self.first]
        own = self.names * np.uint64(0x9E3779B97F4A7C15) + np.diff(sums)
        kinds: NDArray[np.uint64] = own * np.uint64(0xC2B2AE3D27D4EB4F) + own[self.parents]
        return kinds

    @cached_property
    def blocks(self) -> IntArray:
        """The nearest block around each element, or itself."""
        nearest = np.arange(len(self))
        for _ in range(UP):
            inline = ~self.is_block[nearest]
            if not inline.any():
                break
            nearest = np.where(inline, self.parents[nearest], nearest)
        return nearest


class Lines:
    """All lines of a batch: their page, characters, characters in links, whether they are
    cells joined by tabs, and their innermost elements. ``first``: of each page, and the end."""

    def __init__(self, markups: list[Markup], elements: Elements) -> None:
        counts = [len(markup.lines) for markup in markups]
        self.first = np.cumsum([0, *counts])
        self.page = np.repeat(np.arange(len(markups)), counts)
        texts = [line for markup in markups for line in markup.lines]
        self.length = np.array([len(line) for line in texts], np.int64)
        self.cells = np.array(["\t" in line for line in texts], bool)
        self.linked = np.array([n for markup in markups for n in markup.link_chars], np.int64)
        context = np.array([row for markup in markups for row in markup.contexts], np.int64)
        self.element = context + elements.offset[self.page]

    def __len__(self) -> int:
        return len(self.page)
