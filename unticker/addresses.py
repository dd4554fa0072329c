"""What the address of a link says by itself: where it leads, and what the place is called."""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote
from zlib import crc32

from unticker.tags import href

PLACE, HERE, SCRIPT, CONTACT = range(4)
"""Kinds of addresses: of a page, of this very page, of what a script does, of a person."""
KINDS, DEPTHS, HYPHENS = 4, 6, 5
NUMBERS = 7
"""How many of an address's fields are numbers: the first ones."""
_LONGEST, _LONGEST_NAME = 400, 100
_SCHEMES = {"javascript": SCRIPT, "mailto": CONTACT, "tel": CONTACT, "whatsapp": CONTACT}
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):")
_WORD, _TOKEN = re.compile(r"[^\W\d_]{2,}"), re.compile(r"[^\W\d_]{2,}|\d+")
_NUMBER, _LONG_NUMBER = re.compile(r"\d{4}"), re.compile(r"\d{5}")
_MONTH = re.compile(r"(?:^|/)(?:19|20)\d\d/?(?:0?[1-9]|1[0-2])(?:/|$)")
_ENDING = re.compile(r"\.([a-zA-Z]{1,5})$")
_MANY = (1, 2, 3, 5)
_WORDS, _KEYS = 8, 3
_NOWHERE = frozenset(("", ".", ".."))
_FEW_HOSTS = 5


class Address(NamedTuple):
    """An address.

    ``hyphens``: those of its name, in steps; ``number``: whether that has four digits in a row;
    ``dated``: 1 for a year and month, 2 for a longer number, 3 for both; ``ending`` and
    ``outermost`` (the folder around all others) are hashes. ``host`` is without ``www.``, and empty
    within a site; ``path``: folders and name, joined; ``name``: its words. ``words``: hashed, as
    words of another site and as those of the page's own.
    """

    kind: int
    depth: int = 0
    hyphens: int = 0
    number: int = 0
    dated: int = 0
    ending: int = 0
    outermost: int = 0
    host: str = ""
    path: str = ""
    query: str = ""
    name: str = ""
    words: tuple[Sequence[int], Sequence[int]] = ((), ())


def of_tag(tag: str) -> Address:
    """The address in a link's tag. Never raises."""
    return _read(href(tag)[:_LONGEST])


@lru_cache(maxsize=1 << 13)
def _read(text: str) -> Address:
    scheme = _SCHEME.match(text)
    kind = PLACE if text and text[0] != "#" else HERE
    if scheme is not None:
        kind = _SCHEMES.get(scheme[1].lower(), PLACE)
    if kind != PLACE:
        return Address(kind)
    host = ""
    if scheme is not None or text.startswith("//"):
        host, _, text = text.partition("//")[2].partition("/")
        host = host.lower().removeprefix("www.")
    path, _, query = text.partition("#")[0].partition("?")
    folders = [part for part in path.split("/") if part not in _NOWHERE]
    path, outermost, depth = "/".join(folders), folders[0] if len(folders) > 1 else "", len(folders)
    shown = unquote(path) if "%" in path else path
    around, _, name = shown.rpartition("/")
    suffix, ending = _ENDING.search(name), 0
    if suffix is not None:
        name, ending = name[: suffix.start()], _hash(suffix[1].lower())
    hyphens = bisect_right(_MANY, name.count("-") + name.count("_") + name.count("+"))
    return Address(
        kind,
        min(depth, DEPTHS - 1),
        hyphens,
        int(_NUMBER.search(name) is not None),
        int(_MONTH.search(path) is not None) + 2 * (_LONG_NUMBER.search(path + query) is not None),
        ending,
        _hash(outermost),
        host,
        path,
        query,
        " ".join(_WORD.findall(name[:_LONGEST_NAME])) if hyphens or len(name) > 2 else "",
        _words(host, depth, around if hyphens > 1 else shown, query),
    )


def _words(host: str, depth: int, folders: str, query: str) -> tuple[list[int], list[int]]:
    """Hashes of the words of folders, of the first of them and of the keys of the query, below a
    number for their kind; for another site, its name too."""
    words = _TOKEN.findall(folders.lower())
    words = [str(len(word)) if word.isdigit() else word for word in words[:_WORDS]]
    every = set(map(_hash, words))
    keys = [
        2 << 32 | _hash(key.partition("=")[0]) for key in query.split("&", _KEYS)[:_KEYS] if key
    ]
    if words:
        keys.append((3 + (depth > 1)) << 32 | _hash(words[0]))
    site = host.split(".")[-2] if "." in host else host
    return [*(1 << 32 | word for word in every), *keys, 5 << 32 | _hash(site)], [*every, *keys]


def of_site(found: Sequence[Address]) -> list[bool]:
    """Which addresses of a page are of its own site: without a host, or of the commonest one."""
    hosts = Counter(each.host for each in found if each.host)
    site, number = hosts.most_common(1)[0] if hosts else ("", 0)
    bare = sum(each.kind == PLACE and not each.host for each in found)
    if bare > 2 * number and number <= _FEW_HOSTS:
        site = ""
    own = {"": True}
    for host in hosts:
        within = host == site or host.endswith("." + site) or site.endswith("." + host)
        own[host] = site != "" and within
    return [own[each.host] for each in found]


def _hash(text: str) -> int:
    return crc32(text.encode("utf-8", "surrogatepass"))
