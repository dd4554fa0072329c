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
STRIPPED = ["script", "style", "svg", "noscript", "template", "iframe"]

# A quote opens a value only behind "="; the serialised form is always well formed.
_TAG = re.compile(r'(<!--.*?-->|<[^>=]*(?:=(?:\s*"[^"]*"|\s*\'[^\']*\')?[^>=]*)*>)', re.DOTALL)
# In a page as it came a tag never runs over "<", and attributes are bounded, so
# that no input makes the pass quadratic.
_RAW_TAG = re.compile(
    r'(<(?:/?[a-zA-Z]|[!?])[^<>=]*(?:=(?:\s*"[^"]*"|\s*\'[^\']*\')?[^<>=]*){0,200}>)'
)
_NAME = re.compile(r"</?([a-zA-Z][^\s/>]*)")
_ATTRIBUTE = re.compile(
    r"""([^\s=/>"']+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+)))?""",
)
_HIDDEN_STYLE = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.I)
_CSS_SPACE = " \t\n\r\f"  # a no-break space is text
_SPACES = re.compile(r"[ \t\n\r\f]{2,}|[\t\n\r\f]")
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


# What the pass does at a tag.
_IGNORE, _INLINE, _BREAKING, _SKIPPED, _CELL, _ROW, _PRE, _ANCHOR = range(8)


def _kind(name: str) -> int:
    if name == "a":
        return _ANCHOR
    if name in ("td", "th"):
        return _CELL
    if name in ("tr", "table"):
        return _ROW
    if name in ("pre", "listing", "plaintext", "xmp"):
        return _PRE
    if name in _SKIP:
        return _SKIPPED
    if name in _BLOCK:
        return _BREAKING
    return _IGNORE if name in VOID else _INLINE


def _parse(tag: str) -> tuple[int, str, str, bool]:
    """One tag as (kind, name, signature, is a closing tag)."""
    found = _NAME.match(tag)
    if found is None:
        return _IGNORE, "", "", False
    name = found[1].lower()
    kind = _kind(name)
    if tag[1] == "/":
        return kind, name, "", True
    signature = ""
    if found.end() < len(tag) - 1:
        for key, double, single, bare in _ATTRIBUTE.findall(tag, found.end()):
            key = key.lower()
            if key in ("class", "id", "rel", "itemprop", "role"):
                signature += f" {key}={double or single or bare}"
            elif key == "hidden" or (
                key == "style" and _HIDDEN_STYLE.search(double or single or bare)
            ):
                if name not in VOID:
                    kind = _SKIPPED
            elif key == "open" and name == "dialog":
                signature += " open"
    if name == "dialog" and not signature.endswith(" open"):
        kind = _SKIPPED
    return kind, name, signature, False


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


