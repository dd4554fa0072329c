"""``python -m bench.cuttings``: the same pages, cut into lines by other tools.

Each public page's HTML is turned into text by inscriptis, html2text, trafilatura with
``favor_recall``, resiliparse's plain text (as in WET files) and two Markdown writers;
unticker labels that text, and its body is compared with the gold body of the project's
own lines. Beside it stand the figure on the own reader's lines, and for each cutting the
``ceiling``: the body of someone who knows for every line cut whether most of its
characters are the gold body's, which is what is left to the labeller after the cutting.

Then each original page, collapsed into one line: its lines joined by four spaces, and
by one.

Measured is a character F1 without alignment: multisets of 8-character shingles over the
letters and digits alone, casefolded, so that white space, punctuation and Markdown marks
do not count (link targets are removed from Markdown first). Given are the mean over
pages, and "pooled": the F1 over all pages' shingles together. A page without body
counts 1 if nothing comes out, else 0. A text under 8 characters is one shingle.
"""

import importlib
import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import bench
from bench import Gold, peers

SIZE = 8
Cut = Callable[[str], str]
_IMAGE = re.compile(r"!\[[^\]]*\]\([^)\s]*(?:\s+\"[^\"]*\")?\)")
_LINK = re.compile(r"\[((?:[^\[\]\\]|\\.)*)\]\([^)\s]*(?:\s+\"[^\"]*\")?\)")


def without_targets(text: str) -> str:
    """Markdown with its links as their words and its images gone.

    >>> without_targets("see [the *plan*](https://a.example/x) ![alt](b.png)!")
    'see the *plan* !'
    """
    return _LINK.sub(r"\1", _IMAGE.sub("", text))


def shingles(text: str) -> Counter[str]:
    """The multiset of 8-character shingles over letters and digits.

    >>> list(shingles("Two words, 1"))
    ['twowords', 'wowords1']
    """
    folded = "".join(filter(str.isalnum, text.casefold()))
    if not folded:
        return Counter()
    return Counter(folded[i : i + SIZE] for i in range(max(1, len(folded) - SIZE + 1)))


@dataclass
class Tally:
    """Character F1 over the pages counted so far."""

    pages: list[float] = field(default_factory=list)
    right: int = 0
    said: int = 0
    gold: int = 0
    failed: int = 0

    def add(self, gold: Counter[str], text: str) -> None:
        """Count one page."""
        said = shingles(text)
        right = (gold & said).total()
        self.right, self.said, self.gold = (
            self.right + right, self.said + said.total(), self.gold + gold.total(),
        )  # fmt: skip
        whole = gold.total() + said.total()
        self.pages.append(2 * right / whole if whole else 1.0)

    def result(self) -> dict[str, float]:
        """Mean over pages, and all pages together."""
        whole = self.said + self.gold
        return {
            "mean": fmean(self.pages) if self.pages else 0.0,
            "pooled": 2 * self.right / whole if whole else 1.0,
            "precision": self.right / self.said if self.said else 0.0,
            "recall": self.right / self.gold if self.gold else 0.0,
            "pages": len(self.pages),
            "failed": self.failed,
        }


def ceiling(gold: Counter[str], text: str) -> str:
    """The lines of a cut that are mostly the gold body: the best a labeller of lines can do.

    A shingle of the gold serves once, so furniture that repeats the body is left out.
    """
    left = Counter(gold)
    kept: list[str] = []
    for line in text.splitlines():
        own = shingles(line)
        shared = own & left
        if own and 2 * shared.total() > own.total():
            left -= shared
            kept.append(line)
    return "\n".join(kept)


def _inscriptis() -> Cut:
    return importlib.import_module("inscriptis").get_text  # type: ignore[no-any-return]


def _html2text(links: bool) -> Cut:
    module = importlib.import_module("html2text")

    def cut(page: str) -> str:
        writer = module.HTML2Text(bodywidth=0)
        writer.ignore_links = writer.ignore_images = writer.ignore_emphasis = not links
        return str(writer.handle(page))

    return cut


def _trafilatura() -> Cut:
    extract = importlib.import_module("trafilatura").extract
    return lambda page: extract(page, favor_recall=True) or ""


def _resiliparse() -> Cut:
    plain = importlib.import_module("resiliparse.extract.html2text").extract_plain_text
    return lambda page: plain(page, main_content=False, alt_texts=False)


