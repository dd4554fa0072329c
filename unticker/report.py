"""What came of a run: a tally for each shard, a report for each input, and the progress shown.

`report.json` holds nothing that differs between two runs of the same work (no times), so a
resumed run writes the same bytes; times are shown on the terminal alone.
"""

import collections
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import IO, TYPE_CHECKING, Any

from unticker.engines import Failed
from unticker.names import Skipped
from unticker.records import Chunk, Input, Rejected
from unticker.sinks import Labelled
from unticker.types import LABELS

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

NAMED = 10_000  # failed and rejected rows named for an input; beyond they are counted
OVER = "over the limit"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_COUNTS = ("bytes", "pages", "ok", "failed", "over_limit", "rejected", "kept_words",
           "removed_words")  # fmt: skip


def tally(
    source: Input, chunk: Chunk, pages: Sequence[Labelled], rejected: Iterable[Rejected]
) -> dict[str, Any]:
    """The counts of a shard, as JSON values."""
    found: dict[str, Any] = dict.fromkeys(_COUNTS, 0)
    lines = dict.fromkeys(LABELS, 0)
    named: list[dict[str, Any]] = []
    files: dict[str, str] = {}
    other: collections.Counter[str] = collections.Counter()
    for record, page, _, about in pages:
        status = about["status"]
        found["ok" if status == "ok" else status.replace("-", "_")] += 1
        found["kept_words"] += about["kept_words"]
        found["removed_words"] += about["removed_words"]
        if isinstance(page, Failed):
            named.append({"row": record.number, "id": record.id, "reason": page.reason})
        else:
            for line in page.lines:
                lines[line.label] += 1
        if status == "over-limit":
            named.append({"row": record.number, "id": record.id, "reason": OVER})
        if source.container == "pages":
            files[record.id] = status
    for item in rejected:
        if item.other:
            other[item.reason] += 1
            continue
        named.append({"row": item.number, "reason": item.reason})
        if source.container == "pages":
            name = chunk.payload[item.number - chunk.first][1]
            files[name] = "failed"
            named[-1]["id"] = name
            found["failed"] += 1
        else:
            found["rejected"] += 1
    found |= {"bytes": chunk.size, "pages": found["ok"] + found["failed"] + found["over_limit"]}
    named.sort(key=lambda row: int(row["row"]))
    return found | {
        "lines": lines, "named": named, "files": files, "other": dict(other),
        "damage": chunk.damage,
    }  # fmt: skip


