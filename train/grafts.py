"""Pages with another page's article in the place of their own.

A fit knows each site's furniture around that site's articles alone, and learns what goes with what.
Grafts are pairs that no site has.
"""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import groupby

from train.gold import is_public
from unticker.annotations import AnnotatedPage, variant
from unticker.examples import Options, site_folds
from unticker.types import Label

_LEAST = 4
"""Lines of body that make an article which is put elsewhere."""
_WEIGHT = 0.5
"""What a line of a graft counts, of what it does in the page that has the article's place."""


def grafts(pages: Sequence[AnnotatedPage], options: Options) -> list[AnnotatedPage]:
    """Each page once more, with the article of another one of its set (original or public) and
    language, and without markup: the weights for HTML are not fitted on grafts.

    Both pages are in the folds that ``options`` draw for either, so that scores of a graft's lines
    come from fits that saw neither site, and the wording of a graft counts for none. Originals that
    count less than others stay as they are.
    """
    first, second = site_folds({page.site for page in pages}, options)

    def pool(page: AnnotatedPage) -> tuple[str, bool, int, int]:
        return page.lang, is_public(page), first[page.site], second[page.site]

    def order(page: AnnotatedPage) -> tuple[tuple[str, bool, int, int], bytes]:
        return pool(page), sha256(page.page.encode()).digest()

    made = []
    for _, group in groupby(sorted(filter(_has_article, pages), key=order), pool):
        some = list(group)
        for page, other in zip(some, some[1:] + some[:1], strict=True):
            if page.site != other.site:
                made.append(_graft(page, other))
    return made


def _has_article(page: AnnotatedPage) -> bool:
    whole = is_public(page) or page.weight >= _WEIGHT
    return whole and page.labels.count("body") >= _LEAST


def _graft(page: AnnotatedPage, other: AnnotatedPage) -> AnnotatedPage:
    """``page`` with the article of ``other``: all from the first to the last line of body."""
    place, article, lines = _article(page), _article(other), _lines(page)
    put = [*lines[: place.start], *_lines(other)[article], *lines[place.stop :]]
    made = variant(page, f"with {other.page}", put)
    return replace(made, weight=_WEIGHT * page.weight, foreign=True)


def _article(page: AnnotatedPage) -> slice:
    first = page.labels.index("body")
    return slice(first, len(page.labels) - page.labels[::-1].index("body"))


def _lines(page: AnnotatedPage) -> list[tuple[str, Label | None]]:
    return list(zip(page.lines, page.labels, strict=True))
