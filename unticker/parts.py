"""Documents to batches: pages whole, huge ones in parts, so that memory has a bound."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from unticker.markup import Markup
from unticker.reading import Document

BATCH_CODES, BATCH_LINES, BATCH_PAGES = 1 << 18, 1 << 13, 256
"""What is worked on at a time; a page with more is worked through in parts."""


class Part(NamedTuple):
    """``text[start:end]`` of a page, which ``line`` lines of it come before."""

    start: int
    end: int
    line: int


Batch = list[tuple[int, Part]]
"""Documents' numbers with a part of each."""


def parts(text: str) -> Iterator[Part]:
    """A page whole, or a huge one in parts that end at a line's end where there is one."""
    line = start = 0
    while start < len(text) or not start:
        end = len(text)
        if end - start > BATCH_CODES:
            end = start + BATCH_CODES
            cut = text.rfind("\n", start + BATCH_CODES // 2, end)
            if cut < 0:
                cut = text.rfind(" ", start + BATCH_CODES // 2, end)
            end = end if cut < 0 else cut + 1
        if text.count("\n", start, end) > BATCH_LINES:
            end -= len(text[start:end].split("\n", BATCH_LINES)[-1])
        yield Part(start, end, line)
        if end == len(text):
            return
        line += text.count("\n", start, end)
        start = end


def batches(chosen: list[int], documents: list[Document]) -> Iterator[Batch]:
    """The documents with these numbers in batches, each within the limits above."""
    batch: Batch = []
    codes = lines = 0
    for number in chosen:
        text = documents[number].text
        for part in parts(text):
            size = part.end - part.start
            count = text.count("\n", part.start, part.end) + 1
            full = codes + size > BATCH_CODES or lines + count > BATCH_LINES
            if batch and (full or len(batch) >= BATCH_PAGES):
                yield batch
                batch, codes, lines = [], 0, 0
            batch.append((number, part))
            codes += size + 1
            lines += count
    if batch:
        yield batch


def markup_of(document: Document, part: Part) -> Markup:
    """The markup of a part's lines."""
    markup = document.markup
    assert markup is not None
    if part.line == 0 and part.end == len(document.text):
        return markup
    lines = slice(part.line, part.line + document.text.count("\n", part.start, part.end) + 1)
    return replace(
        markup,
        lines=markup.lines[lines],
        link_chars=markup.link_chars[lines],
        contexts=markup.contexts[lines],
        marked=markup.marked[lines],
        targets=markup.targets[lines],
    )
