"""What the markup around a line says, as hashed rows for the first pass."""

import re
import zlib
from functools import lru_cache

import numpy as np

from unticker.features import BUCKET_BITS, BUCKETS
from unticker.markup import Markup
from unticker.units import IntArray, Units

_TOKEN = re.compile(r"[A-Za-z]+")
_LISTS = frozenset(("ul", "ol", "li", "dl", "dd", "dt", "menu"))
_MARKS = frozenset(
    "a address article aside b blockquote button caption em figcaption figure footer form h1 "
    "h2 h3 h4 h5 h6 header label legend li main nav p pre section small span strong summary "
    "table time td th ul ol dl".split()
)

MARKUP_FAMILIES = {
    "link": "share of the line's characters that stand in links, in eighths",
    "tag": "the innermost element",
    "path": "the two and three innermost elements",
    "within": "elements around the line that carry meaning, and how near they are",
    "class": "words of class, id, rel, itemprop and role, and how near they are",
    "same": "whether the lines before and behind stand in an element of the same kind",
}


@lru_cache(maxsize=65536)
def _bucket(family: str, value: str) -> int:
    return zlib.crc32(f"{family}\0{value}".encode()) * 0x9E3779B1 % (1 << 32) >> 32 - BUCKET_BITS


def markup_rows(units: Units, markups: list[Markup]) -> list[tuple[IntArray, IntArray]]:
    """Unit and bucket of every markup feature; ``markups`` has one entry a page of the batch."""
    unit_parts: list[IntArray] = []
    bucket_parts: list[IntArray] = []
    for page, markup in enumerate(markups):
        low, high = int(units.first[page]), int(units.first[page + 1])
        if low == high:
            continue
        rows = _element_rows(markup)
        context = np.array(markup.contexts, np.int64)[units.line[low:high]]
        counts = np.array([len(row) for row in rows], np.int64)
        flat = np.concatenate([np.array(row, np.int64) for row in rows])
        begin = np.cumsum(counts) - counts
        number = counts[context]
        place = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
        unit_parts.append(np.repeat(np.arange(low, high), number))
        bucket_parts.append(flat[np.repeat(begin[context], number) + place])

        length = np.array([len(line) for line in markup.lines], np.int64)
        share = (8 * np.array(markup.link_chars, np.int64) // np.maximum(length, 1)).clip(0, 8)
        link = np.array([_bucket("link", str(n)) for n in range(9)])[share[units.line[low:high]]]
        unit_parts.append(np.arange(low, high))
        bucket_parts.append(link)

        kind = np.array([row[0] for row in rows])[context]
        before = np.append(False, kind[1:] == kind[:-1])
        behind = np.append(kind[1:] == kind[:-1], False)
        same = np.array([_bucket("same", str(n)) for n in range(4)])
        unit_parts.append(np.arange(low, high))
        bucket_parts.append(same[before + 2 * behind])
    if not unit_parts:
        return []
    return list(zip(unit_parts, bucket_parts, strict=True))


def _element_rows(markup: Markup) -> list[list[int]]:
    """The buckets of every element of the page; the first tells its kind."""
    rows: list[list[int]] = []
    used = set(markup.contexts)
    for index in range(len(markup.elements)):
        rows.append(_rows(markup.elements, index) if index in used else [0])
    return rows


def _rows(elements: list[tuple[int, str, str]], index: int) -> list[int]:
    names: list[str] = []
    words: dict[str, int] = {}
    marks: dict[str, int] = {}
    depth = 0
    while index > 0 and depth < 12:
        parent, name, signature = elements[index]
        if len(names) < 3:
            names.append(name)
        if name in _MARKS:
            marks.setdefault(name, depth)
        if signature:
            for word in _TOKEN.findall(signature):
                if len(word) > 2:
                    words.setdefault(word.lower()[:16], depth)
        depth += 1
        index = parent
    names += ["-"] * (3 - len(names))
    rows = [
        _bucket("tag", " ".join(names[:1])),
        _bucket("path", " ".join(names[:2])),
        _bucket("path", " ".join(names)),
    ]
    rows += [_bucket("within", f"{mark}{min(depth, 3)}") for mark, depth in marks.items()]
    rows += [_bucket("within", mark) for mark in marks]
    near = sorted(words.items(), key=lambda item: item[1])[:24]
    rows += [_bucket("class", word) for word, _ in near]
    rows += [_bucket("class", f"{word}{depth}") for word, depth in near if depth < 3]
    return [row % BUCKETS for row in rows]
