"""Scores of units to pages of labelled lines."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from typing import overload

import numpy as np
from numpy.typing import NDArray

from unticker.context import CLASSES
from unticker.types import BODY, LABELS, Line, Page, Segment
from unticker.units import IntArray, Units
from unticker.weights import exponentials

HEADLINE_CLASS = 5
MAX_TITLE = 200
NO_ARTICLE = 0.25  # below, a page's body is emptied: losing an article is worse than a list kept
NEARLY_ALL, SURE = 0.9, 0.6
ARTICLE_COLUMNS = (
    "body characters, log", "body units, log", "body characters in long units, log",
    "share of body characters", "mean body probability of body units", "bylines", "bias",
)  # fmt: skip


class Piece:
    """A page, or a part of a huge one: its text, units and their final scores."""

    def __init__(
        self, text: str, units: Units, page: int, scores: IntArray, first: IntArray, line: int
    ) -> None:
        low, high = int(units.first[page]), int(units.first[page + 1])
        start = int(units.page_starts[page])
        self.text = text
        self.starts = units.starts[low:high] - start
        self.ends = units.ends[low:high] - start
        self.line = units.line[low:high] + line
        self.scores = scores[low:high]
        self.headline = first[low:high, HEADLINE_CLASS] - np.delete(
            first[low:high, :CLASSES], HEADLINE_CLASS, axis=1
        ).max(axis=1, initial=-(1 << 30))


class Lines(Sequence[Line]):
    """The lines of a page, made when they are first asked for."""

    def __init__(
        self, pieces: Sequence[Piece], labels: IntArray, probabilities: NDArray[np.float64]
    ) -> None:
        self._pieces = pieces
        self._labels = labels
        self._probabilities = probabilities

    @cached_property
    def _lines(self) -> list[Line]:
        lines: list[Line] = []
        labels = self._labels.tolist()
        chances = self._probabilities.tolist()
        unit = 0
        for piece in self._pieces:
            starts, ends = piece.starts.tolist(), piece.ends.tolist()
            numbers = piece.line.tolist()
            place = 0
            while place < len(starts):
                stop = place + 1
                while stop < len(starts) and numbers[stop] == numbers[place]:
                    stop += 1
                begin = piece.text.rfind("\n", 0, starts[place]) + 1
                end = piece.text.find("\n", ends[stop - 1])
                text = piece.text[begin : end if end >= 0 else len(piece.text)]
                parts = tuple(
                    Segment(
                        starts[i] - begin,
                        ends[i] - begin,
                        LABELS[labels[unit + i - place]],
                        dict(zip(LABELS, chances[unit + i - place], strict=True)),
                    )
                    for i in range(place, stop)
                )
                if lines and lines[-1].number == numbers[place] + 1:  # torn between pieces
                    torn = lines.pop()
                    shift = len(torn.text)
                    moved = [replace(p, start=p.start + shift, end=p.end + shift) for p in parts]
                    text, parts = torn.text + text, (*torn.segments, *moved)
                lines.append(_line(numbers[place] + 1, text, parts))
                unit += stop - place
                place = stop
        return lines

    def __len__(self) -> int:
        numbers = [piece.line for piece in self._pieces if len(piece.line)]
        torn = sum(a[-1] == b[0] for a, b in pairwise(numbers))
        return sum(len(np.unique(line)) for line in numbers) - int(torn)

    def __iter__(self) -> Iterator[Line]:
        return iter(self._lines)

    @overload
    def __getitem__(self, index: int) -> Line: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Line]: ...
    def __getitem__(self, index: int | slice) -> Line | Sequence[Line]:
        return self._lines[index]

    def __repr__(self) -> str:
        return f"<{len(self)} lines>"


def _line(number: int, text: str, parts: tuple[Segment, ...]) -> Line:
    """A line takes the label of most of its characters, and their mean probabilities.

    In a line of nearly one kind, parts that are unsure follow it.
    """
    if len(parts) == 1:
        return Line(number, text, parts[0].label, parts[0].probabilities, parts)
    total = sum(part.end - part.start for part in parts)
    shares: Mapping[str, float] = {
        label: sum(p.end - p.start for p in parts if p.label == label) for label in LABELS
    }
    label = max(LABELS, key=lambda name: shares[name])
    if shares[label] >= NEARLY_ALL * total:
        parts = tuple(
            replace(part, label=label) if part.probability < SURE else part for part in parts
        )
    mean = {
        name: sum(p.probabilities[name] * (p.end - p.start) for p in parts) / total
        for name in LABELS
    }
    return Line(number, text, label, mean, parts)


def article_columns(
    labels: IntArray, length: IntArray, chances: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What tells a page with an article from one without; as long as `ARTICLE_COLUMNS`."""
    body = labels == BODY
    chars = float(length[body].sum())
    prose = float(length[body & (length >= 120)].sum())
    return np.array([
        np.log1p(chars),
        np.log1p(float(body.sum())),
        np.log1p(prose),
        chars / max(float(length.sum()), 1.0),
        float(chances[body, BODY].mean()) if body.any() else 0.0,
        float(min((labels == 2).sum(), 3)),
        1.0,
    ])  # fmt: skip


