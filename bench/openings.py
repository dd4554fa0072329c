"""``python -m bench.openings``: short articles with little around them.

Of each page stay the headline, the byline and the first 1, 2, 3 or 5 paragraphs (lines of
60 characters and more), with the 0, 1, 3 or 6 lines before the headline and as many behind
the article: a flash, an item from an interface, a page that was trimmed already. unticker
labels these lines as text, and as the plainest HTML (the headline as ``<h1>``, every other
line as ``<p>``). Pages with fewer paragraphs are left out.

Given are the share of pages that lose their whole body, the share whose headline is body,
and the F1 of the body lines over all pages together.
"""

import html
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

import bench
from bench import BODY, Gold

PARAGRAPHS, BESIDE, PROSE = (1, 2, 3, 5), (0, 1, 3, 6), 60
Row = tuple[str, str]


def opening(page: Gold, paragraphs: int, beside: int) -> list[Row] | None:
    """Lines and labels of the page cut short; None if it has no so many paragraphs."""
    rows = [(line, label) for line, label in zip(page.lines, page.labels, strict=True) if label]
    article: list[int] = []
    for number, (line, label) in enumerate(rows):
        if label == BODY or (label == "byline" and article):
            article.append(number)
            paragraphs -= label == BODY and len(line) >= PROSE
        if not paragraphs:
            break
    else:
        return None
    start = article[0]
    end = 1 + max(number for number, (_, label) in enumerate(rows) if label == BODY)
    kept = [rows[number] for number in article]
    return rows[max(0, start - beside) : start] + kept + rows[end : end + beside]


def as_html(rows: Sequence[Row]) -> str:
    """The plainest page of these lines."""
    first = next(number for number, (_, label) in enumerate(rows) if label == BODY)
    tags = ["h1" if number == first else "p" for number in range(len(rows))]
    lines = (f"<{tag}>{html.escape(text)}</{tag}>" for tag, (text, _) in zip(tags, rows))
    return f"<!doctype html><body>{''.join(lines)}</body>"


def judged(pages: Sequence[Sequence[Row]], model: Any, kind: str) -> dict[str, float]:
    """What the model makes of pages cut short."""
    emptied = headlines = right = said = gold = 0
    sources = [
        as_html(rows) if kind == "html" else "\n".join(text for text, _ in rows) for rows in pages
    ]
    for rows, page in zip(pages, model.label_many(sources, kind=kind), strict=True):
        wanted = [" ".join(text.split()) for text, label in rows if label == BODY]
        found = [" ".join(line.text.split()) for line in page.lines if line.label == BODY]
        emptied += not found
        headlines += wanted[0] in found
        shared = (Counter(wanted) & Counter(found)).total()
        right, said, gold = right + shared, said + len(found), gold + len(wanted)
    return {
        "pages": len(pages),
        "emptied": emptied / max(len(pages), 1),
        "headline": headlines / max(len(pages), 1),
        "body_f1": 2 * right / max(said + gold, 1),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure a split and print the tables."""
    parser = bench.parser("openings", __doc__)
    parser.add_argument("--limit", type=int, help="measure this many pages of each kind")
    options = parser.parse_args(arguments)
    report: dict[str, Any] = {"split": options.split}
    try:
        model = bench.load_model(options.model)
        pages = bench.original_pages(options.split, options.annotations, options.limit)
        public, drifted = bench.public_pages(
            options.split, options.annotations, options.corpora, options.limit
        )
        report["pages_left_out_as_changed"] = len(drifted)
        cut = {
            (beside, paragraphs): list(
                filter(None, (opening(page, paragraphs, beside) for page in pages + public))
            )
            for beside in BESIDE
            for paragraphs in PARAGRAPHS
        }
        for kind in ("text", "html"):
            report[kind] = rows = [
                {"beside": beside, "paragraphs": paragraphs, **judged(each, model, kind)}
                for (beside, paragraphs), each in cut.items()
            ]
            bench.table(
                f"openings as {kind}, split {options.split}: shares of pages, F1 of body lines",
                ("lines beside", "paragraphs", "pages", "emptied", "headline found", "body"),
                [tuple(row.values()) for row in rows],
            )
    except bench.BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    bench.conclude(options.json, report, {})
    return 0


if __name__ == "__main__":
    sys.exit(main())
