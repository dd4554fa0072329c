"""The ``unticker`` command: options in, library calls, exit codes out. No logic."""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unticker import __version__
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
from unticker.console import (
    complain,
    load,
    print_text,
    read_source,
    refuse_existing,
    standard_output,
)
from unticker.errors import ModelError, OutputError, PageError, UntickerError, UsageError
from unticker.modelling import evaluate, explain, model, train
from unticker.types import LABELS

if TYPE_CHECKING:
    from unticker.model import Model
    from unticker.options import BatchOptions

OK, FAILED, USAGE, REFUSED = range(4)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"unticker {__version__}")
        raise typer.Exit()


@app.callback()
def _common(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and end."
        ),
    ] = False,
) -> None:
    """Tell, line by line, what in a crawled news page is the article and what is the site."""


def _sources(paths: Iterable[str]) -> Iterator[tuple[str, Path | bytes, Path]]:
    """Names, sources and names of their outputs; folders walked, standard input read."""
    from unticker.reading import page_files

    for path in paths:
        if not path:
            raise UsageError("the name of a file or folder is empty")
        if path == "-":
            yield "-", read_source("-"), Path("stdin.jsonl")
        elif Path(path).is_dir():
            found = page_files(Path(path))
            if not found:
                raise UsageError(f"{path}: no file of text or HTML in this folder")
            for file in found:
                below = file.relative_to(path)
                yield str(file), file, below.with_name(below.name + ".jsonl")
        else:
            yield path, Path(path), Path(Path(path).name + ".jsonl")


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
    from unticker.streams import write_whole

    loaded = load(model, phrases)
    refuse_existing(output, overwrite)
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
            complain(str(error))
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
            print_text(text)
        else:
            target = output / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            write_whole(target, text.encode("utf-8", "surrogatepass"), target.parent)
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
    from unticker.options import BatchOptions

    options = BatchOptions(
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
        for option, given in (("--sidecar", sidecar), ("--resume", resume), ("--work", work)):
            if given:
                raise UsageError(f"{option} is for a run into a folder: add -o DIR")
    if output is None and stdin is None and not (len(paths) == 1 and _holds_rows(paths[0])):
        if len(paths) != 1 or Path(paths[0]).is_dir():
            raise UsageError("several pages need a folder to go to: add -o DIR")
        if to is not None:
            raise UsageError("--to is for rows, or for a run into a folder: add -o DIR")
        options.check()
        _clean_one(load(model, phrases), paths[0], options, form.value)
        return
    if form != FormatChoice.txt:
        raise UsageError("--format is for one page on standard output")
    from unticker import batch, remote, streams

    if output is None:
        if len(paths) != 1:
            raise UsageError("several inputs need a folder to go to: add -o DIR")
        report = batch.pipe(options, standard_output(), paths[0])
    elif streams.is_remote(output):
        report = remote.run(options, paths, output, work)
    else:
        report = batch.run(options, paths, output)
    if report.exit_code:
        raise typer.Exit(report.exit_code)


def _holds_rows(path: str) -> bool:
    from unticker.records import SUFFIXES
    from unticker.streams import suffix_of

    return SUFFIXES.get(suffix_of(path), "pages") != "pages"


def _clean_one(loaded: "Model", path: str, options: "BatchOptions", form: Any) -> None:
    from unticker import formats, reading

    keep, title, trim = options.keep, options.title, options.trim
    threshold, max_removed = options.threshold, options.max_removed
    if form != "txt" and (threshold is not None or trim):
        raise UsageError("--threshold and --trim go with --format txt")
    source = read_source(path)
    document = reading.read(source, options.kind, options.encoding, options.parser)
    page = loaded.label_documents([document])[0]
    if form == "txt" and (threshold is not None or trim or document.markup is None):
        text = page.text(keep, title, threshold, trim)
    else:
        text = formats.render(page, document, form, keep=keep, title=title)
    words = sum(len(line.text.split()) for line in page.lines)
    kept = len(page.text(keep, title, threshold, trim).split())
    if max_removed is not None and words - kept > max_removed * words:
        raise PageError(f"{path}: more than {max_removed:.0%} would be removed; nothing is printed")
    print_text(text + "\n" if text else "")


for command in (train, evaluate, explain, model):
    app.command()(command)


def main() -> None:
    """Run the command; every error is one sentence and an exit code."""
    code = OK
    try:
        app()
    except ModelError as error:
        code = REFUSED
        complain(str(error))
    except (UsageError, OutputError) as error:
        code = USAGE
        complain(str(error))
    except UntickerError as error:
        code = FAILED
        complain(str(error))
    except BrokenPipeError:
        sys.stderr.close()
    except OSError as error:  # output that cannot be written: a full disk, a name too long
        code = USAGE
        where = f"{error.filename}: " if error.filename else ""
        complain(f"{where}cannot be read or written ({error.strerror or error})")
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is left to print would fail once more
    sys.exit(code)
