"""The HTML reader: cases from ``cases/html``, robustness, and the readers against each other."""

import gzip
import json
import random
import re
import time
from pathlib import Path
from typing import Any

import bs4
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from unticker import guard, html, markup
from unticker.errors import PageError, UsageError

CASES = Path(__file__).parent / "cases" / "html"
ROOT = Path(__file__).parent.parent
CORPORA = ROOT.parent / "shared" / "corpora"
DIFFERENCES = ROOT / "annotations" / "standoff" / "reader-differences.json"
LANGUAGES = json.loads((CASES / "languages.json").read_text("utf-8"))


def cases(*names: str) -> list[Any]:
    files = [CASES / f"{name}.json" for name in names] or sorted(
        path for path in CASES.glob("*.json") if path.stem not in ("encodings", "languages")
    )
    return [
        pytest.param(
            case,
            id=f"{path.stem}: {case['name']}",
            marks=pytest.mark.xfail(strict=True, reason=case["xfail"]) if "xfail" in case else (),
        )
        for path in files
        for case in json.loads(path.read_text("utf-8"))
    ]


@pytest.mark.parametrize("case", cases())
def test_lines(case: dict[str, Any]) -> None:
    for parser in case.get("parsers", ("lexbor", "bs4", "linear")):
        document = html.read(case["html"], parser=parser)
        page = document.markup
        assert page.lines == case["lines"], parser
        if parser == "lexbor":
            assert document.reader == case.get("reader", "lexbor")
        if "tags" in case and parser == "lexbor":
            assert [page.elements[row][1] for row in page.contexts] == case["tags"]
        if "link_chars" in case and (parser == "lexbor" or "nested" not in case["name"]):
            assert page.link_chars == case["link_chars"], parser
        check(page)


def check(page: markup.Markup) -> None:
    """What holds for every page: lists of one length, no sentinels, links in step."""
    number = len(page.lines)
    assert number == len(page.link_chars) == len(page.contexts) == len(page.marked)
    assert sum(line.count(markup.LINK) for line in page.marked) == len(page.links)
    for line, marked, linked in zip(page.lines, page.marked, page.link_chars, strict=True):
        assert line.strip()
        assert not re.search("[\x00-\x02\n\r]", line)
        assert 0 <= linked <= len(line)
        plain = marked.replace(markup.LINK, "").replace(markup.END_LINK, "")
        assert plain.split() == line.split()
    assert all(0 <= parent < row for row, (parent, _, _) in enumerate(page.elements) if row)


@pytest.mark.parametrize("case", cases("encodings"))
def test_encodings(case: dict[str, Any]) -> None:
    text = case["html"].replace("LANG", LANGUAGES.get(case.get("language"), ""))
    data = text.encode(case["codec"])
    document = html.read(data[: len(data) - case.get("cut", 0)], encoding=case.get("header"))
    if "encoding" in case:
        assert document.encoding in case["encoding"]
    wanted = case.get("text") or re.sub("<[^>]*>", "", text)
    assert document.markup.lines[0] == wanted.lstrip("\ufeff")


def test_encoding_names() -> None:
    with pytest.raises(UsageError, match="unknown encoding 'klingon'"):
        html.read(b"<p>a", encoding="klingon")
    assert html.read("<p>a").encoding == "str"


@pytest.mark.parametrize("name", ["klingon", "hex", "rot13", "undefined", "idna"])
@pytest.mark.parametrize("data", [b"Ferries run again", b"Ferries run again \xff"])
def test_a_declared_encoding_that_is_none_is_passed_over(name: str, data: bytes) -> None:
    document = html.read(f"<meta charset={name}><p>".encode() + data)
    assert document.markup.lines[0].startswith("Ferries run again")
    with pytest.raises(UsageError, match="unknown encoding"):
        html.read(data, encoding=name)


