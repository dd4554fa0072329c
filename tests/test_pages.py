"""From scores to a page, and from a page to its text."""

from collections.abc import Sequence

import numpy as np
import pytest
from conftest import cases
from test_units import ODD

from unticker import html, units, weights
from unticker.assembly import ARTICLE_COLUMNS, assemble
from unticker.columns import LABEL_OF_CLASS
from unticker.errors import UsageError
from unticker.labelled import Piece, judge
from unticker.markup import Markup
from unticker.parts import Part
from unticker.phrases import WEIGHT, Phrases
from unticker.reading import Document
from unticker.softmax import UNIT_SCALE
from unticker.types import CHROME, LABELS, Line, Page, Segment
from unticker.words import Text

CASES = cases("page_text")
NO_DOUBT = (0.0,) * (len(ARTICLE_COLUMNS) - 1) + (3.0,)
NO_ARTICLE = (0.0,) * (len(ARTICLE_COLUMNS) - 1) + (-2.0,)
DOUBTFUL = (0.0,) * (len(ARTICLE_COLUMNS) - 1) + (-0.3,)
T, C, Y, B = range(4)
PROSE = "The council met on Monday and agreed on the plan for the old harbour. " * 5


def sure(label: str, chance: float) -> dict:
    return dict.fromkeys(LABELS, (1 - chance) / 3) | {label: chance}


def page_of(case: dict) -> Page:
    lines = []
    for row in case["page"]:
        parts = tuple(Segment(s, e, name, sure(name, p)) for name, p, s, e in row["segments"])
        first = parts[0]
        lines.append(Line(row["number"], row["text"], first.label, first.probabilities, parts))
    return Page(lines, case["title"], frozenset(map(tuple, case["title_spans"])), 1.0)


def assembled(
    text: str, labels: Sequence[int], headlines: Sequence[int] = (),
    article: Sequence[float] = NO_DOUBT, logits: int = 5, markup: Markup | None = None,
) -> Page:  # fmt: skip
    """A page whose units have these labels; ``headlines`` look like the own headline."""
    batch = weights.prepare([text])
    size = len(batch.units)
    scores = np.zeros((size, 4), np.int64)
    scores[np.arange(size), list(labels)] = logits * UNIT_SCALE
    first = np.zeros((size, 7), np.int64)
    first[list(headlines), 5] = 2000
    part = Part(0, len(text), 0)
    piece = Piece(text, part, batch, 0, judge(scores, first))
    return assemble([piece], article, Document(text, markup, None, None))


# ---- Page.text


@pytest.mark.parametrize(("options", "expected"), CASES["cases"], ids=str)
def test_text(options, expected):
    assert page_of(CASES).text(**options) == expected


def test_body_bylines_and_noise():
    page = page_of(CASES)
    assert page.body == page.text()
    assert [(span.line, span.start, span.end, span.text) for span in page.bylines] == [
        (4, 0, 12, "By A. Writer")
    ]
    assert page.noise.split("\n")[:2] == ["Menu", "Read also Another story"]


def test_values_are_frozen():
    page = page_of(CASES)
    for value, name in ((page, "title"), (page.lines[0], "label"), (page.bylines[0], "text")):
        with pytest.raises(AttributeError):
            setattr(value, name, "other")


# ---- assembly


def test_lines_have_numbers_labels_and_offsets():
    page = assembled("\n  Menu \n\nBy A    Text here\n", [C, Y, B])
    assert [(line.number, line.text, line.label) for line in page.lines] == [
        (2, "  Menu ", "ui-chrome"),
        (4, "By A    Text here", "body"),
    ]
    assert [(s.start, s.end, s.label) for s in page.lines[1].segments] == [
        (0, 4, "byline"),
        (8, 17, "body"),
    ]


def test_a_line_takes_the_label_of_most_of_its_characters():
    page = assembled("short    also short    a much longer part of it", [B, B, C])
    line = page.lines[0]
    assert line.label == "ui-chrome"
    assert len(line.segments) == 3
    for name in LABELS:
        mean = sum(s.probabilities[name] * (s.end - s.start) for s in line.segments)
        mean /= sum(s.end - s.start for s in line.segments)
        assert line.probabilities[name] == pytest.approx(mean)


def test_lines_are_a_sequence():
    page = assembled("a\n\nb    c\nd", [C, B, B, C])
    assert len(page.lines) == 3
    assert [line.number for line in page.lines] == [1, 3, 4]
    assert [line.text for line in page.lines[1:]] == ["b    c", "d"]
    assert page.lines[-1].text == "d"
    assert "3 lines" in repr(page.lines)


@pytest.mark.parametrize("text", ["", "\n", " \n\t\n", "\n" * 1000])
def test_a_page_without_lines(text):
    page = assembled(text, [])
    assert list(page.lines) == []
    assert (page.title, page.title_spans, page.article_probability) == (None, frozenset(), 0.0)
    assert page.text() == page.body == page.noise == ""
    assert page.bylines == ()


