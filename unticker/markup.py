"""Markup to lines: one linear pass over tags and texts.

The pass reads three kinds of markup alike: what lexbor serialises, what
BeautifulSoup serialises, and (``raw=True``) a page as it came. Lines are what a
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

READER_VERSION = 1

_BREAK, _LINK, _END_LINK = "\x00", "\x01", "\x02"
VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
_BLOCK = frozenset(
    "address article aside blockquote body center dd details dialog dir div dl dt fieldset "
    "figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html legend li "
    "listing main menu nav ol optgroup option p plaintext pre search section summary table "
    "caption tbody thead tfoot tr ul xmp br".split()
)
_SKIP = frozenset(
    "script style template svg noscript iframe noframes noembed object video audio canvas "
    "textarea select datalist title rp".split()
)
STRIPPED = ["script", "style", "svg", "noscript", "template", "iframe", "noembed", "noframes"]

# Serialised markup escapes ">" wherever it is not the end of a tag or in a comment.
_TAG = re.compile(r"(<!--.*?-->|<[^>]*>)", re.DOTALL)
# In a page as it came a tag ends at ">" outside of quotes and never runs over "<".
# Every branch is decided by the next character and a tag that does not end is
# matched as well (without ">"), so nothing is read twice: no input is quadratic.
_RAW_TAG = re.compile(
    r"<(?:/?[a-zA-Z]|[!?])[^<>=]*"
    r"""(?:=(?:\s*"[^"]*"|\s*'[^']*'|(?!\s*"[^"]*"|\s*'[^']*'))[^<>=]*)*(>?)"""
)
_SIGNED = frozenset(("class", "id", "rel", "itemprop", "role"))
_NAME = re.compile(r"</?([a-zA-Z][^\s/>]*)")
# lexbor writes every attribute as name="value", with no quote inside. All are
# matched, so that no value is taken for a name; the telling ones have groups.
_ATTRIBUTE = re.compile(
    r' (?:(class|id|rel|itemprop|role|hidden|style|open)="([^"]*)"|[^=]*="[^"]*")'
)
_RAW_ATTRIBUTE = re.compile(
    r"""([^\s=/>"']+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+)))?""",
)
_HIDDEN_STYLE = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.I)
_CSS_SPACE = " \t\n\r\f"  # a no-break space is text
_OPAQUE = re.compile(
    r"<!--|<(script|style|textarea|title|iframe|noscript|noframes|noembed|xmp)(?=[\s/>])", re.I
)


@dataclass(frozen=True, slots=True)
class Markup:
    """The lines of a page with the markup they stood in; all lists are as long as ``lines``.

    ``marked`` repeats the lines with U+0001 where a link starts and U+0002 where
    it ends; ``links`` holds the link tags in that order. ``contexts`` gives each
    line its innermost element as a row of ``elements``: ``(parent row, tag name,
    signature)``, where row 0 is the page and a signature keeps the class, id, rel,
    itemprop and role values.
    """

    lines: list[str]
    link_chars: list[int]
    contexts: list[int]
    elements: list[tuple[int, str, str]]
    marked: list[str]
    links: list[str]


# What the pass does at a tag. All from _BREAKING on end a line; _SKIPPED never comes so far.
_IGNORE, _INLINE, _ANCHOR, _SKIPPED, _BREAKING, _PRE, _CELL, _ROW = range(8)
_OUT, _STAY, _IN = -1, 0, 1
_Tag = tuple[int, str, str, int]
_ABOVE = 63
"""How many open elements an end tag is compared with: a bound that keeps the pass linear."""


_KINDS = (
    dict.fromkeys(VOID, _IGNORE)
    | dict.fromkeys(_BLOCK, _BREAKING)
    | dict.fromkeys(_SKIP, _SKIPPED)
    | dict.fromkeys(("pre", "listing", "plaintext", "xmp"), _PRE)
    | dict.fromkeys(("tr", "table"), _ROW)
    | {"td": _CELL, "th": _CELL, "a": _ANCHOR}
)


def _raw_attributes(tag: str, start: int) -> list[tuple[str, str]]:
    return [
        (key.lower(), double or single or bare)
        for key, double, single, bare in _RAW_ATTRIBUTE.findall(tag, start)
    ]


class _Tags(dict[str, _Tag]):
    """What each tag of a page means: (kind, name, signature, step); parsed once for each text."""

    def __init__(self, raw: bool) -> None:
        self._attributes = _raw_attributes if raw else _ATTRIBUTE.findall

    def __missing__(self, tag: str) -> _Tag:
        found = _NAME.match(tag)
        if found is None:
            parsed = (_IGNORE, "", "", _STAY)
        else:
            name = found[1].lower()
            kind = _KINDS.get(name, _INLINE)
            if tag[1] == "/":
                parsed = (kind, name, "", _OUT)
            elif name in VOID:
                parsed = (kind, name, "", _STAY)
            elif found.end() == len(tag) - 1 and name != "dialog":
                parsed = (kind, name, "", _IN)
            else:
                parsed = self._with_attributes(tag, found.end(), name, kind)
        self[tag] = parsed
        return parsed

    def _with_attributes(self, tag: str, start: int, name: str, kind: int) -> _Tag:
        signature = ""
        is_open = name != "dialog"
        for key, value in self._attributes(tag, start):
            if key in _SIGNED:
                signature += f" {key}={value}"
            elif key == "hidden":
                kind = _SKIPPED
            elif key == "style":
                if _HIDDEN_STYLE.search(value):
                    kind = _SKIPPED
            elif key == "open" and not is_open:
                is_open = True
                signature += " open"
        return (kind if is_open else _SKIPPED), name, signature, _IN


