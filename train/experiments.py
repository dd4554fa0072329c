"""What the annotations and the feature families give: ``train/experiments.json``.

Every row is scored on the development sites, text alone. Fits are lighter than the
recipe's (two folds), so rows compare with each other, not with the model card.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

import numpy as np

from train import recipe
from train.gold import Gold
from unticker import evaluation, training
from unticker import weights as w
from unticker.annotations import AnnotatedPage
from unticker.context import FAMILIES, Columns, Context
from unticker.types import LABELS
from unticker.units import IntArray

PATH = recipe.HERE / "experiments.json"


def run(gold: Gold, say: Callable[[str], None]) -> None:
    """Run all experiments and write their tables; ``say`` gets a line for each row."""
    options = replace(recipe.options(), folds=2)
    development = recipe.plain(gold.part("development"))
    tables: dict[str, list[dict[str, Any]]] = {}

    def row(title: str, name: str, result: dict[str, Any]) -> None:
        labels = {label: result["labels"][label]["f1"] for label in LABELS}
        tables.setdefault(title, []).append({"": name, "macro-F1": result["macro_f1"]} | labels)
        say(f"{title}: {name}: {result['macro_f1']:.4f}")
        PATH.write_text(json.dumps(tables, indent=1) + "\n", encoding="utf-8")

    title = "What the annotated pages give"
    train = gold.part("train")
    original = [page for page in train if page.markup is None]
    public = recipe.plain([page for page in train if page.markup is not None])
    for name, pages in (
        ("original pages alone", original),
        ("public pages alone", public),
        ("both", original + public),
    ):
        model = training.fit(pages, options)
        for kind in ("all", "original", "public"):
            part = recipe.plain(gold.part("development", kind=kind))
            row(title, f"{name}, scored on {kind}", evaluation.evaluate(model, part))

    title = "Growth with the number of annotated sites"
    for share in (8, 4, 2):
        pages = [page for page in original + public if _drawn(page.site, share)]
        sites = len({page.site for page in pages})
        model = training.fit(pages, options)
        row(title, f"1/{share}: {sites} sites", evaluation.evaluate(model, development))

    _ablate(original + public, development, options, row)


def _drawn(site: str, share: int) -> bool:
    return sha256(site.encode()).digest()[0] % share == 0


def _ablate(
    pages: Sequence[AnnotatedPage],
    development: Sequence[AnnotatedPage],
    options: training.Options,
    row: Callable[[str, str, dict[str, Any]], None],
) -> None:
    """Second-pass scores without one family of context columns at a time."""
    title = "Second pass without a family of its features"
    examples = training.gather(pages, options, False)
    weights, first = training.fit_units(examples, options)
    held = training.gather(development, options, False)
    scored = np.concatenate([w.unit_scores(weights, batch) for batch in held.batches])
    row(title, "first pass alone", _result(held, _labels(scored)))
    seen, seen_held = _contexts(examples, first), _contexts(held, scored)
    names = _column_families(examples.batches[0])
    for family in ("", *(f.name for f in FAMILIES), "crosses"):
        columns = np.array([name == family for name in names])
        drop = family == "crosses"
        masked = [_masked(each, columns, drop) for each in seen]
        layer, _ = training.fit_context(masked, examples, options, final=True)
        scores = np.concatenate([
            w.context_scores(*layer, _masked(each, columns, drop)) for each in seen_held
        ])  # fmt: skip
        row(title, f"without {family}" if family else "all", _result(held, scores))


def _contexts(examples: training.Examples, scores: IntArray) -> list[Columns]:
    return [
        w.second_context(batch, scores[start : start + len(batch.units)])
        for batch, start in zip(examples.batches, examples.starts, strict=True)
    ]


def _masked(seen: Columns, columns: Any, crosses: bool) -> Columns:
    values = np.where(columns, 0.0, seen.values)
    return Columns(values, seen.crosses * 0 if crosses else seen.crosses)


def _column_families(batch: w.Batch) -> list[str]:
    context = Context(batch.text, batch.shapes * 0, np.zeros((len(batch.units), 7), np.int64))
    return [name.partition(":")[0] for name, _ in context.columns()]


def _labels(scores: IntArray) -> IntArray:
    from unticker.context import LABEL_OF_CLASS

    chosen: IntArray = np.eye(4, dtype=np.int64)[LABEL_OF_CLASS[scores.argmax(axis=1)]]
    return chosen


def _result(examples: training.Examples, scores: IntArray) -> dict[str, Any]:
    return evaluation.scores(examples.labels, scores.argmax(axis=1))
