"""Where pages are labelled: a list of pages in this process, safely, and joblib's backends.

A page that raises becomes a `Failed` with its reason and never text. Limits on time and
memory are set around the call and taken back behind it.
"""

import contextlib
import faulthandler
import functools
import gc
import os
import re
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from unticker.errors import UntickerError, UsageError
from unticker.types import Kind, Page

if TYPE_CHECKING:
    from pathlib import Path

    from unticker.model import Model
    from unticker.phrases import Phrases

Source = str | bytes


class Labeller(Protocol):
    """What is asked of a model here; `unticker.Model` is one."""

    @property
    def digest(self) -> str: ...

    def label(
        self, source: Any, kind: Kind = "auto", encoding: str | None = None, parser: str = "lexbor"
    ) -> Page: ...

    def label_many(
        self, sources: Iterable[Any], kind: Kind = "auto", encoding: str | None = None,
        parser: str = "lexbor",
    ) -> Iterator[Page]: ...  # fmt: skip


Loader = Callable[[], Labeller]


class PageTimeout(BaseException):
    """Time is up. No Exception, so that no handler on the way takes it for an error of its own."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A page that could not be labelled, and why, in one sentence."""

    reason: str


def loader(model: "str | Path | None", phrases: str | None = None) -> Loader:
    """A picklable function that loads a model, once in a process, with the phrases of a file.

    Raises `UsageError` for a file that holds no phrases; the model is read when it is called.
    """
    path = None if model is None else os.fspath(model)
    if phrases is None:
        return functools.partial(_load, path)
    from pathlib import Path

    from unticker.phrases import Phrases

    return functools.partial(_load_with, path, Phrases.read(Path(phrases)))


@functools.cache
def _load(path: str | None) -> "Model":
    import unticker

    return unticker.load(path)


def _load_with(path: str | None, phrases: "Phrases") -> Labeller:
    return _load(path).with_phrases(phrases)


def label_pages(
    model: Labeller,
    pages: Sequence[tuple[Source, Kind]],
    timeout: float | None = None,
    hard: bool = False,
    parser: str = "lexbor",
) -> list[Page | Failed]:
    """Label pages together; if that fails, each alone. As many results as pages, in order.

    ``timeout`` is in seconds for a page and, since pages labelled together cannot be told
    apart, for all of them together; those that were too slow together get their time alone.
    ``hard`` ends the process when even a signal cannot stop a page.
    """
    try:
        with limited(timeout, hard):
            return list(_together(model, pages, parser))
    except (Exception, PageTimeout):
        gc.collect()  # what a page that ate the memory left behind
    return [_alone(model, source, kind, timeout, hard, parser) for source, kind in pages]


def _together(model: Labeller, pages: Sequence[tuple[Source, Kind]], parser: str) -> list[Page]:
    found: list[Page | None] = [None] * len(pages)
    for kind in dict.fromkeys(kind for _, kind in pages):
        places = [place for place, page in enumerate(pages) if page[1] == kind]
        given = (pages[place][0] for place in places)
        labelled = model.label_many(given, kind=kind, parser=parser)
        for place, page in zip(places, labelled, strict=True):
            found[place] = page
    return [page for page in found if page is not None]


def _alone(
    model: Labeller, source: Source, kind: Kind, timeout: float | None, hard: bool, parser: str
) -> Page | Failed:
    try:
        with limited(timeout, hard):
            return model.label(source, kind=kind, parser=parser)
    except PageTimeout:
        return Failed(f"took longer than {timeout:g} s")
    except MemoryError:
        gc.collect()
        return Failed("out of memory")
    except UntickerError as error:
        return Failed(str(error))
    except Exception as error:
        return Failed(f"{type(error).__name__}: {error}")