@pytest.mark.parametrize(
    ("name", "codec", "word"),
    [
        ("x-euc-jp", "euc-jp", "港の新聞"), ("x-gbk", "gbk", "港口新闻"),
        ("x-x-big5", "big5", "港口新聞"), ("windows-949", "cp949", "항구 신문"),
        ("windows-874", "cp874", "ท่าเรือ"), ("x-mac-cyrillic", "mac-cyrillic", "Гавань"),
    ],
)  # fmt: skip
def test_encodings_by_the_names_that_browsers_know(name: str, codec: str, word: str) -> None:
    data = f"<meta charset={name}><p>{word}".encode(codec)
    assert html.read(data).markup.lines == [word]


def test_other_sources_are_refused() -> None:
    with pytest.raises(PageError, match="cannot read a int"):
        html.read(3)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="unknown parser 'lxml'"):
        html.read("<p>a", parser="lxml")


def test_soups_and_their_elements() -> None:
    soup = bs4.BeautifulSoup("<nav>no</nav><article><p>One<br>Two</article>", "html.parser")
    assert html.read(soup).markup.lines == ["no", "One", "Two"]
    assert html.read(soup.article).markup.lines == ["One", "Two"]
    assert html.read(soup).reader == "bs4"
    assert str(soup).count("<nav>") == 1  # read, not changed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<!DOCTYPE html><p>", True),
        (" <!-- a --> <!-- b --><html lang=de>", True),
        ("<?xml version='1.0'?><html>", True),
        ("<p>One", True),
        ("<3 you all", False),
        ("<b>bold</b> start of a text", False),
        ("Text with <p> in it", False),
        ("<!-- only a comment", False),
        ("<!---->" * 500 + "text", False),
        ("", False),
    ],
)
def test_looks_like_html(text: str, expected: bool) -> None:
    assert html.looks_like_html(text) is expected


# ---- robustness

