"""What the markup around a line says, as hashed rows for the first pass."""

import numpy as np
from numpy.typing import NDArray

from unticker.alphabet import GOLDEN
from unticker.elements import MAX_WORDS, Elements, Lines
from unticker.families import Rows, rows, spread, table
from unticker.hint_features import hint_rows
from unticker.surroundings import place_rows
from unticker.targets import target_rows
from unticker.tree import Tree
from unticker.units import IntArray, quotient
from unticker.words import Text

_FACTOR = np.uint64(GOLDEN)


def markup_rows(text: Text, tree: Tree) -> Rows:
    """Unit and bucket of every markup feature. Units whose markup is not known select nothing."""
    if not tree.known.any():
        return []
    found = _rows(text, tree)
    if tree.known.all():
        return found
    return [(unit[tree.known[unit]], bucket[tree.known[unit]]) for unit, bucket in found]


def _rows(text: Text, tree: Tree) -> Rows:
    elements, lines, line = tree.elements, tree.lines, tree.line
    used, place = np.unique(lines.element, return_inverse=True)
    chains = elements.chains(used)
    by_line = [_links(lines), _same(elements, lines), *place_rows(lines, elements)]
    dense = [bucket[place[line]] for bucket in _paths(elements, chains)]
    dense += [bucket[line] for bucket in by_line]
    dense += hint_rows(text, [markup.hints for markup in tree.markups])
    every = np.arange(len(line))
    found = [(every, bucket) for bucket in dense]
    for row, bucket in _within(elements, chains) + _classes(elements, chains):
        found.append(spread(place[line], row, bucket))
    return found + target_rows(text, tree)


def _paths(elements: Elements, chains: IntArray) -> list[IntArray]:
    """The innermost element, the two and the three innermost."""
    inner, second, third = (elements.names_of(chains[:, depth]) for depth in range(3))
    two = inner * _FACTOR + second
    return [rows("tag", inner), rows("path", two), rows("path", two * _FACTOR + third)]


def _within(elements: Elements, chains: IntArray) -> Rows:
    """Telling elements on the way up, and how far up the nearest of each kind stands."""
    row, depth = np.nonzero((chains >= 0) & elements.is_mark[chains])
    row, name, depth = _nearest(row, elements.names[chains[row, depth]], depth)
    near = np.minimum(depth, 3).astype(np.uint64) + np.uint64(1)
    return [(row, rows("within", name)), (row, rows("within", name | near << np.uint64(32)))]


def _classes(elements: Elements, chains: IntArray) -> Rows:
    """The nearest words of signatures on the way up, and how far up each stands."""
    row, depth = np.nonzero(chains >= 0)
    cell, word = elements.words_of(chains[row, depth])
    row, depth = row[cell], depth[cell]
    starts = np.searchsorted(row, np.arange(len(chains)))
    few = np.flatnonzero(np.arange(len(row)) - starts[row] < MAX_WORDS)
    row, word, depth = _nearest(row[few], word[few], depth[few])
    near = np.flatnonzero(depth < 3)
    placed = word[near] | depth[near].astype(np.uint64) + np.uint64(1) << np.uint64(32)
    return [(row, rows("class", word)), (row[near], rows("class", placed))]


def _nearest(
    row: IntArray, value: NDArray[np.uint64], depth: IntArray
) -> tuple[IntArray, NDArray[np.uint64], IntArray]:
    """Distinct values of each row with their least depth, by row; values have 32 bits."""
    four = np.uint64(4)
    key = row.astype(np.uint64) << np.uint64(36) | value << four | depth.astype(np.uint64)
    key.sort()
    distinct = np.append(True, key[1:] >> four != key[:-1] >> four)[: len(key)]
    key = key[distinct]
    row = (key >> np.uint64(36)).astype(np.int64)
    return row, key >> four & np.uint64(0xFFFFFFFF), (key & np.uint64(15)).astype(np.int64)


def _links(lines: Lines) -> IntArray:
    """The bucket of each line's share of link characters."""
    share = quotient(8 * lines.linked, np.maximum(lines.length, 1))
    return table("link", 9)[np.minimum(share, 8).astype(np.int64)]


def _same(elements: Elements, lines: Lines) -> IntArray:
    """The bucket of whether the lines beside stand in an element of the same name."""
    kind = elements.names[lines.element]
    alike = (kind[1:] == kind[:-1]) & (lines.page[1:] == lines.page[:-1])
    return table("same", 4)[np.append(False, alike) + 2 * np.append(alike, False)]