@contextlib.contextmanager
def limited(seconds: float | None, hard: bool) -> Iterator[None]:
    """Raise `PageTimeout` in the block when ``seconds`` are over.

    Only a main thread can be interrupted, and only between Python's own steps; with
    ``hard`` a C thread ends the process at twice the time and a second.
    """
    if not seconds:
        yield
        return
    soft = threading.current_thread() is threading.main_thread()

    def ring(signum: int, frame: object) -> None:
        raise PageTimeout

    with contextlib.ExitStack() as stack:
        if hard:
            null = stack.enter_context(open(os.devnull, "w"))
            faulthandler.dump_traceback_later(2 * seconds + 1, exit=True, file=null)
            stack.callback(faulthandler.cancel_dump_traceback_later)
        if soft:
            before = signal.signal(signal.SIGALRM, ring)
            stack.callback(signal.signal, signal.SIGALRM, before)
            stack.callback(signal.setitimer, signal.ITIMER_REAL, 0)
            signal.setitimer(signal.ITIMER_REAL, seconds)
        yield


@contextlib.contextmanager
def capped(mebibytes: int | None) -> Iterator[None]:
    """Have allocations beyond ``mebibytes`` of this process's data fail in the block.

    Without it the kernel chooses a process to kill, and it may choose the wrong one.
    """
    if not mebibytes:
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = mebibytes << 20
    if before[1] != resource.RLIM_INFINITY:
        wanted = min(wanted, before[1])
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


_following: set[int] = set()


def follow(parent: int) -> None:
    """End this process soon after its parent is gone: a worker of a killed run must not write."""
    if parent in _following or parent == os.getpid():
        return
    _following.add(parent)

    def watch() -> None:
        while os.getppid() == parent:
            threading.Event().wait(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


_THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Pool:
    """Processes that take tasks: joblib's loky on this machine, or a Dask cluster.

    Both are executors with futures, so batch work is written once. Raises `UsageError` if
    the engine is not known, not installed or not reachable.
    """

    def __init__(self, engine: str, scheduler: str | None, jobs: int) -> None:
        self.engine, self.scheduler, self.jobs = engine, scheduler, jobs
        self.executor: Executor
        self._client: Any = None
        if engine == "dask":
            self._connect()
        self.renew()

    def _connect(self) -> None:
        try:
            from dask.distributed import Client
        except ImportError:
            raise UsageError("--engine dask needs Dask: pip install 'unticker[dask]'") from None
        try:
            self._client = Client(self.scheduler, timeout=30)  # type: ignore[no-untyped-call, unused-ignore]
        except (OSError, TimeoutError) as error:
            raise UsageError(f"no Dask scheduler at {self.scheduler}: {error}") from None
        self.jobs = max(1, len(self._client.ncores()))

    def renew(self) -> None:
        """Start anew after a worker died; Dask does that itself."""
        if self._client is not None:
            self.executor = self._client.get_executor(pure=False, retries=2)
        else:
            self.executor = fresh(self.jobs)

    def close(self) -> None:
        """Let the workers go, without waiting for what they do."""
        if self._client is not None:
            self._client.close()
            return
        # loky's thread looks for tasks that it has just dropped, and would tell the user of it.
        before, threading.excepthook = threading.excepthook, lambda _: None
        try:
            self.executor.shutdown(wait=True, kill_workers=True)  # type: ignore[call-arg]
        finally:
            threading.excepthook = before


def fresh(jobs: int) -> Executor:
    """A pool of new processes on this machine, each with one thread for arithmetic."""
    from joblib.externals.loky import ProcessPoolExecutor

    found: Executor = ProcessPoolExecutor(
        max_workers=jobs, env=_THREADS, initializer=follow, initargs=(os.getpid(),)
    )
    return found


def worker_lost() -> tuple[type[BaseException], ...]:
    """What a future raises when a worker died under its task."""
    import sys
    from concurrent.futures import BrokenExecutor, CancelledError

    found: list[type[BaseException]] = [BrokenExecutor, CancelledError]
    if "distributed" in sys.modules:
        found += [sys.modules["distributed"].KilledWorker]
    return tuple(found)


def exit_of(error: BaseException) -> str:
    """How the processes ended, as loky tells it: ``SIGKILL(-9)``; "" where it does not."""
    found = re.findall(r"(?:SIG\w+|EXIT|UNKNOWN)\(-?\d+\)", str(error))
    return ", ".join(dict.fromkeys(found))
