"""Batch work: inputs cut into shards, shards labelled in workers, parts joined in order.

A shard is an input slice in and an output part out, written whole or not at all. What a
run writes depends on the inputs, the options and the model, never on the number of workers,
on who died on the way or on how often it was resumed.
"""

import contextlib
import fcntl
import functools
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, Protocol

from unticker import columnar, engines, names, repetition, report, shards, sources, streams, workers
from unticker.engines import Loader
from unticker.errors import OutputError, UsageError
from unticker.options import BatchOptions
from unticker.records import Input
from unticker.repetition import Repeated
from unticker.report import InputReport, Report
from unticker.shards import Store
from unticker.workers import Task

__all__ = ["BatchOptions", "pipe", "run"]

FORMAT = 1  # of the state folder


def _knowing(load: Loader, path: Path, digest: str) -> engines.Labeller:
    """The model that knows an input's repeated lines, which ``digest`` tells apart."""
    return load().with_repeated(_repeated(path, digest))  # type: ignore[attr-defined]


@functools.lru_cache(maxsize=2)
def _repeated(path: Path, digest: str) -> Repeated:
    # Kept by digest: the loader comes anew with every task, and so would what it loads.
    del digest
    return Repeated.read(path)


class Destination(Protocol):
    """Where finished output goes on to; `unticker.remote.Place` is one."""

    url: str

    def deliver(self, absent: Sequence[str]) -> None: ...


class _Work:
    """The shards of all inputs in order, and what is known of those done."""

    def __init__(
        self, inputs: Sequence[Input], options: BatchOptions, store: Store, output: Path,
        load: Loader, progress: report.Progress, destination: "Destination | None" = None,
    ) -> None:  # fmt: skip
        self.inputs, self.options, self.store = inputs, options, store
        self.output, self.load, self.progress = output, load, progress
        self.destination = destination
        self.jobs = options.jobs if options.jobs > 0 else os.cpu_count() or 1
        self.tallies: list[dict[int, dict[str, Any]]] = [{} for _ in inputs]
        self.counts: dict[int, int] = {}
        self.read = 0
        self.resumed = 0

    def tasks(self) -> Iterator[Task]:
        """The shards that are still to do. Those done by an earlier run are counted."""
        behind = 0
        for place, source in enumerate(self.inputs):
            if (total := self.store.finished(place)) is not None:
                self.tallies[place], self.counts[place] = {0: total}, 1
                behind += source.size
                self.read = behind
                continue
            number = -1
            load, repeated = self._counted(place)
            for number, task in enumerate(self._cut(place, load, repeated=repeated)):
                self.read = behind + task.chunk.position
                old = self.store.committed(place, number) if self.options.resume else None
                if old is not None and old["digest"] == task.digest:
                    self.tallies[place][number] = old["tally"]
                    self.resumed += 1
                    continue
                yield task
            behind += source.size
            self.counts[place] = number + 1

    def _cut(
        self, place: int, load: Loader, counting: bool = False, repeated: str = ""
    ) -> Iterator[Task]:
        source = self.inputs[place]
        for number, chunk in enumerate(sources.cut(source, self.options)):
            yield Task(
                self.store, self.output, replace(source, files=()), place, number, chunk,
                self.options, load, counting=counting, repeated=repeated,
            )  # fmt: skip

    def _counted(self, place: int) -> tuple[Loader, str]:
        """The loader for an input, which knows its repeated lines, and their digest."""
        least = self.options.repeated
        if least is None:
            return self.load, ""
        self.store.scratch.mkdir(parents=True, exist_ok=True)
        counts = repetition.Counts(self.store.scratch)
        tasks = self._cut(place, self.load, counting=True)
        for _, result in workers.results(tasks, self.options, self.jobs):
            for page in result.hashes:
                counts.add(page)
            self.progress.look(len(result.hashes))
        found = counts.repeated(least)
        path = self.store.root / "repeated" / str(place)
        found.write(path)
        return functools.partial(_knowing, self.load, path, found.digest), found.digest

    def ready(self, place: int) -> bool:
        return place in self.counts and len(self.tallies[place]) == self.counts[place]

    def finish(self, place: int) -> InputReport:
        """Join an input's parts and note it as done."""
        source, options = self.inputs[place], self.options
        main = names.main_name(source, options.to)
        total = self.store.finished(place)
        if total is None:
            tallies = self.tallies[place]
            total = report.merge(tallies[number] for number in range(self.counts[place]))
            absent = self._join(place, source, main)
            if self.destination is not None:
                self.destination.deliver(absent)
            self.store.finish(place, total)
        self.store.forget(place)
        self.tallies[place] = {}
        folder = names.row_folder(source) if source.container != "pages" else None
        return report.of_input(source, main or folder, total)

    def _join(self, place: int, source: Input, main: str | None) -> list[str]:
        """Write an input's files; the names of those that it might have and has not."""
        count, options = self.counts[place], self.options
        if main is not None:
            form = names.form_of(source, options.to)
            join = None
            if form in ("parquet", "arrow"):
                codec = columnar.compression(source) if source.container == "parquet" else ""
                join = columnar.join(form, codec)
            whole = source.codec if form in ("parquet", "arrow") and main.endswith(
                source.codec) else ""  # fmt: skip
            there = self.store.assemble(place, count, "rows", self.output / main, join, whole)
            if not there:
                empty = streams.compress(b"", "" if form == "parquet" else source.codec)
                streams.write_whole(self.output / main, empty, self.store.scratch)
        absent = []
        for stream in names.side_streams(source, options):
            name = names.side_name(source, options.to, stream)
            if not self.store.assemble(place, count, stream, self.output / name):
                (self.output / name).unlink(missing_ok=True)  # of the run that this replaces
                absent.append(name)
        return absent


