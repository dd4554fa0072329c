"""``python -m bench.speed``: CPU time and memory, on one core, everybody in turn.

Text: the pages' lines joined by newlines, in MB of UTF-8. unticker is timed through
``label_many`` with every page consumed, its body assembled and its labels read;
fastText (word bigrams, dim 16) through ``predict`` on the list of all lines.
HTML: the pages as crawled, in MB of bytes. Extractors that take strings get the bytes
decoded as UTF-8 inside the clock, which is the cheapest they could do.

Each round lets every contender work through the same pages once, in turn, after one
untimed warm-up; the figure is the median round's CPU time (``time.process_time``, all
threads counted). The process keeps to one core, and the thread pools of NumPy and
OpenMP to one thread. Sizes: the pages' lines in a row, cut into pages of 1 KB to
``--largest``. Memory: the high-water mark of a fresh process that labels a stream of
pages, and of one that labels a single huge page.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import bench
from bench import Gold, peers

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS",
           "VECLIB_MAXIMUM_THREADS", "BLIS_NUM_THREADS")  # fmt: skip
MB = 1_000_000
SIZES = (1_000, 10_000, 100_000, MB, 10 * MB, 100 * MB)
Work = Callable[[], object]


def one_core() -> None:
    """One thread, one core; to be called before NumPy is imported."""
    if "numpy" in sys.modules:
        raise RuntimeError("one_core() comes too late: NumPy is imported already")
    os.environ.update(dict.fromkeys(THREADS, "1"))
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def consume(pages: Iterable[Any]) -> int:
    """Take every page, its body and each line's label."""
    touched = 0
    for page in pages:
        touched += len(page.body)
        for line in page.lines:
            touched += len(line.label)
    return touched


def rounds(contenders: dict[str, Work], number: int) -> dict[str, float]:
    """Median CPU seconds of each contender over ``number`` rounds taken in turn."""
    for work in contenders.values():
        work()
    spent: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(number):
        for name, work in contenders.items():
            start = time.process_time()
            work()
            spent[name].append(time.process_time() - start)
    return {name: median(times) for name, times in spent.items()}


def _extracting(peer: peers.Peer, pages: Sequence[Gold]) -> Work:
    extract = peer.extract
    assert extract is not None

    def work() -> int:
        done = 0
        for page in pages:
            assert page.html is not None
            text = peers.without_xml_declaration(page.html.decode("utf-8", "replace"))
            with suppress(Exception):  # a page that a peer cannot read costs it its time
                done += len(extract(text, page.lang).text)
        return done

    return work


def _with_numpy(work: Work) -> Work:
    """The same without the compiled loops."""
    from unticker import kernels

    def slowly() -> object:
        with patch.object(kernels, "compiled", lambda: None):
            return work()

    return slowly


