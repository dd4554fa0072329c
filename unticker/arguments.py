"""The arguments and options of the ``unticker`` command, by name."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer


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


class StdinChoice(str, Enum):
    jsonl = "jsonl"
    csv = "csv"
    tsv = "tsv"
    warc = "warc"


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

Keep = Annotated[str, typer.Option("--keep", help="Labels to keep, with commas.")]
NoTitle = Annotated[bool, typer.Option("--no-title", help="Leave out the headline.")]
Threshold = Annotated[
    float | None, typer.Option("--threshold", help="Keep what is kept with this probability.")
]
Trim = Annotated[bool, typer.Option("--trim", help="Remove only what stands before and behind.")]
MaxRemoved = Annotated[
    float | None, typer.Option("--max-removed", help="Report pages that lose more (0 to 1).")
]
Form = Annotated[FormatChoice, typer.Option("--format", help="Form of one page.")]
Jobs = Annotated[int, typer.Option("--jobs", "-j", help="Processes; -1: all cores.")]
To = Annotated[
    ToChoice | None, typer.Option("--to", help="Container of the output, if not the input's.")
]
TextField = Annotated[str, typer.Option("--text-field", help="Field with the text.")]
HtmlField = Annotated[
    str | None, typer.Option("--html-field", help="Field with HTML, instead of the text.")
]
IdField = Annotated[str | None, typer.Option("--id-field", help="Field that names a row.")]
Stdin = Annotated[
    StdinChoice | None, typer.Option("--stdin", help="What - holds, if it is not one page.")
]
RepeatedPages = Annotated[
    int | None, typer.Option("--repeated", help="Lines on so many pages of an input are furniture.")
]
Sidecar = Annotated[bool, typer.Option("--sidecar", help="Write dropped lines too.")]
Timeout = Annotated[float, typer.Option("--timeout", help="Seconds for a page.")]
Memory = Annotated[int, typer.Option("--memory", help="MiB for a worker.")]
Engine = Annotated[EngineChoice, typer.Option("--engine", help="Where workers run.")]
Scheduler = Annotated[
    str | None, typer.Option("--scheduler", help="Dask scheduler, tcp://host:port.")
]
Work = Annotated[
    Path | None, typer.Option("--work", help="Local folder of a run with remote output.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with a run cut short.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary.")]
AnyOutput = Annotated[
    str | None, typer.Option("--output", "-o", help="Output folder, or where fsspec writes.")
]
