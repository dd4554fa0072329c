"""Markup to lines: one linear pass over tags and texts.

The pass reads three kinds of markup alike: what lexbor serialises, what
BeautifulSoup serialises, and a page as it came. Lines are what a
browser without style sheets shows as blocks:

* block elements, ``<br>``, ``<hr>``, rows and list items end a line; white space
  folds as in CSS (no-break spaces stay), in ``<pre>`` newlines end lines;
* cells of a table row share a line, separated by a tab, unless one of them
  holds a block or a ``<br>``: then every cell stands on its own;
* scripts, styles, templates, SVG, form values (select, textarea), fallback
  content of embeds, ``hidden`` and ``display:none`` elements give no text.
"""

import html
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from unticker.hints import NO_HINTS, Hints
from unticker.tags import (
    ANCHOR,
    BREAKING,
    CELL,
    IGNORE,
    IN,
    OUT,
    PRE,
    RAW_TAG,
    ROW,
    SKIPPED,
    STAY,
    Tag,
    Tags,
)

READER_VERSION = 1
Form = Literal["lexbor", "soup", "raw"]

_BREAK, LINK, END_LINK = "\x00", "\x01", "\x02"
# Serialised markup escapes ">" wherever it is not the end of a tag or in a comment.
_TAG = re.compile(r"(<!--.*?-->|<[^>]*>)", re.DOTALL)
_CSS_SPACE = " \t\n\r\f"  # a no-break space is text
_ABOVE = 63
"""How many open elements an end tag is compared with: a bound that keeps the pass linear."""


@dataclass(frozen=True, slots=True)
class Markup:
    """The lines of a page with the markup they stood in; all lists are as long as ``lines``.

    ``marked`` repeats the lines with U+0001 where a link starts and U+0002 where
    it ends; ``links`` holds the link tags in that order, ``targets`` the tag of each
    line's first link, or nothing. ``contexts`` gives each line its innermost element
    as a row of ``elements``: ``(parent row, tag name, signature)``, where row 0 is the
    page and a signature keeps the class, id, rel, itemprop and role values.
    """

    lines: list[str]
    link_chars: list[int]
    contexts: list[int]
    elements: list[tuple[int, str, str]]
    marked: list[str]
    links: list[str]
    targets: list[str]
    hints: Hints = NO_HINTS


def _pieces(page: str) -> list[str]:
    """Text, tag, text, tag, ... of a page as it came; what only starts like a tag is text."""
    pieces: list[str] = []
    end = 0
    for found in RAW_TAG.finditer(page):
        if found[1]:
            pieces += page[end : found.start()], found[0]
            end = found.end()
    pieces.append(page[end:])
    return pieces


