"""The recipe: gold and options in, a model folder with its scores out."""

import hashlib
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from train.gold import Gold, genres, is_public
from train.grafts import grafts
from train.variants import variants
from unticker import evaluation, training
from unticker.annotations import AnnotatedPage
from unticker.card import write_card
from unticker.errors import UntickerError
from unticker.examples import Options
from unticker.model import Model

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
Kind = Literal["all", "original"]


@dataclass(frozen=True, slots=True)
class Built:
    """A fitted model with its scores, and what a rebuild is compared with."""

    model: Model
    metrics: dict[str, Any]
    labels: str


def recipe() -> dict[str, Any]:
    """``train/recipe.toml``."""
    found: dict[str, Any] = tomllib.loads((HERE / "recipe.toml").read_text("utf-8"))
    return found


def options() -> Options:
    """The recipe's options of the fit."""
    given: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in recipe()["fit"].items()
    }
    return Options(**given)


def plain(pages: list[AnnotatedPage]) -> list[AnnotatedPage]:
    """The pages without their markup: what a fit on text alone sees."""
    return [replace(page, markup=None) for page in pages]


def weighted(pages: list[AnnotatedPage]) -> list[AnnotatedPage]:
    """The pages with the recipe's weights for their sets; a long one counts as a shorter one."""
    given, genre = recipe(), genres()
    weights, most = given["weights"], given["pages"]["lines"]
    found = []
    for page in pages:
        weight = weights.get(_set(page, genre.get(page.page)), 1)
        lines = sum(label is not None for label in page.labels)
        found.append(replace(page, weight=weight * min(1, most / max(lines, 1))))
    return found


def _set(page: AnnotatedPage, genre: str | None) -> str:
    if is_public(page):
        return page.page.split("/")[0]
    if "body" not in page.labels:
        return "no_article"
    return "second_article" if genre == "second-article" else "original"


def build(pages: Gold, *kinds: Kind) -> list[Built]:
    """For each kind of pages, fit on its training and development sites and score on its test
    sites."""
    if pages.problems:
        raise UntickerError(f"{len(pages.problems)} annotated lines drifted: {pages.problems[0]}")
    sets = []
    for kind in kinds:
        used = weighted(pages.part("train", "development", kind=kind))
        used = plain(used) if kind == "original" else used
        sets.append(used + variants(used) + grafts(used, options()))
    models = training.fit_each(sets, options())
    return [_scored(model, pages, kind) for model, kind in zip(models, kinds, strict=True)]


def _scored(model: Model, pages: Gold, kind: Kind) -> Built:
    test: dict[str, Any] = {}
    for name in ("original",) if kind == "original" else ("all", "original", "public"):
        part = pages.part("test", kind=name)
        if part:
            test["text" if name == "all" else f"text, {name} pages"] = evaluation.evaluate(
                model, plain(part)
            )
    for name in ("original", "public") if kind == "all" else ():
        marked = [page for page in pages.part("test", kind=name) if page.markup is not None]
        if marked:
            test[f"html, {name} pages"] = evaluation.evaluate(model, marked, markup=True)
    metrics = {"cross_validated": model.about["cross_validated"], "test": test}
    everything = plain(pages.original + ([] if kind == "original" else pages.public))
    return Built(model, metrics, label_digest(model, everything))


def label_digest(model: Model, pages: list[AnnotatedPage]) -> str:
    """SHA-256 of the labels a model gives to every annotated line."""
    labels, _ = evaluation.predict(model, pages)
    return hashlib.sha256(labels.astype("u1").tobytes()).hexdigest()


def write(built: Built, alone: Built | None, folder: Path) -> None:
    """Write the model folder: weights, model.json, metrics.json, the card.

    ``alone`` is the model of the original pages alone, of which only digests are kept:
    it is what can be rebuilt where the public pages are not.
    """
    model = replace(built.model, about=dict(built.model.about) | {"made_with": versions()})
    model.save(folder)
    metrics = dict(built.metrics)
    metrics["labels_sha256"] = built.labels
    if alone is not None:
        metrics["originals_only"] = {
            "labels_sha256": alone.labels,
            "test_macro_f1": alone.metrics["test"]["text, original pages"]["macro_f1"],
        }
    render(model, metrics, folder)


def render(model: Model, metrics: dict[str, Any], folder: Path) -> None:
    """Write metrics.json and the card, with what ``train/experiments.json`` holds by now."""
    experiments = HERE / "experiments.json"
    if experiments.is_file():
        metrics = metrics | {"experiments": json.loads(experiments.read_text("utf-8"))}
    write_card(model, folder, metrics)


def versions() -> dict[str, str]:
    """Versions that a build hangs on."""
    from importlib.metadata import version

    return {name: version(name) for name in ("numpy", "scipy", "scikit-learn")} | {
        "python": ".".join(map(str, sys.version_info[:2]))
    }


def gate(built: Built) -> list[str]:
    """Why a build is refused: below the floor, no test pages, or a seed line wrong."""
    refused = floors(built)
    wrong = [] if refused else seed_errors(built.model)
    return [*refused, *([f"{len(wrong)} seed lines wrong, first {wrong[0]}"] if wrong else [])]


def floors(built: Built) -> list[str]:
    """Why a build is refused by its scores."""
    floor = recipe()["floor"]
    scores = built.metrics["test"].get("text")
    refused = []
    if scores is None or not scores["lines"]:
        return ["the test split is empty"]
    if scores["macro_f1"] < floor["macro_f1"]:
        refused.append(f"macro-F1 {scores['macro_f1']} is below the floor {floor['macro_f1']}")
    if scores["labels"]["body"]["f1"] < floor["body_f1"]:
        refused.append(f"body F1 is below the floor {floor['body_f1']}")
    return refused


def seed_errors(model: Model) -> list[str]:
    """The seed lines that a model labels otherwise than ``tests/cases/seeds.json``, and articles
    alone of which it loses some."""
    cases = json.loads((ROOT / "tests" / "cases" / "seeds.json").read_text("utf-8"))
    wrong = []
    for name, labels in cases.items():
        seed = ROOT / "seeds" / name
        page = model.label(seed)
        found = {str(line.number): line.label for line in page.lines}
        wrong += [
            f"{name} line {number}: {found.get(number)} for {label}"
            for number, label in labels.items()
            if found.get(number) != label
        ]
        alone = set(labels.values()) == {"body"}
        if alone and page.text().split() != seed.read_text("utf-8").split():
            wrong.append(f"{name} is an article alone and lost some of it")
    return wrong
