"""The peers: what others would use for the same pages, each behind one small adapter.

Text peers judge lines: C4's punctuation rule, the same with hand patterns, and a
fastText classifier. HTML peers extract text from the page as it was crawled, and
`body_lines` says which of the gold page's lines stand in it. Nothing is imported
before a peer is asked for; one that cannot be imported is named as skipped.
"""

import importlib
import importlib.metadata
import logging
import re
import tempfile
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from bench import BODY, Gold

OTHER = "other"  # what a peer that only knows the body says of any other line


@dataclass(frozen=True)
class Extract:
    """What an extractor returns: text, and the headline where it reports one apart."""

    text: str
    title: str = ""


@dataclass(frozen=True)
class Peer:
    """``label`` is there for text peers, ``extract`` (page, language) for HTML peers."""

    name: str
    reads: Literal["text", "html"]
    four: bool = False
    titles: bool = False  # reports the headline apart from the text
    version: str = ""
    label: Callable[[Sequence[str]], list[str]] | None = None
    extract: Callable[[str, str], Extract] | None = None


# ---- text peers

# Raffel et al. 2020, section 2.2, the rules for lines (those for whole pages drop
# pages, not lines): terminal punctuation, five words, no JavaScript or policy notices.
_POLICY = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies",
           "use cookies", "javascript")  # fmt: skip
_C4_END = (".", "!", "?", '"')


def c4(line: str) -> bool:
    """Whether the C4 rule keeps the line."""
    line = line.strip()
    if not line.endswith(_C4_END) or line.endswith("...") or len(line.split()) < 5:
        return False
    folded = line.casefold()
    return not any(notice in folded for notice in _POLICY)


_SCRIPT_END = (*_C4_END, "”", "»", "“", "’", "…", "؟", "۔", "।", "။", "።", "。", "！", "？", "」")
_RUN = re.compile(r"\S {4,}(?=\S)")
_TIME = re.compile(r"^\W{0,3}\d{1,2}\s?[:hH.]\s?\d{2}\b(?!\s*\.\d)")
_WIDE = re.compile(r"[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_DATE = re.compile(
    r"\b(?:\d{1,2}[./-]\d{1,2}[./-](?:19|20)?\d\d|(?:19|20)\d\d[./-]\d{1,2}[./-]\d{1,2})\b"
    r"|\d{1,2}\.?\s+(?:de\s+)?[^\W\d]{3,12}\.?,?\s+(?:de\s+)?(?:19|20)\d\d"
    r"|[^\W\d]{3,12}\.?\s+\d{1,2},?\s+(?:19|20)\d\d"
    r"|(?:19|20)\d\d\s?[年년]\s?\d{1,2}\s?[月월]"
)
_BY = re.compile(
    r"^\W{0,3}(?:by|par|por|von|di|da|door|av|af|przez|автор|від|από|بقلم|كتب|از|द्वारा)\b\s+\S"
    r"|^\W{0,3}(?:source|quelle|fuente|fonte|المصدر|источник|published|publié|publicado|"
    r"veröffentlicht|updated|mis à jour|actualizado|aktualisiert|نشر)\b.{0,60}$",
    re.IGNORECASE,
)


def patterns(line: str) -> str:
    """C4's rule in all scripts, behind hand patterns for tickers and bylines: four labels."""
    line = line.strip()
    if len(_RUN.findall(line)) >= 3:
        return "headline-ticker"
    wide = bool(_WIDE.search(line))
    if len(line) <= 120 and not (line.endswith(_SCRIPT_END) and len(line) > 60):
        if _TIME.match(line) and len(line) > 20 and not _DATE.search(line):
            return "headline-ticker"
        if _BY.match(line) or _DATE.search(line):
            return "byline"
    long_enough = len(line) >= 15 if wide else len(line.split()) >= 5
    if long_enough and line.endswith(_SCRIPT_END) and not line.endswith("..."):
        return BODY
    return "ui-chrome"


def fold(line: str) -> str:
    """A line with its white space folded, as fastText needs it (one example a line)."""
    return " ".join(line.split())