class _Lines:
    """Texts, sentinels and line ends in page order, and which cells share a row's line."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.contexts: list[int] = []
        self.glued: set[int] = set()
        self._row, self._broken, self._glue = -1, False, False

    def end(self, context: int, kind: int) -> None:
        """End the open line, which stood in ``context``, at a tag of this kind."""
        if self._glue:
            self.glued.add(len(self.contexts))
        self.contexts.append(context)
        self._glue = False
        self._broken = self._broken or kind < CELL

    def cell(self) -> None:
        self._glue = 0 <= self._row < len(self.contexts)

    def row(self, starts: bool) -> None:
        """A row starts, or a row or table ends: were all cells of the last one inline?"""
        if self._row >= 0 and self._broken:
            self.glued.difference_update(range(self._row, len(self.contexts)))
        self._row = len(self.contexts) if starts else -1
        self._broken = self._glue = False

    def preformatted(self, text: str, line: int, context: int) -> tuple[int, str]:
        """Add a preformatted text but for its last line; returns the open line and the rest."""
        parts = text.split("\n")
        for part in parts[:-1]:
            self.out.append(part)
            if line >= 0 or part.strip(_CSS_SPACE):
                self.contexts.append(context)
                self.out.append(_BREAK)
                line = -1
        return line, parts[-1]


def read(markup: str, form: Form = "lexbor", hints: Hints = NO_HINTS) -> Markup:
    """Read markup into lines.

    ``form`` says where it comes from: ``"lexbor"`` and ``"soup"`` are serialised
    trees, ``"raw"`` is a page as it came, which may be malformed in any way; the
    last two have gone through `tags.without_opaque`. Time is linear in the length,
    whatever the nesting.
    """
    if form != "lexbor":
        markup = _without_sentinels(markup)
    pieces = [*(_pieces(markup) if form == "raw" else _TAG.split(markup)), ""]
    texts = pieces[0::2]
    if form == "lexbor":  # character references give sentinels; the tags' do no harm
        every = "".join(texts)
        if _without_sentinels(every) != every:
            texts = [_without_sentinels(text) for text in texts]
    tags = Tags(raw=form != "lexbor")
    found = pieces[1::2]
    pairs = zip(texts, found, map(tags.__getitem__, found))
    elements: list[tuple[int, str, str]] = [(-1, "", "")]
    children: dict[tuple[int, str, str], int] = {}
    links: list[str] = []
    lines = _Lines()
    out = lines.out
    # The row of the innermost element; of the open line's element, or -1; the open link's tag.
    context, line, link = 0, -1, ""
    pre = 0
    for text, tag, (kind, name, signature, step) in pairs:
        if text:
            if pre and "\n" in text:
                line, text = lines.preformatted(text, line, context)
            if line < 0:
                if text.strip(_CSS_SPACE):
                    line = context
                elif text:
                    text = " "  # folding would make it that, more slowly
            out.append(text)
        if kind == SKIPPED:
            if step == OUT:
                continue
            kind, name, signature, step = _skip(pairs, name, elements, context)
        if kind >= BREAKING:
            if line >= 0:
                lines.end(line, kind)
                line = -1
                if link:
                    out.append(END_LINK + _BREAK + LINK)
                    links.append(link)
                else:
                    out.append(_BREAK)
            if kind == CELL:
                if step == IN:
                    lines.cell()
            elif kind == ROW:
                lines.row(name == "tr" and step == IN)
            elif kind == PRE:
                pre = max(0, pre + step)
        elif kind == ANCHOR:
            if link:
                out.append(END_LINK)
                link = ""
            if step == IN:
                out.append(LINK)
                links.append(tag)
                link = tag
        if step == IN:
            row = (context, name, signature)
            child = children.get(row)
            if child is None:
                child = children[row] = len(elements)
                elements.append(row)
            context = child
        elif step == OUT:
            parent, opened, _ = elements[context]
            context = parent if opened == name else _left(elements, context, name)
    lines.end(max(line, 0), ROW)
    return _assemble("".join(out), lines, elements, links, form, hints)


def _without_sentinels(text: str) -> str:
    for sentinel in (_BREAK, LINK, END_LINK):
        if sentinel in text:
            text = text.replace(sentinel, "")
    return text


def _left(elements: list[tuple[int, str, str]], context: int, name: str) -> int:
    """The element around the one that an end tag closes; ``context`` itself if it closes none."""
    row = context
    for _ in range(_ABOVE):
        parent, opened, _signature = elements[row]
        if opened == name:
            return parent
        if parent < 0:
            break
        row = parent
    return context


def _skip(
    pairs: Iterator[tuple[str, str, Tag]],
    name: str,
    elements: list[tuple[int, str, str]],
    context: int,
) -> Tag:
    """Pass over an element without text; returns what the tag behind it still has to do.

    It ends with its own end tag, or, where that is missing, with the end tag of an
    element around it.
    """
    inner = [name]
    opened = Counter(inner)
    for _, _, parsed in pairs:
        kind, other, _, step = parsed
        if step != OUT:
            if kind != IGNORE and not (other == "a" == name and len(inner) == 1):
                inner.append(other)
                opened[other] += 1
        elif opened[other]:
            while (last := inner.pop()) != other:
                opened[last] -= 1
            opened[last] -= 1
            if not inner:
                break
        elif _left(elements, context, other) != context:
            return parsed
    return IGNORE, "", "", STAY


def _unescape(text: str, form: Form) -> str:
    if "&" not in text:
        return text
    if form != "lexbor":
        return html.unescape(text)
    # A serialised tree has no other entities than these.
    text = text.replace("&nbsp;", "\xa0").replace("&lt;", "<").replace("&gt;", ">")
    return text.replace("&amp;", "&")


def _fold(text: str) -> str:
    """Runs of CSS white space as one space each; several times as fast as a substitution."""
    for space in "\t\n\r\f":
        if space in text:
            text = text.replace(space, " ")
    text = text.replace(" " * 8, " ")  # indentation is long: fewer rounds
    while "  " in text:
        text = text.replace("  ", " ")
    return text


def _joined(parts: list[str], contexts: list[int], glued: set[int]) -> tuple[list[str], list[int]]:
    """Join the cells of a row with tabs."""
    rows: list[list[str]] = []
    kept: list[int] = []
    for number, part in enumerate(parts):
        if number in glued and rows:
            rows[-1].append(part)
        else:
            rows.append([part])
            kept.append(contexts[number])
    return ["\t".join(row) for row in rows], kept


def _assemble(
    text: str,
    done: _Lines,
    elements: list[tuple[int, str, str]],
    links: list[str],
    form: Form,
    hints: Hints,
) -> Markup:
    """Fold white space, cut the text at its breaks and join the cells of a row."""
    parts = [part.strip(" ") for part in _fold(_unescape(text, form)).split(_BREAK)]
    contexts = done.contexts
    if done.glued:
        parts, contexts = _joined(parts, contexts, done.glued)
    page = Markup([], [], [], elements, [], [], [], hints)
    link = 0
    for part, context in zip(parts, contexts, strict=True):
        number = part.count(LINK)
        if not number and END_LINK not in part:
            plain, linked = part, 0
        else:
            plain, linked = _unmarked(part, number)
        if plain and not plain.isspace():
            page.lines.append(plain)
            page.link_chars.append(linked)
            page.contexts.append(context)
            page.marked.append(part)
            page.targets.append(links[link] if number else "")
            if number:
                page.links.extend(links[link : link + number])
        link += number
    return page


def _unmarked(part: str, links: int) -> tuple[str, int]:
    """A line without its sentinels, and how many of its characters stand in links."""
    if links == 1 and part[0] == LINK and part[-1] == END_LINK:
        inside = part[1:-1]
        return inside.strip(" "), len(inside.strip())
    linked = 0
    for piece in part.split(LINK)[1:]:
        linked += len(piece.partition(END_LINK)[0].strip())
    plain = part.replace(LINK, "").replace(END_LINK, "").strip(" ")
    return _fold(plain) if "  " in plain else plain, linked
