"""Batch work: inputs cut into shards, shards labelled in workers, parts joined in order.

A shard is an input slice in and an output part out, written whole or not at all. What a
run writes depends on the inputs, the options and the model, never on the number of workers,
on who died on the way or on how often it was resumed.
"""

import contextlib
import os
import shutil
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Literal

from unticker import engines, report, shards, sinks, sources
from unticker.engines import Failed, Loader
from unticker.errors import OutputError, UsageError
from unticker.report import InputReport, Report
from unticker.shards import Store
from unticker.sinks import Labelled
from unticker.sources import Chunk, Container, Input, Record, Rejected
from unticker.types import LABELS, Kind, Label, Page

GROUP = 64  # pages labelled in one pass
FORMAT = 1  # of the state folder
_FREE = (
    "jobs",
    "overwrite",
    "resume",
    "engine",
    "scheduler",
    "timeout",
    "memory",
    "model",
    "quiet",
)


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """What a run does. All but jobs, engine, limits and the last three shape the output.

    ``keep``, ``title``, ``threshold`` and ``trim`` are those of `Page.text`. ``model`` is a
    folder, None the shipped one. ``to`` is None for the input's own container. ``sidecar``
    writes the dropped lines. ``max_removed`` (0 to 1) marks pages that lose a larger share
    of their words as ``over-limit``. ``timeout`` is in seconds for a page, ``memory`` in MiB
    for a worker, None for no limit. ``stdin`` says what ``-`` holds.
    """

    keep: tuple[Label, ...] = ("body",)
    title: bool = True
    threshold: float | None = None
    trim: bool = False
    kind: Kind = "auto"
    encoding: str | None = None
    model: str | None = None
    jobs: int = 1
    text_field: str = "text"
    html_field: str | None = None
    id_field: str | None = None
    to: Literal["jsonl", "parquet", "txt"] | None = None
    sidecar: bool = False
    max_removed: float | None = None
    stdin: Container = "jsonl"
    timeout: float | None = 60.0
    memory: int | None = 4096
    engine: Literal["local", "dask"] = "local"
    scheduler: str | None = None
    shard_rows: int = 1000
    shard_bytes: int = 4 << 20
    overwrite: bool = False
    resume: bool = False
    quiet: bool = False

    def check(self) -> None:
        """Raise `UsageError` for values that make no sense."""
        wrong = [label for label in self.keep if label not in LABELS]
        if wrong or not self.keep:
            raise UsageError(f"keep one or more of {', '.join(LABELS)}, not {wrong or 'nothing'}")
        if self.jobs == 0 or self.jobs < -1:
            raise UsageError("jobs is a number from 1, or -1 for all cores")
        if self.to not in (None, "jsonl", "parquet", "txt"):
            raise UsageError(f"unknown container {self.to!r}; choose jsonl, parquet or txt")
        if self.overwrite and self.resume:
            raise UsageError("overwrite and resume exclude each other")
        if self.shard_rows < 1 or self.shard_bytes < 1:
            raise UsageError("a shard has at least one row and one byte")
        for limit in (self.timeout, self.memory):
            if limit is not None and limit <= 0:
                raise UsageError("limits are above 0, or None")
        if self.max_removed is not None and not 0 <= self.max_removed <= 1:
            raise UsageError("max_removed is a share from 0 to 1")

    def shape(self) -> dict[str, Any]:
        """The options the output depends on."""
        return {key: value for key, value in asdict(self).items() if key not in _FREE}


