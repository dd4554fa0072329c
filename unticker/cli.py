"""The ``unticker`` command: options in, library calls, exit codes out. No logic."""

import json
import sys
from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unticker.errors import ModelError, OutputError, PageError, UntickerError, UsageError
from unticker.types import LABELS

if TYPE_CHECKING:
    from unticker.model import Model

OK, FAILED, USAGE, REFUSED = range(4)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Tell, line by line, what in a crawled news page is the article and what is the site.",
)


class KindChoice(str, Enum):
    auto = "auto"
    text = "text"
    html = "html"


class ParserChoice(str, Enum):
    lexbor = "lexbor"
    bs4 = "bs4"
    linear = "linear"


class FormatChoice(str, Enum):
    txt = "txt"
    md = "md"
    json = "json"


class ToChoice(str, Enum):
    jsonl = "jsonl"
    parquet = "parquet"
    txt = "txt"


class EngineChoice(str, Enum):
    local = "local"
    dask = "dask"


Paths = Annotated[list[str], typer.Argument(help="Files or folders; - is standard input.")]
ModelDir = Annotated[
    Path | None, typer.Option("--model", "-m", help="Model folder (default: the shipped model).")
]
KindOption = Annotated[
    KindChoice, typer.Option("--kind", help="What the input is; auto goes by suffix or start.")
]
Encoding = Annotated[
    str | None, typer.Option("--encoding", help="Encoding of the input, if it is known.")
]
ParserOption = Annotated[ParserChoice, typer.Option("--parser", help="How HTML is read.")]
PhrasesFile = Annotated[
    Path | None, typer.Option("--phrases", help="Phrases that speak for a label: label<TAB>phrase.")
]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Output folder.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace existing output.")]


def _load(folder: Path | None, phrases: Path | None = None) -> "Model":
    from unticker.model import Model

    model = Model.load(folder)
    if phrases is not None:
        from unticker.phrases import Phrases

        model = model.with_phrases(Phrases.read(phrases))
    return model


def _sources(paths: Iterable[str]) -> Iterator[tuple[str, Path | bytes]]:
    """Names and sources, folders walked; nothing is read yet but standard input."""
    from unticker.reading import page_files

    for path in paths:
        if path == "-":
            yield "-", sys.stdin.buffer.read()
        elif Path(path).is_dir():
            found = page_files(Path(path))
            if not found:
                raise UsageError(f"{path}: no .txt, .md, .html or .htm file in this folder")
            yield from ((str(file), file) for file in found)
        else:
            yield path, Path(path)


@app.command()
def label(
    paths: Paths = ["-"],  # noqa: B006
    output: Output = None,
    kind: KindOption = KindChoice.auto,
    encoding: Encoding = None,
    parser: ParserOption = ParserChoice.lexbor,
    model: ModelDir = None,
    phrases: PhrasesFile = None,
    overwrite: Overwrite = False,
) -> None:
    """Print a JSON row for each line that is not blank: source, line, label, probability, text."""
    loaded = _load(model, phrases)
    if output is not None and output.exists() and any(output.iterdir()) and not overwrite:
        raise OutputError(f"{output} is not empty; add --overwrite or name another folder")
    failed = 0
    for name, source in _sources(paths):
        try:
            page = loaded.label(source, kind.value, encoding, parser.value)
        except PageError as error:
            failed += 1
            _complain(str(error))
            continue
        rows = [
            {
                "source": name,
                "line": line.number,
                "label": line.label,
                "probability": round(line.probability, 4),
                "text": line.text,
            }
            for line in page.lines
        ]
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        if output is None:
            _print(text)
        else:
            target = output / (Path(name).name + ".jsonl" if name != "-" else "stdin.jsonl")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8", errors="surrogatepass")
    if failed:
        raise typer.Exit(FAILED)


