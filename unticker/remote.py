"""Output to where fsspec writes: the run is local, its finished files are sent whole.

A file goes under another name first and gets its own when it is there in full, so
nothing half-written stands under a final name. What was sent is noted locally, and the
state folder goes last: who finds a report remotely finds all that it names.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from unticker import batch, streams
from unticker.engines import Loader
from unticker.errors import OutputError, UsageError
from unticker.names import STATE
from unticker.options import BatchOptions
from unticker.report import Report

SENT = "sent.json"
_LOCAL = ("lock", SENT)  # of the state folder: never sent


def run(
    options: BatchOptions,
    inputs: Sequence[str],
    output: str,
    work: Path | None = None,
    load: Loader | None = None,
    stream: IO[str] | None = None,
) -> Report:
    """`batch.run` into ``work`` (`workplace` by default), then everything to ``output``.

    Raises what `batch.run` raises, `UsageError` without fsspec or for output that exists,
    and `OutputError` for what could not be sent; ``resume`` sends the rest.
    """
    fsspec = streams.file_systems(f"writing {output}")
    folder = work or workplace(output)
    try:
        system, root = fsspec.core.url_to_fs(output)
        remote = _Remote(system, root.rstrip("/"), output.rstrip("/"))
        begun = (folder / STATE / "manifest.json").is_file()
        if not begun and remote.names() and not (options.overwrite or options.resume):
            raise UsageError(f"{output} has output already; give --resume or --overwrite")
        if not begun and options.resume:
            remote.fetch_state(folder)
    except (OSError, ImportError, ValueError) as error:
        raise UsageError(f"{output} cannot be reached: {error}") from None
    done = batch.run(options, inputs, folder, load, stream)
    remote.send(folder)
    return done


def workplace(output: str) -> Path:
    """The local folder of a run with this remote output, in the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "unticker" / hashlib.sha256(output.rstrip("/").encode()).hexdigest()[:16]


class _Remote:
    """An output folder on some file system; ``url`` is its name for people."""

    def __init__(self, system: Any, root: str, url: str) -> None:
        self.system, self.root, self.url = system, root, url

    def names(self) -> list[str]:
        """Files that are there, relative to the folder."""
        if not self.system.exists(self.root):
            return []
        return [path[len(self.root) :].lstrip("/") for path in self.system.find(self.root)]

    def fetch_state(self, folder: Path) -> None:
        """Bring back what an ended run noted as done, so that it is not done again."""
        for name in self.names():
            if name == f"{STATE}/manifest.json" or name.startswith(f"{STATE}/done/"):
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                self.system.get_file(f"{self.root}/{name}", str(target))

    def send(self, folder: Path) -> None:
        """Send every file of a finished run that was not sent yet."""
        note = folder / STATE / SENT
        sent: dict[str, str] = json.loads(note.read_text()) if note.is_file() else {}
        for name in _files(folder):
            path = folder / name
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            try:
                if sent.get(name) != digest or not self._holds(name, path.stat().st_size):
                    self._put(path, name)
            except Exception as error:  # every file system has errors of its own
                raise OutputError(
                    f"{self.url}/{name} was not written: {error}; --resume sends what is missing"
                ) from error
            sent[name] = digest
            note.write_text(json.dumps(sent))

    def _holds(self, name: str, size: int) -> bool:
        path = f"{self.root}/{name}"
        return bool(self.system.exists(path) and self.system.size(path) == size)

    def _put(self, path: Path, name: str) -> None:
        target = f"{self.root}/{name}"
        temporary = f"{target}.part-{os.getpid()}"
        self.system.makedirs(target.rpartition("/")[0], exist_ok=True)
        try:
            self.system.put_file(str(path), temporary)
            if self.system.exists(target):
                self.system.rm_file(target)
            self.system.mv(temporary, target)
        finally:
            if self.system.exists(temporary):
                self.system.rm_file(temporary)
        if not self._holds(name, path.stat().st_size):
            raise OSError("it is not as long there as here")


def _files(folder: Path) -> Iterator[str]:
    """What is to be sent, the state folder's own files last."""
    found = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    found = [path for path in found if not (path.parts[0] == STATE and path.name in _LOCAL)]
    yield from (path.as_posix() for path in sorted(found, key=lambda p: p.parts[0] == STATE))