@dataclass(frozen=True, slots=True)
class Task:
    """A shard on its way to a worker. ``failed`` are rows that are not to be tried again."""

    store: Store
    output: Path
    source: Input
    place: int
    shard: int
    chunk: Chunk
    options: BatchOptions
    load: Loader
    alone: bool = False
    failed: Mapping[int, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[int, int]:
        return self.place, self.shard


@dataclass(frozen=True, slots=True)
class Result:
    """What a worker says about a shard it has done."""

    tally: dict[str, Any]
    slowest: tuple[float, str] | None = None


def run_shard(task: Task) -> Result:
    """Label a shard and write its part; runs in a worker. Raises OSError where it cannot write."""
    store, options = task.store, task.options
    local = options.engine == "local"
    note = store.begun(*task.key)
    note.parent.mkdir(parents=True, exist_ok=True)
    with engines.capped(options.memory if local else None):
        model = task.load()
        items = list(sources.parse(task.source, task.chunk, options))
        records = [item for item in items if isinstance(item, Record)]
        rejected = [item for item in items if isinstance(item, Rejected)]
        found: list[Labelled] = []
        slowest: tuple[float, str] | None = None
        step = 1 if task.alone else GROUP
        for start in range(0, len(records), step):
            group = records[start : start + step]
            note.write_text(str(group[0].number))
            began = time.monotonic()
            pages = _label(task, model, group)
            took = (time.monotonic() - began) / len(group)
            if slowest is None or took > slowest[0]:
                ends = f"{group[0].number} to {group[-1].number}"
                slowest = took, f"{task.source.source} rows {ends}"
            for record, page in zip(group, pages, strict=True):
                text, about = sinks.note(page, options, model.digest)
                found.append((record, page, text, about))
        part = sinks.render(task.source, task.chunk, found, rejected, options, task.shard)
    for stream in ("json", *shards.STREAMS):  # of an earlier run on other input
        store.part(*task.key, stream).unlink(missing_ok=True)
    for name, data in part.files:
        shards.write_whole(task.output / name, data, store.scratch)
    for stream in shards.STREAMS:
        if data := getattr(part, stream):
            shards.write_whole(store.part(*task.key, stream), data, store.scratch)
    tally = report.tally(task.source, task.chunk, found, rejected)
    store.commit(*task.key, {"digest": task.chunk.digest(), "tally": tally})
    note.unlink(missing_ok=True)
    return Result(tally, slowest)


def _label(task: Task, model: engines.Labeller, group: Sequence[Record]) -> list[Page | Failed]:
    options = task.options
    tried = [record for record in group if record.number not in task.failed]
    pages = engines.label_pages(
        model, [(record.payload, record.kind) for record in tried], options.timeout,
        hard=options.engine == "local",
    )  # fmt: skip
    known = {record.number: page for record, page in zip(tried, pages, strict=True)}
    return [known.get(r.number) or Failed(task.failed[r.number]) for r in group]


class _Work:
    """The shards of all inputs in order, and what is known of those done."""

    def __init__(
        self, inputs: Sequence[Input], options: BatchOptions, store: Store, output: Path,
        load: Loader,
    ) -> None:  # fmt: skip
        self.inputs, self.options, self.store = inputs, options, store
        self.output, self.load = output, load
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
            for number, chunk in enumerate(sources.cut(source, self.options)):
                self.read = behind + chunk.position
                old = self.store.committed(place, number) if self.options.resume else None
                if old is not None and old["digest"] == chunk.digest():
                    self.tallies[place][number] = old["tally"]
                    self.resumed += 1
                    continue
                yield Task(
                    self.store, self.output, replace(source, files=()), place, number, chunk,
                    self.options, self.load,
                )  # fmt: skip
            behind += source.size
            self.counts[place] = number + 1

    def ready(self, place: int) -> bool:
        return place in self.counts and len(self.tallies[place]) == self.counts[place]

    def finish(self, place: int) -> InputReport:
        """Join an input's parts and note it as done."""
        source, options = self.inputs[place], self.options
        main = sinks.main_name(source, options.to)
        total = self.store.finished(place)
        if total is None:
            tallies = self.tallies[place]
            total = report.merge(tallies[number] for number in range(self.counts[place]))
            self._join(place, source, main)
            self.store.finish(place, total)
        self.tallies[place] = {}
        folder = sinks.row_folder(source) if source.container != "pages" else None
        return report.of_input(source, main or folder, total)

    def _join(self, place: int, source: Input, main: str | None) -> None:
        count, options = self.counts[place], self.options
        if main is not None:
            form = sinks.form_of(source, options.to)
            join = None
            if form in ("parquet", "arrow"):
                from unticker import arrow

                codec = arrow.compression(source) if source.container == "parquet" else ""
                join = arrow.join(form, codec)
            whole = source.codec if form in ("parquet", "arrow") and main.endswith(
                source.codec) else ""  # fmt: skip
            there = self.store.assemble(place, count, "rows", self.output / main, join, whole)
            if not there:
                empty = sinks.compress(b"", "" if form == "parquet" else source.codec)
                shards.write_whole(self.output / main, empty, self.store.scratch)
        for stream in ("rejects", "dropped"):
            name = self.output / sinks.side_name(source, options.to, stream)
            self.store.assemble(place, count, stream, name)


def run(
    options: BatchOptions,
    inputs: Sequence[str],
    output: str | os.PathLike[str],
    load: Loader | None = None,
    stream: IO[str] | None = None,
) -> Report:
    """Clean ``inputs`` into the folder ``output``; ``stream`` (stderr) shows the progress.

    Returns the report, also written to ``output/.unticker/report.json``. Raises `UsageError`
    for what is refused before anything is written, `OutputError` where output cannot be
    written; what is done by then stays for ``resume``.
    """
    options.check()
    if sources.is_remote(os.fspath(output)):
        raise UsageError(f"output {output} is remote; clean into a local folder and copy it")
    plan = sinks.plan(inputs, options.stdin)
    folder = Path(output)
    names = sinks.check(plan, options, folder)
    load = load or engines.loader(options.model)
    digest = load().digest
    store = Store(folder.absolute() / sinks.STATE)
    stream = stream or sys.stderr
    manifest = {
        "format": FORMAT, "model": digest, "options": options.shape(),
        "inputs": [[one.source, one.name, one.container] for one in plan.inputs],
    }  # fmt: skip
    try:
        with _locked(store, folder, names, options, _as_json(manifest)):
            return _run(options, plan, folder.absolute(), store, load, digest, stream)
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
    import tempfile

    options.check()
    plan = sinks.plan([source], options.stdin)
    form = sinks.form_of(plan.inputs[0], options.to) if len(plan.inputs) == 1 else "txt"
    if form in ("txt", "parquet", "arrow"):
        raise UsageError(f"{source} gives no stream of rows; clean it into a folder")
    load = load or engines.loader(options.model)
    digest = load().digest
    jobs = options.jobs if options.jobs > 0 else os.cpu_count() or 1
    stream = stream or sys.stderr
    with tempfile.TemporaryDirectory(prefix="unticker-") as folder:
        store = Store(Path(folder))
        work = _Work(plan.inputs, options, store, Path(folder), load)
        progress = report.Progress(stream, plan.inputs[0].size)
        total = report.merge(())
        try:
            for task, result in _results(work, options, jobs):
                part = store.part(*task.key, "rows")
                if part.exists():
                    out.write(part.read_bytes())
                    out.flush()
                for name in (*shards.STREAMS, "json"):
                    store.part(*task.key, name).unlink(missing_ok=True)
                total = report.merge((total, result.tally))
                progress.add(result.tally, result.slowest, work.read)
        finally:
            progress.stop()
    one = report.of_input(plan.inputs[0], None, total)
    done = Report(digest, (one,), plan.skipped, progress.seconds, tuple(progress.slowest))
    if not options.quiet:
        done.show(stream)
    return done


def _as_json(value: dict[str, Any]) -> dict[str, Any]:
    import json

    found: dict[str, Any] = json.loads(json.dumps(value))
    return found


@contextlib.contextmanager
def _locked(
    store: Store, folder: Path, names: Sequence[str], options: BatchOptions,
    manifest: dict[str, Any],
) -> Iterator[None]:  # fmt: skip
    """Make the state folder this run's own: refuse, resume or begin anew."""
    import fcntl

    if folder.exists() and not folder.is_dir():
        raise UsageError(f"output {folder} is not a folder")
    old = store.manifest()
    if old is None and not options.overwrite:
        there = next((name for name in names if os.path.lexists(folder / name)), None)
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
        if old is not None and options.overwrite:
            (store.root / "manifest.json").unlink(missing_ok=True)
            for name in ("shards", "done"):
                shutil.rmtree(store.root / name, ignore_errors=True)
            (store.root / "report.json").unlink(missing_ok=True)
        if old is None or options.overwrite:
            store.write("manifest.json", manifest)
        yield
        store.clear()
        with contextlib.suppress(OSError):
            (store.root / "shards").rmdir()


def _run(
    options: BatchOptions, plan: sinks.Plan, folder: Path, store: Store, load: Loader,
    digest: str, stream: IO[str],
) -> Report:  # fmt: skip
    work = _Work(plan.inputs, options, store, folder, load)
    total = sum(one.size for one in plan.inputs)
    progress = report.Progress(stream, total)
    reports: list[InputReport] = []
    jobs = options.jobs if options.jobs > 0 else os.cpu_count() or 1
    try:
        for task, result in _results(work, options, jobs):
            work.tallies[task.place][task.shard] = result.tally
            progress.add(result.tally, result.slowest, work.read)
            while len(reports) < len(plan.inputs) and work.ready(len(reports)):
                reports.append(work.finish(len(reports)))
        while len(reports) < len(plan.inputs):
            reports.append(work.finish(len(reports)))
    finally:
        progress.stop()
    done = Report(
        digest, tuple(reports), plan.skipped, progress.seconds, tuple(progress.slowest)
    )  # fmt: skip
    store.write("report.json", done.as_json())
    if not options.quiet:
        done.show(stream)
    return done


def _results(work: _Work, options: BatchOptions, jobs: int) -> Iterator[tuple[Task, Result]]:
    """Run the tasks, each result in the order of the tasks, whoever dies on the way."""
    waiting: deque[tuple[Task, Future[Result] | Result]] = deque()
    tasks = work.tasks()
    task = next(tasks, None)
    if task is None:
        return  # nothing to do: no worker is started
    pool = engines.Pool(options.engine, options.scheduler, jobs)
    try:
        while task is not None or waiting:
            while task is not None and len(waiting) < 3 * pool.jobs:
                waiting.append((task, pool.executor.submit(run_shard, task)))
                task = next(tasks, None)
            done, future = waiting.popleft()
            if isinstance(future, Future):
                try:
                    future = future.result()
                except engines.worker_lost():
                    waiting.appendleft((done, future))
                    _recover(work.store, pool, waiting)
                    continue
            yield done, future
    finally:
        pool.close()


def _recover(
    store: Store, pool: engines.Pool, waiting: deque[tuple[Task, Future[Result] | Result]]
) -> None:
    """After a worker died: keep what is done, isolate what was begun, send the rest anew."""
    pool.close() if pool.engine == "local" else None
    begun = []
    for place, (task, future) in enumerate(waiting):
        if isinstance(future, Result):
            continue
        old = store.committed(*task.key)
        if old is not None and old["digest"] == task.chunk.digest():
            waiting[place] = task, Result(old["tally"])
        elif store.begun(*task.key).exists() or (pool.engine != "local" and place == 0):
            begun.append(place)
    with ThreadPoolExecutor(max(1, min(pool.jobs, len(begun)))) as threads:
        tasks = [waiting[place][0] for place in begun]
        for place, result in zip(begun, threads.map(_isolate, tasks), strict=True):
            waiting[place] = waiting[place][0], result
    if pool.engine == "local":
        pool.renew()
        for place, (task, future) in enumerate(waiting):
            if isinstance(future, Future):
                waiting[place] = task, pool.executor.submit(run_shard, task)


def _isolate(task: Task) -> Result:
    """Do a shard in a process of its own; if that dies, page by page, so that the page at
    which it dies is known. A page that ends its process twice alone has failed."""
    deaths: dict[int, int] = {}
    failed: dict[int, str] = {}
    task = replace(task, options=replace(task.options, engine="local"))
    note = task.store.begun(*task.key)
    strikes = 0
    while True:
        note.unlink(missing_ok=True)
        executor = engines.fresh(1)
        try:
            return executor.submit(run_shard, replace(task, failed=failed)).result()
        except engines.worker_lost() as error:
            ended = engines.exit_of(error)
        finally:
            executor.shutdown(wait=True, kill_workers=True)  # type: ignore[call-arg]
        if not task.alone:
            task = replace(task, alone=True)
            continue
        try:
            number = int(note.read_text())
        except (OSError, ValueError):
            strikes += 1
            if strikes > 2:
                raise OutputError(
                    f"{task.source.source}: workers end before row {task.chunk.first}: {ended}"
                ) from None
            continue
        deaths[number] = deaths.get(number, 0) + 1
        if deaths[number] > 1:
            slow = task.options.timeout is not None and "EXIT(1)" in ended
            limit = f"took longer than {task.options.timeout:g} s" if slow else ""
            failed[number] = limit or f"ended its process twice: {ended or 'no reason given'}"