def run(
    options: BatchOptions,
    inputs: Sequence[str],
    output: str | os.PathLike[str],
    load: Loader | None = None,
    stream: IO[str] | None = None,
    destination: Destination | None = None,
) -> Report:
    """Clean ``inputs`` into the folder ``output``; ``stream`` (stderr) shows the progress.

    With a ``destination`` the output of each input is handed on there when it is done.

    Returns the report, also written to ``output/.unticker/report.json``. Raises `UsageError`
    for what is refused before anything is written, `OutputError` where output cannot be
    written; what is done by then stays for ``resume``.
    """
    options.check()
    if streams.is_remote(os.fspath(output)):
        raise UsageError(f"output {output} is remote; unticker.remote.run writes there")
    plan = names.plan(inputs, options.stdin)
    if options.repeated is not None and any(one.source == "-" for one in plan.inputs):
        raise UsageError("repeated lines take a second look, standard input allows one; use a file")
    folder = Path(output)
    outputs = names.check(plan, options, destination.url if destination else str(folder))
    load = load or engines.loader(options.model, options.phrases)
    digest = load().digest
    store = Store(folder.absolute() / names.STATE)
    stream = stream or sys.stderr
    manifest = {
        "format": FORMAT, "model": digest, "options": options.shape(),
        "inputs": [[one.source, one.name, one.container] for one in plan.inputs],
    }  # fmt: skip
    try:
        with _locked(store, folder, outputs, options, _as_json(manifest)):
            progress = report.Progress(stream, plan.size, options.quiet)
            work = _Work(
                plan.inputs, options, store, folder.absolute(), load, progress, destination
            )
            return _run(work, plan, digest, stream)
    except OSError as error:
        raise OutputError(f"{output} cannot be written: {error}") from error


