"""Batch work, measured: throughput on 1 and 2 workers, memory of each process, kills.

python -m bench.batch                            200,000 pages as JSONL.gz, 1 and 2 workers
python -m bench.batch --pages 20000 --jobs 1 2 4
python -m bench.batch --labeller rule            without the model: what the machinery costs
python -m bench.batch --kills 100                kill -9 of the main process, then resume
"""

import argparse
import contextlib
import gzip
import hashlib
import importlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = os.sysconf("SC_PAGE_SIZE")


def originals() -> list[str]:
    """The texts of the annotated pages."""
    pages: dict[str, list[str]] = {}
    for path in sorted((ROOT / "annotations/original").glob("*.jsonl")):
        for row in path.read_text("utf-8").splitlines():
            line = json.loads(row)
            pages.setdefault(f"{path.stem}/{line['page']}", []).append(line["text"])
    return ["\n".join(lines) for lines in pages.values()]


def generate(path: Path, pages: int, size: int, seed: int = 7) -> int:
    """Write ``pages`` rows of about ``size`` characters' worth of bytes; returns the bytes.

    A page is one or more annotated pages' lines with a share left out, so no two are alike.
    """
    noise = random.Random(seed)
    texts = [text.split("\n") for text in originals()]
    total = 0
    with gzip.open(path, "wb", compresslevel=1) as out:
        for number in range(pages):
            lines: list[str] = []
            have = 0
            while have < size * 0.75:
                for line in noise.choice(texts):
                    if noise.random() < 0.9:
                        lines.append(line)
                        have += len(line.encode())
            row = {"id": number, "url": f"http://{number}.example/", "text": "\n".join(lines)}
            data = json.dumps(row, ensure_ascii=False).encode() + b"\n"
            out.write(data)
            total += len(data)
    return total


def loader(name: str, model: str | None) -> Any:
    """The function that loads the labeller: the model, or the tests' rule."""
    if name == "rule":
        sys.path.insert(0, str(ROOT / "tests"))
        return importlib.import_module("engines.fake").load
    return None


def run(arguments: argparse.Namespace) -> None:
    """One batch run, in this process: what the measured subprocesses do."""
    from unticker import batch

    options = batch.BatchOptions(
        jobs=arguments.run, model=arguments.model, resume=True, quiet=True,
        sidecar=arguments.sidecar, shard_rows=arguments.shard_rows,
    )  # fmt: skip
    load = loader(arguments.labeller, arguments.model)
    batch.run(options, arguments.inputs, arguments.output, load=load)


def command(
    arguments: argparse.Namespace, jobs: int, inputs: Sequence[str], output: Path
) -> list[str]:
    found = [sys.executable, "-m", "bench.batch", "--run", str(jobs), "--output", str(output)]
    found += ["--labeller", arguments.labeller, "--shard-rows", str(arguments.shard_rows)]
    if arguments.sidecar:
        found.append("--sidecar")
    if arguments.model:
        found += ["--model", arguments.model]
    return [*found, "--inputs", *inputs]


def family(pid: int) -> Iterator[int]:
    """A process and all below it."""
    yield pid
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from family(int(child))


def memory(pid: int) -> tuple[str, int]:
    """What a process is, and its resident memory in MB."""
    line = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    kind = "worker" if "popen_loky" in line else "tracker" if "tracker" in line else "main"
    return kind, pages * PAGE // 1_000_000


def measure(line: list[str]) -> tuple[float, float, dict[int, tuple[str, list[int]]]]:
    """Run a command; seconds, CPU seconds, and each process's memory over time."""
    seen: dict[int, tuple[str, list[int]]] = {}
    before = os.times()
    began = time.monotonic()
    with subprocess.Popen(line, cwd=ROOT) as process:
        while process.poll() is None:
            for pid in list(family(process.pid)):
                with contextlib.suppress(OSError, IndexError):
                    kind, size = memory(pid)
                    seen.setdefault(pid, (kind, []))[1].append(size)
            time.sleep(0.25)
    if process.returncode:
        raise SystemExit(f"{' '.join(line)} ended with {process.returncode}")
    after = os.times()
    cpu = sum(after[2:4]) - sum(before[2:4])
    return time.monotonic() - began, cpu, seen