def assemble(
    pieces: Sequence[Piece],
    article: Sequence[float],
    encoding: str | None = None,
    reader: str | None = None,
) -> Page:
    """One page from its pieces; a page without an article gets no body."""
    scores = np.concatenate([piece.scores for piece in pieces])
    if not len(scores):
        return Page((), None, frozenset(), 0.0, encoding, reader)
    powers = exponentials(scores).astype(np.float64)
    chances = powers / powers.sum(axis=1, keepdims=True)
    labels = scores.argmax(axis=1)
    length = np.concatenate([piece.ends - piece.starts for piece in pieces])
    columns = article_columns(labels, length, chances)
    chance = float(1 / (1 + np.exp(-np.clip(columns @ np.array(article), -50, 50))))
    if not (labels == BODY).any():
        chance = min(chance, 0.1)
    elif chance < NO_ARTICLE:
        # No article: what looked like body is the likeliest of the other labels.
        other = scores.copy()
        other[:, BODY] = np.iinfo(np.int64).min
        labels = other.argmax(axis=1)
        chances = _without_body(chances, chance)
    lines = Lines(pieces, labels, chances)
    title, spans = _title(pieces, labels, length)
    return Page(lines, title, spans, chance, encoding, reader)


def _without_body(chances: NDArray[np.float64], chance: float) -> NDArray[np.float64]:
    """Probabilities on a page that has an article only with this chance."""
    body = chances[:, BODY] * chance
    rest = chances.copy()
    rest[:, BODY] = 0
    total = rest.sum(axis=1)
    rest[total == 0] = [float(number != BODY) for number in range(len(LABELS))]
    rest *= ((1 - body) / rest.sum(axis=1))[:, None]
    rest[:, BODY] = body
    return rest


def _title(
    pieces: Sequence[Piece], labels: IntArray, length: IntArray
) -> tuple[str | None, frozenset[tuple[int, int]]]:
    """The own headline: of the short body units up to the first prose, the likeliest one."""
    body = np.flatnonzero(labels == BODY)
    if not len(body):
        return None, frozenset()
    headline = np.concatenate([piece.headline for piece in pieces])
    prose = body[length[body] > MAX_TITLE]
    stop = int(prose[0]) if len(prose) else int(body[-1]) + 1
    early = body[body < stop][:6]
    if not len(early):
        return None, frozenset()
    # A headline stands early: each body unit before it costs it two logits.
    best = int(early[np.argmax(headline[early] - 512 * np.arange(len(early)))])
    place, piece = best, pieces[0]
    for piece in pieces:
        if place < len(piece.starts):
            break
        place -= len(piece.starts)
    title = piece.text[piece.starts[place] : piece.ends[place]]
    spans = set()
    for other in early:  # shown twice at the top
        if other < len(pieces[0].starts):
            start, end = int(pieces[0].starts[other]), int(pieces[0].ends[other])
            if pieces[0].text[start:end] == title:
                begin = pieces[0].text.rfind("\n", 0, start) + 1
                spans.add((int(pieces[0].line[other]) + 1, start - begin))
    return title, frozenset(spans)
