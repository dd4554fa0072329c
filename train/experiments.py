"""What the annotations and the feature families give: ``train/experiments.json``.

Every row is scored on the development sites, text alone. Fits are lighter than the
recipe's (three folds, no variants), so rows compare with each other, not with the model card.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from train import corpora, recipe, silver
from train.gold import Gold
from unticker import evaluation, passes, training
from unticker import weights as w
from unticker.annotations import AnnotatedPage
from unticker.columns import CLASSES, FAMILIES, LABEL_OF_CLASS, column_names
from unticker.context import Columns
from unticker.errors import UntickerError
from unticker.examples import Examples, Options, gather
from unticker.model import Model
from unticker.types import LABELS
from unticker.units import IntArray

PATH = recipe.HERE / "experiments.json"
Row = Callable[[str, dict[str, Any]], None]


def run(gold: Gold, say: Callable[[str], None], catalogues: Path, only: Sequence[str] = ()) -> None:
    """Run the experiments of `TABLES` (or ``only`` some, by name) and write their tables, each
    when it is done; ``say`` gets a line for each row."""
    options = replace(recipe.options(), folds=3, context_folds=3)
    setting = Setting(gold, options, catalogues)
    for name in only or TABLES:
        title, experiment = TABLES[name]
        table: list[dict[str, Any]] = []

        def row(
            label: str, result: dict[str, Any], title: str = title,
            table: list[dict[str, Any]] = table,
        ) -> None:  # fmt: skip
            labels = {each: result["labels"][each]["f1"] for each in LABELS}
            table.append({"": label, "macro-F1": result["macro_f1"]} | labels)
            say(f"{title}: {label}: {result['macro_f1']:.4f}")

        experiment(setting, row)
        tables = json.loads(PATH.read_text("utf-8")) if PATH.is_file() else {}
        PATH.write_text(json.dumps(tables | {title: table}, indent=1) + "\n", encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Setting:
    """What all experiments share."""

    gold: Gold
    options: Options
    catalogues: Path

    def train(self, kind: str = "all") -> list[AnnotatedPage]:
        return recipe.plain(recipe.weighted(self.gold.part("train", kind=kind)))

    def score(self, pages: Sequence[AnnotatedPage]) -> dict[str, Any]:
        """Scores on the development sites of a fit on these pages."""
        return self.scored(training.fit(pages, self.options), "all")

    def scored(self, model: Model, kind: str) -> dict[str, Any]:
        part = recipe.plain(self.gold.part("development", kind=kind))
        return evaluation.evaluate(model, part)


def _pages(setting: Setting, row: Row) -> None:
    for name, kind in (
        ("original pages alone", "original"),
        ("public pages alone", "public"),
        ("both", "all"),
    ):
        model = training.fit(setting.train(kind), setting.options)
        for scored in ("all", "original", "public"):
            row(f"{name}, scored on {scored}", setting.scored(model, scored))


def _silver(setting: Setting, row: Row) -> None:
    folder = corpora.find(None)
    if folder is None:
        raise UntickerError("the experiments need the public pages; see docs/training.md")
    row("no weak labels", setting.score(setting.train()))
    for name, kind in silver.KINDS.items():
        weak = kind(folder, setting.catalogues)
        lines = sum(len(page.lines) for page in weak)
        row(f"with {name} ({lines:,} lines)", setting.score(setting.train() + weak))


def _growth(setting: Setting, row: Row) -> None:
    for share in (8, 4, 2, 1):
        pages = [page for page in setting.train() if _drawn(page.site, share)]
        sites = len({page.site for page in pages})
        part = f"1/{share}" if share > 1 else "all"
        row(f"{part}: {sites} sites", setting.score(pages))


def _drawn(site: str, share: int) -> bool:
    return sha256(site.encode()).digest()[0] % share == 0


def _ablation(setting: Setting, row: Row) -> None:
    """Second-pass scores without one family of context columns at a time."""
    options = setting.options
    examples = gather(setting.train(), options, False)
    weights, first = passes.fit_units(examples, options)
    held = gather(recipe.plain(setting.gold.part("development")), options, False)
    scored = np.concatenate([w.unit_scores(weights, batch) for batch in held.batches])
    row("first pass alone", _result(held, _labels(scored)))
    seen, seen_held = _contexts(examples, first), _contexts(held, scored)
    names = [name.partition(":")[0] for name in column_names(CLASSES)]
    for family in ("", *(f.name for f in FAMILIES), "crosses"):
        columns = np.array([name == family for name in names])
        drop = family == "crosses"
        masked = [_masked(each, columns, drop) for each in seen]
        layer = passes.fit_once(masked, examples, options)
        scores = np.concatenate([
            w.context_scores(*layer, _masked(each, columns, drop)) for each in seen_held
        ])  # fmt: skip
        row(f"without {family}" if family else "all", _result(held, scores))


def _contexts(examples: Examples, scores: IntArray) -> list[Columns]:
    return list(map(w.second_context, examples.batches, examples.split(scores)))


def _masked(seen: Columns, columns: Any, crosses: bool) -> Columns:
    values = np.where(columns, 0.0, seen.values)
    return Columns(values, seen.crosses * 0 if crosses else seen.crosses)


def _labels(scores: IntArray) -> IntArray:
    chosen: IntArray = np.eye(4, dtype=np.int64)[LABEL_OF_CLASS[scores.argmax(axis=1)]]
    return chosen


def _result(examples: Examples, scores: IntArray) -> dict[str, Any]:
    return evaluation.scores(examples.labels, scores.argmax(axis=1))


TABLES: dict[str, tuple[str, Callable[[Setting, Row], None]]] = {
    "pages": ("What the annotated pages give", _pages),
    "silver": ("What weak labels would give", _silver),
    "growth": ("Growth with the number of annotated sites", _growth),
    "ablation": ("Second pass without a family of its features", _ablation),
}
"""The experiments by name: a table's title, and what fills it."""