def test_pieces_of_one_page_follow_each_other():
    texts = ["Menu\nHead\n", PROSE.strip() + "\n\n", "By A"]
    batch = weights.prepare(texts)
    scores = 1000 * np.eye(4, dtype=np.int64)[[C, B, B, Y]]
    first = np.zeros((4, 7), np.int64)
    whole, judged, start = "".join(texts), judge(scores, first), 0
    pieces = []
    for number, (text, line) in enumerate(zip(texts, (0, 2, 4))):
        part = Part(start, start + len(text), line)
        pieces.append(Piece(whole, part, batch, number, judged))
        start = part.end
    page = assemble(pieces, NO_DOUBT, Document(whole, None, None, None))
    assert [(line.number, line.label) for line in page.lines] == [
        (1, "ui-chrome"),
        (2, "body"),
        (3, "body"),
        (5, "byline"),
    ]
    assert page.title == "Head"
    assert page.text(title=False) == PROSE.strip()


# ---- the own headline


def test_the_title_is_the_likeliest_headline_before_the_prose():
    page = assembled(f"Kicker\nHead\nLead\n{PROSE}\nLater head", [B] * 5, headlines=[1, 4])
    assert page.title == "Head"
    assert page.title_spans == {(2, 0)}


def test_a_title_has_a_letter_or_a_digit():
    assert assembled(f"***\nHead\n{PROSE}", [B] * 3, headlines=[0, 1]).title == "Head"
    assert assembled(f"-----\n{PROSE}", [B, B], headlines=[0]).title is None


def test_a_title_shown_twice_is_left_out_twice_and_its_words_elsewhere_stay():
    text = f"Head\nHead\n{PROSE}\nHead of the council spoke\nHead"
    page = assembled(text, [B, B, B, B, C], headlines=[0, 1])
    assert page.title == "Head"
    left_out = page.text(title=False)
    assert left_out == f"{PROSE.strip()}\nHead of the council spoke"
    assert page.body == f"Head\nHead\n{left_out}"


def test_a_title_in_a_list_of_teasers_is_not_the_own_headline():
    page = assembled(f"Head\nHead\n{PROSE}", [T, B, B], headlines=[0, 1])
    assert page.title_spans == {(2, 0)}
    assert page.text(keep=("headline-ticker",), title=False) == "Head"


def test_a_title_on_a_line_with_more():
    page = assembled(f"Menu    Head    By A\n{PROSE}", [C, B, Y, B], headlines=[1])
    assert page.title == "Head"
    assert page.title_spans == {(1, 8)}
    assert page.text(("body", "byline"), title=False) == f"By A\n{PROSE.strip()}"


def test_a_title_in_markdown_comes_as_its_words_and_one_of_html_as_it_is():
    text = f"# The **plan**, [revised](/p)\n{PROSE}"
    assert assembled(text, [B, B], [0]).title == "The plan, revised"
    markup = html.read("<p>any").markup
    assert assembled(text, [B, B], [0], markup=markup).title == text.split("\n")[0]


@pytest.mark.parametrize(
    ("text", "labels"),
    [("Menu\nMore", [C, T]), (PROSE, [B]), (f"Menu\n{PROSE}", [C, B])],
)
def test_pages_that_show_no_title(text, labels):
    page = assembled(text, labels)
    assert page.title is None
    assert page.text(title=False) == page.text()


# ---- pages without an article


def test_a_page_without_an_article_has_no_body():
    page = assembled(f"Menu\nHead\n{PROSE}", [C, B, B], [1], NO_ARTICLE)
    assert page.article_probability < 0.5
    assert page.body == ""
    assert page.title is None
    assert all(line.label != "body" for line in page.lines)
    assert page.noise.count("\n") == 2


def test_sure_body_and_a_byline_speak_for_an_article():
    columns = {name: at for at, name in enumerate(ARTICLE_COLUMNS)}
    for name, surer in (
        ("units that are surely body, log", (9, 2)), ("greatest byline probability", (5, 2))
    ):  # fmt: skip
        article = [0.0] * len(ARTICLE_COLUMNS)
        article[columns[name]] = 1.0
        page = [assembled(f"By A\nHead\n{PROSE}", [Y, B, B], [1], article, n) for n in surer]
        assert page[0].article_probability > page[1].article_probability >= 0.5


def test_a_doubtful_article_is_not_lost():
    page = assembled(f"Menu\nHead\n{PROSE}", [C, B, B], [1], DOUBTFUL)
    assert 0.4 < page.article_probability < 0.5
    assert page.body == f"Head\n{PROSE.strip()}"


def test_the_probabilities_of_a_page_without_an_article_agree_with_its_labels():
    for logits in (1, 5, 20):
        page = assembled(f"Menu\nHead\n{PROSE}", [C, B, B], [1], NO_ARTICLE, logits)
        for line in page.lines:
            assert sum(line.probabilities.values()) == pytest.approx(1)
            assert line.probabilities["body"] < 0.5, logits
        assert page.text(threshold=0.5) == ""


