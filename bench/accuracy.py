"""``python -m bench.accuracy``: who finds which lines, on pages of sites unseen in training.

All peers are judged on the same lines of the same pages. Measured are, over all
lines of the split together: precision, recall and F1 of each label and their mean
(macro-F1) for those that know four labels; precision, recall and F1 of the body
lines for everybody; the share of right lines in each language. And, page by page,
how much of the body's text comes out (`shingle_f1`).

A page's body holds its own headline. Most extractors report the headline apart from
the text, so their figures are given twice: for the text alone, and ("titled") with
the headline they report put before it where the text does not start with it.
"""

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import bench
from bench import BODY, LABELS, Gold, peers
from bench.peers import Peer

_WORD = re.compile(r"\w+")
KINDS = {
    "public": "public pages",
    "original": "original pages, as text",
    "html": "original pages that were written as HTML",
}


@dataclass(frozen=True)
class Answer:
    """What a peer says of a page: a label for each line (None for a blank one), and its text."""

    labels: Sequence[str | None]
    text: str
    failed: bool = False


@dataclass
class Score:
    """Counts over the pages judged so far."""

    name: str
    reads: str
    four: bool
    confusion: Counter[tuple[str, str]] = field(default_factory=Counter)
    languages: dict[str, Counter[bool]] = field(default_factory=lambda: defaultdict(Counter))
    shingles: list[tuple[float, float]] = field(default_factory=list)
    failed: int = 0

    def add(self, page: Gold, answer: Answer) -> None:
        """Count one page."""
        self.failed += answer.failed
        right = self.languages[page.lang]
        for gold, said in zip(page.labels, answer.labels, strict=True):
            if gold is None:
                continue
            said = said or peers.OTHER
            self.confusion[gold, said] += 1
            right[gold == said if self.four else (gold == BODY) == (said == BODY)] += 1
        self.shingles.append(shingles(page.body, answer.text))

    def result(self) -> dict[str, Any]:
        """The figures, as numbers."""
        labels = LABELS if self.four else (BODY,)
        each = {label: prf(self.confusion, label) for label in labels}
        return {
            "reads": self.reads,
            "labels": each,
            "body_f1": each[BODY]["f1"],
            "macro_f1": fmean(row["f1"] for row in each.values()) if self.four else None,
            "languages": {
                lang: {"lines": count.total(), "accuracy": count[True] / count.total()}
                for lang, count in sorted(self.languages.items())
                if count
            },
            "shingles": shingle_f1(self.shingles),
            "pages_failed": self.failed,
        }


def prf(confusion: Counter[tuple[str, str]], label: str) -> dict[str, float]:
    """Precision, recall and F1 of a label from counts of (gold, said).

    >>> prf(Counter({("body", "body"): 3, ("body", "other"): 1, ("byline", "body"): 3}), "body")
    {'precision': 0.5, 'recall': 0.75, 'f1': 0.6}
    """
    right = confusion[label, label]
    said = sum(count for (_, other), count in confusion.items() if other == label)
    gold = sum(count for (other, _), count in confusion.items() if other == label)
    precision, recall = right / said if said else 0.0, right / gold if gold else 0.0
    return {"precision": precision, "recall": recall, "f1": f1(precision, recall)}


def f1(precision: float, recall: float) -> float:
    """The harmonic mean."""
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def shingles(gold: str, said: str, size: int = 4) -> tuple[float, float]:
    r"""A page's precision and recall, as the Zyte article-extraction benchmark counts them.

    Tokens are runs of ``\w``, shingles four tokens in a row (a shorter text is one
    shingle), compared as multisets. Two empty texts agree; one empty text has 0.
    """
    true, found = _shingle(gold, size), _shingle(said, size)
    right = (true & found).total()
    if not true and not found:
        return 1.0, 1.0
    return (
        right / found.total() if found else 0.0,
        right / true.total() if true else 0.0,
    )


def _shingle(text: str, size: int) -> Counter[tuple[str, ...]]:
    words = _WORD.findall(text)
    if not words:
        return Counter()
    return Counter(tuple(words[i : i + size]) for i in range(max(1, len(words) - size + 1)))


def shingle_f1(pages: Sequence[tuple[float, float]]) -> dict[str, float]:
    """Precision and recall averaged over pages, and the F1 of the two averages."""
    if not pages:
        return {"precision": 0.0, "recall": 0.0, "f1": 0.0}
    precision, recall = fmean(p for p, _ in pages), fmean(r for _, r in pages)
    return {"precision": precision, "recall": recall, "f1": f1(precision, recall)}


def ours(model: Any, page: Gold, kind: str) -> Answer:
    """unticker's answer for a page as text or as HTML."""
    read = model.label(page.html if kind == "html" else page.text, kind=kind)
    by_number = {line.number: line.label for line in read.lines}
    labels = [by_number.get(number) for number in range(1, len(page.lines) + 1)]
    return Answer(labels, read.body)


