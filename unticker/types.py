"""The values that stages hand to each other. Frozen; imports nothing of the package."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Label = Literal["headline-ticker", "ui-chrome", "byline", "body"]
LABELS: tuple[Label, ...] = ("headline-ticker", "ui-chrome", "byline", "body")
TICKER, CHROME, BYLINE, BODY = range(4)

Kind = Literal["auto", "text", "html"]


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a line: ``line.text[start:end]``, offsets in code points."""

    start: int
    end: int
    label: Label
    probability: float


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is not blank, with its label.

    ``number`` counts from 1, blank lines included. ``probability`` is that of
    ``label``, ``probabilities`` has all four and sums to 1. ``segments`` cover the
    line's text but for white space between them; most lines have one.
    """

    number: int
    text: str
    label: Label
    probability: float
    probabilities: Mapping[Label, float]
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """A text span of a page: line number (from 1) and offsets into that line."""

    line: int
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """One labelled page.

    ``title`` is the page's own headline or None. ``article_probability`` is near 0
    for indexes, error pages and consent walls; their body is empty. ``encoding``
    and ``reader`` say how the source was read (None where it was a string, or text).
    """

    lines: Sequence[Line]
    title: str | None
    title_lines: tuple[int, ...]
    article_probability: float
    encoding: str | None = None
    reader: str | None = None

    def text(self, keep: Sequence[Label] = ("body",), title: bool = True) -> str:
        r"""The segments with a label in ``keep``, lines joined by ``\n``.

        ``title=False`` leaves out the page's own headline and nothing else.
        """
        kept = frozenset(keep)
        out: list[str] = []
        for line in self.lines:
            if not title and line.number in self.title_lines:
                continue
            if len(line.segments) == 1:
                if line.label in kept:
                    out.append(line.text.strip())
                continue
            parts = [line.text[s.start : s.end] for s in line.segments if s.label in kept]
            if parts:
                out.append(" ".join(parts))
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
