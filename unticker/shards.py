"""The shard on disk: where parts are kept until all are there, and how they become output.

    out/.unticker/manifest.json     what is run: options, model, inputs; a resume must match
    out/.unticker/shards/3/17.json  shard 17 of input 3 is done; written last, so it vouches
    out/.unticker/shards/3/17.rows  its output part (also .rejects, .dropped)
    out/.unticker/done/3.json       input 3 is done; its parts are gone
    out/.unticker/report.json       the run report
    out/.unticker/sent.json         where the output is sent as its inputs are done

Every file is written under another name, synced and renamed: it is whole or not there.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from unticker.errors import OutputError
from unticker.streams import compress, write_whole

STREAMS = ("rows", "rejects", "dropped")
SENT = "sent.json"


def _dumps(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=True, indent=1, sort_keys=True) + "\n").encode()


@dataclass(frozen=True, slots=True)
class Store:
    """The state folder of one run, ``out/.unticker``."""

    root: Path

    @property
    def scratch(self) -> Path:
        return self.root / "tmp"

    def part(self, source: int, shard: int, stream: str) -> Path:
        return self.root / "shards" / str(source) / f"{shard}.{stream}"

    def commit(self, source: int, shard: int, value: Mapping[str, Any]) -> None:
        write_whole(self.part(source, shard, "json"), _dumps(value), self.scratch)

    def committed(self, source: int, shard: int) -> dict[str, Any] | None:
        return self._read(self.part(source, shard, "json"))

    def finish(self, source: int, value: Mapping[str, Any]) -> None:
        """Note an input as done; only then may its parts be forgotten."""
        write_whole(self.root / "done" / f"{source}.json", _dumps(value), self.scratch)

    def forget(self, source: int) -> None:
        """Let go of an input's parts."""
        shutil.rmtree(self.root / "shards" / str(source), ignore_errors=True)

    def finished(self, source: int) -> dict[str, Any] | None:
        return self._read(self.root / "done" / f"{source}.json")

    def manifest(self) -> dict[str, Any] | None:
        return self._read(self.root / "manifest.json")

    def write(self, name: str, value: Mapping[str, Any]) -> None:
        """Write ``manifest.json`` or ``report.json``."""
        write_whole(self.root / name, _dumps(value), self.scratch)

    def begun(self, source: int, shard: int) -> Path:
        """Where a worker notes which record it is at, read when it dies. Not synced."""
        return self.root / "begun" / f"{source}-{shard}"

    def clear(self) -> None:
        """Remove what an ended or killed run left on its way."""
        for name in ("tmp", "begun", "repeated"):
            shutil.rmtree(self.root / name, ignore_errors=True)

    def begin(self, manifest: Mapping[str, Any]) -> None:
        """Forget an earlier run; its manifest goes first and the new one comes last, so that
        what lies between is never taken for this run's."""
        (self.root / "manifest.json").unlink(missing_ok=True)
        for name in ("shards", "done"):
            shutil.rmtree(self.root / name, ignore_errors=True)
        for name in ("report.json", SENT):
            (self.root / name).unlink(missing_ok=True)
        self.write("manifest.json", manifest)

    @staticmethod
    def _read(path: Path) -> dict[str, Any] | None:
        try:
            value = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise OutputError(f"{path} is damaged: {error}; start again with --overwrite") from None
        if not isinstance(value, dict):
            raise OutputError(f"{path} is damaged; start again with --overwrite")
        return value

    def assemble(
        self, source: int, shards: int, stream: str, path: Path,
        join: Callable[[Iterator[IO[bytes]], IO[bytes]], None] | None = None, codec: str = "",
    ) -> bool:  # fmt: skip
        """Join the parts of a stream in shard order into ``path``; False if there are none.

        ``join`` is for containers whose parts cannot be put one behind another (Parquet),
        ``codec`` compresses what it wrote.
        """
        parts = [self.part(source, shard, stream) for shard in range(shards)]
        found = [part for part in parts if part.exists()]
        if not found:
            return False
        self.scratch.mkdir(parents=True, exist_ok=True)
        temporary = self.scratch / f"{os.getpid()}-{os.urandom(8).hex()}"
        with open(temporary, "xb") as out:
            if join is not None:
                join((open(part, "rb") for part in found), out)  # noqa: SIM115 - join closes them
            else:
                for part in found:
                    with open(part, "rb") as stream_in:
                        shutil.copyfileobj(stream_in, out, 1 << 20)
            out.flush()
            os.fsync(out.fileno())
        if codec:
            write_whole(path, compress(temporary.read_bytes(), codec), self.scratch)
            temporary.unlink()
            return True
        path.parent.mkdir(parents=True, exist_ok=True)
        os.replace(temporary, path)
        return True
