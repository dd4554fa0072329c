"""What is annotated: lines, pages and sites by label, language, kind and split."""

import json
from collections import Counter

from rich.console import Console
from rich.table import Table

from train.gold import ROOT, SPLITS, Gold, genres
from unticker.types import LABELS


def show(gold: Gold) -> None:
    """Print the tables."""
    console = Console()
    table = Table(title="annotated lines by language, kind and label")
    for name in ("language", "kind", "pages", "sites", "lines", *LABELS):
        table.add_column(name, justify="left" if name in ("language", "kind") else "right")
    kinds = {"original": gold.original, "public": gold.public}
    for lang in [*sorted({p.lang for pages in kinds.values() for p in pages}), "all"]:
        for kind, pages in kinds.items():
            chosen = [page for page in pages if lang in (page.lang, "all")]
            if chosen:
                count = Counter(label for page in chosen for label in page.labels if label)
                numbers = (len(chosen), len({p.site for p in chosen}), sum(count.values()))
                values = [f"{n:,}" for n in (*numbers, *(count[label] for label in LABELS))]
                table.add_row(lang, kind, *values)
    console.print(table)
    table = Table(title="splits, by site")
    for name in ("split", "kind", "pages", "sites", "languages", "lines"):
        table.add_column(name, justify="left" if name in ("split", "kind") else "right")
    for split in SPLITS:
        for kind in kinds:
            chosen = gold.part(split, kind=kind)
            lines = sum(label is not None for page in chosen for label in page.labels)
            numbers = (len(chosen), len({p.site for p in chosen}), len({p.lang for p in chosen}))
            table.add_row(split, kind, *(f"{n:,}" for n in (*numbers, lines)))
    console.print(table)
    counts = Counter(genres().values())
    console.print("original pages by genre: " + ", ".join(f"{k} {n}" for k, n in counts.items()))
    agreement = json.loads((ROOT / "agreement.json").read_text("utf-8"))
    for kind, found in agreement.items():
        if isinstance(found, dict):
            kappas = ", ".join(f"{label} {k:.3f}" for label, k in found["kappa_by_label"].items())
            console.print(
                f"read twice, {kind}: {found['pages']} pages, {found['lines']:,} lines, "
                f"Cohen's kappa {found['kappa']:.3f} ({kappas})"
            )