def throughput(arguments: argparse.Namespace, folder: Path) -> None:
    path = folder / "pages.jsonl.gz"
    began = time.monotonic()
    size = generate(path, arguments.pages, arguments.size)
    print(
        f"{arguments.pages:,} pages, {size / 1e9:.2f} GB of JSON, "
        f"{path.stat().st_size / 1e9:.2f} GB as .gz, made in "
        f"{time.monotonic() - began:.0f} s; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )
    print(
        f"{'jobs':>4} {'s':>7} {'pages/s':>8} {'MB/s':>6} {'CPU s':>6} {'x':>5}  "
        "memory, MB: peak (at a third)"
    )
    first, digests = 0.0, set()
    for jobs in arguments.jobs:
        output = folder / f"out{jobs}"
        seconds, cpu, seen = measure(command(arguments, jobs, [str(path)], output))
        first = first or seconds
        peaks = [
            f"{kind} {max(sizes)} ({max(sizes[: len(sizes) // 3 + 1])})"
            for kind, sizes in seen.values()
            if kind != "tracker"
        ]
        rate = arguments.pages / seconds
        print(
            f"{jobs:>4} {seconds:>7.1f} {rate:>8,.0f} {size / 1e6 / seconds:>6.1f} {cpu:>6.0f} "
            f"{first / seconds:>5.2f}  {', '.join(peaks)}"
        )
        digests.add(digest(output))
        shutil.rmtree(output)
    print(f"output trees alike: {len(digests) == 1}")


def digest(folder: Path) -> str:
    """One digest over the names and bytes of a folder's files."""
    found = hashlib.blake2b()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found.update(str(path.relative_to(folder)).encode() + b"\0")
            with open(path, "rb") as stream:
                while block := stream.read(1 << 20):
                    found.update(block)
    return found.hexdigest()


def kills(arguments: argparse.Namespace, folder: Path) -> None:
    """Kill the main process of a 1,000-page run at random moments, resume, compare."""
    generate(folder / "rows.jsonl.gz", 600, 5000)
    texts = originals()
    for number in range(400):
        path = folder / f"files/{number % 9}/{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts[number % len(texts)], "utf-8")
    inputs = [str(folder / "rows.jsonl.gz"), str(folder / "files")]
    arguments.shard_rows, arguments.sidecar = 50, True
    began = time.monotonic()
    subprocess.run(command(arguments, 2, inputs, folder / "whole"), cwd=ROOT, check=True)
    length = time.monotonic() - began
    wanted = digest(folder / "whole")
    noise = random.Random(3)
    differ = finished = commits = 0
    for number in range(arguments.kills):
        output = folder / "killed"
        with subprocess.Popen(command(arguments, 2, inputs, output), cwd=ROOT) as process:
            try:
                process.wait(noise.random() * length)
                finished += 1
            except subprocess.TimeoutExpired:
                process.kill()
        commits += len(list(output.glob(".unticker/shards/*/*.json")))
        subprocess.run(command(arguments, 1 + number % 3, inputs, output), cwd=ROOT, check=True)
        differ += digest(output) != wanted
        shutil.rmtree(output)
    print(
        f"{arguments.kills} kills in a run of {length:.1f} s: {finished} came too late, "
        f"{commits / arguments.kills:.1f} shards were done on average, {differ} trees differ"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=int, default=200_000)
    parser.add_argument("--size", type=int, default=5000, help="bytes of a page, about")
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--shard-rows", type=int, default=1000)
    parser.add_argument("--model", default=None)
    parser.add_argument("--labeller", choices=["model", "rule"], default="model")
    parser.add_argument("--sidecar", action="store_true")
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--run", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--inputs", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--output", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        run(arguments)
        return
    with tempfile.TemporaryDirectory() as folder:
        (kills if arguments.kills else throughput)(arguments, Path(folder))


if __name__ == "__main__":
    main()