def pipe(
    options: BatchOptions,
    out: IO[bytes],
    source: str = "-",
    load: Loader | None = None,
    stream: IO[str] | None = None,
) -> Report:
    """Clean one input of rows, standard input by default, to ``out`` as its shards are done.

    There is nothing to resume; rejected rows and failed pages are named in the report.
    Raises `UsageError` for inputs whose output is not one stream of rows.
    """
    options.check()
    if options.repeated is not None:
        raise UsageError("repeated lines take a second look at the input; clean it into a folder")
    plan = names.plan([source], options.stdin)
    form = names.form_of(plan.inputs[0], options.to) if len(plan.inputs) == 1 else "txt"
    if form in ("txt", "parquet", "arrow"):
        raise UsageError(f"{source} gives no stream of rows; clean it into a folder")
    load = load or engines.loader(options.model, options.phrases)
    digest = load().digest
    stream = stream or sys.stderr
    with tempfile.TemporaryDirectory(prefix="unticker-") as folder:
        store = Store(Path(folder))
        progress = report.Progress(stream, plan.size, options.quiet)
        work = _Work(plan.inputs, options, store, Path(folder), load, progress)
        total = report.merge(())
        with progress:
            for task, result in workers.results(work.tasks(), options, work.jobs):
                part = store.part(*task.key, "rows")
                if part.exists():
                    out.write(part.read_bytes())
                    out.flush()
                for name in (*shards.STREAMS, "json"):
                    store.part(*task.key, name).unlink(missing_ok=True)
                total = report.merge((total, result.tally))
                progress.add(result.tally, result.slowest, work.read)
    one = report.of_input(plan.inputs[0], None, total)
    done = Report(digest, (one,), plan.skipped, progress.seconds, tuple(progress.slowest))
    _tell(done, options, stream)
    return done


def _tell(done: Report, options: BatchOptions, stream: IO[str]) -> None:
    if options.quiet:
        done.name_failures(stream)
    else:
        done.show(stream)


def _as_json(value: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(value))
    return found


@contextlib.contextmanager
def _locked(
    store: Store, folder: Path, outputs: Sequence[str], options: BatchOptions,
    manifest: dict[str, Any],
) -> Iterator[None]:  # fmt: skip
    """Make the state folder this run's own: refuse, resume or begin anew."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"output {folder} is not a folder")
    old = store.manifest()
    if old is None and not options.overwrite:
        there = next((name for name in outputs if os.path.lexists(folder / name)), None)
        if there is not None:
            raise UsageError(f"{folder / there} is there already; --overwrite replaces it")
    if old is not None and not (options.overwrite or options.resume):
        raise UsageError(f"{folder} has output already; give --resume or --overwrite")
    if old is not None and options.resume and old != manifest:
        parts = [key for key in manifest if old.get(key) != manifest[key]]
        raise UsageError(f"{folder} was begun with other {', '.join(parts)}; --overwrite replaces")
    store.root.mkdir(parents=True, exist_ok=True)
    with open(store.root / "lock", "ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"another run is writing to {folder}") from None
        store.clear()
        if old is None or options.overwrite:
            store.begin(manifest)
        yield
        store.clear()
        with contextlib.suppress(OSError):
            (store.root / "shards").rmdir()


def _run(work: _Work, plan: names.Plan, digest: str, stream: IO[str]) -> Report:
    options, progress = work.options, work.progress
    reports: list[InputReport] = []
    try:
        with progress:
            for task, result in workers.results(work.tasks(), options, work.jobs):
                work.tallies[task.place][task.shard] = result.tally
                progress.add(result.tally, result.slowest, work.read)
                while len(reports) < len(plan.inputs) and work.ready(len(reports)):
                    reports.append(work.finish(len(reports)))
            while len(reports) < len(plan.inputs):
                reports.append(work.finish(len(reports)))
    except KeyboardInterrupt:
        if not options.quiet:
            stream.write("interrupted; the same command goes on with --resume\n")
        raise
    done = Report(
        digest, tuple(reports), plan.skipped, progress.seconds, tuple(progress.slowest)
    )  # fmt: skip
    work.store.write("report.json", done.as_json())
    _tell(done, options, stream)
    return done