def without_opaque(page: str) -> str:
    """A page without comments and without elements whose content is not markup.

    A comment that never ends is taken for text, a script or style that never ends
    runs to the end of the page, and any other unclosed element is only its tag.
    """
    kept: list[str] = []
    missing: set[str] = set()
    lowered = page.lower()
    if len(lowered) != len(page):  # a few letters grow when lowered
        lowered = page
    position = 0
    while found := _OPAQUE.search(page, position):
        start, name = found.start(), (found[1] or "!--").lower()
        closer = "-->" if name == "!--" else f"</{name}"
        end = -1 if name in missing else lowered.find(closer, start + 2)
        kept.append(page[position:start])
        if end >= 0:
            stop = end + 3 if name == "!--" else page.find(">", end) + 1 or len(page)
            position = stop
        elif name in ("script", "style"):
            position = len(page)
        else:
            missing.add(name)
            if name == "!--":
                position = found.end()
            else:
                position = page.find(">", start) + 1 or len(page)
    kept.append(page[position:])
    return "".join(kept)


def _pieces(page: str) -> list[str]:
    """Text, tag, text, tag, ... of a page as it came; what only starts like a tag is text."""
    pieces: list[str] = []
    end = 0
    for found in _RAW_TAG.finditer(page):
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
        self._broken = self._broken or kind < _CELL

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


def read(markup: str, *, raw: bool = False) -> Markup:
    """Read markup that has gone through `without_opaque` or lexbor into lines.

    ``raw`` is for a page as it came, which may be malformed in any way. Time is
    linear in the page's length, whatever its nesting.
    """
    for sentinel in (_BREAK, _LINK, _END_LINK):
        if sentinel in markup:
            markup = markup.replace(sentinel, "")
    pieces = [*(_pieces(markup) if raw else _TAG.split(markup)), ""]
    pairs = zip(pieces[0::2], pieces[1::2], strict=True)
    tags = _Tags(raw)
    elements: list[tuple[int, str, str]] = [(-1, "", "")]
    children: dict[tuple[int, str, str], int] = {}
    links: list[str] = []
    lines = _Lines()
    out = lines.out
    # The row of the innermost element; of the open line's element, or -1; the open link's tag.
    context, line, link = 0, -1, ""
    pre = 0
    for text, tag in pairs:
        if text:
            if pre and "\n" in text:
                line, text = lines.preformatted(text, line, context)
            if line < 0:
                if text.strip(_CSS_SPACE):
                    line = context
                elif text:
                    text = " "  # folding would make it that, more slowly
            out.append(text)
        kind, name, signature, step = tags[tag]
        if kind == _SKIPPED:
            if step == _OUT:
                continue
            kind, name, signature, step = _skip(pairs, tags, name, elements, context)
        if kind >= _BREAKING:
            if line >= 0:
                lines.end(line, kind)
                line = -1
                if link:
                    out.append(_END_LINK + _BREAK + _LINK)
                    links.append(link)
                else:
                    out.append(_BREAK)
            if kind == _CELL:
                if step == _IN:
                    lines.cell()
            elif kind == _ROW:
                lines.row(name == "tr" and step == _IN)
            elif kind == _PRE:
                pre = max(0, pre + step)
        elif kind == _ANCHOR:
            if link:
                out.append(_END_LINK)
                link = ""
            if step == _IN:
                out.append(_LINK)
                links.append(tag)
                link = tag
        if step == _IN:
            row = (context, name, signature)
            child = children.get(row)
            if child is None:
                child = children[row] = len(elements)
                elements.append(row)
            context = child
        elif step == _OUT:
            context = _left(elements, context, name)
    lines.end(max(line, 0), _ROW)
    return _assemble("".join(out), lines, elements, links, raw)


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
    pairs: Iterator[tuple[str, str]],
    tags: _Tags,
    name: str,
    elements: list[tuple[int, str, str]],
    context: int,
) -> _Tag:
    """Pass over an element without text; returns what the tag behind it still has to do.

    It ends with its own end tag, or, where that is missing, with the end tag of an
    element around it.
    """
    inner = [name]
    opened = Counter(inner)
    for _, tag in pairs:
        kind, other, _, step = parsed = tags[tag]
        if step != _OUT:
            if kind != _IGNORE and not (other == "a" == name and len(inner) == 1):
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
    return _IGNORE, "", "", _STAY


def _unescape(text: str, raw: bool) -> str:
    if "&" not in text:
        return text
    if raw:
        return html.unescape(text)
    # A serialised tree has no other entities than these.
    text = text.replace("&nbsp;", "\xa0").replace("&lt;", "<").replace("&gt;", ">")
    return text.replace("&amp;", "&")


def _fold(text: str) -> str:
    """Runs of CSS white space as one space each; several times as fast as a substitution."""
    for space in "\t\n\r\f":
        if space in text:
            text = text.replace(space, " ")
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
    text: str, done: _Lines, elements: list[tuple[int, str, str]], links: list[str], raw: bool
) -> Markup:
    """Fold white space, cut the text at its breaks and join the cells of a row."""
    parts = [part.strip(" ") for part in _fold(_unescape(text, raw)).split(_BREAK)]
    contexts = done.contexts
    if done.glued:
        parts, contexts = _joined(parts, contexts, done.glued)
    page = Markup([], [], [], elements, [], links)
    for part, context in zip(parts, contexts, strict=True):
        linked = 0
        plain = part
        if _LINK in part or _END_LINK in part:
            for piece in part.split(_LINK)[1:]:
                linked += len(piece.partition(_END_LINK)[0].strip())
            plain = part.replace(_LINK, "").replace(_END_LINK, "").strip(" ")
            if "  " in plain:
                plain = _fold(plain)
        if plain and not plain.isspace():
            page.lines.append(plain)
            page.link_chars.append(linked)
            page.contexts.append(context)
            page.marked.append(part)
    return page
