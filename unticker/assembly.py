"""Scores of units to pages of labelled lines."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate, islice, pairwise
from typing import NamedTuple, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from unticker.parts import Part
from unticker.types import BODY, BYLINE, LABELS, Label, Labelled, Line, Page, Segment
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


Chances = NDArray[np.float64]
"""Probabilities of the four labels, (units, 4)."""


class Judged(NamedTuple):
    """Units of a batch of pages: labels, (units, 4) final scores and probabilities, and by how much
    the first pass's score of an own headline is above those of all other classes."""

    labels: NDArray[np.int8]
    scores: NDArray[np.int32]
    chances: Chances
    headline: NDArray[np.int32]


def judge(scores: IntArray, first: IntArray) -> Judged:
    """From the final scores (units, 4) and the first pass's (units, 12)."""
    powers = exponentials(scores).T
    chances = (powers / powers.sum(axis=0)).T
    classes = np.ascontiguousarray(first.T)
    headline = classes[HEADLINE_CLASS].copy()
    classes[HEADLINE_CLASS] = -(1 << 30)
    headline -= classes.max(axis=0)
    return Judged(
        scores.argmax(axis=1).astype(np.int8),
        scores.astype(np.int32),
        chances,
        headline.astype(np.int32),
    )


class Piece:
    """A page, or a part of a huge one: where it stands in the page's text, its units and what they
    were judged to be. ``page`` is its number among the units'."""

    def __init__(self, text: str, part: Part, units: Units, page: int, judged: Judged) -> None:
        own = slice(int(units.first[page]), int(units.first[page + 1]))
        shift = part.start - int(units.page_starts[page])
        size = np.int32 if len(text) < 1 << 31 else np.int64  # a huge page has millions of units
        self.text = text
        self.part = part
        self.starts = (units.starts[own] + shift).astype(size)
        self.ends = (units.ends[own] + shift).astype(size)
        self.line = (units.line[own] + part.line).astype(size)
        self.labels = judged.labels[own]
        self.scores = judged.scores[own]
        self.chances = judged.chances[own]
        self.headline = judged.headline[own]

    def place(self, unit: int) -> tuple[int, int]:
        """A unit's line, from 1, and where it starts in the line."""
        start = int(self.starts[unit])
        return int(self.line[unit]) + 1, start - self.text.rfind("\n", 0, start) - 1