def answers(peer: Peer, page: Gold) -> Iterator[tuple[str, Answer]]:
    """A peer's answer, and a second one with its headline for peers that read HTML."""
    if peer.label is not None:
        said = peer.label(page.lines)
        kept = [line for line, label in zip(page.lines, said, strict=True) if label == BODY]
        yield "", Answer(said, "\n".join(kept))
        return
    from unticker import html

    assert peer.extract is not None
    assert page.html is not None
    markup = peers.without_xml_declaration(html.decode(page.html)[0])
    failed = False
    try:
        found = peer.extract(markup, page.lang)
    except Exception:
        found, failed = peers.Extract(""), True

    def standing(text: str) -> Answer:
        stands = peers.body_lines(page.lines, text)
        return Answer([BODY if s else peers.OTHER for s in stands], text, failed)

    yield "", standing(found.text)
    if not peer.titles:
        return
    title = found.title.strip()
    shown = not title or " ".join(found.text[: 2 * len(title) + 20].split()).startswith(
        " ".join(title.split())
    )
    yield "titled", standing(found.text if shown else f"{title}\n{found.text}")


def judge(
    pages: Sequence[Gold], training: Sequence[Gold], model: Any = None, html: bool = True
) -> tuple[dict[str, Any], dict[str, str], dict[str, str]]:
    """All peers' figures on the pages, who was skipped and why, and the peers' versions."""
    found, skipped = peers.text_peers(training)
    if html:
        extractors, missing = peers.html_peers()
        found, skipped = found + extractors, skipped | missing
    scores: dict[str, Score] = {}
    for peer in found:
        for page in pages:
            for variant, answer in answers(peer, page):
                name = f"{peer.name}, {variant}" if variant else peer.name
                score = scores.setdefault(name, Score(name, peer.reads, peer.four))
                score.add(page, answer)
    if model is not None:
        for kind in ("text", "html") if html else ("text",):
            score = scores[f"unticker {kind}"] = Score(f"unticker {kind}", kind, True)
            for page in pages:
                score.add(page, ours(model, page, kind))
    versions = {peer.name: peer.version for peer in found if peer.version}
    return {name: score.result() for name, score in scores.items()}, skipped, versions


def show(title: str, results: dict[str, Any]) -> None:
    """The three tables."""
    figures = [(name, r["labels"], r) for name, r in results.items()]
    bench.table(
        f"{title}: lines, F1 (precision, recall in the JSON) and text",
        ("peer", "reads", *LABELS, "macro", "body P", "body R", "text P", "text R", "text F1",
         "failed"),
        [
            (name, r["reads"], *(labels[label]["f1"] if label in labels else None
             for label in LABELS), r["macro_f1"], labels[BODY]["precision"],
             labels[BODY]["recall"], *(r["shingles"][k] for k in ("precision", "recall", "f1")),
             r["pages_failed"])
            for name, labels, r in figures
        ],
    )  # fmt: skip
    lines: Counter[str] = Counter()
    for lang, row in next(iter(results.values()))["languages"].items():
        lines[lang] = row["lines"]
    shown = [name for name, _, r in figures if r["macro_f1"] is not None]
    rest = [name for name, _, r in figures if r["macro_f1"] is None and "titled" not in name]
    for what, names in (("four labels", shown), ("body or not", rest)):
        if names:
            bench.table(
                f"{title}: right lines by language, {what}",
                ("language", "lines", *names),
                [
                    (lang, count, *(results[n]["languages"][lang]["accuracy"] for n in names))
                    for lang, count in lines.most_common()
                ],
            )


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge a split and print the tables."""
    parser = bench.parser("accuracy", __doc__)
    parser.add_argument("--pages", default="all", choices=(*KINDS, "all"))
    parser.add_argument("--limit", type=int, help="judge this many pages of each kind")
    options = parser.parse_args(arguments)
    model, skipped = None, {}
    try:
        try:
            model = bench.load_model(options.model)
        except bench.BenchError as error:
            skipped["unticker"] = str(error)
        training: list[Gold] = []
        if options.split in ("development", "test"):
            training, _ = bench.public_pages("train", options.annotations, options.corpora)
            training += bench.original_pages("train", options.annotations)
        report: dict[str, Any] = {"split": options.split}
        for kind in KINDS:
            if options.pages not in (kind, "all"):
                continue
            drifted: list[str] = []
            if kind == "public":
                pages, drifted = bench.public_pages(
                    options.split, options.annotations, options.corpora, options.limit
                )
            else:
                pages = bench.original_pages(options.split, options.annotations)
                if kind == "html":
                    pages = [page for page in pages if page.html is not None]
                pages = bench.spaced(pages, options.limit)
            if not pages:
                if kind == "html" and options.pages == "all":
                    continue  # a set of annotations need not have any
                raise bench.BenchError(f"no {kind} pages in the split {options.split}")
            results, missing, versions = judge(pages, training, model, html=kind != "original")
            skipped |= missing
            report[kind] = {
                "pages": len(pages),
                "lines": sum(label is not None for page in pages for label in page.labels),
                "pages_left_out_as_changed": len(drifted),
                "training_pages": len(training),
                "peers": results,
                "versions": versions,
            }
            show(f"{KINDS[kind]}, split {options.split}, {len(pages)} pages", results)
            if drifted:
                print(f"left out, changed since they were annotated: {len(drifted)} pages")
    except bench.BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    bench.conclude(options.json, report, skipped)
    return 0


if __name__ == "__main__":
    sys.exit(main())
