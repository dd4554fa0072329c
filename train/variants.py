"""Pages once more: as crawls and other tools leave them (newlines lost, other marks), or without
their article."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate

from train.gold import is_public
from unticker.annotations import AnnotatedPage, collapse, dense, scatter, variant
from unticker.formats import markdown
from unticker.hints import NO_HINTS
from unticker.markup import LINK, Markup
from unticker.types import Label

_BULLETS = ("- ", "* ", "  * ")
_DOT = "  • "
_LINK = re.compile(r"\[((?:[^\[\]\\]|\\.)+)\]\(([^\s()]+)\)")
_EVERY = 9
"""Lines of Markdown between two images."""
_TEASERS = 8
_PROSE = 60
_PARAGRAPHS, _BESIDE = (1, 2, 3, 5), (0, 1, 3, 7)
"""Of a brief, and lines on either side of it."""


def variants(pages: Sequence[AnnotatedPage]) -> list[AnnotatedPage]:
    """What a fit sees besides the pages. Blank lines change no label.

    Every original and every eighth public page in one line, joined by four spaces, and as many by
    one (of originals written as HTML, half the one way and half the other); every eighth page with
    markup each in Markdown, with the marks of headings and lists alone, and with bullets alone, as
    WET files have them; every eighth public and every fourth original page as extractors leave it,
    and as many as the article alone, in one line; every page as a brief; every fourth public page
    as an index, for the fit of `article_probability` alone; and originals with their tickers broken
    into lines.

    Originals that count less than others stay as they are: with a second article and no furniture
    between, they would teach that the end of any text in one line is foreign. Those without an
    article are there in one line for the fit of `article_probability`.
    """
    made: list[AnnotatedPage] = []
    for number, page in enumerate(pages):
        original = not is_public(page)
        if original and page.weight < 1:
            made += _collapsed(page) if "body" not in page.labels else ()
            continue
        every = 8 if not original else 1 if page.markup is None else 2
        if number % every == 4 % every:
            made.append(collapse(page, "    "))
        if number % every == 7 % every:
            made.append(collapse(page, " "))
        place = number % (4 if original else 8)
        if place == 3:
            made += _extracted(page, number // 8)
        elif place == 2:
            made += _alone(page, number // 8)
        made += _brief(page, number)
        if page.markup is not None:
            made += _marked(page, page.markup, number % 8, number // 8)
        if not original:
            made += _index(page, number // 4) if number % 4 == 0 else ()
        elif len(dense(page).lines) < len((scattered := scatter(page)).lines):
            made.append(scattered)
    return made


def _marked(page: AnnotatedPage, markup: Markup, place: int, turn: int) -> Iterator[AnnotatedPage]:
    bullet = _BULLETS[turn % len(_BULLETS)]
    if place == 1:
        lines = markdown(markup, bullet=bullet)
        if turn % 2:
            lines = [_LINK.sub(r'[\1](\2 "\1")', line) for line in lines]
        yield variant(page, "Markdown", list(_with_images(page, lines)))
    elif place == 5:
        lines = markdown(markup, links=False, bullet=bullet)
        yield variant(page, "marks", list(zip(lines, page.labels, strict=True)))
    elif place == 6:
        items = markdown(markup, links=False, bullet=_DOT)
        lines = [
            item if item.endswith(_DOT + line) else line
            for line, item in zip(page.lines, items, strict=True)
        ]
        yield variant(page, "bullets", list(zip(lines, page.labels, strict=True)))


def _extracted(page: AnnotatedPage, turn: int) -> Iterator[AnnotatedPage]:
    """The article alone, or with what extractors leave beside it; as it is, or in one line."""
    lines = [
        line
        for line in zip(page.lines, page.labels, strict=True)
        if line[1] == "body" or (turn % 2 and _stays(*line))
    ]
    if "body" in page.labels:
        kept = variant(page, "extracted", lines)
        yield collapse(kept, " ") if turn % 4 > 1 else kept


def _alone(page: AnnotatedPage, turn: int) -> Iterator[AnnotatedPage]:
    """The article in one line, every other time without its headline: what was cleaned already
    has nothing around it to stand out from."""
    lines = zip(page.lines, page.labels, strict=True)
    body = [line for line in lines if line[1] == "body"][turn % 2 :]
    if body:
        yield collapse(variant(page, "alone", body), " ")


def _brief(page: AnnotatedPage, turn: int) -> Iterator[AnnotatedPage]:
    """The headline and the first paragraphs, most with the byline and with a few lines of what
    stands ahead and behind, as a flash or as a cautious extractor leaves it, with their markup.
    Each line counts half, and one in five pages is there once more for the fit of
    `article_probability`."""
    article = _opening(page, _PARAGRAPHS[turn % 4], signed=turn // 4 % 4 > 0)
    if not article:
        return
    beside = _BESIDE[turn // 3 % 4]
    labelled = [row for row, label in enumerate(page.labels) if label]
    last = max(row for row in labelled if page.labels[row] == "body")
    ahead = [row for row in labelled if row < article[0]]
    behind = [row for row in labelled if row > last]
    top = 0 if turn % 2 else max(0, len(ahead) - beside)
    foot = 0 if turn // 2 % 2 else max(0, (len(behind) - beside) // 2)
    rows = ahead[top : top + beside] + article + behind[foot : foot + beside]
    brief = variant(page, "brief", [(page.lines[row], page.labels[row]) for row in rows])
    if turn % 5 == 2:  # five takes all kinds in turn
        yield replace(brief, weight=0.0)
    markup = None if page.markup is None else only(page.markup, rows)
    if markup is not None and turn // 16 % 2:
        markup = replace(markup, hints=NO_HINTS)
    yield replace(brief, weight=page.weight / 2, markup=markup)


def only(markup: Markup, rows: Sequence[int]) -> Markup:
    """The markup of some of its lines; ``rows`` rises."""
    ends = list(accumulate((line.count(LINK) for line in markup.marked), initial=0))
    return replace(
        markup,
        lines=[markup.lines[row] for row in rows],
        link_chars=[markup.link_chars[row] for row in rows],
        contexts=[markup.contexts[row] for row in rows],
        marked=[markup.marked[row] for row in rows],
        targets=[markup.targets[row] for row in rows],
        links=[link for row in rows for link in markup.links[ends[row] : ends[row + 1]]],
    )


def _opening(page: AnnotatedPage, paragraphs: int, signed: bool) -> list[int]:
    """Rows of the article, to the end of so many paragraphs; none if it has fewer."""
    rows: list[int] = []
    for row, (text, label) in enumerate(zip(page.lines, page.labels, strict=True)):
        if label == "body":
            rows.append(row)
            paragraphs -= len(text) >= _PROSE
        elif label == "byline" and rows and signed:
            rows.append(row)
        if not paragraphs:
            return rows
    return []


def _stays(text: str, label: Label | None) -> bool:
    """Whether an extractor that favours recall is likely to leave a line."""
    return label == "byline" or (label is not None and len(text) >= _PROSE)


def _collapsed(page: AnnotatedPage) -> Iterator[AnnotatedPage]:
    """A page without an article, in one line, for the fit of `article_probability` alone."""
    for separator in (" ", "    "):
        yield replace(collapse(page, separator), weight=0.0)


def _index(page: AnnotatedPage, turn: int) -> Iterator[AnnotatedPage]:
    """The page without its article and byline, if teasers enough are left to look like an index;
    every other time in one line, too."""
    lines = zip(page.lines, page.labels, strict=True)
    left = [line for line in lines if line[1] not in ("body", "byline")]
    if sum(label == "headline-ticker" for _, label in left) >= _TEASERS:
        index = replace(variant(page, "index", left), weight=0.0)
        yield index
        if turn % 2:
            yield collapse(index, " ")


def _with_images(page: AnnotatedPage, lines: Sequence[str]) -> Iterator[tuple[str, Label | None]]:
    """The lines, with images among them as Markdown writers leave them."""
    for number, (line, label) in enumerate(zip(lines, page.labels, strict=True)):
        if number % _EVERY == _EVERY // 2:
            words = page.lines[number].replace("[", "").replace("]", "")
            alt = words[:60] if number % 2 else ""
            image = f"![{alt}](/images/{number}.jpg)"
            yield (f"[{image}](/{number})" if number % 4 < 2 else image), "ui-chrome"
        yield line, label
