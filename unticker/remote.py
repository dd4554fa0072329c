"""Output to where fsspec writes: the run is local, and what it finished goes there at once.

When an input is done its files are sent and leave the local folder, so that needs room for
the inputs in work and no more. Nothing half-written stands under a final name: stores that
can rename get a file under another name first, the others (S3 and its like) show an object
when it is whole. The notes of what is done follow the files: who finds one remotely finds all
that it names.
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
from unticker.shards import SENT

_SHOWN = ("manifest.json", "report.json")  # of the state folder, besides what is done


def run(
    options: BatchOptions,
    inputs: Sequence[str],
    output: str,
    work: Path | None = None,
    load: Loader | None = None,
    stream: IO[str] | None = None,
) -> Report:
    """`batch.run` in ``work`` (`workplace` by default), its output at ``output``.

    Raises what `batch.run` raises, `UsageError` without fsspec or for output that exists,
    and `OutputError` for what could not be sent; ``resume`` sends the rest.
    """
    fsspec = streams.file_systems(f"writing {output}")
    folder = (work or workplace(output)).absolute()
    try:
        system, root = fsspec.core.url_to_fs(output)
        place = Place(system, root.rstrip("/"), output.rstrip("/"), folder)
        place.refuse_others()
        begun = (folder / STATE / "manifest.json").is_file()
        if not begun and place.names() and not (options.overwrite or options.resume):
            raise UsageError(f"{output} has output already; give --resume or --overwrite")
        if not begun and options.resume:
            place.fetch_state()
    except (OSError, ImportError, ValueError) as error:
        raise UsageError(f"{output} cannot be reached: {error}") from None
    done = batch.run(options, inputs, folder, load, stream, place)
    place.deliver(())
    return done


def workplace(output: str) -> Path:
    """The local folder of a run with this remote output, in the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "unticker" / hashlib.sha256(output.rstrip("/").encode()).hexdigest()[:16]


class Place:
    """An output folder on some file system; ``url`` is its name, ``folder`` the local one."""

    def __init__(self, system: Any, root: str, url: str, folder: Path) -> None:
        self.system, self.root, self.url, self.folder = system, root, url, folder
        self._shown: set[str] = set()

    def names(self) -> list[str]:
        """Files that are there, relative to the folder."""
        if not self.system.exists(self.root):
            return []
        return [path[len(self.root) :].lstrip("/") for path in self.system.find(self.root)]

    def refuse_others(self) -> None:
        """Raise `UsageError` if the local folder works for another output."""
        note = self.folder / STATE / SENT
        if note.is_file() and (other := json.loads(note.read_text())["url"]) != self.url:
            raise UsageError(f"{self.folder} works for {other}; name another with --work")

    def fetch_state(self) -> None:
        """Bring back what another run noted as done, so that it is not done again."""
        notes = [name for name in self.names() if name.startswith(f"{STATE}/done/")]
        manifest = f"{STATE}/manifest.json"
        if not self.system.exists(f"{self.root}/{manifest}"):
            return
        for name in (*notes, manifest):  # the manifest last: with it a run has begun
            target = self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            self.system.get_file(f"{self.root}/{name}", str(target))
        self._bind()

    def deliver(self, absent: Sequence[str]) -> None:
        """Send all files that are whole, which then leave the local folder, and notes.

        ``absent`` are names that an earlier run may have written and this one does not.
        """
        name = STATE
        try:
            if not (self.folder / STATE / SENT).is_file():
                self._remove(f"{STATE}/manifest.json")
                if self.system.exists(f"{self.root}/{STATE}"):
                    self.system.rm(f"{self.root}/{STATE}", recursive=True)
                self._bind()
            for name in absent:
                self._remove(name)
            for path in _files(self.folder):
                name = path.relative_to(self.folder).as_posix()
                self._put(path, name)
                path.unlink()
            for path in self._notes():
                name = path.relative_to(self.folder).as_posix()
                self._put(path, name)
                self._shown.add(name)
        except Exception as error:  # every file system has errors of its own
            raise OutputError(
                f"{self.url}/{name} was not written: {error}; --resume sends what is missing"
            ) from error

    def _bind(self) -> None:
        note = self.folder / STATE / SENT
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps({"url": self.url}))

    def _notes(self) -> Iterator[Path]:
        """Notes that were not sent by this run; the report is the last."""
        state = self.folder / STATE
        for path in (*sorted((state / "done").glob("*.json")), *(state / n for n in _SHOWN)):
            if path.is_file() and path.relative_to(self.folder).as_posix() not in self._shown:
                yield path

    def _remove(self, name: str) -> None:
        if self.system.exists(f"{self.root}/{name}"):
            self.system.rm_file(f"{self.root}/{name}")

    def _put(self, path: Path, name: str) -> None:
        from fsspec import AbstractFileSystem

        target = f"{self.root}/{name}"
        renames = type(self.system).mv is not AbstractFileSystem.mv
        first = f"{target}.part" if renames else target
        self.system.makedirs(target.rpartition("/")[0], exist_ok=True)
        self.system.put_file(str(path), first)
        if renames:
            self.system.mv(first, target)
        if self.system.size(target) != path.stat().st_size:
            raise OSError("it is not as long there as here")


def _files(folder: Path) -> Iterator[Path]:
    """What is to be sent: all but the state folder."""
    for top in sorted(folder.iterdir()):
        if top.is_file():
            yield top
        elif top.name != STATE:
            yield from (path for path in sorted(top.rglob("*")) if path.is_file())
