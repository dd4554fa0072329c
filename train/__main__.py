"""``python -m train``: build ``model/``; ``--check`` rebuilds it and compares."""

import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from train import corpora, gold, recipe, silver, tables
from unticker.errors import UntickerError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=__doc__)
MODEL = recipe.ROOT / "model"
TOLERANCE = 0.02
Corpora = Annotated[Path | None, typer.Option("--corpora", help="Folder of the public page sets.")]


@app.callback(invoke_without_command=True)
def main(
    context: typer.Context,
    check: Annotated[bool, typer.Option("--check", help="Rebuild and compare.")] = False,
    alone: Annotated[
        bool, typer.Option("--alone", help="Check the model of the original pages alone.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Write a refused model too.")] = False,
    corpora_folder: Corpora = None,
) -> None:
    """Build the shipped model from the recipe, or check that it is what the recipe builds."""
    if context.invoked_subcommand is not None:
        return
    started = time.monotonic()
    if alone and not check:
        raise UntickerError("--alone goes with --check: a model to ship needs the public pages too")
    pages = gold.read(corpora_folder)
    if not pages.public:
        typer.echo("public pages not found: only the original pages are used")
    whole = bool(pages.public) and not alone
    kinds: list[recipe.Kind] = ["all", "original"] if whole else ["original"]
    models = recipe.build(pages, *kinds)
    built, originals = models[0], models[-1]
    if check:
        _check(built, originals, whole)
    else:
        refused = recipe.gate(built) if whole else []
        if refused and not force:
            raise UntickerError("; ".join(refused))
        recipe.write(built, originals if whole else None, MODEL)
        typer.echo(f"{MODEL}: written")
    typer.echo(f"{time.monotonic() - started:.0f} s")


def _check(built: recipe.Built, originals: recipe.Built, whole: bool) -> None:
    import json

    metrics = json.loads((MODEL / "metrics.json").read_text("utf-8"))
    old = metrics["originals_only"]
    new = originals.metrics["test"]["text, original pages"]["macro_f1"]
    same = _agree("original pages alone", originals.labels == old["labels_sha256"],
                  new, old["test_macro_f1"])  # fmt: skip
    if whole:
        with tempfile.TemporaryDirectory() as folder:
            recipe.write(built, originals, Path(folder))
            bytes_same = all(
                (Path(folder) / name).read_bytes() == (MODEL / name).read_bytes()
                for name in ("weights.npz", "model.json", "metrics.json", "README.md")
            )
        name = "public and original pages"
        typer.echo(f"{name}: bytes {'the same' if bytes_same else 'different'}")
        new, was = (each["test"]["text"]["macro_f1"] for each in (built.metrics, metrics))
        alike = built.labels == metrics["labels_sha256"]
        same &= _agree(name, alike, new, was)
        # Where floats round differently, a seed line near the border may fall on either side; the
        # shipped model's are tested by themselves.
        refused = recipe.gate(built) if alike else recipe.floors(built)
        if refused:
            raise UntickerError("; ".join(refused))
    if not same:
        raise UntickerError("the recipe no longer builds the shipped model; run: python -m train")


def _agree(name: str, labels: bool, new: float, old: float) -> bool:
    """Whether a rebuild is the model: the same labels or, since processors round floats
    differently, the same score within `TOLERANCE`."""
    typer.echo(f"{name}: labels {'the same' if labels else 'different'}")
    typer.echo(f"{name}: macro-F1 {new:.4f} on the test split, was {old:.4f}")
    return labels or abs(new - old) <= TOLERANCE


@app.command("corpora")
def lay_out(
    source: Annotated[Path, typer.Option("--from", help="Folder with one clone a set.")],
) -> None:
    """Verify the public page sets, and link them into the checkout."""
    problems = corpora.lay_out(source, set(gold.standoff()))
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise typer.Exit(1)
    typer.echo(f"{source}: all {len(gold.standoff()):,} annotated pages are there")


@app.command("annotations")
def annotations(corpora_folder: Corpora = None) -> None:
    """Print what is annotated; fail on a line that drifted or lacks its label."""
    from train.overview import show

    pages = gold.read(corpora_folder)
    show(pages)
    if not pages.public:
        typer.echo("public pages not found: their lines were not checked")
    for problem in pages.problems[:50]:
        typer.echo(problem, err=True)
    if pages.problems:
        raise UntickerError(f"{len(pages.problems)} annotated lines are wrong")
    counts = Counter(pages.splits[p.site] for p in pages.original + pages.public)
    typer.echo(f"pages by split: {dict(counts)}; no line drifted")


@app.command("experiments")
def run_experiments(
    only: Annotated[
        list[str] | None, typer.Argument(help="pages, silver, growth, ablation; all if none.")
    ] = None,
    catalogues: Annotated[
        Path, typer.Option("--catalogues", help="Folder of wordpress-l10n's .mo files.")
    ] = silver.CATALOGUES,
    corpora_folder: Corpora = None,
) -> None:
    """Measure what annotations and feature families give (train/experiments.json)."""
    from train import experiments

    unknown = sorted(set(only or ()) - set(experiments.TABLES))
    if unknown:
        raise UntickerError(
            f"no experiment {unknown[0]!r}; there are {', '.join(experiments.TABLES)}"
        )
    experiments.run(gold.read(corpora_folder), typer.echo, catalogues, only or ())


@app.command("card")
def render_card() -> None:
    """Write the model card again, with the experiments' tables."""
    import json

    from unticker.model import Model

    metrics = json.loads((MODEL / "metrics.json").read_text("utf-8"))
    recipe.render(Model.load(MODEL), metrics, MODEL)


@app.command("tables")
def build_tables() -> None:
    """Build ``unticker/tables.npz`` (needs the extra ``tables``)."""
    tables.build(recipe.ROOT / "unticker" / "tables.npz")


if __name__ == "__main__":
    try:
        app()
    except UntickerError as error:
        typer.echo(f"train: {error}", err=True)
        raise SystemExit(1) from None
