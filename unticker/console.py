"""What the commands share: a model loaded, output folders refused, text and complaints printed."""

import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import typer

from unticker import streams
from unticker.errors import OutputError

if TYPE_CHECKING:
    from unticker.model import Model


def load(folder: Path | None, phrases: Path | None = None) -> "Model":
    """The model of a folder, or the shipped one, with a user's phrases.

    Raises `ModelError` or `UsageError`.
    """
    from unticker.model import Model

    model = Model.load(folder)
    if phrases is not None:
        from unticker.phrases import Phrases

        model = model.with_phrases(Phrases.read(phrases))
    return model


def refuse_existing(output: Path | None, overwrite: bool) -> None:
    """Raise `OutputError` for a folder that holds something, unless that may be overwritten."""
    if output is None or not output.exists():
        return
    if not output.is_dir():
        raise OutputError(f"{output} is a file; name a folder")
    if any(output.iterdir()) and not overwrite:
        raise OutputError(f"{output} is not empty; add --overwrite or name another folder")


def read_source(path: str) -> Any:
    """A page's path, or the bytes of standard input for ``-``."""
    return streams.open_raw("-").read() if path == "-" else Path(path)


def print_text(text: str) -> None:
    """Print a page's text as it is, whatever the terminal's encoding. Raises OSError."""
    out = standard_output()
    out.write(text.encode("utf-8", "surrogatepass"))
    out.flush()


def standard_output() -> IO[bytes]:
    """Raises `OutputError` where it is closed."""
    if sys.stdout is None:
        raise OutputError("standard output is closed")
    return sys.stdout.buffer


def complain(message: str) -> None:
    """Print a sentence for people to standard error."""
    typer.echo(f"unticker: {message}", err=True)
