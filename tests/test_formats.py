"""A labelled page as text, Markdown and JSON; the pages are labelled by hand here."""

import json
from collections.abc import Mapping

import pytest

from unticker import formats, reading
from unticker import html as reader
from unticker.errors import UsageError
from unticker.reading import Document
from unticker.types import LABELS, Label, Line, Page, Segment


def chances(label: Label) -> dict[Label, float]:
    return {name: 0.91 if name == label else 0.03 for name in LABELS}


def page(
    document: Document, labels: Mapping[str, Label] | None = None, title: str | None = None
) -> Page:
    """Label each line ``body``, or what ``labels`` says for the line that starts so."""
    lines = []
    spans = set()
    for number, text in enumerate(document.text.split("\n"), 1):
        if not text.strip():
            continue
        label: Label = next(
            (name for start, name in (labels or {}).items() if text.startswith(start)), "body"
        )
        parts = (Segment(0, len(text), label, chances(label)),)
        lines.append(Line(number, text, label, chances(label), parts))
        if text == title:
            spans.add((number, 0))
    return Page(lines, title, frozenset(spans), 0.987654)


def rendered(html: str, format: str, labels: Mapping[str, Label] | None = None) -> str:
    document = reading.read(html, "html")
    return formats.render(page(document, labels), document, format)


NEWS = """<nav><a href=/>Home</a></nav><h1>Bridge opened</h1><p class=by>By A. Writer</p>
<time>3 May 2026</time><p>The <a href="/m?a=1&amp;b=2">mayor</a> spoke.</p>
<ul><li>One</li><li>Two<ul><li>Inner</li></ul></li></ul>
<blockquote><p>A quote.</p><p>Goes on.</p></blockquote><h2>Costs</h2>
<table><tr><td>a</td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table><p>End.</p>"""
LABELLED: dict[str, Label] = {"Home": "ui-chrome", "By A.": "byline", "3 May": "byline"}


def test_text() -> None:
    assert rendered(NEWS, "txt", LABELLED) == (
        "Bridge opened\n\nThe mayor spoke.\n\nOne\nTwo\nInner\n\nA quote.\n\nGoes on.\n\nCosts\n\n"
        "a\tb\nc\td\n\nEnd."
    )


def test_markdown() -> None:
    assert rendered(NEWS, "md", LABELLED) == (
        "# Bridge opened\n\nThe [mayor](/m?a=1&b=2) spoke.\n\n- One\n- Two\n  - Inner\n\n"
        "> A quote.\n>\n> Goes on.\n\n## Costs\n\na\tb\nc\td\n\nEnd."
    )


def test_json() -> None:
    document = reading.read(NEWS, "html")
    result = json.loads(
        formats.render(page(document, LABELLED, title="Bridge opened"), document, "json")
    )
    assert list(result) == [
        "title", "bylines", "date", "body", "article_probability", "lines_dropped",
    ]  # fmt: skip
    assert result["title"] == "Bridge opened"
    assert result["bylines"] == ["By A. Writer", "3 May 2026"]
    assert result["date"] == "3 May 2026"
    assert result["body"] == rendered(NEWS, "txt", LABELLED)
    assert result["article_probability"] == 0.9877
    assert result["lines_dropped"] == [
        {"line": 1, "label": "ui-chrome", "probability": 0.91, "text": "Home"}
    ]


def test_text_input_stays_as_it_is() -> None:
    document = reading.read("# Title\n\n- one\ntwo\nMenu", "text")
    labelled = page(document, {"Menu": "ui-chrome"})
    assert formats.render(labelled, document, "txt") == labelled.body == "# Title\n- one\ntwo"


def test_paragraphs_of_text_stay_apart_in_markdown() -> None:
    document = reading.read("# Title\n\n- one\n- two\nMenu\nAn end.", "text")
    labelled = page(document, {"Menu": "ui-chrome"}, title="# Title")
    assert formats.render(labelled, document, "md") == "# Title\n\n- one\n- two\n\nAn end."
    assert formats.render(labelled, document, "md", title=False) == "- one\n- two\n\nAn end."


def test_bylines_of_markdown_come_as_their_words() -> None:
    document = reading.read("Title\n\nBy [Ada](/a), 3 May 2026\n", "text")
    labelled = page(document, {"By": "byline"})
    assert json.loads(formats.render(labelled, document, "json"))["bylines"] == [
        "By Ada, 3 May 2026"
    ]


def test_bylines_of_html_come_as_they_are() -> None:
    document = reading.read("<h1>Title</h1><p>By [Ada](/a), **3 May**</p>", "html")
    labelled = page(document, {"By": "byline"})
    assert json.loads(formats.render(labelled, document, "json"))["bylines"] == [
        "By [Ada](/a), **3 May**"
    ]


def test_text_input_as_json() -> None:
    document = reading.read("Title\nText", "text")
    result = json.loads(formats.render(page(document), document, "json"))
    assert (result["body"], result["date"], result["bylines"]) == ("Title\nText", None, [])


