"""Why a line got its label: the features that carried it, in logits."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unticker import chain, conjunctions, reading, weights
from unticker.columns import CLASS_NAMES, CLASSES
from unticker.conjunctions import CASES, DEPTH
from unticker.context import Columns
from unticker.errors import UsageError
from unticker.model import Judge, pooled
from unticker.ngrams import NGRAMS
from unticker.parts import parts
from unticker.shapes import SHAPE_OFFSETS, SHAPES
from unticker.softmax import UNIT_SCALE
from unticker.types import LABELS, Kind, Label
from unticker.units import IntArray
from unticker.weights import Weights

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
    judges = model.judges([(document, part)])
    batch = judges[0].batch
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
    ours, theirs = LABELS.index(label), LABELS.index(rival)
    added = model.told(np.zeros((len(batch.units), CLASSES), np.int64), batch.text)
    passes = [_Passes.of(judge, added) for judge in judges]
    context = _shared(judges, [_context(*each, unit, ours, theirs) for each in zip(judges, passes)])
    scores = pooled(judges, [each.scores for each in passes])
    said = chain.messages(scores, judges[0].weights.transitions, batch.layout.opens)
    for side, message in zip(("before", "behind"), said, strict=True):
        step = int(message[unit, ours]) - int(message[unit, theirs])
        context.append(Reason(f"labels of the units {side}", step / UNIT_SCALE))
    return Explanation(
        found.text if len(found.segments) == 1 else found.text[segment.start : segment.end],
        label,
        rival,
        segment.probabilities,
        _ranked(
            [
                *_shared(judges, [_own(judge, unit, ours) for judge in judges]),
                Reason("phrases, and text that recurs over pages", _lead(added[unit], ours)),
            ]
        ),
        _ranked(context),
    )


class _Passes(NamedTuple):
    """The scores of a judge's passes, what its third pass sees, and where n-grams count there."""

    first: IntArray
    second: IntArray
    seen: Columns
    places: IntArray
    scores: IntArray

    @staticmethod
    def of(judge: Judge, added: IntArray) -> "_Passes":
        """``added``: what `Model.told` adds to the first pass's scores."""
        chosen, batch, _ = judge
        sums = weights.row_sums(chosen, batch)
        first = weights.unit_scores(chosen, batch, sums) + added
        seen = weights.second_context(batch, first)
        second = weights.context_scores(chosen.columns2, chosen.crosses2, chosen.bias2, seen)
        seen = weights.third_context(batch, seen, second)
        places = weights.ngram_units(batch, second)
        scores = weights.last_scores(chosen, seen) + weights.ngram_scores(sums, places)
        return _Passes(first, second, seen, places, scores)


def _shared(judges: Sequence[Judge], reasons: Sequence[list[Reason]]) -> list[Reason]:
    """What the judges' reasons add to the pooled scores; those of one name as one."""
    total: Counter[str] = Counter()
    for judge, each in zip(judges, reasons, strict=True):
        for reason in each:
            total[reason.name] += judge.share * reason.weight  # type: ignore[assignment]
    return [Reason(name, weight) for name, weight in total.items()]


def _own(judge: Judge, unit: int, label: int) -> list[Reason]:
    """The first pass's rows for one unit."""
    chosen, batch, _ = judge
    rows = _rows(judge, unit)
    reasons = [Reason(name, _lead(chosen.ngrams[row], label)) for name, row in rows]
    for shape, offset, row in zip(SHAPES, SHAPE_OFFSETS, batch.shapes[unit], strict=False):
        weight = _lead(chosen.shapes[row], label)
        reasons.append(Reason(f"{shape.name} = {row - offset}", weight))
    return reasons


def _rows(judge: Judge, unit: int) -> Iterator[tuple[str, int]]:
    """The unit's n-grams and what its markup selects, of what the weights know: name and row."""
    chosen, batch, _ = judge
    for ngram, (units, buckets) in zip(NGRAMS, batch.ngrams, strict=True):
        _, starts, ends = ngram.places(batch.text)
        rows = weights.vocabulary(chosen).find(buckets)
        for place in np.flatnonzero((units == unit) & (rows >= 0)):
            codes = batch.units.codes[starts[place] : ends[place]]
            span = codes.tobytes().decode("utf-32-le", "replace")
            yield f"{ngram.name} {span!r}", int(rows[place])
    for units, each in map(weights.vocabulary(chosen).known, batch.markup):
        for row in each[units == unit]:
            yield "markup", int(row)


def _lead(row: np.ndarray, label: int) -> float:
    used = row[: len(CLASS_NAMES)].astype(float)
    return float(used[label] - used.mean()) / UNIT_SCALE


def _context(judge: Judge, passes: _Passes, unit: int, label: int, rival: int) -> list[Reason]:
    """The last pass's columns, crosses and n-grams for one unit."""
    chosen, batch, _ = judge
    names: list[str] = []
    crosses: list[str] = []
    for which, scores in (("1st", passes.first), ("2nd", passes.second)):
        context = weights.context(batch, scores)
        names += [f"{which} pass, {name}" for name, _ in context.columns()]
        crosses += [
            f"{which} pass, {name} = {int(value[unit])}" for name, value, _ in context.crosses()
        ]
    gap = (chosen.columns3[:, label] - chosen.columns3[:, rival]).astype(float)
    parts = gap * passes.seen.values[unit] / weights.CONTEXT_SCALE
    reasons = [Reason(name, float(part)) for name, part in zip(names, parts, strict=True)]
    for name, row in zip(crosses, passes.seen.crosses[unit], strict=True):
        step = int(chosen.crosses3[row, label]) - int(chosen.crosses3[row, rival])
        reasons.append(Reason(name, step / weights.CONTEXT_SCALE))
    reasons += _conjunctions(chosen, names, passes.seen.values[unit], label, rival)
    tables = np.split(chosen.ngrams3, len(weights.NGRAM_PLACES), axis=1)
    units = passes.places[:, unit]
    for place, table, other in zip(weights.NGRAM_PLACES, tables, units, strict=True):
        if other < len(batch.units):
            for name, row in _rows(judge, int(other)):
                step = int(table[row, label]) - int(table[row, rival])
                reasons.append(Reason(f"{name} {place}", step / UNIT_SCALE))
    return reasons


def _conjunctions(
    chosen: Weights, names: list[str], values: NDArray[np.int16], label: int, rival: int
) -> Iterator[Reason]:
    """The case of each conjunction that a unit with these columns is in."""
    first, second = np.split(values[:, None], [len(chosen.columns2)])
    found = conjunctions.cases(conjunctions.questions(chosen.tests), first, second)[:, 0]
    for place, (tests, case) in enumerate(zip(chosen.tests.tolist(), found.tolist(), strict=True)):
        row = chosen.cases[place * CASES + case]
        answers = [case >> DEPTH - 1 - depth & 1 for depth in range(DEPTH)]
        name = " and ".join(
            f"{names[column]} {'>' if answer else '<='} {least}"
            for (column, least), answer in zip(tests, answers, strict=True)
        )
        yield Reason(name, (int(row[label]) - int(row[rival])) / weights.CONTEXT_SCALE)


def _ranked(reasons: list[Reason]) -> list[Reason]:
    return sorted((r for r in reasons if abs(r.weight) >= 0.005), key=lambda r: -r.weight)
