"""Pages once more, as crawls and other tools leave them: newlines lost, or other marks."""

import re
from collections.abc import Iterator, Sequence

from unticker.annotations import AnnotatedPage, collapse, dense, scatter, variant
from unticker.formats import markdown
from unticker.types import Label

_BULLETS = ("- ", "* ", "  * ")
_DOT = "  • "
_LINK = re.compile(r"\[((?:[^\[\]\\]|\\.)+)\]\(([^\s()]+)\)")
_EVERY = 9
"""Lines of Markdown between two images."""


def variants(pages: Sequence[AnnotatedPage]) -> list[AnnotatedPage]:
    """What a fit sees besides the pages. Blank lines change no label.

    Every original and every fourth public page in one line, joined by four spaces, and as many by
    one; every eighth public page each in Markdown, with the marks of headings and lists alone, and
    with bullets alone, as WET files have them; and originals with their tickers broken into lines.
    """
    made = []
    for number, page in enumerate(pages):
        original = page.markup is None
        if original or number % 4 == 0:
            made.append(collapse(page, "    "))
        if original or number % 4 == 2:
            made.append(collapse(page, " "))
        if not original:
            made += _marked(page, number % 8, number // 8)
        elif len(dense(page).lines) < len(scatter(page).lines):
            made.append(scatter(page))
    return made


def _marked(page: AnnotatedPage, place: int, turn: int) -> Iterator[AnnotatedPage]:
    assert page.markup is not None
    bullet = _BULLETS[turn % len(_BULLETS)]
    if place == 1:
        lines = markdown(page.markup, bullet=bullet)
        if turn % 2:
            lines = [_LINK.sub(r'[\1](\2 "\1")', line) for line in lines]
        yield variant(page, "Markdown", list(_with_images(page, lines)))
    elif place == 5:
        lines = markdown(page.markup, links=False, bullet=bullet)
        yield variant(page, "marks", list(zip(lines, page.labels, strict=True)))
    elif place == 3:
        items = markdown(page.markup, links=False, bullet=_DOT)
        lines = [
            item if item.endswith(_DOT + line) else line
            for line, item in zip(page.lines, items, strict=True)
        ]
        yield variant(page, "bullets", list(zip(lines, page.labels, strict=True)))


def _with_images(page: AnnotatedPage, lines: Sequence[str]) -> Iterator[tuple[str, Label | None]]:
    """The lines, with images among them as Markdown writers leave them."""
    for number, (line, label) in enumerate(zip(lines, page.labels, strict=True)):
        if number % _EVERY == _EVERY // 2:
            words = page.lines[number].replace("[", "").replace("]", "")
            alt = words[:60] if number % 2 else ""
            image = f"![{alt}](/images/{number}.jpg)"
            yield (f"[{image}](/{number})" if number % 4 < 2 else image), "ui-chrome"
        yield line, label