def test_no_body_line_means_no_article():
    assert assembled("Menu\nMore", [C, T]).article_probability <= 0.1


# ---- pages of a model


@pytest.mark.parametrize("name", ODD)
def test_a_model_labels_any_page(name, model):
    text = ODD[name]
    page = model.label(text, "text")
    numbered = [(n, line) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
    assert [(line.number, line.text) for line in page.lines] == numbered
    for line in page.lines:
        assert line.label in LABELS
        assert line.probability == line.probabilities[line.label]
        assert list(line.probabilities) == list(LABELS)
        assert sum(line.probabilities.values()) == pytest.approx(1, abs=1e-9)
        places = [place for s in line.segments for place in range(s.start, s.end)]
        assert places == sorted(set(places))
        assert {n for n, char in enumerate(line.text) if not char.isspace()} <= set(places)
        shares = dict.fromkeys(LABELS, 0)
        for segment in line.segments:
            assert sum(segment.probabilities.values()) == pytest.approx(1, abs=1e-9)
            shares[segment.label] += segment.end - segment.start
        assert shares[line.label] == max(shares.values())
    assert 0 <= page.article_probability <= 1
    everything = page.text(keep=LABELS)
    assert "".join(everything.split()) == "".join(text.split())


def test_leaving_the_title_out_leaves_out_nothing_else(model, pages):
    titles = 0
    for annotated in pages:
        page = model.label(annotated.text, "text")
        whole = [
            (line.number, s.start, line.text[s.start : s.end])
            for line in page.lines
            for s in line.segments
            if s.label == "body"
        ]
        kept = [text for number, start, text in whole if (number, start) not in page.title_spans]
        assert page.text(title=False).split() == " ".join(kept).split()
        assert {text for n, start, text in whole if (n, start) in page.title_spans} <= {page.title}
        titles += page.title is not None
    assert titles >= 8


# ---- phrases


def added(phrases: dict, text: str) -> list[list[int]]:
    scores = Phrases.of(phrases).scores(Text(units.cut([text])))
    return [sorted(set(np.flatnonzero(row).tolist())) for row in scores]


@pytest.mark.parametrize(
    ("phrase", "line", "holds"),
    [
        ("lire aussi", "Lire aussi : la suite", True),
        ("Lire  aussi", "à LIRE AUSSI", True),
        ("lire aussi", "lire    aussi", False),
        ("lire aussi", "lire\naussi", False),
        ("lire aussi", "élire aussi", False),
        ("lire", "relire", False),
        ("اقرأ أيضا", "اقرأ أيضا: خبر", True),
        ("12 min", "lu en 45 min", True),
        ("phrase of five words here", "a phrase of five words here.", True),
    ],
)
def test_a_phrase_speaks_for_its_label_where_its_words_stand(phrase, line, holds):
    found = added({phrase: "ui-chrome"}, line)
    chrome = np.flatnonzero(LABEL_OF_CLASS == CHROME).tolist()
    assert (found[0] == chrome) is holds
    assert all(row == [] for row in found) is not holds


def test_phrases_add_their_weight_once():
    scores = Phrases.of({"ad": "ui-chrome"}).scores(Text(units.cut(["ad ad ad"])))
    assert scores.max() == WEIGHT


def test_no_phrase_and_no_word():
    assert added({}, "a") == [[]]
    assert added({"a": "body"}, "...") == [[]]
    assert added({"a": "body"}, "") == []


def test_phrases_change_what_a_model_says(model, pages):
    text = pages[0].text
    line = next(line for line in model.label(text).lines if line.label == "body")
    changed = model.with_phrases(Phrases.of({line.text: "ui-chrome"})).label(text)
    after = next(each for each in changed.lines if each.number == line.number)
    assert after.probabilities["ui-chrome"] > line.probabilities["ui-chrome"]
    assert model.phrases is None


def test_phrases_are_read_from_a_file(tmp_path):
    path = tmp_path / "phrases.tsv"
    path.write_text("# mine\n\nui-chrome\tlire aussi\nbyline\tpar notre équipe\n", "utf-8")
    assert sorted(Phrases.read(path).table) == [2, 3]


@pytest.mark.parametrize(
    ("content", "says"),
    [("body", "row 1"), ("\nbodi\tx", "row 2"), ("body\t...", "no word"), ("body\t", "no word")],
)
def test_a_wrong_phrase_file_is_refused(content, says, tmp_path):
    path = tmp_path / "phrases.tsv"
    path.write_text(content, "utf-8")
    with pytest.raises(UsageError, match=says):
        Phrases.read(path)


@pytest.mark.parametrize("data", [None, b"body\t\xff\xfe"])
def test_a_phrase_file_that_cannot_be_read_is_refused(data, tmp_path):
    path = tmp_path / "phrases.tsv"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(UsageError, match=r"phrases\.tsv"):
        Phrases.read(path)