class Lines(Labelled):
    """The lines of a page, made as they are asked for."""

    def __init__(
        self, pieces: Sequence[Piece], labels: NDArray[np.int8], probabilities: Sequence[Chances]
    ) -> None:
        self._pieces = pieces
        self._unsettled = labels
        self._probabilities = probabilities  # (units, 4) for each piece

    @cached_property
    def _labels(self) -> NDArray[np.int8]:
        """The units' labels; in a line of nearly one kind, units that are unsure follow it."""
        labels = self._unsettled
        line = _joined([piece.line for piece in self._pieces])
        if not (line[1:] == line[:-1]).any():
            return labels
        length = _joined([piece.ends - piece.starts for piece in self._pieces])
        chance = _joined([
            chances[np.arange(len(chances)), labels[start:end]]
            for chances, (start, end) in zip(self._probabilities, self._bounds, strict=True)
        ])  # fmt: skip
        settled = labels.copy()
        for start, end in self._bounds:  # with the start of a line torn between pieces
            if start < end:
                part = slice(int(np.searchsorted(line[: start + 1], line[start])), end)
                settled[part] = _settled(settled[part], line[part], length[part], chance[part])
        return settled

    @property
    def _bounds(self) -> list[tuple[int, int]]:
        """The first unit of each piece, and one past its last."""
        return list(pairwise(accumulate((len(p.line) for p in self._pieces), initial=0)))

    def text(self, keep: Sequence[Label], without: frozenset[tuple[int, int]]) -> str:
        wanted = np.array([label in keep for label in LABELS])[self._labels]
        out: list[str] = []
        number, tail = -1, 0  # of the last unit: its line, characters behind it
        for piece, (first, last) in zip(self._pieces, self._bounds, strict=True):
            chosen = np.flatnonzero(wanted[first:last])
            if without and piece is self._pieces[0]:  # which titles stand in
                chosen = chosen[[piece.place(int(i)) not in without for i in chosen]]
            if not len(chosen):
                tail = -1 if len(piece.line) else tail
                continue
            starts, ends, line = piece.starts[chosen], piece.ends[chosen], piece.line[chosen]
            # Units that touch, or with but a newline between them, are one slice of the text.
            gap, same = starts[1:] - ends[:-1], line[1:] == line[:-1]
            new = np.flatnonzero((gap > 1) | same & (gap > 0)) + 1
            begin, end = np.append(0, new), np.append(new, len(chosen)) - 1
            between = [" " if follows else "\n" for follows in same[new - 1].tolist()]
            torn = line[0] == number
            touching = tail == 0 and starts[0] == piece.part.start
            between.insert(0, "\n" if not torn else "" if touching else " ")
            lows, highs = starts[begin].tolist(), ends[end].tolist()
            slices = zip(between, lows, highs, strict=True)
            out.append("".join([s for b, low, high in slices for s in (b, piece.text[low:high])]))
            number, tail = int(line[-1]), piece.part.end - highs[-1]
        return "".join(out)[1:]

    @cached_property
    def _lines(self) -> list[Line]:
        return list(self._made())

    def _made(self) -> Iterator[Line]:
        last: Line | None = None
        pieces = zip(self._pieces, self._bounds, self._probabilities, strict=True)
        for piece, (low, high), chances in pieces:
            if low == high:
                continue
            for line in self._of(piece, self._labels[low:high], chances):
                if last is not None and last.number == line.number:
                    last = _mended(last, line)
                    continue
                if last is not None:
                    yield last
                last = line
        if last is not None:
            yield last

    def _of(self, piece: Piece, labels: NDArray[np.int8], chances: Chances) -> Iterator[Line]:
        """The lines of a piece, whose units have these labels and probabilities."""
        first, end, before = piece.part
        texts = piece.text[first:end].split("\n")
        begins = first + np.cumsum([0] + [len(text) + 1 for text in texts])[piece.line - before]
        parts = (
            Segment(start, end, LABELS[label], dict(zip(LABELS, four)))
            for start, end, label, four in zip(
                (piece.starts - begins).tolist(),
                (piece.ends - begins).tolist(),
                labels.tolist(),
                zip(*chances.T.tolist()),
                strict=True,
            )
        )
        new = np.flatnonzero(np.append(True, piece.line[1:] != piece.line[:-1]))
        counts = np.diff(np.append(new, len(piece.line))).tolist()
        for number, count in zip(piece.line[new].tolist(), counts, strict=True):
            part = next(parts)
            text = texts[number - before]
            if count == 1:
                yield Line(number + 1, text, part.label, part.probabilities, (part,))
            else:
                yield _line(number + 1, text, (part, *islice(parts, count - 1)))

    def __len__(self) -> int:
        numbers = [piece.line for piece in self._pieces if len(piece.line)]
        torn = sum(a[-1] == b[0] for a, b in pairwise(numbers))
        return sum(len(np.unique(line)) for line in numbers) - int(torn)

    def __iter__(self) -> Iterator[Line]:
        # A line that nobody keeps is gone before the garbage collector would look at it.
        return iter(self.__dict__.get("_lines") or self._made())

    @overload
    def __getitem__(self, index: int) -> Line: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Line]: ...
    def __getitem__(self, index: int | slice) -> Line | Sequence[Line]:
        return self._lines[index]

    def __repr__(self) -> str:
        return f"<{len(self)} lines>"


