"""A model's scores for people: the model card, and a table on the terminal."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unticker.columns import families
from unticker.families import MARKUP_FAMILIES
from unticker.gaps import FEATURES as GAP_FEATURES
from unticker.gaps import GAP_BUCKETS
from unticker.ngrams import NGRAMS
from unticker.shapes import SHAPES
from unticker.types import LABELS

if TYPE_CHECKING:
    from unticker.model import Model


def print_scores(scores: Mapping[str, Any], title: str) -> None:
    """Print scores per label, and per language where they are given, as tables."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(title=f"{title}: {scores['lines']:,} lines, macro-F1 {scores['macro_f1']:.3f}")
    for name in ("label", "lines", "precision", "recall", "F1"):
        table.add_column(name, justify="left" if name == "label" else "right")
    for label, row in scores["labels"].items():
        values = (f"{row[key]:.3f}" for key in ("precision", "recall", "f1"))
        table.add_row(label, f"{row['lines']:,}", *values)
    console.print(table)
    if len(scores.get("languages", {})) > 1:
        table = Table(title="by language")
        for name in ("language", "lines", "accuracy", "macro-F1"):
            table.add_column(name, justify="left" if name == "language" else "right")
        ordered = sorted(scores["languages"].items(), key=lambda item: -item[1]["lines"])
        for lang, row in ordered:
            table.add_row(
                lang, f"{row['lines']:,}", f"{row['accuracy']:.3f}", f"{row['macro_f1']:.3f}"
            )
        console.print(table)


def write_card(model: "Model", folder: Path, metrics: Mapping[str, Any] | None = None) -> None:
    """Write the model card, ``README.md``, and ``metrics.json`` beside the weights."""
    import json

    held = metrics or {"cross_validated": model.about["cross_validated"]}
    text = json.dumps(held, indent=1, sort_keys=True) + "\n"
    (folder / "metrics.json").write_text(text, encoding="utf-8")
    (folder / "README.md").write_text(card(model.about, held), encoding="utf-8")


def card(about: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """The model card as Markdown."""
    parts = [
        "# Model card",
        "Generated with the model; do not edit.",
        "A linear classifier that labels each line of a crawled news page `headline-ticker`, "
        "`ui-chrome`, `byline` or `body`. Three linear passes: a line by itself; a line among the "
        "first pass's scores of its neighbours; and both again with the second pass's scores, "
        f"the words of the line and of those beside it{_conjunctions(about['sites'])}. At last two "
        "lines on either side say which labels go with theirs.",
        f"Fitted on {about['lines']:,} annotated lines of {about['pages']:,} pages from "
        f"{about['sites']:,} sites, with unticker {about['unticker']}, seed {about['seed']}.",
        "## Scores",
        "Cross-validated scores come from fits that never saw the line's site.",
    ]
    for name, scores in sorted(metrics["cross_validated"].items()):
        parts.append(_table(f"{name}, cross-validated", scores))
    for split in ("development", "test"):
        for name, scores in sorted(metrics.get(split, {}).items()):
            parts.append(_table(f"{name}, {split} split (sites not trained on)", scores))
    shown = metrics.get("test", metrics["cross_validated"]).get("text", {})
    if "languages" in shown:
        parts.append(_languages(shown["languages"]))
    for title, rows in sorted(metrics.get("experiments", {}).items()):
        parts += [f"## {title}", _experiment(rows)]
    parts += [
        "## What it looks at",
        f"N-grams that several sites share ({about['ngrams']['text']:,} for text): "
        + "; ".join(f"*{n.name}* {n.meaning}" for n in NGRAMS) + ".",
        "Shapes: " + "; ".join(f"*{s.name}* {s.meaning}" for s in SHAPES) + ".",
        "Context: " + "; ".join(f"*{f.name}* {f.meaning}" for f in families(markup=True)) + ".",
        "Markup, for HTML: " + "; ".join(f"*{k}* {v}" for k, v in MARKUP_FAMILIES.items()) + ".",
        f"Where lines ended, in a page without newlines ({GAP_BUCKETS:,} buckets): "
        + "; ".join(GAP_FEATURES) + ".",
        "## Limits",
        "Reader comments written as prose, live-blog and result lists without sentences, and "
        f"teasers inside the running text are where it errs most. {_privacy(about['sites'])}",
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _conjunctions(sites: int) -> str:
    from unticker.examples import FEW_SITES

    return ", and conjunctions of four questions about what is seen" if sites >= FEW_SITES else ""


def _privacy(sites: int) -> str:
    from unticker.examples import Options, sites_needed

    if sites_needed(Options().min_sites, sites) > 1:
        return (
            "N-grams count only if several sites share them, so no page's text can be read back "
            "out of the weights."
        )
    return (
        "Of so few sites the n-grams of a single one count: what a page holds can be guessed from "
        "the weights."
    )


def _table(title: str, scores: Mapping[str, Any]) -> str:
    rows = [
        f"**{title}**: {scores['lines']:,} lines, macro-F1 {scores['macro_f1']:.3f}, "
        f"accuracy {scores['accuracy']:.3f}"
        + (
            f", expected calibration error {scores['calibration_error']:.3f}"
            if "calibration_error" in scores
            else ""
        ),
        "",
        "| label | lines | precision | recall | F1 |",
        "|---|---:|---:|---:|---:|",
    ]
    for label in LABELS:
        if label not in scores["labels"]:
            continue
        s = scores["labels"][label]
        rows.append(
            f"| {label} | {s['lines']:,} | {s['precision']:.3f} | {s['recall']:.3f} "
            f"| {s['f1']:.3f} |"
        )
    return "\n".join(rows)


def _languages(languages: Mapping[str, Any]) -> str:
    rows = ["| language | lines | accuracy | macro-F1 |", "|---|---:|---:|---:|"]
    for lang, s in sorted(languages.items(), key=lambda item: (-item[1]["lines"], item[0])):
        rows.append(f"| {lang} | {s['lines']:,} | {s['accuracy']:.3f} | {s['macro_f1']:.3f} |")
    return "\n".join(rows)


def _experiment(rows: list[Mapping[str, Any]]) -> str:
    keys = list(rows[0])
    lines = ["| " + " | ".join(keys) + " |", "|" + "---|" * len(keys)]
    lines += ["| " + " | ".join(str(row[key]) for key in keys) + " |" for row in rows]
    return "\n".join(lines)