def train_fasttext(pages: Iterable[Gold], epochs: int = 10, rate: float = 0.5) -> Any:
    """fastText on the pages' lines (each on its own): word bigrams, dim 16, one thread.

    Its training file lives in a temporary folder outside the repository.
    """
    fasttext = importlib.import_module("fasttext")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lines.txt"
        with path.open("w", encoding="utf-8") as file:
            for page in pages:
                for line, label in zip(page.lines, page.labels, strict=True):
                    if label is not None and line.strip():
                        file.write(f"__label__{label} {fold(line)}\n")
        return fasttext.train_supervised(
            str(path), wordNgrams=2, dim=16, epoch=epochs, lr=rate, thread=1, verbose=0
        )


def fasttext_labels(model: Any, lines: Sequence[str]) -> list[str]:
    """The first label of each line, from one call with the list of lines."""
    if not lines:
        return []
    labels, _ = model.predict([fold(line) for line in lines])
    return [first[0].removeprefix("__label__") if first else "ui-chrome" for first in labels]


# ---- HTML peers

_XML = re.compile(r"^\s*<\?xml[^>]*\?>")
_STOPLISTS = {
    "ar": "Arabic", "bg": "Bulgarian", "cs": "Czech", "da": "Danish", "de": "German",
    "el": "Greek", "en": "English", "es": "Spanish", "fa": "Persian", "fi": "Finnish",
    "fr": "French", "he": "Hebrew", "hi": "Hindi", "hu": "Hungarian", "id": "Indonesian",
    "it": "Italian", "ko": "Korean", "ku": "Kurdish", "lb": "Luxembourgish", "lv": "Latvian",
    "ms": "Malay", "nb": "Norwegian_Bokmal", "nl": "Dutch", "no": "Norwegian_Bokmal",
    "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sk": "Slovak",
    "sv": "Swedish", "sw": "Swahili", "ta": "Tamil", "tr": "Turkish", "uk": "Ukrainian",
    "ur": "Urdu", "vi": "Vietnamese",
}  # fmt: skip


def _justext(titles: bool) -> Callable[[str, str], Extract]:
    justext = importlib.import_module("justext")
    stops: dict[str, frozenset[str]] = {}

    def extract(page: str, lang: str) -> Extract:
        # The page's language is told (from the gold), which helps it; a language without
        # a list gets jusText's documented language-independent setting.
        name = _STOPLISTS.get(lang)
        if name is None:
            found = justext.justext(page, frozenset(), stopwords_low=0, stopwords_high=0)
        else:
            if name not in stops:
                stops[name] = justext.get_stoplist(name)
            found = justext.justext(page, stops[name])
        return Extract("\n".join(part.text for part in found if not part.is_boilerplate))

    return extract


def _boilerpy(titles: bool) -> Callable[[str, str], Extract]:
    extractor = importlib.import_module("boilerpy3.extractors").ArticleExtractor()
    logging.getLogger("boilerpy3").setLevel(logging.CRITICAL + 1)  # it prints what it raises

    def extract(page: str, lang: str) -> Extract:
        found = extractor.get_doc(page)
        return Extract(found.content, found.title or "")

    return extract


def _resiliparse(titles: bool) -> Callable[[str, str], Extract]:
    plain = importlib.import_module("resiliparse.extract.html2text").extract_plain_text
    return lambda page, lang: Extract(plain(page, main_content=True))


def _readability(titles: bool) -> Callable[[str, str], Extract]:
    document = importlib.import_module("readability").Document
    parse = importlib.import_module("lxml.html").fromstring

    def extract(page: str, lang: str) -> Extract:
        read = document(page)
        tree = parse(read.summary(html_partial=True))
        for node in tree.iter("p", "br", "div", "li", "h1", "h2", "h3", "h4", "tr", "blockquote"):
            node.tail = "\n" + (node.tail or "")
        return Extract(tree.text_content(), (read.short_title() or "") if titles else "")

    return extract


def _trafilatura(titles: bool, **options: Any) -> Callable[[str, str], Extract]:
    bare = importlib.import_module("trafilatura").bare_extraction

    def extract(page: str, lang: str) -> Extract:
        found = bare(page, include_comments=False, with_metadata=titles, **options)
        return Extract(found.text or "", found.title or "") if found else Extract("")

    return extract


_HTML: dict[str, tuple[str, bool, Callable[[bool], Callable[[str, str], Extract]]]] = {
    "jusText": ("jusText", False, _justext),
    "boilerpy3 article": ("boilerpy3", True, _boilerpy),
    "resiliparse main": ("Resiliparse", False, _resiliparse),
    "readability-lxml": ("readability-lxml", True, _readability),
    "trafilatura fast": ("trafilatura", True, lambda titles: _trafilatura(titles, fast=True)),
    "trafilatura": ("trafilatura", True, _trafilatura),
}