@app.command()
def clean(
    paths: Paths = ["-"],  # noqa: B006
    output: Output = None,
    keep: Annotated[str, typer.Option("--keep", help="Labels to keep, with commas.")] = "body",
    no_title: Annotated[bool, typer.Option("--no-title", help="Leave out the headline.")] = False,
    threshold: Annotated[
        float | None, typer.Option("--threshold", help="Keep what is kept with this probability.")
    ] = None,
    trim: Annotated[
        bool, typer.Option("--trim", help="Remove only what stands before and behind.")
    ] = False,
    max_removed: Annotated[
        float | None, typer.Option("--max-removed", help="Report pages that lose more (0 to 1).")
    ] = None,
    form: Annotated[FormatChoice, typer.Option("--format", help="Form of one page.")] = (
        FormatChoice.txt
    ),
    kind: KindOption = KindChoice.auto,
    encoding: Encoding = None,
    parser: ParserOption = ParserChoice.lexbor,
    model: ModelDir = None,
    phrases: PhrasesFile = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Processes; -1: all cores.")] = 1,
    to: Annotated[
        ToChoice | None, typer.Option("--to", help="Container of the output, if not the input's.")
    ] = None,
    text_field: Annotated[str, typer.Option("--text-field", help="Field with the text.")] = "text",
    html_field: Annotated[
        str | None, typer.Option("--html-field", help="Field with HTML, instead of the text.")
    ] = None,
    id_field: Annotated[
        str | None, typer.Option("--id-field", help="Field that names a row.")
    ] = None,
    sidecar: Annotated[bool, typer.Option("--sidecar", help="Write dropped lines too.")] = False,
    timeout: Annotated[float, typer.Option("--timeout", help="Seconds for a page.")] = 60.0,
    memory: Annotated[int, typer.Option("--memory", help="MiB for a worker.")] = 4096,
    engine: Annotated[EngineChoice, typer.Option("--engine", help="Where workers run.")] = (
        EngineChoice.local
    ),
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", help="Dask scheduler, tcp://host:port.")
    ] = None,
    overwrite: Overwrite = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run cut short.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary.")] = False,
) -> None:
    """Print a page's article, or clean files and folders into a folder (-o)."""
    labels = tuple(part.strip() for part in keep.split(",") if part.strip())
    if not labels or any(name not in LABELS for name in labels):
        raise UsageError(f"--keep takes labels of {', '.join(LABELS)}, not {keep!r}")
    kept = tuple(name for name in LABELS if name in labels)
    if output is None:
        if len(paths) != 1 or Path(paths[0]).is_dir():
            raise UsageError("several pages need a folder to go to: add -o DIR")
        if form != FormatChoice.txt and (threshold is not None or trim):
            raise UsageError("--threshold and --trim go with --format txt")
        from unticker import formats, reading

        source: Any = sys.stdin.buffer.read() if paths[0] == "-" else Path(paths[0])
        loaded = _load(model, phrases)
        document = reading.read(source, kind.value, encoding, parser.value)
        page = loaded.label_documents([document])[0]
        text = formats.render(
            page, document, form.value, kept, not no_title, threshold=threshold, trim=trim
        )
        words = sum(len(line.text.split()) for line in page.lines)
        if max_removed is not None and words and 1 - len(text.split()) / words > max_removed:
            raise PageError(
                f"{paths[0]}: more than {max_removed:.0%} would be removed; nothing is printed"
            )
        _print(text + "\n" if text else "")
        return
    if phrases is not None or form != FormatChoice.txt:
        raise UsageError("--phrases and --format are for one page, without -o")
    from unticker import batch

    report = batch.run(
        batch.BatchOptions(
            keep=kept, title=not no_title, threshold=threshold, trim=trim, kind=kind.value,
            encoding=encoding, model=None if model is None else str(model), jobs=jobs,
            text_field=text_field, html_field=html_field, id_field=id_field,
            to=None if to is None else to.value, sidecar=sidecar, max_removed=max_removed,
            timeout=timeout, memory=memory, engine=engine.value, scheduler=scheduler,
            overwrite=overwrite, resume=resume, quiet=quiet,
        ),
        paths,
        output,
    )  # fmt: skip
    if report.exit_code:
        raise typer.Exit(report.exit_code)


