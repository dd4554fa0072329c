"""Judged pieces to a page: whether it has an article, and its title."""

from collections.abc import Sequence
from math import exp, log1p

import numpy as np
from numpy.typing import NDArray

from unticker.labelled import Chances, Lines, Piece, joined
from unticker.marks import heading
from unticker.reading import Document
from unticker.types import BODY, BYLINE, LABELS, Page
from unticker.units import IntArray, following

MAX_TITLE = 200
NO_ARTICLE = 0.4  # below, a page's body is emptied: losing an article is worse than a list kept
_SURELY = 0.95
ARTICLE_COLUMNS = (
    "body characters, log", "body units, log", "body characters in long units, log",
    "share of body characters", "mean body probability of body units",
    "units that are surely body, log", "greatest byline probability",
    "share of units that follow another in their line", "bias",
)  # fmt: skip


def article_columns(
    body: IntArray,
    length: NDArray[np.signedinteger],
    chances: Sequence[Chances],
    following: int,
) -> NDArray[np.float64]:
    """What tells a page with an article from one without; as long as `ARTICLE_COLUMNS`. ``body``
    are the numbers of its units of body. ``chances`` are those of all units, in one array or
    several; so many units are ``following`` another in their line (`unticker.units.following`),
    most where newlines were lost."""
    size = length[body]
    chars = int(size.sum())
    chance = joined([each[:, BODY] for each in chances])[body]
    return np.array([
        log1p(chars),
        log1p(len(body)),
        log1p(int(size[size >= 120].sum())),
        chars / max(int(length.sum()), 1),
        float(chance.sum()) / max(len(body), 1),
        log1p(int(np.count_nonzero(chance > _SURELY))),
        max((float(each[:, BYLINE].max(initial=0)) for each in chances), default=0.0),
        following / max(len(length), 1),
        1.0,
    ])  # fmt: skip


def assemble(pieces: Sequence[Piece], article: Sequence[float], document: Document) -> Page:
    """One page from its pieces; a page without an article gets no body."""
    labels = joined([piece.labels for piece in pieces])
    if not len(labels):
        return Page((), None, frozenset(), 0.0, document.encoding, document.reader)
    chances = [piece.chances for piece in pieces]
    length = joined([piece.length for piece in pieces])
    run_on = sum(following(piece.line, piece.starts, piece.ends) for piece in pieces)
    body = np.flatnonzero(labels == BODY)
    columns = article_columns(body, length, chances, run_on)
    chance = 1 / (1 + exp(-min(max(float(columns @ np.array(article)), -50), 50)))
    if not len(body):
        chance = min(chance, 0.1)
    elif chance < NO_ARTICLE:
        # No article: what looked like body is the likeliest of the other labels.
        other = np.concatenate([piece.scores for piece in pieces])
        other[:, BODY] = np.iinfo(other.dtype).min
        labels, body = other.argmax(axis=1).astype(np.int8), body[:0]
        chances = [_without_body(each, chance) for each in chances]
    lines = Lines(pieces, labels, chances)
    title, spans = _title(pieces, body, length)
    if title is not None and document.markdown:
        title = heading(title)
    return Page(lines, title, spans, chance, document.encoding, document.reader)


def _without_body(chances: Chances, chance: float) -> Chances:
    """Probabilities on a page that has an article only with this chance."""
    body = chances[:, BODY] * chance
    rest: Chances = chances.copy()
    rest[:, BODY] = 0
    total = rest.sum(axis=1)
    rest[total == 0] = [float(number != BODY) for number in range(len(LABELS))]
    rest *= ((1 - body) / rest.sum(axis=1))[:, None]
    rest[:, BODY] = body
    return rest


def _title(
    pieces: Sequence[Piece], body: IntArray, length: NDArray[np.signedinteger]
) -> tuple[str | None, frozenset[tuple[int, int]]]:
    """The own headline: of the short body units up to the first prose, the likeliest one.

    Sentences of a line, and parts of it that were cut where a line may have ended, are none: of
    five such one would be right, while four in five of all others are.
    """
    if not len(body):
        return None, frozenset()
    headline = joined([piece.headline for piece in pieces])
    prose = body[length[body] > MAX_TITLE]
    stop = int(prose[0]) if len(prose) else int(body[-1]) + 1
    early = body[body < stop][:6]
    # A headline stands early: each body unit before it costs it two logits.
    likely = headline[early] - 512 * np.arange(len(early))
    places = [_place(pieces, unit) for unit in early.tolist()]
    texts = [piece.text[piece.starts[place] : piece.ends[place]] for piece, place in places]
    for n in np.argsort(-likely, kind="stable").tolist():
        piece, place = places[n]
        if any(map(str.isalnum, texts[n])) and piece.stands_apart(place):  # "***" is no title
            title = texts[n]
            break
    else:
        return None, frozenset()
    spans = {  # it may be shown twice at the top
        piece.place(place)
        for (piece, place), text in zip(places, texts, strict=True)
        if piece is pieces[0] and text == title
    }
    return title, frozenset(spans)


def _place(pieces: Sequence[Piece], unit: int) -> tuple[Piece, int]:
    """The piece that a unit of the page stands in, and its number there."""
    number = 0
    while unit >= len(pieces[number].starts):
        unit -= len(pieces[number].starts)
        number += 1
    return pieces[number], unit