def _settled(
    labels: NDArray[np.int8],
    line: NDArray[np.signedinteger],
    length: NDArray[np.signedinteger],
    chance: NDArray[np.float64],
) -> NDArray[np.int8]:
    group = np.cumsum(np.append(False, line[1:] != line[:-1]))
    shares = np.bincount(group * len(LABELS) + labels, length, (group[-1] + 1) * len(LABELS))
    shares = shares.reshape(-1, len(LABELS))
    clear = shares.max(axis=1) >= NEARLY_ALL * shares.sum(axis=1)
    follows = (chance < SURE) & (clear & (np.bincount(group) > 1))[group]
    most = shares.argmax(axis=1).astype(np.int8)
    return np.where(follows, most[group], labels)


def _mended(line: Line, rest: Line) -> Line:
    """A line that was torn between two pieces."""
    shift = len(line.text)
    moved = (p._replace(start=p.start + shift, end=p.end + shift) for p in rest.segments)
    return _line(line.number, line.text + rest.text, (*line.segments, *moved))


def _line(number: int, text: str, parts: tuple[Segment, ...]) -> Line:
    """A line takes the label of most of its characters, and their mean probabilities."""
    if len(parts) == 1:
        return Line(number, text, parts[0].label, parts[0].probabilities, parts)
    total = sum(part.end - part.start for part in parts)
    shares: Mapping[str, float] = {
        label: sum(p.end - p.start for p in parts if p.label == label) for label in LABELS
    }
    label = max(LABELS, key=lambda name: shares[name])
    mean = {
        name: sum(p.probabilities[name] * (p.end - p.start) for p in parts) / total
        for name in LABELS
    }
    return Line(number, text, label, mean, parts)


def article_columns(
    labels: NDArray[np.signedinteger],
    length: NDArray[np.signedinteger],
    chance: NDArray[np.float64],
) -> NDArray[np.float64]:
    """What tells a page with an article from one without; as long as `ARTICLE_COLUMNS`. ``chance``
    is that of body."""
    body = np.flatnonzero(labels == BODY)
    size = length[body]
    chars = int(size.sum())
    logs = np.log1p(np.array([chars, len(body), int(size[size >= 120].sum())], np.float64))
    return np.array([
        *logs,
        chars / max(int(length.sum()), 1),
        float(chance[body].mean()) if len(body) else 0.0,
        min(np.count_nonzero(labels == BYLINE), 3),
        1.0,
    ])  # fmt: skip


def assemble(
    pieces: Sequence[Piece],
    article: Sequence[float],
    encoding: str | None = None,
    reader: str | None = None,
) -> Page:
    """One page from its pieces; a page without an article gets no body."""
    labels = _joined([piece.labels for piece in pieces])
    if not len(labels):
        return Page((), None, frozenset(), 0.0, encoding, reader)
    chances = [piece.chances for piece in pieces]
    length = _joined([piece.ends - piece.starts for piece in pieces])
    columns = article_columns(labels, length, _joined([each[:, BODY] for each in chances]))
    chance = float(1 / (1 + np.exp(-np.clip(columns @ np.array(article), -50, 50))))
    if not (labels == BODY).any():
        chance = min(chance, 0.1)
    elif chance < NO_ARTICLE:
        # No article: what looked like body is the likeliest of the other labels.
        other = np.concatenate([piece.scores for piece in pieces])
        other[:, BODY] = np.iinfo(other.dtype).min
        labels = other.argmax(axis=1).astype(np.int8)
        chances = [_without_body(each, chance) for each in chances]
    lines = Lines(pieces, labels, chances)
    title, spans = _title(pieces, labels, length)
    return Page(lines, title, spans, chance, encoding, reader)


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


_Scalar = TypeVar("_Scalar", bound=np.generic)


def _joined(arrays: list[NDArray[_Scalar]]) -> NDArray[_Scalar]:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _title(
    pieces: Sequence[Piece], labels: NDArray[np.int8], length: IntArray
) -> tuple[str | None, frozenset[tuple[int, int]]]:
    """The own headline: of the short body units up to the first prose, the likeliest one."""
    body = np.flatnonzero(labels == BODY)
    if not len(body):
        return None, frozenset()
    headline = _joined([piece.headline for piece in pieces])
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
                spans.add(pieces[0].place(int(other)))
    return title, frozenset(spans)
