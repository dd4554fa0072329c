"""Weak labels from what others wrote: catalogues, a corpus of paragraphs, agreeing extractors.

None of it is part of the recipe: `train.experiments` measures what each kind would give.
A weak page's lines weigh little, and only those that are surely of one label have one.
"""

import ast
import gettext
import html
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from train import corpora, gold
from unticker import html as reader
from unticker.annotations import AnnotatedPage
from unticker.types import Label

CATALOGUES = Path("/usr/share/wordpress/wp-content/languages")
"""Where Debian's package wordpress-l10n puts its catalogues."""
WEIGHT = 0.2
_PLACEHOLDER = re.compile(r"%(\d\$)?[sd]|<[^>]*>")
_PARAGRAPHS_A_PAGE = 40
PROSE = 3
"""Lines both extractors must keep of a page that is taken for an article."""


def _page(name: str, site: str, lang: str, lines: list[tuple[str, Label]]) -> AnnotatedPage:
    texts, labels = zip(*lines, strict=True)
    return AnnotatedPage(name, texts, labels, lang, site, weight=WEIGHT)


def catalogues(folder: Path = CATALOGUES) -> list[AnnotatedPage]:
    """Translated interface strings, a page a language, as `ui-chrome`: without markup,
    placeholders or line ends, and of at most 40 characters."""
    pages = []
    for path in sorted(folder.glob("*.mo")):
        if path.stem.startswith(("admin-", "continents-cities-")):
            continue
        with path.open("rb") as stream:
            catalogue = gettext.GNUTranslations(stream)
        texts = {
            html.unescape(text).strip()
            for text in catalogue._catalog.values()  # type: ignore[attr-defined]
            if isinstance(text, str) and not _PLACEHOLDER.search(text) and "\n" not in text
        }
        lines: list[tuple[str, Label]] = [
            (text, "ui-chrome") for text in sorted(texts) if 2 < len(text) <= 40
        ]
        if lines:
            lang = path.stem.partition("_")[0]
            pages.append(_page(f"wordpress/{path.stem}", f"wordpress {lang}", lang, lines))
    return pages


def paragraphs(folder: Path) -> list[AnnotatedPage]:
    """Articles of the Moroccan news corpus, which lies beside the public page sets, as `body`."""
    pages = []
    file = folder / "the-moroccan-news-corpus" / "THE CORPUS" / "feb.txt"
    for number, row in enumerate(file.read_text("utf-8").splitlines()):
        if not row.startswith("content: ["):
            continue
        found = [" ".join(text.split()) for text in ast.literal_eval(row.removeprefix("content: "))]
        lines: list[tuple[str, Label]] = [(text, "body") for text in found if len(text) > 20]
        if len(lines) > 1:
            site = f"morocco {number % 10}"
            pages.append(_page(f"morocco/{number}", site, "ar", lines[:_PARAGRAPHS_A_PAGE]))
    return pages


def agreed(folder: Path) -> list[AnnotatedPage]:
    """Public pages nobody has labelled: a line is `body` where trafilatura and readability
    both keep it, `ui-chrome` where both drop it, and is left out where they differ."""
    pages = []
    known = set(gold.standoff())
    for name, page, data in _unlabelled(folder, known):
        kept = [_folded(text) for text in _extracted(data)]
        lines: list[tuple[str, Label]] = []
        for line in reader.read(data).markup.lines:
            votes = {_folded(line) in text for text in kept}
            if len(votes) == 1:
                lines.append((line, "body" if votes == {True} else "ui-chrome"))
        if sum(label == "body" for _, label in lines) >= PROSE:
            pages.append(_page(f"{name}/{page}", page, "und", lines))
    return pages


def _unlabelled(folder: Path, known: set[tuple[str, str]]) -> Iterator[tuple[str, str, bytes]]:
    for name in corpora.UPSTREAM:
        for path in sorted((folder / name).rglob("*.html*")):
            page = str(path.relative_to(folder / name))
            if (name, page) not in known and not path.name.startswith("expected"):
                yield name, page, corpora.page_bytes(folder, name, page)


def _extracted(data: bytes) -> list[str]:
    import readability
    import trafilatura

    text = reader.decode(data)[0]
    summary = readability.Document(text).summary()
    return [trafilatura.extract(text) or "", "\n".join(reader.read(summary).markup.lines)]


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


KINDS: dict[str, Callable[[Path, Path], list[AnnotatedPage]]] = {
    "interface catalogues": lambda pages, translated: catalogues(translated),
    "paragraphs of a Moroccan corpus": lambda pages, translated: paragraphs(pages),
    "lines on which two extractors agree": lambda pages, translated: agreed(pages),
}
"""Each kind of weak pages, from the folders of public pages and of catalogues."""
