"""What a page says about its own article: JSON-LD, ``<meta>`` and ``<title>``, as hints.

Read from the page as it came, by looking for the few places that matter, without
a second parse. Hints may be missing, broken or wrong: they are features, not rules.
"""

import html
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from typing import Any

from unticker.tags import RAW_ATTRIBUTE, RAW_TAG

MAX_METAS, MAX_SCRIPTS = 400, 32
MAX_SCRIPT = 1 << 20
MAX_TEXT, MAX_ARTICLE = 2000, 1 << 16
_HEAD = 1 << 18
_MAX_NODES, _MAX_VALUES = 5000, 12

_FIELDS = {
    "og:title": "headline", "twitter:title": "headline", "headline": "headline",
    "og:description": "description", "description": "description",
    "twitter:description": "description", "alternativeheadline": "description",
    "author": "authors", "article:author": "authors", "dc.creator": "authors",
    "parsely-author": "authors", "sailthru.author": "authors", "byl": "authors",
    "article:published_time": "dates", "article:modified_time": "dates", "date": "dates",
    "og:updated_time": "dates", "datepublished": "dates", "datemodified": "dates",
    "pubdate": "dates", "dc.date": "dates", "dc.date.issued": "dates",
    "parsely-pub-date": "dates", "sailthru.date": "dates", "last-modified": "dates",
    "og:site_name": "site", "application-name": "site", "publisher": "site",
    "keywords": "keywords", "news_keywords": "keywords", "article:tag": "keywords",
    "article:section": "keywords",
}  # fmt: skip
_NAMED = re.compile(r"""[\s"'](?:name|property|itemprop)\s*=\s*["']?([^"'\s/>]+)""", re.I)
_LINKED = "application/ld+json"
_NAMES = ("name", "property", "itemprop")
_TAG = re.compile(r"<[^<>]*>")
_ARTICLE = re.compile(r"(?:Article|Posting|Review|WebPage|Report|Story)$")
_STRING = re.compile(
    r'"(headline|articleBody|description|datePublished|dateModified)"\s*:\s*("(?:[^"\\]|\\.)*")'
)


@dataclass(frozen=True, slots=True)
class Hints:
    """What the page says of its article; several values of a kind are joined by newlines.

    ``headline`` is JSON-LD's or else a card's (og:title, twitter:title), ``title`` that of
    the window. ``article`` is the text of the article as JSON-LD has it. ``dates`` are
    as they stand there, mostly ISO 8601.
    """

    headline: str = ""
    title: str = ""
    description: str = ""
    article: str = ""
    authors: str = ""
    dates: str = ""
    site: str = ""
    keywords: str = ""


NO_HINTS = Hints()
FIELDS = tuple(field.name for field in fields(Hints))


class _Found(dict[str, list[str]]):
    """Distinct values by field, in the order they were found."""

    def add(self, field: str, value: object) -> None:
        if not isinstance(value, str) or not value:
            return
        text = html.unescape(value[: MAX_ARTICLE if field == "article" else MAX_TEXT])
        if "<" in text:
            text = _TAG.sub(" ", text)
        text = " ".join(text.split())
        if field == "authors" and ("://" in text or text.startswith(("@", "www."))):
            return
        values = self.setdefault(field, [])
        most = 1 if field in ("headline", "title") else _MAX_VALUES
        if text and text not in values and len(values) < most:
            values.append(text)


def read(page: str) -> Hints:
    """The hints of an HTML page. Never raises; what cannot be read is left out."""
    found = _Found()
    for script in _scripts(page):
        _read_script(script, found)
    end = page.find("<body")
    end = end if end >= 0 else min(len(page), _HEAD)
    start = page.find("<title", 0, end)
    if start < 0:
        start = page.find("<TITLE", 0, end)
    if start >= 0:
        start = page.find(">", start, end) + 1
        found.add("title", page[start : max(page.find("</", start, end), start)])
    for tag in _metas(page, end):
        _read_meta(tag, found)
    return Hints(**{field: "\n".join(values) for field, values in found.items()})


def _metas(page: str, end: int) -> Iterator[str]:
    """``<meta>`` tags before ``end`` that may hold a hint."""
    opening = "<meta"
    start = page.find(opening, 0, end)
    if start < 0:
        opening = "<META"
        start = page.find(opening, 0, end)
    for _ in range(MAX_METAS):
        if start < 0:
            return
        behind = page.find(">", start, end) + 1 or end
        named = _NAMED.search(page, start, behind)
        if named is not None and named[1].lower() in _FIELDS:
            tag = RAW_TAG.match(page, start)
            if tag is not None and tag[1]:
                yield tag[0]
        start = page.find(opening, behind, end)


def _read_meta(tag: str, found: _Found) -> None:
    attributes = {
        key.lower(): double or single or bare
        for key, double, single, bare in RAW_ATTRIBUTE.findall(tag, 5)
    }
    for name in _NAMES:
        field = _FIELDS.get(attributes.get(name, "").lower())
        if field is not None:
            found.add(field, attributes.get("content"))
            return


def _scripts(page: str) -> Iterator[str]:
    """Contents of JSON-LD scripts about an article."""
    start = page.find(_LINKED)
    for _ in range(MAX_SCRIPTS):
        if start < 0:
            break
        end = page.find("</script", start)
        if end < 0:
            end = len(page)
        begin = page.find(">", start, end) + 1
        script = page[begin : min(end, begin + MAX_SCRIPT)] if begin else ""
        if '"headline"' in script or '"articleBody"' in script or '"datePublished"' in script:
            yield script
        start = page.find(_LINKED, end)


def _read_script(script: str, found: _Found) -> None:
    places = [place for place in (script.find("{"), script.find("[")) if place >= 0]
    try:
        value, _ = json.JSONDecoder(strict=False).raw_decode(script, min(places, default=0))
    except (ValueError, RecursionError):
        for name, text in _STRING.findall(script):
            with suppress(ValueError):
                _add(name, json.loads(text, strict=False), found)
        return
    node = _article(value)
    for name, value in node.items():
        _add(name, value, found)


def _add(name: str, value: Any, found: _Found) -> None:
    if name == "articleBody":
        found.add("article", value)
    elif name in ("author", "creator"):
        for each in _names(value):
            found.add("authors", each)
    elif name in ("publisher", "isPartOf"):
        for each in _names(value):
            found.add("site", each)
    elif name in ("keywords", "articleSection"):
        for each in value if isinstance(value, list) else [value]:
            found.add("keywords", each)
    else:
        field = _FIELDS.get(name.lower())
        if field is not None:
            found.add(field, value)


def _names(value: Any) -> list[Any]:
    """Names of a person or organisation, or of a list of them."""
    names: list[Any] = []
    for each in value[:_MAX_VALUES] if isinstance(value, list) else [value]:
        name = each.get("name") if isinstance(each, dict) else each
        names += name if isinstance(name, list) else [name]
    return names


def _article(value: Any) -> dict[str, Any]:
    """The first node that describes an article: nearest the top, in order."""
    level, seen = [value], 0
    while level and seen < _MAX_NODES:
        below: list[Any] = []
        for node in level:
            seen += 1
            if isinstance(node, list):
                below += node
            elif isinstance(node, dict):
                if _is_article(node):
                    return node
                below += node.values()
        level = below
    return {}


def _is_article(node: dict[str, Any]) -> bool:
    kinds = node.get("@type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    named = any(isinstance(kind, str) and _ARTICLE.search(kind) for kind in kinds)
    return ("headline" in node and "itemListElement" not in node) or (
        named and ("articleBody" in node or "datePublished" in node)
    )