def merge(tallies: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The sum of tallies in their order."""
    total: dict[str, Any] = dict.fromkeys(_COUNTS, 0)
    lines = dict.fromkeys(LABELS, 0)
    other: collections.Counter[str] = collections.Counter()
    total |= {"named": [], "files": {}, "damage": None}
    for one in tallies:
        for key in _COUNTS:
            total[key] += one[key]
        for label in LABELS:
            lines[label] += one["lines"][label]
        total["named"] += one["named"][: max(0, NAMED - len(total["named"]))]
        total["files"] |= one["files"]
        total["damage"] = total["damage"] or one["damage"]
        other.update(one["other"])
    return total | {"lines": lines, "other": dict(sorted(other.items()))}


@dataclass(frozen=True, slots=True)
class InputReport:
    """What came of one input. ``status`` is ``ok``, ``failed`` (a page failed, a row was
    rejected or the input is damaged) or ``skipped``; ``files`` has a status for each page
    file; ``named`` says which rows failed, were rejected or over the limit, and why."""

    source: str
    status: str
    reason: str | None = None
    container: str | None = None
    output: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    other: dict[str, int] = field(default_factory=dict)
    named: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)


def of_input(source: Input, output: str | None, total: dict[str, Any]) -> InputReport:
    """The report of a finished input."""
    bad = total["failed"] or total["rejected"] or total["damage"]
    return InputReport(
        source.source, "failed" if bad else "ok", total["damage"], source.container, output,
        {key: total[key] for key in _COUNTS}, total["lines"], total["other"], total["named"],
        total["files"],
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a run. ``exit_code`` is 0 if all is ok, 1 if something failed."""

    model: str
    inputs: tuple[InputReport, ...]
    skipped: tuple[Skipped, ...] = ()
    seconds: float = 0.0
    slowest: tuple[tuple[float, str], ...] = ()

    @property
    def exit_code(self) -> int:
        return int(any(one.status == "failed" for one in self.inputs))

    def count(self, name: str) -> int:
        """A count over all inputs: ``pages``, ``ok``, ``failed``, ``rejected``, …"""
        return sum(one.counts.get(name, 0) for one in self.inputs)

    def as_json(self) -> dict[str, Any]:
        """All but the times."""
        return {
            "model": self.model,
            "exit_code": self.exit_code,
            "totals": {key: self.count(key) for key in _COUNTS},
            "inputs": [asdict(one) for one in self.inputs]
            + [
                {"source": one.path, "status": "skipped", "reason": one.reason}
                for one in self.skipped
            ],
        }

    def show(self, stream: IO[str]) -> None:
        """A table for people: pages, lines by label, words kept, slowest and failed pages."""
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table

        console = Console(file=stream, highlight=False)
        table = Table("", "count", title="unticker", show_header=False)
        for key in ("pages", "ok", "failed", "over_limit", "rejected"):
            table.add_row(key.replace("_", " "), f"{self.count(key):,}")
        for label in LABELS:
            lines = sum(one.lines.get(label, 0) for one in self.inputs)
            table.add_row(f"lines {label}", f"{lines:,}")
        kept, removed = self.count("kept_words"), self.count("removed_words")
        share = kept / (kept + removed) if kept + removed else 0.0
        table.add_row("words kept", f"{kept:,} ({share:.0%})")
        if self.skipped:
            table.add_row("skipped", f"{len(self.skipped):,}")
        if self.seconds:
            rate = self.count("pages") / self.seconds
            table.add_row("time", f"{self.seconds:.1f} s, {rate:,.0f} pages/s")
        console.print(table)
        for seconds, name in self.slowest:
            console.print(f"slow: {seconds * 1000:.0f} ms a page in {escape(name)}", soft_wrap=True)
        limited = [(one, row) for one in self.inputs for row in one.named if _only_limited(row)]
        for one, row in limited[:20]:
            stream.write(_line(f"over the limit: {_place(one, row)}"))
        self.name_failures(stream)

    def name_failures(self, stream: IO[str]) -> None:
        """A line for each input, page and row that failed; what else is said is no part of it."""
        for one in self.inputs:
            if one.reason:
                stream.write(_line(f"failed: {one.source}: {one.reason}"))
            failed = [row for row in one.named if not _only_limited(row)]
            for row in failed:
                reason = row["reason"].removeprefix(f"{row.get('id')}: ")
                stream.write(_line(f"failed: {_place(one, row)}: {reason}"))
            more = one.counts.get("failed", 0) + one.counts.get("rejected", 0) - len(failed)
            if more > 0:
                stream.write(_line(f"failed: {one.source}: {more:,} more pages or rows"))


def _only_limited(row: dict[str, Any]) -> bool:
    return bool(row["reason"] == OVER)


def _place(one: InputReport, row: dict[str, Any]) -> str:
    """What a failed page or row is called: the file, or the input with the row and its id."""
    name = str(row.get("id", ""))
    if one.container != "pages":
        return f"{one.source} row {row['row']}" + (
            f" {name}" if name not in ("", str(row["row"])) else ""
        )
    if one.source == "files" or one.source.endswith(f"/{name}"):
        return name if one.source == "files" else one.source
    return f"{one.source.rstrip('/')}/{name}"


def _line(text: str) -> str:
    """A line on a terminal, whatever is in a name or a reason."""
    return _CONTROL.sub(lambda c: c[0].encode("unicode_escape").decode(), text).rstrip() + "\n"


class Progress:
    """A line that says how far a run is, until the ``with`` block around the run ends. Shows
    nothing if quiet or on no terminal."""

    def __init__(self, stream: IO[str], total: int, quiet: bool = False) -> None:
        self._started = time.monotonic()
        self._bar: Bar | None = None
        self._pages = self._looked = 0
        self._lines: collections.Counter[str] = collections.Counter()
        self.slowest: list[tuple[float, str]] = []
        if stream.isatty() and not quiet:
            from rich.console import Console
            from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
            from rich.progress import TimeRemainingColumn as Remaining

            self._bar = Progress(
                BarColumn(20), DownloadColumn(), Remaining(),
                TextColumn("{task.description}"), console=Console(file=stream), transient=True,
            )  # fmt: skip
            self._task = self._bar.add_task("", total=total or None)

    def __enter__(self) -> "Progress":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def add(self, done: dict[str, Any], slowest: tuple[float, str] | None, size: int) -> None:
        """Count a shard; ``size`` are the bytes of the inputs read so far, as they lie on disk."""
        self._pages += done["pages"]
        self._lines.update(done["lines"])
        if slowest is not None:
            self.slowest = sorted([*self.slowest, slowest], reverse=True)[:3]
        if self._bar is not None:
            rate = self._pages / max(self.seconds, 1e-9)
            labels = " ".join(f"{label} {self._lines[label]:,}" for label in LABELS)
            text = f"{self._pages:,} pages, {rate:,.0f}/s; {labels}"
            self._bar.update(self._task, completed=size, description=text)

    def look(self, pages: int) -> None:
        """Count pages that are read a first time, for the lines that recur."""
        self._looked += pages
        if self._bar is not None:
            text = f"counting lines that recur: {self._looked:,} pages"
            self._bar.update(self._task, description=text)
