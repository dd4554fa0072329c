"""The options of a batch run: one frozen object."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from unticker.errors import UsageError
from unticker.html import PARSERS, decode
from unticker.records import Container
from unticker.types import LABELS, Kind, Label

_LEAST, _LONGEST = 256, 10_000_000
_FREE = (
    "jobs", "overwrite", "resume", "engine", "scheduler", "timeout", "memory", "model", "phrases",
    "quiet",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """What a run does. All but jobs, engine, scheduler, limits and the last three shape the output.

    ``keep``, ``title``, ``threshold`` and ``trim`` are those of `Page.text`, ``parser`` is one
    of `html.PARSERS`. ``model`` is a folder, None the shipped one; ``phrases`` a file of them.
    What both hold counts as the model, and with it a run is resumed or not. ``to`` is None
    for the input's own container. ``sidecar`` writes the dropped lines. ``repeated`` has lines
    that stand on so many pages of an input taken for furniture; the input is read twice.
    ``max_removed`` (0 to 1) marks pages that lose a larger share of their words as
    ``over-limit``. ``timeout`` is in seconds for a page, ``memory`` in MiB for a worker, None
    for no limit. ``stdin`` says what ``-`` holds. ``quiet`` names what failed and shows nothing
    else.
    """

    keep: tuple[Label, ...] = ("body",)
    title: bool = True
    threshold: float | None = None
    trim: bool = False
    kind: Kind = "auto"
    encoding: str | None = None
    parser: str = "lexbor"
    model: str | None = None
    phrases: str | None = None
    jobs: int = 1
    text_field: str = "text"
    html_field: str | None = None
    id_field: str | None = None
    to: Literal["jsonl", "parquet", "txt"] | None = None
    sidecar: bool = False
    repeated: int | None = None
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
        if self.parser not in PARSERS:
            raise UsageError(f"unknown parser {self.parser!r}; choose {', '.join(PARSERS)}")
        if self.to not in (None, "jsonl", "parquet", "txt"):
            raise UsageError(f"unknown container {self.to!r}; choose jsonl, parquet or txt")
        if self.kind not in get_args(Kind):
            raise UsageError(f"unknown kind {self.kind!r}; choose {', '.join(get_args(Kind))}")
        if self.engine not in ("local", "dask"):
            raise UsageError(f"unknown engine {self.engine!r}; choose local or dask")
        if self.engine == "dask" and self.scheduler is None:
            raise UsageError("engine dask needs a scheduler: tcp://HOST:PORT")
        if self.overwrite and self.resume:
            raise UsageError("overwrite and resume exclude each other")
        if self.shard_rows < 1 or self.shard_bytes < 1:
            raise UsageError("a shard has at least one row and one byte")
        if self.timeout is not None and not 0 < self.timeout <= _LONGEST:
            raise UsageError(f"timeout is above 0 and at most {_LONGEST:,} seconds")
        if self.memory is not None and self.memory < _LEAST:
            raise UsageError(f"memory is at least {_LEAST} MiB, which a worker needs for itself")
        if self.repeated is not None and self.repeated < 2:
            raise UsageError("repeated is a number of pages from 2")
        for name, share in (("max_removed", self.max_removed), ("threshold", self.threshold)):
            if share is not None and not 0 <= share <= 1:
                raise UsageError(f"{name} is a number from 0 to 1, not {share}")
        if self.encoding is not None:
            decode(b"\xff", self.encoding)

    def shape(self) -> dict[str, Any]:
        """The options the output depends on."""
        return {key: value for key, value in asdict(self).items() if key not in _FREE}
