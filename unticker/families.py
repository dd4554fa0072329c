"""The families of features that come from the markup, and the rows their values select."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from unticker.ngrams import buckets
from unticker.units import IntArray

MARKUP_FAMILIES = {
    "link": "share of the line's characters that stand in links, in eighths",
    "tag": "the innermost element",
    "path": "the two and three innermost elements",
    "within": "elements around the line that carry meaning, and how near they are",
    "class": "words of class, id, rel, itemprop and role, and how near they are",
    "same": "whether the lines before and behind stand in an element of the same kind",
    "cluster": "lines at the same place in the tree: their number, length, links and prose",
    "mass": "share of the page's prose in the containers around the line, with its length",
    "main": "where the line stands to the smallest element with over half of the prose",
    "since": "lines since the last <h1>, and which <h1> of the page it is",
    "headline": "share of the line in the headline of JSON-LD or the cards, and the reverse",
    "title": "the same for <title>",
    "description": "the same for the descriptions",
    "article": "the same for JSON-LD's articleBody",
    "authors": "the same for the authors' names",
    "site": "the same for the site's names",
    "keywords": "the same for keywords and sections",
    "dates": "whether the line holds year, month, day and minute of publication or change",
    "target": "what the address of the line's first link looks like",
    "overlap": "share of the address's name in the line, and the reverse",
    "folder": "words in the address: site, folders, keys of the query",
}


Rows = list[tuple[IntArray, IntArray]]
"""Unit, rising, and bucket of each row that units select, by family."""
_NUMBERS = {family: 64 + number for number, family in enumerate(MARKUP_FAMILIES)}


def rows(family: str, values: NDArray[np.uint64]) -> IntArray:
    """The row that each value of a family selects, among those that n-grams select too."""
    return buckets(values, _NUMBERS[family])


@lru_cache(maxsize=64)
def table(family: str, size: int, part: int = 0) -> IntArray:
    """The rows of values 0 to ``size - 1`` of one part of a family."""
    return rows(family, np.arange(size, dtype=np.uint64) + np.uint64(part << 32))


def spread(place: IntArray, row: IntArray, bucket: IntArray) -> tuple[IntArray, IntArray]:
    """Unit and bucket, from the buckets of the row where each unit has its place; ``row`` rises."""
    first = np.searchsorted(row, np.arange(int(place.max(initial=-1)) + 2))
    number = np.diff(first)[place]
    end = np.cumsum(number)
    index = np.arange(number.sum()) + np.repeat(first[place] - end + number, number)
    return np.repeat(np.arange(len(place)), number), bucket[index]