@app.command()
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
    if output.exists() and (not output.is_dir() or any(output.iterdir())) and not overwrite:
        raise OutputError(f"{output} exists; add --overwrite or name another folder")
    from unticker import training
    from unticker.card import write_card
    from unticker.training import Options

    fitted = training.fit(
        annotations, Options(jobs=jobs, seed=seed, unit_c=(0.03, 0.1, 0.3), context_c=(0.005, 0.02))
    )
    fitted.save(output)
    write_card(fitted, output)
    _show_scores(fitted.about["cross_validated"]["text"], "cross-validated over sites")
    typer.echo(f"{output}: model {fitted.about['lines']} lines, {fitted.about['pages']} pages")


@app.command()
def evaluate(
    annotations: Annotated[list[Path], typer.Argument(help="Annotated lines: .jsonl or .tsv.")],
    model: ModelDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Score a model on annotated lines."""
    from unticker import evaluation

    result = evaluation.evaluate(_load(model), annotations)
    if as_json:
        typer.echo(json.dumps(result, indent=2))
        return
    _show_scores(result, f"{result['pages']} pages")
    typer.echo(f"expected calibration error {result['calibration_error']:.3f}")


@app.command()
def explain(
    path: Annotated[str, typer.Argument(help="A file; - is standard input.")],
    line: Annotated[int, typer.Option("--line", "-n", help="Line number, from 1.")],
    kind: KindOption = KindChoice.auto,
    encoding: Encoding = None,
    model: ModelDir = None,
    top: Annotated[int, typer.Option("--top", help="Features shown on each side.")] = 8,
) -> None:
    """Show the features that carried a line's label."""
    from unticker.explanation import explain as explained

    loaded = _load(model)
    source: Any = sys.stdin.buffer.read() if path == "-" else Path(path)
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


@app.command()
def model(
    folder: Annotated[Path | None, typer.Argument(help="Model folder.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what model is loaded, with its scores."""
    from unticker.model import shipped

    loaded = _load(folder)
    path = folder or shipped()
    if as_json:
        typer.echo(json.dumps(dict(loaded.about), indent=2))
        return
    about = loaded.about
    typer.echo(f"{path}\nmodel {loaded.digest}, labels {', '.join(loaded.labels)}")
    typer.echo(f"{about['lines']} lines, {about['pages']} pages, {about['sites']} sites")
    metrics = path / "metrics.json"
    held = json.loads(metrics.read_text()) if metrics.is_file() else about
    for name, scores in held["cross_validated"].items():
        _show_scores(scores, f"{name}, cross-validated over sites")
    for name, scores in held.get("test", {}).items():
        _show_scores(scores, f"{name}, test split (sites not trained on)")


def _show_scores(scores: dict[str, Any], title: str) -> None:
    from unticker.card import print_scores

    print_scores(scores, title)


def _print(text: str) -> None:
    sys.stdout.buffer.write(text.encode("utf-8", "surrogatepass"))
    sys.stdout.buffer.flush()


def _complain(message: str) -> None:
    typer.echo(f"unticker: {message}", err=True)


def main() -> None:
    """Run the command; every error is one sentence and an exit code."""
    try:
        app(standalone_mode=False)
    except typer.Exit as leave:
        sys.exit(leave.exit_code)
    except typer.Abort:
        sys.exit(130)
    except ModelError as error:
        _complain(str(error))
        sys.exit(REFUSED)
    except (UsageError, OutputError) as error:
        _complain(str(error))
        sys.exit(USAGE)
    except UntickerError as error:
        _complain(str(error))
        sys.exit(FAILED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(OK)
