"""The ``unticker`` command: options in, library calls, exit codes out. No logic."""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unticker.arguments import (
    AnyOutput,
    Encoding,
    Engine,
    EngineChoice,
    Form,
    FormatChoice,
    HtmlField,
    IdField,
    Jobs,
    Keep,
    KindChoice,
    KindOption,
    MaxRemoved,
    Memory,
    ModelDir,
    NoTitle,
    Output,
    Overwrite,
    ParserChoice,
    ParserOption,
    Paths,
    PhrasesFile,
    Quiet,
    RepeatedPages,
    Resume,
    Scheduler,
    Sidecar,
    Stdin,
    StdinChoice,
    TextField,
    Threshold,
    Timeout,
    To,
    Trim,
    Work,
)
from unticker.errors import ModelError, OutputError, PageError, UntickerError, UsageError
from unticker.types import LABELS, Label

if TYPE_CHECKING:
    from unticker.model import Model

OK, FAILED, USAGE, REFUSED = range(4)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Tell, line by line, what in a crawled news page is the article and what is the site.",
)


def _load(folder: Path | None, phrases: Path | None = None) -> "Model":
    from unticker.model import Model

    model = Model.load(folder)
    if phrases is not None:
        from unticker.phrases import Phrases

        model = model.with_phrases(Phrases.read(phrases))
    return model


def _sources(paths: Iterable[str]) -> Iterator[tuple[str, Path | bytes, Path]]:
    """Names, sources and names of their outputs; folders walked, standard input read."""
    from unticker.reading import page_files

    for path in paths:
        if path == "-":
            yield "-", sys.stdin.buffer.read(), Path("stdin.jsonl")
        elif Path(path).is_dir():
            found = page_files(Path(path))
            if not found:
                raise UsageError(f"{path}: no .txt, .md, .html or .htm file in this folder")
            for file in found:
                below = file.relative_to(path)
                yield str(file), file, below.with_name(below.name + ".jsonl")
        else:
            yield path, Path(path), Path(Path(path).name + ".jsonl")


def _refuse_existing(output: Path | None, overwrite: bool) -> None:
    if output is None or not output.exists():
        return
    if not output.is_dir():
        raise OutputError(f"{output} is a file; name a folder")
    if any(output.iterdir()) and not overwrite:
        raise OutputError(f"{output} is not empty; add --overwrite or name another folder")


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
    _refuse_existing(output, overwrite)
    failed = 0
    written: set[Path] = set()
    for name, source, relative in _sources(paths):
        if output is not None and relative in written:
            raise UsageError(f"{name} and another input would both be {output / relative}")
        written.add(relative)
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
            target = output / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8", errors="surrogatepass")
    if failed:
        raise typer.Exit(FAILED)