def _markdownify() -> Cut:
    markdownify = importlib.import_module("markdownify").markdownify
    hidden = re.compile(
        r"<(script|style|noscript|template)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE
    )
    return lambda page: markdownify(hidden.sub("", page), heading_style="ATX")


_CUTS: dict[str, Callable[[], Cut]] = {
    "inscriptis": _inscriptis,
    "html2text": lambda: _html2text(links=False),
    "trafilatura recall": _trafilatura,
    "resiliparse plain": _resiliparse,
    "html2text Markdown": lambda: _html2text(links=True),
    "markdownify": _markdownify,
}


def cutters() -> tuple[dict[str, Cut], dict[str, str]]:
    """The tools that are installed, and the reason for each that is skipped."""
    found: dict[str, Cut] = {}
    skipped: dict[str, str] = {}
    for name, make in _CUTS.items():
        try:
            found[name] = make()
        except Exception as error:
            skipped[name] = f"cannot be used: {type(error).__name__}: {error}"
    return found, skipped


def cut_pages(pages: Sequence[Gold], model: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The figures for each tool's lines; without a model only the ceilings."""
    from unticker import html

    found, skipped = cutters()
    names = ["own lines", *found]
    ours, best = {name: Tally() for name in names}, {name: Tally() for name in names}
    for page in pages:
        assert page.html is not None
        gold = shingles(page.body)
        markup = peers.without_xml_declaration(html.decode(page.html)[0])
        for name in names:
            try:
                text = page.text if name == "own lines" else found[name](markup)
            except Exception:
                text = ""
                best[name].failed += 1
            best[name].add(gold, ceiling(gold, without_targets(text)))
            if model is not None:
                ours[name].add(gold, without_targets(model.label(text, kind="text").body))
    return {
        name: {
            "ceiling": best[name].result(),
            "unticker": ours[name].result() if model is not None else None,
        }
        for name in names
    }, skipped


def collapsed(pages: Sequence[Gold], model: Any) -> dict[str, Any]:
    """The figures for pages in one line; "as they are" keeps the pages' own lines."""
    results: dict[str, Any] = {}
    for name, joint in (("as they are", "\n"), ("four spaces", " " * 4), ("one space", " ")):
        tally = Tally()
        for page in pages:
            lines = page.lines if joint == "\n" else [ln.strip() for ln in page.lines if ln.strip()]
            tally.add(shingles(page.body), model.label(joint.join(lines), kind="text").body)
        results[name] = tally.result()
    return results


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure a split and print the tables."""
    parser = bench.parser("cuttings", __doc__)
    parser.add_argument("--limit", type=int, help="measure this many pages of each kind")
    options = parser.parse_args(arguments)
    model, skipped = None, {}
    try:
        try:
            model = bench.load_model(options.model)
        except bench.BenchError as error:
            skipped["unticker"] = str(error)
        pages, drifted = bench.public_pages(
            options.split, options.annotations, options.corpora, options.limit
        )
        cut, missing = cut_pages(pages, model)
        skipped |= missing
        own = cut["own lines"]["unticker"]
        bench.table(
            f"public pages, split {options.split}, {len(pages)} pages: body characters, F1",
            ("lines by", "ceiling", "unticker", "pooled", "P", "R", "to own lines", "failed"),
            [
                (name, r["ceiling"]["mean"],
                 *((r["unticker"][k] for k in ("mean", "pooled", "precision", "recall"))
                   if own else [None] * 4),
                 r["unticker"]["mean"] - own["mean"] if own else None, r["ceiling"]["failed"])
                for name, r in cut.items()
            ],
        )  # fmt: skip
        report: dict[str, Any] = {
            "split": options.split, "cuttings": cut, "pages_left_out_as_changed": len(drifted),
        }  # fmt: skip
        if model is not None:
            texts = bench.original_pages(options.split, options.annotations, options.limit)
            report["collapsed"] = collapsed(texts, model)
            bench.table(
                f"original pages, split {options.split}, {len(texts)} pages in one line",
                ("lines joined by", "unticker", "pooled", "P", "R"),
                [(name, *(r[k] for k in ("mean", "pooled", "precision", "recall")))
                 for name, r in report["collapsed"].items()],
            )  # fmt: skip
    except bench.BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    bench.conclude(options.json, report, skipped)
    return 0


if __name__ == "__main__":
    sys.exit(main())
