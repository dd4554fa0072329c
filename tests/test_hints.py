"""What pages say of their own article (``cases/hints.json``), and how lines agree with it."""

import gc
import json
import time
from pathlib import Path
from typing import Any

import bs4
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unticker import hints, html
from unticker.hints import FIELDS, Hints

CASES = json.loads((Path(__file__).parent / "cases" / "hints.json").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_hints(case: dict[str, Any]) -> None:
    expected = Hints(**case["hints"])
    assert hints.read(case["html"]) == expected
    for parser in ("lexbor", "linear"):
        assert html.read(case["html"], parser=parser).markup.hints == expected, parser
    assert html.read(case["html"].encode()).markup.hints == expected


def test_a_soup_has_the_same_hints() -> None:
    for case in CASES[:6]:
        soup = bs4.BeautifulSoup(case["html"], "html.parser")
        assert html.read(soup).markup.hints == Hints(**case["hints"])


PIECES = [
    "<meta ", "name=author ", 'content="', '"', ">", "<title>", "</title>", "<body>", "{", "[",
    '<script type="application/ld+json">', "</script>", '{"headline":', '"x"', "}", "]", "\\",
    '"@type":"Article",', "\ud800", "&#0;", "<", "\x00", "<META content=x",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=40))
def test_no_page_raises(pieces: list[str]) -> None:
    found = hints.read("".join(pieces))
    assert all(isinstance(getattr(found, field), str) for field in FIELDS)


LINKED = '<script type="application/ld+json">'
HOSTILE = {
    "metas": "<meta name=author content=x>" * 100_000,
    "metas that never end": "<meta name=author " * 200_000,
    "scripts": f'{LINKED}{{"headline":"x"}}</script>' * 50_000,
    "scripts that never end": LINKED * 100_000,
    "nested JSON": f'{LINKED}{{"headline":{"[" * 500_000}',
    "a wide list": f'{LINKED}["headline",{"[]," * 300_000}1]</script>',
    "broken strings": LINKED + '"headline":"\\' * 100_000,
    "a long body": f'{LINKED}{{"headline":"x","articleBody":"{"word " * 1_000_000}"}}',
    "tags in a body": f'{LINKED}{{"headline":"x","articleBody":"{"<" * 1_000_000}"}}',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pages_are_read_in_time(name: str) -> None:
    gc.freeze()  # or the collector would look through what all other tests hold, in the same time
    start = time.process_time()
    found = hints.read(HOSTILE[name])
    took = time.process_time() - start
    gc.unfreeze()
    assert took < 1
    assert len(found.article) <= hints.MAX_ARTICLE
