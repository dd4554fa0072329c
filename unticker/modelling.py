"""The commands about models: fit one, score it, explain a line's label, show what is loaded."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from unticker.arguments import Encoding, KindChoice, KindOption, ModelDir, Overwrite, PhrasesFile
from unticker.console import load, read_source, refuse_existing
from unticker.errors import ModelError, UntickerError, UsageError


def train(
    annotations: Annotated[list[Path], typer.Argument(help="Annotated lines: .jsonl or .tsv.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the new model.")],
    jobs: Annotated[
        int, typer.Option("--jobs", help="Folds fitted at a time; -1: all cores.")
    ] = -1,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the folds.")] = 0,
    overwrite: Overwrite = False,
) -> None:
    """Fit a model on annotated lines and print its cross-validated scores."""
    refuse_existing(output, overwrite)
    if jobs == 0 or jobs < -1:
        raise UsageError("--jobs is a number from 1, or -1 for all cores")
    there = output.is_dir()
    output.mkdir(parents=True, exist_ok=True)  # what cannot be written is known before the fit
    from unticker import training
    from unticker.card import write_card
    from unticker.examples import Options

    options = Options(jobs=jobs, seed=seed, unit_c=(0.03, 0.1, 0.3), context_c=(0.005, 0.02))
    try:
        fitted = training.fit(annotations, options)
    except UntickerError:
        if not there:
            output.rmdir()
        raise
    fitted.save(output)
    write_card(fitted, output)
    if "text" in fitted.about["cross_validated"]:
        _show_scores(fitted.about["cross_validated"]["text"], "cross-validated over sites")
    else:
        typer.echo("one site only: no cross-validated scores")
    typer.echo(
        f"{output}: written, fitted on {fitted.about['lines']} lines of "
        f"{fitted.about['pages']} pages"
    )


def evaluate(
    annotations: Annotated[list[Path], typer.Argument(help="Annotated lines: .jsonl or .tsv.")],
    model: ModelDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Score a model on annotated lines."""
    from unticker import evaluation

    result = evaluation.evaluate(load(model), annotations)
    if as_json:
        typer.echo(json.dumps(result, indent=2))
        return
    _show_scores(result, f"{result['pages']} pages")
    typer.echo(f"expected calibration error {result['calibration_error']:.3f}")


def explain(
    path: Annotated[str, typer.Argument(help="A file; - is standard input.")],
    line: Annotated[int, typer.Option("--line", "-n", help="Line number, from 1.")],
    kind: KindOption = KindChoice.auto,
    encoding: Encoding = None,
    model: ModelDir = None,
    phrases: PhrasesFile = None,
    top: Annotated[int, typer.Option("--top", help="Features shown on each side.")] = 8,
) -> None:
    """Show the features that carried a line's label."""
    from unticker.explanation import explain as explained

    loaded = load(model, phrases)
    source: Any = read_source(path)
    result = explained(loaded, source, line, kind.value, encoding)
    typer.echo(f"line {line}: {result.text[:200]}")
    typer.echo("  ".join(f"{name} {chance:.3f}" for name, chance in result.probabilities.items()))
    for title, reasons in (
        (f"by itself, for {result.label}", result.own),
        (f"in its page, for {result.label} over {result.rival}", result.context),
    ):
        typer.echo(f"\n{title} (logits)")
        for reason in [*reasons[:top], *[r for r in reasons[::-1][:top] if r.weight < 0][::-1]]:
            typer.echo(f"  {reason.weight:+6.2f}  {reason.name}")


def model(
    folder: Annotated[Path | None, typer.Argument(help="Model folder.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what model is loaded, with its scores."""
    from unticker import kernels
    from unticker.store import shipped

    loaded = load(folder)
    path = folder or shipped()
    if as_json:
        typer.echo(json.dumps(dict(loaded.about), indent=2))
        return
    about = loaded.about
    typer.echo(f"{path}\nmodel {loaded.digest}, labels {', '.join(loaded.labels)}")
    typer.echo(f"{about['lines']} lines, {about['pages']} pages, {about['sites']} sites")
    how = "NumPy's, for want of a C compiler" if kernels.compiled() is None else "compiled"
    typer.echo(f"inner loops: {how}")
    metrics = path / "metrics.json"
    try:
        held = json.loads(metrics.read_text("utf-8")) if metrics.is_file() else about
        for name, scores in held["cross_validated"].items():
            _show_scores(scores, f"{name}, cross-validated over sites")
        for name, scores in held.get("test", {}).items():
            _show_scores(scores, f"{name}, test split (sites not trained on)")
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        raise ModelError(f"{metrics} is damaged; write it again with unticker train") from None


def _show_scores(scores: dict[str, Any], title: str) -> None:
    from unticker.card import print_scores

    print_scores(scores, title)
