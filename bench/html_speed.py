"""How fast the HTML reader is on the public pages, and where BeautifulSoup's parsers differ.

python -m bench.html_speed                 # MB/s of HTML on one core, stage by stage
python -m bench.html_speed --compare       # writes annotations/standoff/reader-differences.json
python -m bench.html_speed --adversarial   # what BeautifulSoup's parsers lose, and when
"""

import argparse
import gzip
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from unticker import guard, hints, html, markup

ROOT = Path(__file__).resolve().parent.parent
CORPORA = ROOT.parent / "shared" / "corpora"
SETS = ("fundus", "trafilatura", "readability", "newspaper4k", "goose3")
DIFFERENCES = ROOT / "annotations" / "standoff" / "reader-differences.json"
PARSERS = ("html.parser", "lxml")


def pages(sets: Sequence[str] = SETS) -> Iterator[tuple[str, str, bytes]]:
    """Set, name and bytes of every public page."""
    for name in sets:
        folder = CORPORA / name
        for path in sorted(folder.rglob("*.html")) + sorted(folder.rglob("*.html.gz")):
            if path.name.startswith("expected"):
                continue
            data = path.read_bytes()
            yield name, str(path.relative_to(folder)), (
                gzip.decompress(data) if path.suffix == ".gz" else data
            )  # fmt: skip


def speed(sets: Sequence[str], rounds: int) -> None:
    """Print the best of some rounds for each stage; processor time, one core."""
    data = [page for _, _, page in pages(sets)]
    size = sum(map(len, data)) / 1e6
    decoded = [html.decode(page)[0] for page in data]
    text = [page.encode("utf-8", "replace") for page in decoded]
    serialised = [html.serialise(page) for page in text]
    stages: list[tuple[str, Callable[[Any], object], list[Any]]] = [
        ("decode", html.decode, data),
        ("hints", hints.read, decoded),
        ("guard", guard.is_tame, text),
        ("tree", html.serialise, text),
        ("lines", markup.read, serialised),
        ("all", html.read, data),
    ]
    best: dict[str, float] = {}
    for _ in range(rounds):
        for name, stage, inputs in stages:
            start = time.process_time()
            for page in inputs:
                stage(page)
            best[name] = min(best.get(name, 1e9), time.process_time() - start)
    print(f"{len(data)} pages, {size:.1f} MB")
    for name, seconds in best.items():
        print(f"{name:8} {seconds:7.3f} s {size / seconds:8.1f} MB/s")


def why(page: str, ours: list[str], theirs: list[str]) -> str:
    """The reviewed reason that fits a difference; they were found by reading every one."""
    more, less = Counter(theirs) - Counter(ours), Counter(ours) - Counter(theirs)
    if page.rfind("<!--") > page.rfind("-->"):
        return "a comment never ends"
    if _squeezed(ours) == _squeezed(theirs):
        if re.search(r"</br", page, re.I):
            return "</br> makes a break in a browser"
        return "</p> without <p> makes a paragraph in a browser"
    if more and all(line.endswith("-->") for line in more):
        return "the end of a comment stands behind its first end"
    if any("<" in line for line in more + less):
        return "a malformed tag is shown as text"
    if any("&" in line for line in more):
        return "an entity without a semicolon stays as it is"
    if more and "\x00" in page:
        return "NUL characters are shown"
    if not more and less.total() > 100:
        return "an element left open in <noscript> takes the rest of the page"
    return "a link nests in a hidden link"


def _squeezed(lines: Sequence[str]) -> str:
    return re.sub(r"\s+", "", "".join(lines))


def compare() -> list[dict[str, object]]:
    """One row for each page and parser whose lines are not lexbor's."""
    import bs4

    rows: list[dict[str, object]] = []
    for name, page, data in pages():
        text = html.decode(data)[0]
        ours = html.read(data).markup.lines
        for parser in PARSERS:
            theirs = html.read(bs4.BeautifulSoup(text, parser)).markup.lines
            if ours == theirs:
                continue
            rows.append({
                "set": name,
                "page": page,
                "parser": parser,
                "lines only in lexbor": (Counter(ours) - Counter(theirs)).total(),
                "lines only in parser": (Counter(theirs) - Counter(ours)).total(),
                "why": why(text, ours, theirs),
            })  # fmt: skip
    return rows


def adversarial() -> None:
    """Print seconds and lost sentinels of each reader on hostile pages."""
    import bs4

    hostile = {
        "100,000 nested divs": "<div>" * 100_000 + "INSIDE" + "</div>" * 100_000,
        "10 MB paragraph": "<p>" + "word " * 1_000_000 + "INSIDE" + " word" * 1_000_000,
        "1 MB of <!--": "<!--" * 250_000 + "INSIDE",
        "20,000 spans": "<p>" + "<span>x</span> " * 20_000 + "INSIDE",
        "3,000 <p><b id=N>": "".join(f"<p><b id={n}>" for n in range(3000)) + "INSIDE",
    }
    sys.setrecursionlimit(10_000)
    for name, inside in hostile.items():
        page = f"<p>BEFORE</p>{inside}<p>BEHIND</p>"
        readers: dict[str, Callable[[], list[str]]] = {
            "default": lambda page=page: html.read(page).markup.lines,  # type: ignore[misc]
            **{
                parser: lambda page=page, parser=parser: (
                    html.read(  # type: ignore[misc]
                        bs4.BeautifulSoup(page, parser)
                    ).markup.lines
                )
                for parser in PARSERS
            },
        }
        for reader, run in readers.items():
            start = time.perf_counter()
            try:
                text = "\n".join(run())
                lost = [word for word in ("BEFORE", "INSIDE", "BEHIND") if word not in text]
                result = "lost: " + ", ".join(lost) if lost else "whole"
            except (RecursionError, MemoryError) as error:
                result = type(error).__name__
            print(f"{name:22} {reader:12} {time.perf_counter() - start:7.2f} s  {result}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sets", nargs="+", default=["fundus"], choices=SETS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("--adversarial", action="store_true")
    options = parser.parse_args()
    if options.compare:
        rows = compare()
        body = ",\n".join("  " + json.dumps(row) for row in rows)
        DIFFERENCES.write_text(f"[\n{body}\n]\n", "utf-8")
        print(Counter(f"{row['parser']}: {row['why']}" for row in rows))
    elif options.adversarial:
        adversarial()
    else:
        speed(options.sets, options.rounds)


if __name__ == "__main__":
    main()
