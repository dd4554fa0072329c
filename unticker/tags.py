"""Tags: what each kind of element does to lines, and the parsing of one tag."""

import html
import re

VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
BLOCK = frozenset(
    "address article aside blockquote body center dd details dialog dir div dl dt fieldset "
    "figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html legend li "
    "listing main menu nav ol optgroup option p plaintext pre search section summary table "
    "caption tbody thead tfoot tr ul xmp br".split()
)
SKIP = frozenset(
    "script style template svg noscript iframe noframes noembed object video audio canvas "
    "textarea select datalist title rp".split()
)
# What the tree drops before it is serialised: no text, and often many characters.
STRIPPED = (
    "script style svg noscript template iframe noembed noframes img source input meta link".split()
)

# In a page as it came a tag ends at ">" outside of quotes and never runs over "<".
# Every branch is decided by the next character and a tag that does not end is
# matched as well (without ">"), so nothing is read twice: no input is quadratic.
RAW_TAG = re.compile(
    r"<(?:/?[a-zA-Z]|[!?])[^<>=]*"
    r"""(?:=(?:\s*"[^"]*"|\s*'[^']*'|(?!\s*"[^"]*"|\s*'[^']*'))[^<>=]*)*(>?)"""
)
# lexbor writes every attribute as name="value", with no quote inside. All are
# matched, so that no value is taken for a name; the telling ones have groups.
_ATTRIBUTE = re.compile(
    r' (?:(class|id|rel|itemprop|role|hidden|style|open)="([^"]*)"|[^=]*="[^"]*")'
)
_TELLING = re.compile(r' (?=[chiros])(class|id|rel|itemprop|role|hidden|style|open)="([^"]*)"')
RAW_ATTRIBUTE = re.compile(r"""([^\s=/>"']+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+)))?""")
_SIGNED = frozenset(("class", "id", "rel", "itemprop", "role"))
_HREF = re.compile(r"""\shref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+))""", re.I)
_NAME = re.compile(r"</?([a-zA-Z][^\s/>]*)")
_HIDDEN_STYLE = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.I)
_OPAQUE = re.compile(
    r"<!--|<(script|style|textarea|title|iframe|noscript|noframes|noembed|xmp)(?=[\s/>])", re.I
)

# What the pass does at a tag. All from BREAKING on end a line; SKIPPED never comes so far.
IGNORE, INLINE, ANCHOR, SKIPPED, BREAKING, PRE, CELL, ROW = range(8)
OUT, STAY, IN = -1, 0, 1
Tag = tuple[int, str, str, int]

_KINDS = (
    dict.fromkeys(VOID, IGNORE)
    | dict.fromkeys(BLOCK, BREAKING)
    | dict.fromkeys(SKIP, SKIPPED)
    | dict.fromkeys(("pre", "listing", "plaintext", "xmp"), PRE)
    | dict.fromkeys(("tr", "table"), ROW)
    | {"td": CELL, "th": CELL, "a": ANCHOR}
)


def _raw_attributes(tag: str, start: int) -> list[tuple[str, str]]:
    return [
        (key.lower(), double or single or bare)
        for key, double, single, bare in RAW_ATTRIBUTE.findall(tag, start)
    ]


def _serialised_attributes(tag: str, start: int) -> list[tuple[str, str]]:
    # Faster by half, but where a value ends in "=" its end may look like a telling name.
    return (_ATTRIBUTE if '=" ' in tag else _TELLING).findall(tag, start)


class Tags(dict[str, Tag]):
    """What each tag of a page means: (kind, name, signature, step); parsed once for each text."""

    def __init__(self, raw: bool) -> None:
        self._attributes = _raw_attributes if raw else _serialised_attributes

    def __missing__(self, tag: str) -> Tag:
        found = _NAME.match(tag)
        if found is None:
            parsed = (IGNORE, "", "", STAY)
        else:
            name = found[1].lower()
            kind = _KINDS.get(name, INLINE)
            if tag[1] == "/":
                parsed = (kind, name, "", OUT)
            elif name in VOID:
                parsed = (kind, name, "", STAY)
            elif found.end() == len(tag) - 1 and name != "dialog":
                parsed = (kind, name, "", IN)
            else:
                parsed = self._with_attributes(tag, found.end(), name, kind)
        self[tag] = parsed
        return parsed

    def _with_attributes(self, tag: str, start: int, name: str, kind: int) -> Tag:
        signature = ""
        is_open = name != "dialog"
        for key, value in self._attributes(tag, start):
            if key in _SIGNED:
                signature += f" {key}={value}"
            elif key == "hidden":
                kind = SKIPPED
            elif key == "style":
                if _HIDDEN_STYLE.search(value):
                    kind = SKIPPED
            elif key == "open" and not is_open:
                is_open = True
                signature += " open"
        return (kind if is_open else SKIPPED), name, signature, IN


def href(tag: str) -> str:
    """The address in a link's tag, empty if there is none."""
    found = _HREF.search(tag)
    return html.unescape(found[1] or found[2] or found[3] or "").strip() if found else ""


def without_opaque(page: str) -> str:
    """A page without comments and without elements whose content is not markup.

    A comment that never ends is taken for text, a script or style that never ends
    runs to the end of the page, and any other unclosed element is only its tag.
    The content of ``<xmp>`` is text and comes out escaped.
    """
    kept: list[str] = []
    missing: set[str] = set()
    lowered = page.lower()
    if len(lowered) != len(page):  # a few letters grow when lowered
        lowered = page
    position = 0
    while found := _OPAQUE.search(page, position):
        start, name = found.start(), (found[1] or "!--").lower()
        kept.append(page[position:start])
        closer = "-->" if name == "!--" else f"</{name}"
        end = -1 if name in missing else lowered.find(closer, start + 2)
        if end < 0 and name not in ("script", "style"):
            missing.add(name)
            position = found.end() if name == "!--" else page.find(">", start) + 1 or len(page)
            continue
        if name == "xmp":
            content = page.find(">", start, end) + 1 or end
            kept.append(f"<pre>{html.escape(page[content:end], quote=False)}</pre>")
        if end < 0:
            position = len(page)
        else:
            position = end + 3 if name == "!--" else page.find(">", end) + 1 or len(page)
    kept.append(page[position:])
    return "".join(kept)
