"""Workers: a shard labelled in a process, and what is done when that process dies."""

import contextlib
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from unticker import engines, reading, repetition, report, shards, sinks, sources, streams
from unticker.engines import Failed, Loader
from unticker.errors import OutputError, UntickerError
from unticker.options import BatchOptions
from unticker.records import Chunk, Input, Record, Rejected
from unticker.repetition import Hashes
from unticker.shards import Store
from unticker.sinks import Labelled
from unticker.types import Page

GROUP = 64  # pages labelled in one pass


@dataclass(frozen=True, slots=True)
class Task:
    """A shard on its way to a worker. ``failed`` are rows that are not to be tried again.

    ``counting`` asks for the hashes of its pages' units and writes nothing; ``repeated`` is
    the digest of what was counted so.
    """

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
    counting: bool = False
    repeated: str = ""

    @property
    def digest(self) -> str:
        """Of all that the shard's part hangs on, but for the options and the model."""
        return self.chunk.digest() + self.repeated

    @property
    def key(self) -> tuple[int, int]:
        return self.place, self.shard


@dataclass(frozen=True, slots=True)
class Result:
    """What a worker says about a shard it has done; ``hashes`` of each page, if it counted."""

    tally: dict[str, Any]
    slowest: tuple[float, str] | None = None
    hashes: tuple[Hashes, ...] = ()


def run_shard(task: Task) -> Result:
    """Label a shard and write its part; runs in a worker. Raises OSError where it cannot write,
    `OutputError` where no part can be made."""
    store, options = task.store, task.options
    local = options.engine == "local"
    note = store.begun(*task.key)
    note.parent.mkdir(parents=True, exist_ok=True)
    if task.counting:
        return _count(task, note)
    with _named(task), engines.capped(options.memory if local else None):
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
        streams.write_whole(task.output / name, data, store.scratch)
    for stream in shards.STREAMS:
        if data := getattr(part, stream):
            streams.write_whole(store.part(*task.key, stream), data, store.scratch)
    tally = report.tally(task.source, task.chunk, found, rejected)
    store.commit(*task.key, {"digest": task.digest, "tally": tally})
    note.unlink(missing_ok=True)
    return Result(tally, slowest)


@contextlib.contextmanager
def _named(task: Task) -> Iterator[None]:
    """Errors that no page is to blame for, such as columns which cannot be written, as one that
    says in which rows."""
    try:
        yield
    except (UntickerError, OSError):
        raise
    except Exception as error:
        first, last = task.chunk.first, task.chunk.first + task.chunk.rows - 1
        raise OutputError(
            f"{task.source.source} rows {first} to {last} cannot be worked through: "
            f"{type(error).__name__}: {error}"
        ) from error


def _count(task: Task, note: Path) -> Result:
    """The units of a shard's pages; a page that cannot be read has none, and fails later."""
    options = task.options
    found: list[Hashes] = []
    with engines.capped(options.memory if options.engine == "local" else None):
        for item in sources.parse(task.source, task.chunk, options):
            if not isinstance(item, Record) or item.number in task.failed:
                continue
            note.write_text(str(item.number))
            with (
                contextlib.suppress(Exception, engines.PageTimeout),
                engines.limited(options.timeout, hard=options.engine == "local"),
            ):
                document = reading.read(item.payload, item.kind, parser=options.parser)
                found.append(repetition.hashes(document))
    note.unlink(missing_ok=True)
    return Result({}, hashes=tuple(found))


def _label(task: Task, model: engines.Labeller, group: Sequence[Record]) -> list[Page | Failed]:
    options = task.options
    tried = [record for record in group if record.number not in task.failed]
    pages = engines.label_pages(
        model, [(record.payload, record.kind) for record in tried], options.timeout,
        hard=options.engine == "local", parser=options.parser,
    )  # fmt: skip
    known = {record.number: page for record, page in zip(tried, pages, strict=True)}
    return [known.get(r.number) or Failed(task.failed[r.number]) for r in group]


def results(
    tasks: Iterator[Task], options: BatchOptions, jobs: int
) -> Iterator[tuple[Task, Result]]:
    """Run the tasks, each result in the order of the tasks, whoever dies on the way."""
    waiting: deque[tuple[Task, Future[Result] | Result]] = deque()
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
                    _recover(pool, waiting)
                    continue
            yield done, future
    finally:
        pool.close()


def _recover(pool: engines.Pool, waiting: deque[tuple[Task, Future[Result] | Result]]) -> None:
    """After a worker died: keep what is done, isolate what was begun, send the rest anew."""
    pool.close() if pool.engine == "local" else None
    begun = []
    for place, (task, future) in enumerate(waiting):
        if isinstance(future, Result):
            continue
        old = task.store.committed(*task.key)
        if not task.counting and old is not None and old["digest"] == task.digest:
            waiting[place] = task, Result(old["tally"])
        elif task.store.begun(*task.key).exists() or (pool.engine != "local" and place == 0):
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