WORDS = "word " * 1_000_000
DEEP = 100_000
ADVERSARIAL = {
    "nested divs": ("<div>" * DEEP + "INSIDE" + "</div>" * DEEP, "linear"),
    "divs that never close": ("<div>" * DEEP + "INSIDE", "linear"),
    "divs behind end tags of others": ("<div></x>" * DEEP + "INSIDE", "linear"),
    "tables in rows": ("<table><tr><td>" * (DEEP // 2) + "INSIDE", "linear"),
    "a long paragraph": (f"<p>{WORDS}INSIDE {WORDS}</p>", "lexbor"),
    "comment starts": ("<!--" * 250_000 + "INSIDE", "linear"),
    "comments": ("<!-- x -->" * 100_000 + "INSIDE", "lexbor"),
    "spans": ("<p>" + "<span>x</span> " * 20_000 + "INSIDE</p>", "lexbor"),
    "nested spans": ("<p>" + "<span>x " * 20_000 + "INSIDE</p>", "linear"),
    "formatting": ("".join(f"<p><b id={n}>" for n in range(3000)) + "INSIDE", "linear"),
    "formatting closed late": (
        "".join(f"<p><font id={n}>" for n in range(3000)) + "INSIDE" + "</font>" * 3000,
        "linear",
    ),
    "attributes": ("<p " + " ".join(f"a{n}" for n in range(DEEP)) + ">INSIDE", "linear"),
    "equal signs": ("<!--<a " + "= " * 500_000 + "INSIDE", "linear"),
    "quotes": ("<!--" + "<a =''" * 300_000 + "INSIDE", "linear"),
    "less-than signs": ("< " * 1_000_000 + "INSIDE", "lexbor"),
    "ampersands": ("&" * 1_000_000 + "INSIDE", "lexbor"),
    "literal comment starts": ("<xmp>" + "<!-- " * 200_000 + "INSIDE</xmp>", "linear"),
    "hidden, misnested": (
        "<div hidden>" + "<i>" * 50_000 + "</b>" * 50_000 + "</div>INSIDE",
        "linear",
    ),
    "one row of cells": ("<table><tr>" + "<td>a</td>" * DEEP + "<td>INSIDE</table>", "lexbor"),
    "a broken row": ("<table><tr>" + "<td>a</td>" * DEEP + "<td>b<br>INSIDE</table>", "lexbor"),
    "preformatted lines": ("<pre>" + "x\n" * 300_000 + "INSIDE</pre>", "lexbor"),
    "a link over lines": ("<a href=x>" + "x<br>" * 100_000 + "INSIDE</a>", "lexbor"),
    "white space": (" \n" * 2_000_000 + "INSIDE", "lexbor"),
}


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_adversarial_pages_are_read_in_time_and_whole(name: str) -> None:
    inside, reader = ADVERSARIAL[name]
    start = time.process_time()
    document = html.read(f"<p>BEFORE</p>{inside}<p>BEHIND</p>".encode())
    assert time.process_time() - start < 2
    assert document.reader == reader
    text = "\n".join(document.markup.lines)
    assert [word for word in ("BEFORE", "INSIDE", "BEHIND") if word not in text] == []


def test_a_regular_expression_meets_unfinished_quotes() -> None:
    page = "<p>BEFORE</p><!--<a " + '="' * 300_000
    start = time.process_time()
    assert html.read(page).markup.lines[0] == "BEFORE"
    assert time.process_time() - start < 2


TAGS = "div p b i a span ul li table tr td h2 br hr img section em blockquote pre font".split()
PIECES = st.one_of(
    st.sampled_from([f"<{name}>" for name in TAGS] + [f"</{name}>" for name in TAGS]),
    st.sampled_from([
        "<a href='x'>", '<p class="a b">', "<div id=x>", "</br>", "<my-x>", "<b id=1>", "<!-- -->",
        "&amp;", "&nbsp;", "&#1;", "&", " ", "\n", "\t", "<", ">", "< ", "<!DOCTYPE html>", "\x00",
        "<svg><path/></svg>", "<script>no</script>", "<dl><dt>", "<ruby>", "</", "\u2028",
        "é", "漢",
    ]),
)  # fmt: skip
HIDING = st.sampled_from([
    "<div hidden>", "<textarea>", "<select>", "<object>", "<title>", "<dialog>", "<iframe>", "<!--",
    "<template>", "<a title='", '<p class="', "<noscript>", "<style>", "<plaintext>", "<xmp>",
    "\ud800",
])  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(PIECES, HIDING), max_size=60))
@example(["<a ", '="', "<xmp>"])
def test_no_soup_raises(pieces: list[str]) -> None:
    for parser in ("lexbor", "linear"):
        check(html.read("".join(pieces), parser=parser).markup)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=60))
def test_no_soup_loses_text(pieces: list[str]) -> None:
    # A piece that ends in an open tag would take the sentinel for a name of its own.
    soup = [piece + ">" if piece.rstrip() in ("<", "</") else piece for piece in pieces]
    page = "".join(f"{piece} w{number}w " for number, piece in enumerate(soup))
    for parser in ("lexbor", "linear"):
        text = "\n".join(html.read(page, parser=parser).markup.lines)
        assert [n for n in range(len(soup)) if f"w{n}w" not in text] == []


