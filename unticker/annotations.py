"""Annotated lines, read from JSONL or TSV, and checked."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from unticker import lines
from unticker.errors import UsageError
from unticker.markup import Markup
from unticker.types import LABELS, Label

_MOST_LINES = 10_000_000
_WIDE = re.compile(r"\s{3,}")


@dataclass(frozen=True, slots=True)
class AnnotatedPage:
    """A page's text with the label of each of its lines, None where a line is blank.

    ``site`` groups pages for cross-validation; it is the page's name where none is
    given. ``markup`` is there for pages read from HTML. ``parts`` (start, end, label; code
    points of ``text``) say more than the lines' labels where lines hold several kinds.
    ``weight`` is what each of its lines counts in a fit, and 0 for a page from which only
    `Page.article_probability` is learnt; a ``variant`` of another page is fitted on and not
    counted. A ``foreign`` one holds wording of another site, and shows none as its site's own.
    """

    page: str
    lines: tuple[str, ...]
    labels: tuple[Label | None, ...]
    lang: str
    site: str
    markup: Markup | None = None
    parts: tuple[tuple[int, int, Label], ...] = ()
    weight: float = 1.0
    variant: bool = False
    foreign: bool = False

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def collapse(page: AnnotatedPage, separator: str) -> AnnotatedPage:
    """The page as it looks when its newlines were lost: one line, its parts labelled."""
    kept = [
        (text.strip(), label)
        for text, label in zip(page.lines, page.labels, strict=True)
        if label is not None
    ]
    parts = []
    start = 0
    for text, label in kept:
        parts.append((start, start + len(text), label))
        start += len(text) + len(separator)
    size = Counter[Label]()
    for begin, end, label in parts:
        size[label] += end - begin
    text = separator.join(text for text, _ in kept)
    whole = variant(page, "one line", [(text, size.most_common(1)[0][0])])
    return replace(whole, parts=tuple(parts))


def scatter(page: AnnotatedPage) -> AnnotatedPage:
    """The page with its tickers broken into lines: lines are cut at runs of three spaces."""
    lines = [
        (part.strip(), label)
        for text, label in zip(page.lines, page.labels, strict=True)
        for part in (_WIDE.split(text.strip()) if label is not None else [text])
    ]
    return variant(page, "scattered", lines)


def dense(page: AnnotatedPage) -> AnnotatedPage:
    """The page without its blank lines."""
    lines = zip(page.lines, page.labels, strict=True)
    return variant(page, "dense", [line for line in lines if line[1] is not None])


def variant(
    page: AnnotatedPage, how: str, lines: Sequence[tuple[str, Label | None]]
) -> AnnotatedPage:
    """The page with other lines, labelled; its markup does not go with them."""
    return replace(
        page,
        page=f"{page.page} ({how})",
        lines=tuple(text for text, _ in lines),
        labels=tuple(label for _, label in lines),
        markup=None,
        variant=True,
    )


def read(paths: Iterable[Path | str]) -> list[AnnotatedPage]:
    """Read annotation files: ``.tsv``, or JSONL with any other suffix.

    Raises `UsageError`, naming file and row, for a row that is not an annotated line.
    """
    pages: list[AnnotatedPage] = []
    for path in map(Path, paths):
        try:
            text = path.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            raise UsageError(f"{path}: no such annotation file") from None
        except IsADirectoryError:
            raise UsageError(f"{path} is a folder; name the annotation files in it") from None
        except UnicodeDecodeError:
            raise UsageError(f"{path}: not UTF-8; save the annotations as UTF-8") from None
        reader = _tsv if path.suffix.lower() in (".tsv", ".tab") else _jsonl
        pages += reader(path, text)
    if not any(label for page in pages for label in page.labels):
        raise UsageError("no annotated lines in the files given")
    return pages


def from_rows(rows: Iterable[Mapping[str, Any]]) -> list[AnnotatedPage]:
    """Pages from rows of page (or source), line, text, label, lang, site."""
    return _pages((f"annotations, row {number}", row) for number, row in enumerate(rows, 1))


def _pages(rows: Iterable[tuple[str, Mapping[str, Any]]]) -> list[AnnotatedPage]:
    pages: dict[str, dict[int, Mapping[str, Any]]] = {}
    for place, row in rows:
        if not isinstance(row, Mapping):
            raise UsageError(f"{place}: not a JSON object")
        page = row.get("page", row.get("source"))
        line, label, text = row.get("line"), row.get("label"), row.get("text")
        if not isinstance(page, str):
            raise UsageError(f"{place}: needs 'page' (or 'source'), the name of the page")
        if type(line) is not int or not 1 <= line <= _MOST_LINES:
            raise UsageError(f"{place}: 'line' must be a whole number from 1")
        if label not in LABELS:
            raise UsageError(f"{place}: unknown label {label!r}; use one of {', '.join(LABELS)}")
        if not isinstance(text, str) or lines.is_blank(text) or "\n" in text or "\r" in text:
            raise UsageError(f"{place}: 'text' must be one line that is not blank")
        if line in pages.setdefault(page, {}):
            raise UsageError(f"{place}: line {line} of {page} is labelled twice")
        pages[page][line] = row
    return [_page(name, numbered) for name, numbered in pages.items()]


def _page(name: str, numbered: dict[int, Mapping[str, Any]]) -> AnnotatedPage:
    last = max(numbered)
    texts = [str(numbered[n]["text"]) if n in numbered else "" for n in range(1, last + 1)]
    labels = [numbered[n]["label"] if n in numbered else None for n in range(1, last + 1)]
    row = next(iter(numbered.values()))
    return AnnotatedPage(
        name,
        tuple(texts),
        tuple(labels),
        str(row.get("lang") or "und"),
        str(row.get("site") or name),
    )


def _jsonl(path: Path, text: str) -> list[AnnotatedPage]:
    def rows() -> Iterator[tuple[str, Any]]:
        for number, row in enumerate(text.split("\n"), 1):
            if lines.is_blank(row):
                continue
            try:
                yield f"{path}, row {number}", json.loads(row)
            except ValueError:
                raise UsageError(f"{path}, row {number}: not valid JSON") from None

    return _pages(rows())


def _tsv(path: Path, text: str) -> list[AnnotatedPage]:
    """``label<TAB>text``; an empty row between pages, a lone tab for a blank line in one."""
    pages: list[AnnotatedPage] = []
    texts: list[str] = []
    labels: list[Label | None] = []

    def close() -> None:
        if any(labels):
            name = f"{path}#{len(pages) + 1}"
            pages.append(AnnotatedPage(name, tuple(texts), tuple(labels), "und", name))
        texts.clear()
        labels.clear()

    for number, row in enumerate(lines.split(text), 1):
        if not row.strip(" "):
            close()
            continue
        label, tab, line = row.partition("\t")
        if not tab:
            raise UsageError(f"{path}, row {number}: needs label, tab, text")
        if not label.strip() and lines.is_blank(line):
            texts.append("")
            labels.append(None)
        elif label.strip() not in LABELS:
            raise UsageError(
                f"{path}, row {number}: unknown label {label!r}; use one of {', '.join(LABELS)}"
            )
        elif lines.is_blank(line):
            raise UsageError(f"{path}, row {number}: the text behind the label is blank")
        else:
            texts.append(line)
            labels.append(LABELS[LABELS.index(label.strip())])
    close()
    return pages


def write(pages: Iterable[AnnotatedPage], path: Path) -> None:
    """Write pages as JSONL, one row a line of the page."""
    with path.open("w", encoding="utf-8") as stream:
        for page in pages:
            for number, (text, label) in enumerate(zip(page.lines, page.labels, strict=True), 1):
                if label is not None:
                    row = {"page": page.page, "line": number, "text": text, "label": label}
                    row |= {"lang": page.lang, "site": page.site}
                    stream.write(json.dumps(row, ensure_ascii=False) + "\n")