def test_what_is_kept() -> None:
    document = reading.read(NEWS, "html")
    labelled = page(document, LABELLED, title="Bridge opened")
    both = formats.render(labelled, document, "md", keep=("body", "byline"))
    assert both.startswith("# Bridge opened\n\nBy A. Writer\n\n3 May 2026\n\nThe [mayor]")
    assert formats.render(labelled, document, "txt", title=False).startswith("The mayor spoke.")
    chrome = formats.render(labelled, document, "md", keep=("ui-chrome",))
    assert chrome == "[Home](/)"


@pytest.mark.parametrize("format", formats.FORMATS)
def test_empty_pages(format: str) -> None:
    for kind in ("html", "text"):
        document = reading.read("", kind)  # type: ignore[arg-type]
        result = formats.render(Page((), None, frozenset(), 0.0), document, format)
        assert (json.loads(result)["body"] if format == "json" else result) == ""


def test_unknown_format() -> None:
    document = reading.read("a", "text")
    with pytest.raises(UsageError, match="unknown format 'pdf'; choose one of txt, md, json"):
        formats.render(page(document), document, "pdf")


def test_segments_of_a_line() -> None:
    document = reading.read("<p>Body text. <a href=/x>Read also: other</a> More.</p>", "html")
    text = document.text
    parts = tuple(
        Segment(text.index(words), text.index(words) + len(words), label, chances(label))
        for words, label in (
            ("Body text.", "body"),
            ("Read also: other", "headline-ticker"),
            ("More.", "body"),
        )
    )
    labelled = Page([Line(1, text, "body", chances("body"), parts)], None, frozenset(), 0.9)
    assert formats.render(labelled, document, "md") == "Body text. More."
    assert formats.render(labelled, document, "txt") == "Body text. More."
    dropped = json.loads(formats.render(labelled, document, "json"))["lines_dropped"]
    assert [row["text"] for row in dropped] == ["Read also: other"]
    ticker = formats.render(labelled, document, "md", keep=("headline-ticker",))
    assert ticker == "[Read also: other](/x)"


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<p><a href=x> a </a>b</p>", "[a](x) b"),
        ("<p><a href=#top>a</a> b</p>", "a b"),
        ("<p><a href='javascript:go()'>a</a></p>", "a"),
        ("<p><a name=x>a</a></p>", "a"),
        ("<p><a href='a b(c)'>[a]</a></p>", "[\\[a\\]](a%20b%28c%29)"),
        ("<p><a href=x></a><a href=y>b</a></p>", "[b](y)"),
        ("<p><a href=x><img></a></p><p><a href=y>b</a></p>", "[b](y)"),
        ("<p><a href=x>a<br>b</a></p>", "[a](x)\n\n[b](x)"),
        ("<h2><a href=x>a</a></h2>", "## [a](x)"),
        ("<p><a href=x>a</a><a href=y>b</a></p>", "[a](x)[b](y)"),
        ("<p># not a heading</p>", "\\# not a heading"),
        ("<p>- not an item</p>", "\\- not an item"),
        ("<p>1. not an item</p>", "1\\. not an item"),
        ("<p>#hashtag and -1</p>", "#hashtag and -1"),
        ("<ul><li><p>a</p></li></ul>", "- a"),
        ("<ol><li>a<li>b</ol>", "- a\n- b"),
        ("<table><tr><td>a</td><td><a href=x>b</a></td></tr></table>", "a\t[b](x)"),
        ("<p>a</p><p>b</p>", "a\n\nb"),
        ("<p>2 &lt; 3 &amp; 4</p>", "2 < 3 & 4"),
    ],
)
def test_markdown_of(html: str, markdown: str) -> None:
    assert rendered(html, "md") == markdown


def test_every_line_as_markdown() -> None:
    page = (
        '<ul><li><a href="/sport">Sport</a><ul><li><a href="#x">Top</a></ul></ul>'
        '<h2>Harbour <a href="/a(1)">reopens</a></h2><p>By <a href="/ana">Ana</a>, <b>Lisbon</b>'
    )
    markup = reader.read(page).markup
    assert markup.lines == ["Sport", "Top", "Harbour reopens", "By Ana, Lisbon"]
    assert formats.markdown(markup) == [
        "- [Sport](/sport)",
        "  - Top",
        "## Harbour [reopens](/a%281%29)",
        "By [Ana](/ana), Lisbon",
    ]
    assert formats.markdown(markup, links=False) == [
        "- Sport", "  - Top", "## Harbour reopens", "By Ana, Lisbon",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("byline", "is_date"),
    [
        ("2026-05-03", True),
        ("03.05.2026, 12:30 Uhr", True),
        ("3/5/26", True),
        ("Published on 3 May 2026", True),
        ("May 3, 2026", True),
        ("3 de mayo de 2026", True),
        ("3. května 2026", True),
        ("2026年5月3日", True),
        ("٣ مايو ٢٠٢٦", True),
        ("By A. Writer", False),
        ("Reuters", False),
        ("Room 12", False),
        ("12:30", False),
    ],
)
def test_dates(byline: str, is_date: bool) -> None:
    document = reading.read(f"<p>{byline}</p><p>Text</p>", "html")
    labelled = page(document, {byline: "byline"})
    result = json.loads(formats.render(labelled, document, "json"))
    assert result["date"] == (byline if is_date else None)