def generated(seed: int) -> str:
    """A tame page: well-formed, nested as a browser would leave it."""
    chance = random.Random(seed)

    def inline(depth: int) -> str:
        if depth > 3 or chance.random() < 0.4:
            return chance.choice(["word ", "two words", " &amp; ", "x&nbsp;y", "\n  ", "é漢 "])
        name = chance.choice(["b", "i", "span", "em", "time", "my-x", "a"])
        if name == "a":
            return f'<a href="/x?a=1&amp;b={depth}">link {chance.randrange(9)}</a>'
        attribute = chance.choice(["", ' class="c d"', " id='x'", ' title="a>b"', " style='top:0'"])
        return f"<{name}{attribute}>{inline(depth + 1)}{inline(depth + 1)}</{name}>"

    def block(depth: int) -> str:
        name = chance.choice(["p", "div", "ul", "table", "section", "h2", "pre", "figure", "skip"])
        if name == "p" or name == "h2" or depth > 4:
            return f"<p>{inline(0)}{chance.choice(['<br>', '', ' '])}{inline(0)}</p>"
        if name == "ul":
            return "<ul>\n" + "".join(f"<li>{inline(0)}</li>\n" for _ in range(3)) + "</ul>"
        if name == "table":
            cell = [inline(1), inline(1), block(5)]
            rows = "".join(
                "<tr>" + "".join(f"<td>{chance.choice(cell)}</td>" for _ in range(3)) + "</tr>"
                for _ in range(2)
            )
            return f"<table><tbody>{rows}</tbody></table>"
        if name == "pre":
            return "<pre>a\n  b\n\nc</pre>"
        if name == "figure":
            return f"<figure><img src=x><figcaption>{inline(0)}</figcaption></figure>"
        if name == "skip":
            return chance.choice(["<script>a<b</script>", "<!-- <p> -->", "<div hidden>no</div>"])
        return f"<{name} class=k{depth}>{block(depth + 1)}{inline(0)}{block(depth + 1)}</{name}>"

    return "<!DOCTYPE html><html><head><title>t</title></head><body>" + "".join(
        block(0) for _ in range(chance.randrange(1, 8))
    ) + "</body></html>"  # fmt: skip


@pytest.mark.parametrize("seed", range(150))
def test_readers_agree_on_tame_pages(seed: int) -> None:
    page = generated(seed)
    assert guard.is_tame(page.encode())
    tree, linear = (html.read(page, parser=name).markup for name in ("lexbor", "linear"))
    assert tree.lines == linear.lines
    assert tree.link_chars == linear.link_chars
    assert tree.marked == linear.marked
    assert tree.hints == linear.hints
    assert [tree.elements[row][1:] for row in tree.contexts] == [
        linear.elements[row][1:] for row in linear.contexts
    ]


# ---- the public pages


def public_pages() -> list[tuple[str, str, Path]]:
    found = []
    for name in ("fundus", "trafilatura", "readability", "newspaper4k", "goose3"):
        folder = CORPORA / name
        for path in sorted(folder.rglob("*.html")) + sorted(folder.rglob("*.html.gz")):
            if not path.name.startswith("expected"):
                found.append((name, str(path.relative_to(folder)), path))
    return found


@pytest.mark.skipif(not CORPORA.is_dir(), reason="the public pages are not here")
def test_public_pages_are_read_alike() -> None:
    """A fixed tenth of the pages; the whole list is made by ``bench/html_speed.py --compare``."""
    known = {
        (row["set"], row["page"], row["parser"]): row
        for row in json.loads(DIFFERENCES.read_text("utf-8"))
    }
    compared = other = 0
    for name, page, path in public_pages()[::10]:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        text = html.decode(data)[0]
        if len(text) > 300_000:
            continue
        ours = html.read(data).markup
        for parser in ("html.parser", "lxml"):
            theirs = html.read(bs4.BeautifulSoup(text, parser)).markup
            alike = ours.lines == theirs.lines
            assert alike == ((name, page, parser) not in known), (name, page, parser)
            # Not where <meta> and <META> stand in one page: the former alone count then.
            other += parser == "html.parser" and ours.hints != theirs.hints
            compared += 1
    assert compared > 100
    assert other <= 1


@pytest.mark.skipif(not CORPORA.is_dir(), reason="the public pages are not here")
def test_differences_are_reviewed_and_hold_no_text() -> None:
    rows = json.loads(DIFFERENCES.read_text("utf-8"))
    keys = {"set", "page", "parser", "lines only in lexbor", "lines only in parser", "why"}
    assert rows
    assert all(set(row) == keys and row["why"] for row in rows)
    pages = {(name, page) for name, page, _ in public_pages()}
    assert {(row["set"], row["page"]) for row in rows} <= pages


@pytest.mark.skipif(not CORPORA.is_dir(), reason="the public pages are not here")
def test_nearly_all_public_pages_are_tame() -> None:
    pages = [path for name, _, path in public_pages() if name == "fundus"]
    tame = [guard.is_tame(gzip.decompress(path.read_bytes())) for path in pages]
    assert sum(tame) >= 0.98 * len(tame)
