"""Why a line got its label: the features that carried it, in logits."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from unticker import chain, reading, weights
from unticker.columns import CLASS_NAMES
from unticker.context import Context
from unticker.errors import UsageError
from unticker.features import NGRAMS, SHAPE_OFFSETS, SHAPES
from unticker.parts import parts
from unticker.types import LABELS, Kind, Label
from unticker.weights import Batch, Weights

if TYPE_CHECKING:
    from unticker.model import Model
    from unticker.reading import Source


@dataclass(frozen=True, slots=True)
class Reason:
    """One feature's weight, in logits; positive speaks for the label."""

    name: str
    weight: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """``text``: the line, or the segment of it that is explained; ``own``: what it says by itself
    for its label, over the mean of all classes; ``context``: what the page around it says for the
    label over its closest rival."""

    text: str
    label: Label
    rival: Label
    probabilities: Mapping[Label, float]
    own: list[Reason]
    context: list[Reason]


def explain(
    model: "Model", source: "Source", line: int, kind: Kind = "auto", encoding: str | None = None
) -> Explanation:
    """Explain one line of a page, by its number from 1; of a line with several segments, the
    longest that has the line's label.

    Raises `UsageError` if the page has no such line or the line is blank.
    """
    document = reading.read(source, kind, encoding)
    page = model.label_documents([document])[0]
    found = next((each for each in page.lines if each.number == line), None)
    if found is None:
        raise UsageError(f"line {line} is blank or behind the page's end; name another line")
    # A huge page is labelled in parts: explain the one that holds the line.
    part = [part for part in parts(document.text) if part.line < line][-1]
    chosen, batch = model.prepare([(document, part)])
    units = np.flatnonzero(batch.units.line == line - 1 - part.line)
    segments = found.segments[-len(units) :]  # of a line that goes on from the part before: its end
    best = max(
        range(len(segments)),
        key=lambda n: (segments[n].label == found.label, segments[n].end - segments[n].start),
    )
    segment, unit = segments[best], int(units[best])
    ranked = sorted(LABELS, key=lambda name: -segment.probabilities[name])
    label = segment.label
    rival = next(name for name in ranked if name != label)
    return Explanation(
        found.text if len(found.segments) == 1 else found.text[segment.start : segment.end],
        label,
        rival,
        segment.probabilities,
        _own(chosen, batch, unit, LABELS.index(label)),
        _context(chosen, batch, unit, LABELS.index(label), LABELS.index(rival)),
    )


def _own(chosen: Weights, batch: Batch, unit: int, label: int) -> list[Reason]:
    """The first pass's rows for one unit."""
    rows = list(_ngrams(batch, unit))
    rows += [("markup", row) for units, each in batch.markup for row in each[units == unit]]
    reasons = [Reason(name, _lead(chosen.ngrams[row], label)) for name, row in rows]
    for shape, offset, row in zip(SHAPES, SHAPE_OFFSETS, batch.shapes[unit], strict=False):
        weight = _lead(chosen.shapes[row], label)
        reasons.append(Reason(f"{shape.name} = {row - offset}", weight))
    return _ranked(reasons)


def _ngrams(batch: Batch, unit: int) -> Iterator[tuple[str, int]]:
    """The unit's n-grams: name and row of each."""
    for ngram, (units, rows) in zip(NGRAMS, batch.ngrams, strict=True):
        _, starts, ends = ngram.places(batch.text)
        for place in np.flatnonzero(units == unit):
            codes = batch.units.codes[starts[place] : ends[place]]
            span = codes.tobytes().decode("utf-32-le", "replace")
            yield f"{ngram.name} {span!r}", int(rows[place])


def _lead(row: np.ndarray, label: int) -> float:
    used = row[: len(CLASS_NAMES)].astype(float)
    return float(used[label] - used.mean()) / weights.UNIT_SCALE


def _context(chosen: Weights, batch: Batch, unit: int, label: int, rival: int) -> list[Reason]:
    """The last pass's columns, crosses and n-grams for one unit, and what those beside it say."""
    sums = weights.ngram_sums(chosen, batch)
    first = weights.unit_scores(chosen, batch, sums)
    seen = weights.second_context(batch, first)
    second = weights.context_scores(chosen.columns2, chosen.crosses2, chosen.bias2, seen)
    both = weights.third_context(batch, seen, second)
    names: list[str] = []
    crosses: list[str] = []
    values = batch.shapes - SHAPE_OFFSETS[:-1]
    for which, scores in (("1st", first), ("2nd", second)):
        context = Context(batch.text, values, weights.probabilities(scores))
        names += [f"{which} pass, {name}" for name, _ in context.columns()]
        crosses += [
            f"{which} pass, {name} = {int(value[unit])}" for name, value, _ in context.crosses()
        ]
    gap = (chosen.columns3[:, label] - chosen.columns3[:, rival]).astype(float)
    parts = gap * both.values[unit] / weights.CONTEXT_SCALE
    reasons = [Reason(name, float(part)) for name, part in zip(names, parts, strict=True)]
    for name, row in zip(crosses, both.crosses[unit], strict=True):
        step = int(chosen.crosses3[row, label]) - int(chosen.crosses3[row, rival])
        reasons.append(Reason(name, step / weights.CONTEXT_SCALE))
    tables = np.split(chosen.ngrams3, len(weights.NGRAM_PLACES), axis=1)
    units = weights.ngram_units(batch, second)
    for place, table, other in zip(weights.NGRAM_PLACES, tables, units[:, unit], strict=True):
        if other < len(batch.units):
            for name, row in _ngrams(batch, int(other)):
                step = int(table[row, label]) - int(table[row, rival])
                reasons.append(Reason(f"{name} {place}", step / weights.UNIT_SCALE))
    scores = weights.context_scores(chosen.columns3, chosen.crosses3, chosen.bias3, both)
    scores = scores + weights.ngram_scores(sums, units)
    said = chain.messages(scores, chosen.transitions, batch.layout.opens)
    for side, message in zip(("before", "behind"), said, strict=True):
        step = int(message[unit, label]) - int(message[unit, rival])
        reasons.append(Reason(f"labels of the units {side}", step / weights.UNIT_SCALE))
    return _ranked(reasons)


def _ranked(reasons: list[Reason]) -> list[Reason]:
    return sorted((r for r in reasons if abs(r.weight) >= 0.005), key=lambda r: -r.weight)