@app.command()
def clean(
    paths: Paths = ["-"],  # noqa: B006
    output: AnyOutput = None,
    keep: Keep = "body",
    no_title: NoTitle = False,
    threshold: Threshold = None,
    trim: Trim = False,
    max_removed: MaxRemoved = None,
    form: Form = FormatChoice.txt,
    kind: KindOption = KindChoice.auto,
    encoding: Encoding = None,
    parser: ParserOption = ParserChoice.lexbor,
    model: ModelDir = None,
    phrases: PhrasesFile = None,
    jobs: Jobs = 1,
    to: To = None,
    text_field: TextField = "text",
    html_field: HtmlField = None,
    id_field: IdField = None,
    stdin: Stdin = None,
    repeated: RepeatedPages = None,
    sidecar: Sidecar = False,
    timeout: Timeout = 60.0,
    memory: Memory = 4096,
    engine: Engine = EngineChoice.local,
    scheduler: Scheduler = None,
    work: Work = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    quiet: Quiet = False,
) -> None:
    """Print a page's article, or clean files and folders into a folder (-o)."""
    labels = tuple(part.strip() for part in keep.split(",") if part.strip())
    if not labels or any(name not in LABELS for name in labels):
        raise UsageError(f"--keep takes labels of {', '.join(LABELS)}, not {keep!r}")
    kept = tuple(name for name in LABELS if name in labels)
    one = output is None and stdin is None and not (len(paths) == 1 and _holds_rows(paths[0]))
    if one:
        if len(paths) != 1 or Path(paths[0]).is_dir():
            raise UsageError("several pages need a folder to go to: add -o DIR")
        loaded = _load(model, phrases)
        _clean_one(
            loaded, paths[0], kept, not no_title, threshold, trim, max_removed, form.value,
            kind.value, encoding, parser.value,
        )  # fmt: skip
        return
    if form != FormatChoice.txt:
        raise UsageError("--format is for one page on standard output")
    from unticker import batch, remote, streams

    options = batch.BatchOptions(
        keep=kept, title=not no_title, threshold=threshold, trim=trim, kind=kind.value,
        encoding=encoding, parser=parser.value, jobs=jobs,
        model=None if model is None else str(model),
        phrases=None if phrases is None else str(phrases),
        text_field=text_field, html_field=html_field, id_field=id_field,
        to=None if to is None else to.value, sidecar=sidecar, repeated=repeated,
        max_removed=max_removed,
        stdin=(stdin or StdinChoice.jsonl).value, timeout=timeout, memory=memory,
        engine=engine.value, scheduler=scheduler, overwrite=overwrite, resume=resume, quiet=quiet,
    )  # fmt: skip
    if output is None:
        if len(paths) != 1:
            raise UsageError("several inputs need a folder to go to: add -o DIR")
        report = batch.pipe(options, sys.stdout.buffer, paths[0])
    elif streams.is_remote(output):
        report = remote.run(options, paths, output, work)
    else:
        report = batch.run(options, paths, output)
    if report.exit_code:
        raise typer.Exit(report.exit_code)


def _holds_rows(path: str) -> bool:
    from unticker.records import SUFFIXES, split_name

    return SUFFIXES.get(split_name(path)[1].lower(), "pages") != "pages"


def _clean_one(
    loaded: "Model",
    path: str,
    keep: tuple[Label, ...],
    title: bool,
    threshold: float | None,
    trim: bool,
    max_removed: float | None,
    form: Any,
    kind: Any,
    encoding: str | None,
    parser: str,
) -> None:
    from unticker import formats, reading

    if form != "txt" and (threshold is not None or trim):
        raise UsageError("--threshold and --trim go with --format txt")
    source: Any = sys.stdin.buffer.read() if path == "-" else Path(path)
    document = reading.read(source, kind, encoding, parser)
    page = loaded.label_documents([document])[0]
    if form == "txt" and (threshold is not None or trim or document.markup is None):
        text = page.text(keep, title, threshold, trim)
    else:
        text = formats.render(page, document, form, keep=keep, title=title)
    words = sum(len(line.text.split()) for line in page.lines)
    kept = len(page.text(keep, title, threshold, trim).split())
    if max_removed is not None and words - kept > max_removed * words:
        raise PageError(f"{path}: more than {max_removed:.0%} would be removed; nothing is printed")
    _print(text + "\n" if text else "")


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
    _refuse_existing(output, overwrite)
    from unticker import training
    from unticker.card import write_card
    from unticker.examples import Options

    fitted = training.fit(
        annotations, Options(jobs=jobs, seed=seed, unit_c=(0.03, 0.1, 0.3), context_c=(0.005, 0.02))
    )
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
    from unticker import kernels
    from unticker.model import shipped

    loaded = _load(folder)
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


def _print(text: str) -> None:
    sys.stdout.buffer.write(text.encode("utf-8", "surrogatepass"))
    sys.stdout.buffer.flush()


def _complain(message: str) -> None:
    typer.echo(f"unticker: {message}", err=True)


def main() -> None:
    """Run the command; every error is one sentence and an exit code."""
    code = OK
    try:
        app()
    except ModelError as error:
        code = REFUSED
        _complain(str(error))
    except (UsageError, OutputError) as error:
        code = USAGE
        _complain(str(error))
    except UntickerError as error:
        code = FAILED
        _complain(str(error))
    except BrokenPipeError:
        sys.stderr.close()
    sys.exit(code)
