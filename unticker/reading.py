"""Sources to documents: what kind a source is, and its lines.

A path's suffix decides its kind; strings and bytes are HTML only if they start
like nothing but HTML.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unticker import html, lines, streams
from unticker.errors import PageError, UsageError
from unticker.markup import Markup
from unticker.types import Kind

if TYPE_CHECKING:
    from bs4 import BeautifulSoup
    from bs4.element import Tag

    Source = str | bytes | Path | BeautifulSoup | Tag

HTML_SUFFIXES = frozenset((".html", ".htm", ".xhtml"))
PAGE_SUFFIXES = HTML_SUFFIXES | {".txt", ".text", ".md", ""}
"""What a folder's pages are called, for `label` and `clean` alike; "" is no suffix."""


@dataclass(frozen=True, slots=True)
class Document:
    r"""A page's text, its lines joined by ``\n``, and for HTML its markup."""

    text: str
    markup: Markup | None
    encoding: str | None
    reader: str | None

    @property
    def markdown(self) -> bool:
        """Whether its lines are read as Markdown: those of text are, those of HTML are not."""
        return self.markup is None


def kind_of(name: str, kind: Kind) -> Kind:
    """The kind of a page file: what the caller said, or what its suffix says."""
    if kind != "auto":
        return kind
    return "html" if streams.suffix_of(name) in HTML_SUFFIXES else "text"


def page_files(folder: Path) -> list[Path]:
    """The text and HTML files in a folder and below, sorted; links are not followed.

    Raises `UsageError` for a folder in it that cannot be read.
    """

    def refuse(error: OSError) -> None:
        raise UsageError(f"{error.filename}: cannot be read ({error.strerror})")

    return sorted(
        path
        for parent, _, names in os.walk(folder, onerror=refuse)
        for path in (Path(parent, name) for name in names)
        if streams.suffix_of(path.name) in PAGE_SUFFIXES
        and path.is_file()
        and not path.is_symlink()
    )


def read(
    source: "Source", kind: Kind = "auto", encoding: str | None = None, parser: str = "lexbor"
) -> Document:
    """Read one source; a file may be compressed, as its suffix says.

    Raises `PageError` if a path cannot be read or the source is of no known type.
    """
    if kind not in ("auto", "text", "html"):
        raise UsageError(f"unknown kind {kind!r}; choose auto, text or html")
    if isinstance(source, Path):
        kind = kind_of(source.name, kind)
        source = _bytes(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
        if kind == "auto":
            head, _ = html.decode(data[:4096], encoding)
            kind = "html" if html.looks_like_html(head) else "text"
        if kind == "html":
            return _html(data, encoding, parser)
        text, name = html.decode(data, encoding, declared=False)
        return _text(text, name)
    if isinstance(source, str):
        if kind == "html" or (kind == "auto" and html.looks_like_html(source)):
            return _html(source, None, parser)
        return _text(source, None)
    return _html(source, encoding, parser)


def _bytes(path: Path) -> bytes:
    try:
        with open(path, "rb") as stream:
            return b"".join(streams.blocks(stream, streams.split_name(path.name)[2]))
    except FileNotFoundError:
        raise PageError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise PageError(f"{path}: is a folder, not a file") from None
    except streams.damages() as error:
        raise PageError(
            f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})"
        ) from None


def _text(text: str, encoding: str | None) -> Document:
    if text.startswith("\ufeff"):
        text = text[1:]
    if "\r" in text:
        text = "\n".join(lines.split(text))
    return Document(text, None, encoding, None)


def _html(source: Any, encoding: str | None, parser: str) -> Document:
    document = html.read(source, encoding=encoding, parser=parser)
    name = None if document.encoding == "str" else document.encoding
    return Document("\n".join(document.markup.lines), document.markup, name, document.reader)
