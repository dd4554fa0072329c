"""The values that stages hand to each other. Frozen; imports nothing of the package."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

Label = Literal["headline-ticker", "ui-chrome", "byline", "body"]
LABELS: tuple[Label, ...] = ("headline-ticker", "ui-chrome", "byline", "body")
TICKER, CHROME, BYLINE, BODY = range(4)

Kind = Literal["auto", "text", "html"]


# Tuples, since they are made several times faster than frozen dataclasses and pages have
# hundreds of them.
class Segment(NamedTuple):
    """A part of a line: ``line.text[start:end]``, offsets in code points."""

    start: int
    end: int
    label: Label
    probabilities: Mapping[Label, float]

    @property
    def probability(self) -> float:
        return self.probabilities[self.label]


class Line(NamedTuple):
    """A line that is not blank, with its label.

    ``number`` counts from 1, blank lines included. ``probability`` is that of
    ``label``, ``probabilities`` has all four and sums to 1. ``segments`` cover the
    line's text but for white space between them; most lines have one.
    """

    number: int
    text: str
    label: Label
    probabilities: Mapping[Label, float]
    segments: tuple[Segment, ...]

    @property
    def probability(self) -> float:
        return self.probabilities[self.label]


@dataclass(frozen=True, slots=True)
class Span:
    """A text span of a page: line number (from 1) and offsets into that line."""

    line: int
    start: int
    end: int
    text: str


class Labelled(Sequence[Line]):
    """Lines that can tell their text without making a `Line` of each."""

    @abstractmethod
    def text(self, keep: Sequence[Label], without: frozenset[tuple[int, int]]) -> str:
        """`Page.text`, ``without`` the segments at these line numbers and offsets."""


@dataclass(frozen=True, slots=True)
class Page:
    """One labelled page.

    ``title`` is the page's own headline or None, ``title_spans`` the line numbers and
    offsets of the segments that hold it: whole lines, or parts between runs of
    spaces. ``article_probability`` is near 0 for indexes, error pages and consent walls; their
    body is empty. ``encoding`` and ``reader`` say how the source was read (None where it was a
    string, or text).
    """

    lines: Sequence[Line]
    title: str | None
    title_spans: frozenset[tuple[int, int]]
    article_probability: float
    encoding: str | None = None
    reader: str | None = None

    def text(
        self,
        keep: Sequence[Label] = ("body",),
        title: bool = True,
        threshold: float | None = None,
        trim: bool = False,
    ) -> str:
        r"""The segments with a label in ``keep``, lines joined by ``\n``.

        ``title=False`` leaves out the page's own headline and nothing else.
        ``threshold`` keeps what belongs to ``keep`` with at least this probability,
        whatever its label: above 0.5 for precision, below for recall. ``trim`` keeps
        everything between the first and the last kept segment.
        """
        if isinstance(self.lines, Labelled) and threshold is None and not trim:
            return self.lines.text(keep, frozenset() if title else self.title_spans)
        kept = [
            (line, part)
            for line in self.lines
            for part in line.segments
            if _wanted(part, keep, threshold)
        ]
        if trim and kept:
            first = (kept[0][0].number, kept[0][1].start)
            last = (kept[-1][0].number, kept[-1][1].start)
            kept = [
                (line, part)
                for line in self.lines
                for part in line.segments
                if first <= (line.number, part.start) <= last
            ]
        out: list[str] = []
        number = end = 0
        for line, part in kept:
            if not title and (line.number, part.start) in self.title_spans:
                continue
            text = line.text[part.start : part.end]
            if line.number == number:
                out[-1] += (" " if part.start > end else "") + text
            else:
                out.append(text)
            number, end = line.number, part.end
        return "\n".join(out)

    @property
    def body(self) -> str:
        """The article's text, title included where the page shows it."""
        return self.text()

    @property
    def bylines(self) -> tuple[Span, ...]:
        """The byline's spans, in reading order."""
        return tuple(
            Span(line.number, s.start, s.end, line.text[s.start : s.end])
            for line in self.lines
            for s in line.segments
            if s.label == "byline"
        )

    @property
    def noise(self) -> str:
        """All that is neither body nor byline."""
        return self.text(keep=("headline-ticker", "ui-chrome"))


def _wanted(part: Segment, keep: Sequence[Label], threshold: float | None) -> bool:
    if threshold is None:
        return part.label in keep
    return sum(part.probabilities[label] for label in keep) >= threshold