def read(markup: str, *, raw: bool = False) -> Markup:
    """Read markup that has gone through `without_opaque` or lexbor into lines.

    ``raw`` is for a page as it came, which may be malformed in any way. Time is
    linear in the page's length, whatever its nesting.
    """
    for sentinel in (_BREAK, _LINK, _END_LINK):
        if sentinel in markup:
            markup = markup.replace(sentinel, "")
    pieces = (_RAW_TAG if raw else _TAG).split(markup) + [""]
    memo: dict[str, tuple[int, str, str, bool]] = {}
    elements: list[tuple[int, str, str]] = [(-1, "", "")]
    children: dict[tuple[int, str, str], int] = {}
    stack: list[tuple[str, int]] = []
    out: list[str] = []
    contexts: list[int] = []
    links: list[str] = []
    glued: set[int] = set()
    context, line, link = 0, -1, ""
    pre, skip = 0, False
    inner: list[str] = []
    row, broken, glue = -1, False, False

    for text, tag in zip(pieces[0::2], pieces[1::2], strict=True):
        if text and not skip:
            if pre and "\n" in text:
                for part in text.split("\n")[:-1]:
                    out.append(part)
                    if line >= 0 or part.strip(_CSS_SPACE):
                        contexts.append(context)
                        out.append(_BREAK)
                        line = -1
                text = text.rsplit("\n", 1)[1]
            if line < 0 and text.strip(_CSS_SPACE):
                line = context
            out.append(text)
        parsed = memo.get(tag)
        if parsed is None:
            parsed = memo[tag] = _parse(tag)
        kind, name, signature, closing = parsed
        if skip:
            # A skipped element ends with its own end tag, or, where that is missing,
            # with the end tag of an element around it.
            if not closing:
                if kind != _IGNORE and not (name == "a" == inner[0] and len(inner) == 1):
                    inner.append(name)
                continue
            if name in inner:
                while inner.pop() != name:
                    pass
                skip = bool(inner)
                continue
            if not any(name == opened for opened, _ in stack):
                continue
            skip = False
        if kind == _SKIPPED:
            if not closing:
                skip, inner = True, [name]
            continue
        # ---- lines
        if kind >= _BREAKING:
            if kind == _ANCHOR:
                if link and (closing or name):
                    out.append(_END_LINK)
                    link = ""
                if not closing:
                    out.append(_LINK)
                    links.append(tag)
                    link = tag
            else:
                if line >= 0:
                    if glue:
                        glued.add(len(contexts))
                    contexts.append(line)
                    if link:
                        out.append(_END_LINK + _BREAK + _LINK)
                        links.append(link)
                    else:
                        out.append(_BREAK)
                    line = -1
                    glue = False
                    broken = broken or kind < _CELL or kind == _PRE
                if kind == _ROW:
                    if row >= 0 and broken:
                        glued.difference_update(range(row, len(contexts)))
                    row = len(contexts) if name == "tr" and not closing else -1
                    broken = glue = False
                elif kind == _CELL and not closing:
                    glue = 0 <= row < len(contexts)
                elif kind == _PRE:
                    pre = max(0, pre - 1) if closing else pre + 1
        # ---- elements
        if closing:
            if stack and stack[-1][0] == name:
                context = stack.pop()[1]
            else:
                for depth in range(len(stack) - 1, max(-1, len(stack) - 64), -1):
                    if stack[depth][0] == name:
                        context = stack[depth][1]
                        del stack[depth:]
                        break
        elif kind != _IGNORE and name not in VOID:
            key = (context, name, signature)
            child = children.get(key)
            if child is None:
                child = children[key] = len(elements)
                elements.append(key)
            stack.append((name, context))
            context = child
    contexts.append(max(line, 0))
    if line >= 0 and glue:
        glued.add(len(contexts) - 1)
    return _assemble("".join(out), contexts, glued, elements, links)


def _assemble(
    text: str,
    contexts: list[int],
    glued: set[int],
    elements: list[tuple[int, str, str]],
    links: list[str],
) -> Markup:
    """Fold white space, cut the text at its breaks and join the cells of a row."""
    if "&" in text:
        text = html.unescape(text)
    marked: list[str] = []
    kept: list[int] = []
    for number, part in enumerate(_SPACES.sub(" ", text).split(_BREAK)):
        if number in glued and marked:
            marked[-1] += "\t" + part.strip(" ")
        else:
            marked.append(part.strip(" "))
            kept.append(contexts[number])
    lines: list[str] = []
    link_chars: list[int] = []
    rows: list[int] = []
    for index, part in enumerate(marked):
        linked = 0
        plain = part
        if _LINK in part or _END_LINK in part:
            pieces = part.split(_LINK)
            linked = sum(len(piece.split(_END_LINK)[0].strip()) for piece in pieces[1:])
            plain = part.replace(_LINK, "").replace(_END_LINK, "").strip(" ")
            if "  " in plain:
                plain = _SPACES.sub(" ", plain)
        if plain and not plain.isspace():
            lines.append(plain)
            link_chars.append(linked)
            rows.append(index)
    return Markup(
        lines, link_chars, [kept[i] for i in rows], elements, [marked[i] for i in rows], links
    )
