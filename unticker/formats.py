"""A labelled page as text, Markdown or JSON.

Only kept segments come out. Where the page came from HTML, what the markup says
about blocks is used: blocks stand apart, and Markdown marks headings, lists,
quotes and links. A page that came as text is written as `Page.text` gives it; as Markdown,
lines that do not follow each other in the page are set apart, so that paragraphs stay such.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from unticker.errors import UsageError
from unticker.marks import plain
from unticker.markup import END_LINK, LINK, Markup
from unticker.reading import Document
from unticker.tags import href
from unticker.types import Label, Line, Page

FORMATS = ("txt", "md", "json")

_HEADINGS = {f"h{level}": "#" * level + " " for level in range(1, 7)}
_LISTS = frozenset(("ul", "ol", "menu", "dir"))
# What would make a paragraph a heading, an item or a quote.
_BLOCK_START = re.compile(r"(\d{0,9})(?=#{1,6}\s|[-+*>]\s|(?<=\d)[.)]\s)")
_DATE = re.compile(
    r"\d{1,4}\s?[./\-年]\s?\d{1,2}\s?[./\-月]\s?\d{1,4}|"  # 2026-05-03, 3.5.2026, 2026年5月3日
    r"\b\d{1,2}\D{1,20}(?:19|20)\d\d\b|"  # 3 May 2026, 3 de mayo de 2026
    r"\b[^\W\d]{3,12}\.?\s\d{1,2},?\s(?:19|20)\d\d\b|"  # May 3, 2026
    r"\d{1,2}\s[^\W\d]+\s\d{4}"  # ٣ مايو ٢٠٢٦
)


@dataclass(frozen=True, slots=True)
class _Block:
    """One line of output: its text, what Markdown puts before it, and what it belongs to."""

    text: str
    prefix: str
    group: str


def render(
    page: Page,
    document: Document,
    format: str,
    *,
    keep: Sequence[Label] = ("body",),
    title: bool = True,
) -> str:
    r"""The kept segments of a page as ``"txt"``, ``"md"`` or ``"json"``; no newline at the end.

    ``document`` is what the page was labelled from. ``txt`` sets blocks apart with a
    blank line (list items and table rows with a newline); ``md`` writes headings as
    ``#``, list items as ``-``, quotes as ``>`` and links as ``[text](href)``; ``json``
    is one object with ``title``, ``bylines``, ``date`` (the first byline span that
    looks like one, or null), ``body``, ``article_probability`` and ``lines_dropped``,
    the segments that are neither body nor byline. ``keep`` and ``title`` are those of
    `Page.text`; ``json`` has its own fields and ignores them.

    Raises `UsageError` for another format.
    """
    if format not in FORMATS:
        raise UsageError(f"unknown format {format!r}; choose one of {', '.join(FORMATS)}")
    if format == "json":
        return _json(page, document)
    if document.markup is None:
        return _paragraphs(page, keep, title) if format == "md" else page.text(keep, title)
    return _blocks_to_text(_blocks(page, document.markup, keep, title, format == "md"))


def _json(page: Page, document: Document) -> str:
    bylines = [span.text for span in page.bylines]
    if document.markdown:
        bylines = [plain(text) for text in bylines]
    dropped = [
        {
            "line": line.number,
            "label": part.label,
            "probability": round(part.probability, 4),
            "text": line.text[part.start : part.end],
        }
        for line in page.lines
        for part in line.segments
        if part.label not in ("body", "byline")
    ]
    fields = {
        "title": page.title,
        "bylines": bylines,
        "date": next((text for text in bylines if _DATE.search(text)), None),
        "body": render(page, document, "txt"),
        "article_probability": round(page.article_probability, 4),
        "lines_dropped": dropped,
    }
    return json.dumps(fields, ensure_ascii=False)


def _paragraphs(page: Page, keep: Sequence[Label], title: bool) -> str:
    out: list[str] = []
    last = 0
    for line in page.lines:
        if spans := _kept(page, line, keep, title):
            out += ["\n" if line.number == last + 1 else "\n\n"] if out else []
            out.append(" ".join(line.text[start:end] for start, end in spans))
            last = line.number
    return "".join(out)


def _kept(page: Page, line: Line, keep: Sequence[Label], title: bool) -> list[tuple[int, int]]:
    """Where the segments of a line that are kept start and end."""
    return [
        (part.start, part.end)
        for part in line.segments
        if part.label in keep and (title or (line.number, part.start) not in page.title_spans)
    ]


def _blocks(
    page: Page, markup: Markup, keep: Sequence[Label], title: bool, marked: bool
) -> list[_Block]:
    blocks: list[_Block] = []
    first = _first_links(markup) if marked else []
    for line in page.lines:
        spans = _kept(page, line, keep, title)
        if not spans:
            continue
        prefix, group = _place(markup, line.number - 1)
        if marked:
            links = _links(markup, line.number - 1, first[line.number - 1])
            text = " ".join(_linked(line.text, start, end, links) for start, end in spans)
            if not prefix:
                start = _BLOCK_START.match(text)
                text = f"{start[1]}\\{text[start.end() :]}" if start else text
        else:
            text = " ".join(line.text[start:end] for start, end in spans)
            prefix = ""
        blocks.append(_Block(text, prefix, group))
    return blocks


def _blocks_to_text(blocks: Sequence[_Block]) -> str:
    """Blocks with a blank line between them, but for items of a list or rows of a table."""
    out: list[str] = []
    group = ""
    for block in blocks:
        if out:
            if not block.group or block.group != group:
                out.append("\n\n")
            elif block.group == "quote":
                out.append("\n>\n" if block.prefix else "\n\n")
            else:
                out.append("\n")
        out.append(block.prefix + block.text)
        group = block.group
    return "".join(out)


def markdown(markup: Markup, links: bool = True, bullet: str = "- ") -> list[str]:
    """Each line of a page as Markdown has it, with or without its links written out; ``bullet``
    stands before items of lists."""
    lines: list[str] = []
    first = _first_links(markup) if links else []
    for index, text in enumerate(markup.lines):
        found = _links(markup, index, first[index]) if links else []
        lines.append(_place(markup, index, bullet)[0] + _linked(text, 0, len(text), found))
    return lines


def _first_links(markup: Markup) -> list[int]:
    """How many links start before each line."""
    return list(accumulate((text.count(LINK) for text in markup.marked), initial=0))


def _place(markup: Markup, index: int, bullet: str = "- ") -> tuple[str, str]:
    """What Markdown puts before a line, and the group that it stands in."""
    row = markup.contexts[index]
    lists = 0
    item = quote = cell = False
    while row > 0:
        row, name, _ = markup.elements[row]
        if name in _HEADINGS:
            return _HEADINGS[name], ""
        item = item or name == "li"
        cell = cell or name in ("td", "th")
        lists += name in _LISTS
        quote = quote or name == "blockquote"
    if item:
        return "  " * max(0, lists - 1) + bullet, "list"
    if quote:
        return "> ", "quote"
    return "", "table" if cell else ""


def _links(markup: Markup, index: int, first: int) -> list[tuple[int, int, str]]:
    """The links of a line as (start, end, address), offsets in the line's text; ``first`` is the
    number of links before it."""
    links: list[tuple[int, int, str]] = []
    place = 0
    opened = -1
    text = markup.lines[index]
    for char in markup.marked[index]:
        if char == LINK:
            opened = place
        elif char == END_LINK:
            if opened >= 0:
                links.append((opened, place, _address(markup.links[first])))
                first += 1
            opened = -1
        elif place < len(text) and (char == text[place] or (text[place] == " " and char == "\t")):
            place += 1
    if opened >= 0:
        links.append((opened, len(text), _address(markup.links[first])))
    return links


def _address(tag: str) -> str:
    """The address that a link tag leads to; empty where it leads nowhere outside the page."""
    address = href(tag)
    if address.startswith("#") or address.lower().startswith("javascript:"):
        return ""
    return re.sub(r"[\s<>()]", lambda match: f"%{ord(match[0]):02X}", address)


def _linked(text: str, start: int, end: int, links: Sequence[tuple[int, int, str]]) -> str:
    """A part of a line with its links written out."""
    out: list[str] = []
    place = start
    for low, high, address in links:
        low, high = max(low, place), min(high, end)
        words = text[low:high]
        if not address or not words.strip():
            continue
        low += len(words) - len(words.lstrip())
        words = words.strip()
        out.append(text[place:low])
        escaped = words.replace("[", "\\[").replace("]", "\\]")
        out.append(f"[{escaped}]({address})")
        place = low + len(words)
    out.append(text[place:end])
    return "".join(out)