def html_peers(
    only: Sequence[str] | None = None, titles: bool = True
) -> tuple[list[Peer], dict[str, str]]:
    """The extractors that are installed, and the reason for each that is skipped.

    ``titles=False`` spares them the work for a headline (and metadata) apart from the text.
    """
    peers: list[Peer] = []
    skipped: dict[str, str] = {}
    for name, (package, apart, make) in _HTML.items():
        if only is not None and name not in only:
            continue
        try:
            extract = make(titles)
            version = importlib.metadata.version(package)
        except Exception as error:
            skipped[name] = f"{package} cannot be used: {type(error).__name__}: {error}"
            continue
        named = f"{package} {version}"
        peers.append(Peer(name, "html", titles=apart and titles, version=named, extract=extract))
    return peers, skipped


def text_peers(training: Sequence[Gold]) -> tuple[list[Peer], dict[str, str]]:
    """The line rules, and fastText trained on the pages given."""
    peers = [
        Peer("C4 rule", "text", label=lambda ls: [BODY if c4(line) else OTHER for line in ls]),
        Peer("C4 + patterns", "text", four=True, label=lambda ls: [patterns(line) for line in ls]),
    ]
    skipped: dict[str, str] = {}
    if not training:
        skipped["fastText"] = "no pages to train it on outside the pages that are judged"
        return peers, skipped
    try:
        model = train_fasttext(training)
        version = f"fasttext-wheel {importlib.metadata.version('fasttext-wheel')}"
    except Exception as error:
        skipped["fastText"] = f"fasttext cannot be used: {type(error).__name__}: {error}"
        return peers, skipped
    label = partial(fasttext_labels, model)
    peers.append(Peer("fastText", "text", four=True, version=version, label=label))
    return peers, skipped


def without_xml_declaration(page: str) -> str:
    """lxml refuses a string that declares an encoding."""
    return _XML.sub("", page, count=1)


# ---- extracted text back to lines

# One token a word; scripts without spaces give one a character.
_TOKEN = re.compile(r"[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\w+")
_LONG, _SHARE, _SHINGLE = 8, 0.8, 4


def body_lines(lines: Sequence[str], text: str) -> list[bool]:
    """Which lines stand in an extractor's text.

    A line stands in it if its tokens (casefolded words) follow each other there, or,
    for lines of 8 tokens and more, if 80 % of its 4-token shingles do. Each place in
    the text serves one line, the longest first, so a button is not found inside a
    sentence; where a line occurs more often on the page than in the text, the ones
    nearest to other found lines count.
    """
    out = _TOKEN.findall(text.casefold())
    free = [True] * len(out)
    places: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for start in range(len(out)):
        for size in (1, _SHINGLE):
            if start + size <= len(out):
                places[tuple(out[start : start + size])].append(start)
    groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for index, line in enumerate(lines):
        if tokens := tuple(_TOKEN.findall(line.casefold())):
            groups[tokens].append(index)
    found: list[int] = []  # kept in order
    for tokens, members in sorted(groups.items(), key=lambda item: (-len(item[0]), item[1])):
        key = tokens[:_SHINGLE] if len(tokens) >= _SHINGLE else tokens[:1]
        count = 0
        for start in places.get(key, ()):
            stop = start + len(tokens)
            if count < len(members) and tuple(out[start:stop]) == tokens and all(free[start:stop]):
                free[start:stop] = [False] * len(tokens)
                count += 1
        if not count and len(tokens) >= _LONG:
            hits: list[int] = []
            shingles = len(tokens) - _SHINGLE + 1
            for at in range(shingles):
                near = (p for p in places.get(tokens[at : at + _SHINGLE], ()) if free[p])
                if (place := next(near, None)) is not None:
                    hits.append(place)
            if len(set(hits)) >= _SHARE * shingles:
                for place in hits:
                    free[place : place + _SHINGLE] = [False] * _SHINGLE
                count = 1
        for index in sorted(members, key=lambda i: (_distance(found, i), i))[:count]:
            found.insert(bisect_left(found, index), index)
    standing = set(found)
    return [index in standing for index in range(len(lines))]


def _distance(found: Sequence[int], index: int) -> int:
    at = bisect_left(found, index)
    return min((abs(index - place) for place in found[max(0, at - 1) : at + 1]), default=0)
