"""Units that were judged, and the lines they make up."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from itertools import accumulate, chain, islice, pairwise, tee
from typing import Any, NamedTuple, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from unticker.parts import Part
from unticker.softmax import exponentials
from unticker.types import LABELS, Label, Labelled, Line, Segment
from unticker.units import IntArray, following
from unticker.weights import Batch

HEADLINE_CLASS = 5
NEARLY_ALL, SURE = 0.9, 0.6

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
    were judged to be. ``page`` is its number in the batch. A unit is as long as what was read of
    it, which can be less than what stands from its start to its end."""

    def __init__(self, text: str, part: Part, batch: Batch, page: int, judged: Judged) -> None:
        units = batch.units
        own = units.of(page)
        starts, ends = batch.places(page)
        size = np.int32 if len(text) < 1 << 31 else np.int64  # a huge page has millions of units
        self.text = text
        self.part = part
        self.starts = (starts + part.start).astype(size)
        self.ends = (ends + part.start).astype(size)
        self.length = (units.ends[own] - units.starts[own]).astype(size)
        self.line = (units.line[own] + part.line).astype(size)
        self.labels = judged.labels[own]
        self.scores = judged.scores[own]
        self.chances = judged.chances[own]
        self.headline = judged.headline[own]

    def stands_apart(self, unit: int) -> bool:
        """Whether a unit is a whole line, or has runs of spaces on both sides in its line."""
        near = slice(max(unit - 1, 0), unit + 2)
        return not following(self.line[near], self.starts[near], self.ends[near])

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
        line = joined([piece.line for piece in self._pieces])
        if not (line[1:] == line[:-1]).any():
            return labels
        length = joined([piece.length for piece in self._pieces])
        chance = joined([
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
        number = begin = end = -2  # of the slice of the text that is open: its last line, its place
        for piece, (first, last) in zip(self._pieces, self._bounds, strict=True):
            chosen = np.flatnonzero(wanted[first:last])
            if without and piece is self._pieces[0]:  # which titles stand in
                chosen = chosen[[piece.place(int(i)) not in without for i in chosen]]
            places = (each[chosen].tolist() for each in (piece.starts, piece.ends, piece.line))
            for start, stop, line in zip(*places, strict=True):
                # Units that touch, or with but a newline between them, are one slice.
                if start != end and (line == number or start != end + 1):
                    out.append(piece.text[begin:end] if out else "")
                    out.append(" " if line == number else "\n")
                    begin = start
                number, end = line, stop
        out.append(self._pieces[-1].text[begin:end] if out else "")
        return "".join(out)[1:]

    @cached_property
    def _lines(self) -> list[Line]:
        return list(self._made())

    def _made(self) -> Iterator[Line]:
        made = (  # a piece at a time: each takes several times its text
            _of(piece, self._labels[low:high], chances)
            for piece, (low, high), chances in zip(
                self._pieces, self._bounds, self._probabilities, strict=True
            )
            if low < high
        )
        return _joined(made) if len(self._pieces) > 1 else next(made, iter(()))

    def __len__(self) -> int:
        numbers = [piece.line for piece in self._pieces if len(piece.line)]
        torn = sum(a[-1] == b[0] for a, b in pairwise(numbers))
        return sum(len(np.unique(line)) for line in numbers) - int(torn)

    def __iter__(self) -> Iterator[Line]:
        return iter(self.__dict__.get("_lines") or self._made())

    @overload
    def __getitem__(self, index: int) -> Line: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Line]: ...
    def __getitem__(self, index: int | slice) -> Line | Sequence[Line]:
        return self._lines[index]

    def __repr__(self) -> str:
        return f"<{len(self)} lines>"


# Made from a tuple of their fields, which is several times faster than by their own names.
_SEGMENT: Callable[[tuple[Any, ...]], Segment] = partial(tuple.__new__, Segment)
_LINE: Callable[[tuple[Any, ...]], Line] = partial(tuple.__new__, Line)


def _of(piece: Piece, labels: NDArray[np.int8], chances: Chances) -> Iterator[Line]:
    """The lines of a piece, whose units have these labels and probabilities.

    One at a time: of many that are held at once the garbage collector takes long. Most are of one
    unit, and are made without a step of Python's own for each.
    """
    first, end, before = piece.part
    texts = piece.text[first:end].split("\n")
    line = piece.line - before
    begins = first + np.cumsum([0] + [len(text) + 1 for text in texts])[line]
    names = [LABELS[label] for label in labels.tolist()]
    each = (
        {"headline-ticker": ticker, "ui-chrome": chrome, "byline": byline, "body": body}
        for ticker, chrome, byline, body in zip(*chances.T.tolist(), strict=True)
    )
    places = (piece.starts - begins).tolist(), (piece.ends - begins).tolist()
    new = np.append(True, line[1:] != line[:-1])
    if new.all():
        probabilities, same = tee(each)
        parts = map(_SEGMENT, zip(*places, names, probabilities))
        numbers = (piece.line + 1).tolist()
        own = map(texts.__getitem__, line.tolist())
        return map(_LINE, zip(numbers, own, names, same, zip(parts)))
    parts = map(_SEGMENT, zip(*places, names, each))
    starts = np.flatnonzero(new)
    counts = np.diff(np.append(starts, len(line))).tolist()
    return (
        _line(before + number + 1, texts[number], tuple(islice(parts, count)))
        for number, count in zip(line[starts].tolist(), counts, strict=True)
    )


def _joined(made: Iterable[Iterator[Line]]) -> Iterator[Line]:
    """The lines of several pieces; between two of them a line may be torn."""
    last: Line | None = None
    for line in chain.from_iterable(made):
        if last is not None and last.number == line.number:
            last = _mended(last, line)
            continue
        if last is not None:
            yield last
        last = line
    if last is not None:
        yield last


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
        return _LINE((number, text, parts[0].label, parts[0].probabilities, parts))
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


_Scalar = TypeVar("_Scalar", bound=np.generic)


def joined(arrays: list[NDArray[_Scalar]]) -> NDArray[_Scalar]:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
