"""HTML to lines: bytes, strings and soups, through one reader.

``read`` decodes, has lexbor (selectolax) build the tree a browser would build,
and reads the tree's own serialisation with `unticker.markup`. A soup that a
caller already has is serialised and read by the same pass. Pages on which
lexbor's time would grow with the square of their nesting go to the pass as they
are (``reader == "linear"``).
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unticker import guard, hints, lines, markup, tags
from unticker.errors import PageError, UsageError
from unticker.markup import Markup

if TYPE_CHECKING:
    from bs4 import BeautifulSoup
    from bs4.element import Tag

PARSERS = ("lexbor", "bs4", "linear")

_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_META = re.compile(
    rb"""<(?:meta|\?xml)[^>]*?(?:charset|encoding)\s*=\s*["']?\s*([a-zA-Z0-9_.:-]+)""", re.I
)
_COMMENTS = re.compile(r"\s*(?:<!--(?:[^-]|-(?!->))*-->\s*)*")
_MARKUP_START = re.compile(
    r"<(?:!doctype\s+html|html|head|body|article|main|div|table|section|"
    r"\?xml|meta|title|p|h1|span|ul|script|style|link)(?=[\s>/])",
    re.I,
)
# Names a page may declare, read as browsers read them.
_ALIASES = {
    "iso-8859-1": "cp1252", "latin1": "cp1252", "latin-1": "cp1252", "us-ascii": "cp1252",
    "ascii": "cp1252", "iso-8859-9": "cp1254", "iso-8859-11": "cp874", "tis-620": "cp874",
    "gb2312": "gb18030", "gbk": "gb18030", "x-sjis": "cp932", "shift_jis": "cp932",
    "shift-jis": "cp932", "ks_c_5601-1987": "cp949", "euc-kr": "cp949", "utf-16": "utf-8",
    "utf-16le": "utf-8", "utf8": "utf-8", "x-user-defined": "cp1252", "unicode": "utf-8",
    "unicode-1-1-utf-8": "utf-8", "x-gbk": "gb18030", "x-x-big5": "big5hkscs", "big5": "big5hkscs",
    "x-euc-jp": "euc-jp", "windows-31j": "cp932", "windows-949": "cp949", "windows-874": "cp874",
    "dos-874": "cp874", "iso-8859-8-i": "iso-8859-8", "x-mac-cyrillic": "mac-cyrillic",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Document:
    """A page's lines with their markup, and how it was read."""

    markup: Markup
    encoding: str
    reader: str


def looks_like_html(text: str) -> bool:
    """True if the text starts with markup that cannot be meant as prose."""
    start = text[:4096]
    comments = _COMMENTS.match(start)
    return _MARKUP_START.match(start, comments.end() if comments else 0) is not None


def decode(data: bytes, encoding: str | None = None, *, declared: bool = True) -> tuple[str, str]:
    """Decode a page: BOM, then ``encoding`` (a caller's or a header's), then ``<meta>``,
    then UTF-8, then detection. Returns the text and the encoding's name.

    Bytes that are wrong in the encoding become U+FFFD; an encoding that Python
    does not know raises `UsageError` when a caller named it and is passed over
    when the page did. ``declared=False`` is for plain text, which declares nothing.
    """
    for bom, name in _BOMS:
        if data.startswith(bom):
            return data.decode(name, "replace"), name
    if encoding is not None:
        try:
            return data.decode(encoding, "replace"), encoding
        except (LookupError, UnicodeError):  # of no text, or one that decodes host names
            raise UsageError(f"unknown encoding {encoding!r}; name one that Python knows") from None
    found = _META.search(data[:4096]) if declared else None
    if found is not None:
        name = found[1].decode("ascii").lower()
        name = _ALIASES.get(name, name)
        whole = _utf8(data)
        # Declared wrongly otherwise: no other text is valid UTF-8, but ASCII is every text.
        if whole is not None and (name == "utf-8" or len(whole) < len(data)):
            return whole, "utf-8"
        try:
            text = data.decode(name, "strict" if name != "utf-8" else "replace")
        except UnicodeDecodeError:
            # A page that declares one encoding and is written in another: UTF-8 decides.
            text, name = _detected(data, fallback=name)
        except (LookupError, UnicodeError):
            return _detected(data, fallback="utf-8")
        if name != "utf-8" or text.count("\ufffd") * 50 < len(text) + 50:
            return text, name
    return _detected(data, fallback="utf-8")


def _utf8(data: bytes) -> str | None:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _detected(data: bytes, fallback: str) -> tuple[str, str]:
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        if error.start > len(data) - 4:  # cut inside its last character
            return data.decode("utf-8", "replace"), "utf-8"
    import charset_normalizer

    best = charset_normalizer.from_bytes(data[:65536]).best()
    name = best.encoding if best is not None else fallback
    return data.decode(name, "replace"), name


def read(
    source: "str | bytes | BeautifulSoup | Tag",
    *,
    encoding: str | None = None,
    parser: str = "lexbor",
) -> Document:
    """Read an HTML page into lines.

    ``parser`` is ``"lexbor"``, ``"bs4"`` (BeautifulSoup with Python's html.parser)
    or ``"linear"`` (no tree at all). A soup is read as it is, whatever the parser.
    Raises `PageError` if the source is none of these kinds.
    """
    if parser not in PARSERS:
        raise UsageError(f"unknown parser {parser!r}; choose one of {', '.join(PARSERS)}")
    utf8: bytes | None = None
    if isinstance(source, (bytes, bytearray)):
        data = bytes(source)
        source, encoding = decode(data, encoding)
        if encoding == "utf-8" and "\ufffd" not in source:
            utf8 = data  # lexbor reads UTF-8: nothing to encode again
    if not isinstance(source, str):
        return Document(_read_soup(source), encoding or "str", "bs4")
    name = encoding or "str"
    if parser == "bs4":
        import bs4

        return Document(_read_soup(bs4.BeautifulSoup(source, "html.parser")), name, "bs4")
    found = hints.read(source)
    if parser == "lexbor":
        if utf8 is None:
            utf8 = lines.encodable(source).encode()
        if guard.is_tame(utf8):
            return Document(markup.read(serialise(utf8), "lexbor", found), name, "lexbor")
    return Document(markup.read(tags.without_opaque(source), "raw", found), name, "linear")


def serialise(page: bytes) -> str:
    """The body of lexbor's tree, written out again; ``page`` is UTF-8."""
    from selectolax.lexbor import LexborDocumentOptions, LexborHTMLParser

    tree = LexborHTMLParser(page, scripting=True, options=LexborDocumentOptions.WO_EVENTS)
    tree.strip_tags(tags.STRIPPED, recursive=True)
    node = tree.body or tree.root
    return (node.html or "") if node is not None else ""


def _read_soup(soup: Any) -> Markup:
    from bs4.element import Tag

    if not isinstance(soup, Tag):
        raise PageError(
            f"cannot read a {type(soup).__name__} as a page; give str, bytes, a path or a soup"
        )
    page = soup.decode()
    return markup.read(tags.without_opaque(page), "soup", hints.read(page))