def text_speed(
    pages: Sequence[Gold], number: int, model: Any
) -> tuple[dict[str, float], float, dict[str, str]]:
    """CPU seconds by contender, the MB they worked through, and who was skipped.

    fastText is trained on the very pages, which costs it nothing at prediction, and gets
    all lines in one call, which is its fastest way. The pages are repeated up to 2 MB.
    """
    size = sum(len(page.text.encode()) for page in pages)
    pages = list(pages) * max(1, -(-2 * MB // size))
    texts = [page.text for page in pages]
    lines = [line for page in pages for line in page.lines if line.strip()]
    work: dict[str, Work] = {}
    skipped: dict[str, str] = {}
    if model is not None:
        work["unticker text"] = lambda: consume(model.label_many(texts, kind="text"))
        work["unticker text, NumPy alone"] = _with_numpy(work["unticker text"])
    try:
        fasttext = peers.train_fasttext(pages)
        work["fastText"] = lambda: fasttext.predict(lines)
    except Exception as error:
        skipped["fastText"] = f"cannot be used: {type(error).__name__}: {error}"
    work["C4 rule"] = lambda: [peers.c4(line) for line in lines]
    work["C4 + patterns"] = lambda: [peers.patterns(line) for line in lines]
    return rounds(work, number), sum(len(t.encode()) for t in texts) / MB, skipped


def html_speed(
    pages: Sequence[Gold], number: int, model: Any
) -> tuple[dict[str, float], float, dict[str, str]]:
    """The same for HTML; beside it, what unticker takes to read the pages into lines."""
    from unticker import reading

    data = [page.html for page in pages if page.html is not None]
    found, skipped = peers.html_peers(
        ("trafilatura fast", "resiliparse main", "readability-lxml", "jusText"), titles=False
    )
    work: dict[str, Work] = {}
    if model is not None:
        work["unticker html"] = lambda: consume(model.label_many(data, kind="html"))
        work["unticker html, NumPy alone"] = _with_numpy(work["unticker html"])
        work["unticker html, reading alone"] = lambda: [reading.read(page, "html") for page in data]
    work |= {peer.name: _extracting(peer, pages) for peer in found}
    return rounds(work, number), sum(map(len, data)) / MB, skipped


def page_of(lines: Iterator[str], size: int) -> str:
    """A page of about ``size`` bytes of UTF-8 from an endless run of lines."""
    kept: list[str] = []
    while size > 0:
        line = next(lines)
        encoded = len(line.encode()) + 1
        if encoded > size:
            line = line[: max(1, size * len(line) // encoded)]
        kept.append(line)
        size -= encoded
    return "\n".join(kept)


def size_speed(
    pages: Sequence[Gold], number: int, model: Any, largest: int, work_bytes: int = 4 * MB
) -> list[dict[str, float]]:
    """CPU time per byte for pages of each size, ``work_bytes`` a round (one page at least)."""
    results: list[dict[str, float]] = []
    for size in SIZES:
        if size > largest:
            break
        run = cycle([line for page in pages for line in page.lines if line.strip()])
        texts = [page_of(run, size) for _ in range(max(1, work_bytes // size))]
        done = sum(len(text.encode()) for text in texts)
        work = {"unticker": lambda texts=texts: consume(model.label_many(texts, kind="text"))}
        # The largest take long enough to be measured once.
        taken = rounds(work, number if size <= MB else 1)["unticker"]  # type: ignore[arg-type]
        results.append({"size": size, "ns_per_byte": taken / done * 1e9, "mb_s": done / taken / MB})
    return results


def high_water() -> float:
    """This process's own peak memory in MB.

    Linux hands a parent's peak down to the child in ``ru_maxrss`` (getrusage(2)), so
    there it is read from ``/proc``, which starts anew with the program.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / MB
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / MB


def memory_probe(
    what: str, size: int, model_path: str | None, pages: Sequence[Gold]
) -> list[float]:
    """In a fresh process: peak MB before the labelling, after it, and the input's MB in memory.

    ``stream`` labels pages of 20 KB from a generator, ``size`` bytes in all; ``page``
    labels one page of that size.
    """
    model = bench.load_model(model_path)
    run = cycle([line for page in pages for line in page.lines if line.strip()])
    consume(model.label_many([page_of(run, 20_000)], kind="text"))
    if what == "stream":
        before, held = high_water(), 0.0
        stream = (page_of(run, 20_000) for _ in range(size // 20_000))
        consume(model.label_many(stream, kind="text"))
    else:
        texts = [page_of(run, size)]
        before, held = high_water(), sys.getsizeof(texts[0]) / MB
        consume(model.label_many(texts, kind="text"))
    return [before, high_water(), held]


def memory(options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Peak memory of a stream of pages and of one huge page, each in its own process."""
    results: dict[str, dict[str, float]] = {}
    for what in ("stream", "page"):
        command = [sys.executable, "-m", "bench.speed", "--probe", what,
                   "--largest", str(options.largest), "--pages", str(min(options.pages, 20)),
                   "--split", options.split, "--annotations", str(options.annotations),
                   "--corpora", str(options.corpora)]  # fmt: skip
        if options.model:
            command += ["--model", options.model]
        done = subprocess.run(command, capture_output=True, text=True, cwd=bench.ROOT, check=False)
        if done.returncode:
            raise bench.BenchError(f"memory probe {what!r} failed: {done.stderr[-500:]}")
        before, peak, held = map(float, done.stdout.split())
        results[what] = {"before_mb": before, "peak_mb": peak, "input_mb": held}
    return results


def show_speed(title: str, seconds: dict[str, float], size: float, base: str) -> dict[str, Any]:
    """Print MB/s and the factor against ``base``; give them back for the JSON."""
    against = seconds.get(base)
    rates = {name: size / taken for name, taken in seconds.items() if taken > 0}
    bench.table(
        f"{title}, {size:.1f} MB",
        ("contender", "CPU s", "MB/s", f"times {base}"),
        [
            (name, seconds[name], f"{rate:.1f}", against / seconds[name] if against else None)
            for name, rate in rates.items()
        ],
    )
    return {"mb": size, "seconds": seconds, "mb_s": rates}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the tables."""
    parser = bench.parser("speed", __doc__)
    parser.add_argument("--pages", type=int, default=60, help="work through this many pages")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--largest", type=int, default=100 * MB, help="largest page in bytes")
    parser.add_argument("--no-memory", action="store_true")
    parser.add_argument("--probe", choices=("stream", "page"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    one_core()
    report: dict[str, Any] = {"split": options.split, "rounds": options.rounds}
    try:
        pages, _ = bench.public_pages(
            options.split, options.annotations, options.corpora, options.pages
        )
        if options.probe:
            print(*memory_probe(options.probe, options.largest, options.model, pages))
            return 0
        model, skipped = None, {}
        try:
            model = bench.load_model(options.model)
        except bench.BenchError as error:
            skipped["unticker"] = str(error)
        seconds, size, missing = text_speed(pages, options.rounds, model)
        skipped |= missing
        report["text"] = show_speed("text", seconds, size, "fastText")
        seconds, size, missing = html_speed(pages, options.rounds, model)
        skipped |= missing
        report["html"] = show_speed("HTML", seconds, size, "trafilatura fast")
        if model is not None:
            report["sizes"] = size_speed(pages, options.rounds, model, options.largest)
            bench.table(
                "cost by page size",
                ("bytes a page", "ns/byte", "MB/s"),
                [(r["size"], f"{r['ns_per_byte']:.1f}", f"{r['mb_s']:.1f}")
                 for r in report["sizes"]],
            )  # fmt: skip
            if not options.no_memory:
                report["memory"] = memory(options)
                bench.table(
                    f"peak memory in MB, {options.largest / MB:g} MB of text",
                    ("input", "before", "peak", "the page itself"),
                    [(what, *(f"{r[k]:.0f}" for k in ("before_mb", "peak_mb", "input_mb")))
                     for what, r in report["memory"].items()],
                )  # fmt: skip
    except bench.BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    bench.conclude(options.json, report, skipped)
    return 0


if __name__ == "__main__":
    sys.exit(main())
