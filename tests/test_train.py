"""The recipe: what it refuses, and that it builds the same bytes twice."""

import json
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import ROOT, cases

from train import corpora, gold, recipe, tables
from train.gold import Gold
from train.variants import only, variants
from unticker import alphabet, html
from unticker.errors import UntickerError, UsageError
from unticker.examples import Options
from unticker.hints import NO_HINTS
from unticker.model import Model
from unticker.types import LABELS

SCORES = {"lines": 100, "macro_f1": 1.0, "labels": {"body": {"f1": 1.0}}}


@pytest.fixture(scope="module")
def small(pages):
    """Twelve pages, of which every fourth is for testing."""
    splits = {page.site: "test" if n % 4 == 3 else "train" for n, page in enumerate(pages)}
    return Gold(pages, [], [], splits)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(recipe, "options", lambda: Options(iterations=10, jobs=1))


def marked(page, name, markup, labels):
    """The page under another name, with the lines of its markup."""
    return replace(page, page=name, lines=tuple(markup.lines), labels=labels, markup=markup)


def built(model: Model, **changes: object) -> recipe.Built:
    return recipe.Built(model, {"cross_validated": {}, "test": {"text": SCORES | changes}}, "")


def test_the_recipe_is_read_into_options():
    options = recipe.options()
    assert isinstance(options, Options)
    assert set(recipe.recipe()) >= {"fit", "floor"}
    assert all(isinstance(c, float) for c in options.unit_c + options.context_c)


def test_weights_of_the_sets(pages):
    weights = recipe.recipe()["weights"]
    markup = html.read("<p>Text.").markup
    kinds = {
        "original": replace(pages[0], page="fr-k-01", markup=markup),
        "second_article": replace(pages[0], page="ar-agg-01"),
        "no_article": replace(pages[0], labels=("ui-chrome",) * len(pages[0].lines)),
        "fundus": replace(pages[0], page="fundus/a.html.gz", markup=markup),
    }
    assert set(weights) == set(kinds)
    found = recipe.weighted([*kinds.values(), replace(kinds["fundus"], page="goose3/a.html")])
    assert [page.weight for page in found] == [*(weights[kind] for kind in kinds), 1]


def test_a_long_page_counts_as_a_shorter_one(pages):
    most = recipe.recipe()["pages"]["lines"]
    markup = html.read("<p>Text.").markup
    for lines, weight in ((most, 1), (4 * most, 0.25)):
        page = replace(pages[0], page="goose3/a.html", markup=markup)
        page = replace(page, lines=("Menu", "") * lines, labels=("ui-chrome", None) * lines)
        assert [found.weight for found in recipe.weighted([page])] == [weight]


def test_building_twice_gives_the_same_bytes(small, quick, tmp_path):
    for name in ("one", "two"):
        [made] = recipe.build(small, "original")
        recipe.write(made, made, tmp_path / name)
    files = ("weights.npz", "model.json", "metrics.json", "README.md")
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == sorted(files)
    metrics = json.loads((tmp_path / "one" / "metrics.json").read_text("utf-8"))
    assert metrics["originals_only"]["labels_sha256"] == metrics["labels_sha256"]
    assert metrics["test"]["text, original pages"]["pages"] == 3
    assert metrics["cross_validated"]["text"]["lines"] > 0
    assert Model.load(tmp_path / "one").about["made_with"] == recipe.versions()


def test_variants_keep_labels_and_count_as_no_page(pages):
    markup = html.read('<ul><li><a href="/s">Sport</a></ul><h1>Harbour</h1><p>It reopens.').markup
    labels = ("ui-chrome", "body", "body")
    public = marked(pages[0], "goose3/a.html", markup, labels)
    made = variants([public] * 8)
    whole = [page for page in made if len(page.lines) == 3]
    assert [(page.lines[0], page.labels) for page in whole] == [
        ("- [Sport](/s)", labels),
        ("- Sport", labels),
        ("  • Sport", labels),
    ]
    assert [page.lines for page in made if len(page.lines) == 2] == [("Harbour", "It reopens.")]
    assert [page.lines[0] for page in made if len(page.lines) == 1] == [
        "Harbour It reopens.", "Sport    Harbour    It reopens.", "Sport Harbour It reopens."
    ]  # fmt: skip
    assert all(page.variant and page.markup is None for page in made)  # no prose: no brief


def test_originals_written_as_html_are_varied_as_originals_and_in_markdown(pages):
    markup = html.read('<ul><li><a href="/s">Sport</a></ul><h1>Harbour</h1><p>It reopens.').markup
    page = marked(pages[0], "fr-k-01", markup, ("ui-chrome", "body", "body"))
    made = variants([page] * 8)
    joined = [
        each.lines[0] for each in made if "one line" in each.page and "Sport" in each.lines[0]
    ]
    assert joined == ["Sport    Harbour    It reopens.", "Sport Harbour It reopens."] * 4
    assert sum(len(each.lines) == 1 for each in made) == 8 + 2  # and two articles alone
    assert [each.lines[0] for each in made if "(M" in each.page] == ["- [Sport](/s)"]


def test_originals_that_count_less_are_not_varied(pages):
    assert len(variants(pages[:1])) >= 2
    assert variants([replace(pages[0], weight=0.5)]) == []
    empty = replace(pages[0], weight=0.5, labels=("ui-chrome",) * len(pages[0].lines))
    made = variants([empty])
    assert [(len(page.lines), page.weight, page.variant) for page in made] == [(1, 0.0, True)] * 2


def test_articles_alone_in_one_line_come_with_their_headline_and_without(pages):
    markup = html.read("<p>Menu<h1>Harbour</h1><p>By Ana<p>It reopens.").markup
    labels = ("ui-chrome", "body", "byline", "body")
    public = marked(pages[0], "goose3/a.html", markup, labels)
    alone = [page for page in variants([public] * 16) if "alone" in page.page]
    assert [page.lines for page in alone] == [("Harbour It reopens.",), ("It reopens.",)]
    without = replace(public, labels=("ui-chrome",) * 4)
    assert not [page for page in variants([without] * 16) if "alone" in page.page]


def test_extracted_pages_hold_the_article_and_what_reads_like_it(pages):
    comment = "I have lived in that street for forty years and never saw the like of it."
    markup = html.read(f"<p>Menu<h1>Harbour</h1><p>By Ana<p>It reopens.<p>{comment}").markup
    labels = ("ui-chrome", "body", "byline", "body", "ui-chrome")
    public = marked(pages[0], "goose3/a.html", markup, labels)
    found = [page for page in variants([public] * 32) if "extracted" in page.page]
    assert [page.lines for page in found] == [
        ("Harbour", "It reopens."),
        ("Harbour", "By Ana", "It reopens.", comment),
        ("Harbour It reopens.",),
        (f"Harbour By Ana It reopens. {comment}",),
    ]
    assert found[1].labels == labels[1:]
    without = replace(public, labels=("ui-chrome",) * 5)
    assert not [page for page in variants([without] * 8) if "extracted" in page.page]


def test_indexes_are_pages_without_their_article(pages):
    items = "".join(f"<li>Ferry {n} stops in spring" for n in range(8))
    markup = html.read(f"<p>Menu<ul>{items}</ul><h1>Harbour</h1><p>By Ana<p>It reopens.").markup
    labels = ("ui-chrome", *["headline-ticker"] * 8, "body", "byline", "body")
    public = marked(pages[0], "goose3/a.html", markup, labels)
    [made] = [page for page in variants([public] * 4) if "index" in page.page]
    assert made.lines == tuple(markup.lines[:9])
    assert made.labels == labels[:9]
    assert (made.weight, made.variant) == (0.0, True)
    few = replace(public, labels=("ui-chrome",) * 5 + labels[5:])
    assert not [page for page in variants([few] * 3) if "index" in page.page]


def test_briefs_are_the_opening_of_an_article_and_a_few_lines_beside(pages):
    prose = [f"The harbour reopens, the council said on Monday, after {n} years." for n in range(9)]
    source = "".join(f'<p><a href="/{n}">{text}</a>' for n, text in enumerate(prose))
    ahead = "".join(f"<p>Menu {n}" for n in range(9))
    markup = html.read(f"<title>H</title>{ahead}<h1>Harbour</h1><p>By Ana{source}<p>Foot").markup
    labels = (*["ui-chrome"] * 9, "body", "byline", *["body"] * 9, "ui-chrome")
    public = marked(pages[0], "goose3/a.html", markup, labels)
    found = [page for page in variants([public] * 32) if "brief" in page.page]
    assert all(page.variant for page in found)
    fitted = [page for page in found if page.weight]
    probable = [page for page in found if not page.weight]
    assert len(fitted) == 32
    assert [page.lines for page in probable] == [page.lines for page in fitted[2::5]]
    assert all(page.markup is None for page in probable)
    assert [page.lines for page in fitted[:4]] == [
        ("Harbour", prose[0]),
        ("Harbour", *prose[:2]),
        ("Harbour", *prose[:3]),
        ("Menu 0", "Harbour", *prose[:5], "Foot"),
    ]
    assert fitted[4].lines == ("Menu 8", "Harbour", "By Ana", prose[0], "Foot")
    assert {len(page.lines) for page in fitted} > {2, 3, 4, 15}
    assert {sum(line in prose for line in page.lines) for page in probable} == {1, 2, 3, 5}
    for page in fitted:
        assert page.weight == 0.5
        assert page.markup.lines == list(page.lines)
        assert [labels[public.lines.index(line)] for line in page.lines] == list(page.labels)
        assert len(page.markup.links) == sum("reopens" in line for line in page.lines)
        assert [tag != "" for tag in page.markup.targets] == ["reopens" in x for x in page.lines]
    assert [page.markup.hints == NO_HINTS for page in fitted] == [False] * 16 + [True] * 16
    few = only(markup, range(13))  # two paragraphs
    short = replace(public, lines=tuple(few.lines), labels=labels[:13], markup=few)
    found = [page for page in variants([short] * 4) if "brief" in page.page]
    assert [page.lines[-1] for page in found] == [prose[0], prose[1]]


def test_markdown_variants_hold_images_and_titles(pages):
    items = "".join(f'<li><a href="/{n}">Item {n}</a>' for n in range(12))
    markup = html.read(f"<ul>{items}</ul>").markup
    public = marked(pages[0], "goose3/a.html", markup, ("ui-chrome",) * 12)
    found = [page for page in variants([public] * 16) if "Markdown" in page.page]
    assert [page.lines[4] for page in found] == ["[![](/images/4.jpg)](/4)"] * 2
    assert [page.lines[5] for page in found] == ["- [Item 4](/4)", '* [Item 4](/4 "Item 4")']
    assert all(len(page.lines) == len(page.labels) == 13 for page in found)


def test_the_test_split_is_never_trained_on(small, quick, monkeypatch):
    seen = []

    def fit_each(sets, options):
        seen.extend(page.site for pages in sets for page in pages)
        raise KeyboardInterrupt

    monkeypatch.setattr(recipe.training, "fit_each", fit_each)
    with pytest.raises(KeyboardInterrupt):
        recipe.build(small, "original")
    assert len(set(seen)) == 9
    assert {small.splits[site] for site in seen} == {"train"}


def test_drifted_annotations_are_refused(small):
    with pytest.raises(UntickerError, match=r"1 annotated lines drifted: x\.html line 3"):
        recipe.build(replace(small, problems=["x.html line 3: the line has changed"]), "all")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"lines": 0}, "empty"),
        ({"macro_f1": 0.1}, "below the floor"),
        ({"labels": {"body": {"f1": 0.1}}}, "body F1 is below the floor"),
        ({}, "seed lines wrong"),
    ],
)
def test_the_gate_refuses(changes, says, model):
    assert any(says in reason for reason in recipe.gate(built(model, **changes)))


def test_the_gate_refuses_without_a_test_split(model):
    made = recipe.Built(model, {"test": {}}, "")
    assert recipe.gate(made) == ["the test split is empty"]


def test_the_gate_lets_a_right_model_pass(shipped):
    assert recipe.gate(built(shipped)) == []
    assert recipe.seed_errors(shipped) == []


def test_the_gate_sees_that_an_article_alone_lost_its_end(shipped):
    def label(path):
        page = shipped.label(path)
        return SimpleNamespace(lines=page.lines, text=lambda: page.text().rsplit(None, 1)[0])

    (wrong,) = recipe.seed_errors(SimpleNamespace(label=label))
    assert wrong.startswith("001_")
    assert "lost some" in wrong


def test_the_floor_asks_for_every_seed_line():
    labels = [label for page in cases("seeds").values() for label in page.values()]
    assert recipe.recipe()["floor"]["seed_lines"] == len(labels) == 65


def test_parts_are_by_split_and_kind(small):
    both = replace(small, public=small.original[:1])
    assert len(both.part("train", "development")) == 10
    assert len(both.part("train", kind="original")) == 9
    assert len(both.part("train", kind="public")) == 1
    assert both.part("development") == []


def test_labels_have_one_digest(model, pages):
    assert recipe.label_digest(model, pages[:2]) == recipe.label_digest(model, pages[:2])
    assert recipe.label_digest(model, pages[:2]) != recipe.label_digest(model, pages[1:3])


def test_the_page_sets_are_found(tmp_path, monkeypatch):
    monkeypatch.delenv("UNTICKER_CORPORA", raising=False)
    monkeypatch.setattr(corpora, "PLACES", ())
    assert corpora.find() is None
    assert corpora.find(tmp_path) is None
    for name in corpora.UPSTREAM:
        (tmp_path / name).mkdir()
    assert corpora.find(tmp_path) == tmp_path
    monkeypatch.setenv("UNTICKER_CORPORA", str(tmp_path))
    assert corpora.find() == tmp_path
    with pytest.raises(UsageError, match="missing"):
        corpora.page_bytes(tmp_path, "fundus", "none.html")
    problems = corpora.lay_out(tmp_path / "none", {("fundus", "a.html")})
    assert len(problems) == len(corpora.UPSTREAM) + 1


@pytest.fixture
def public(tmp_path):
    (tmp_path / "fundus").mkdir()
    page = "<html><body><p>Menu</p><p>The council met.</p></body></html>"
    (tmp_path / "fundus" / "a.html").write_text(page, "utf-8")
    about = {"lang": "en", "site": "s"}
    rows = [
        {"line": 1, "sha1": gold.digest("Menu"), "label": "ui-chrome"} | about,
        {"line": 2, "sha1": gold.digest("The council met."), "label": "body"} | about,
    ]
    return tmp_path, rows


def test_a_public_page_is_joined_with_its_labels(public):
    folder, rows = public
    page, problems = gold._join(folder, "fundus", "a.html", rows)
    assert problems == []
    assert page.lines == ("Menu", "The council met.")
    assert page.labels == ("ui-chrome", "body")
    assert page.markup is not None


def test_an_original_page_is_joined_with_its_html(tmp_path, monkeypatch, pages):
    monkeypatch.setattr(gold, "ROOT", tmp_path)
    folder = tmp_path / "original" / "html"
    folder.mkdir(parents=True)
    page = replace(pages[0], page="fr-k-01", lines=("Menu", "It reopens."))
    other = replace(pages[1], page="fr-k-02")
    (folder / "fr-k-01.html").write_text("<p>Menu<p>It reopens.", "utf-8")
    (joined, same), problems = gold._with_markup([page, other])
    assert (joined.markup.lines, same, problems) == (list(page.lines), other, [])
    (folder / "fr-k-01.html").write_text("<p>Menu<p>It reopened.", "utf-8")
    (left, _), problems = gold._with_markup([page, other])
    assert left.markup is None
    assert problems == ["fr-k-01.html: its lines are not those that are labelled"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"line": 9}, "the page has 2 lines"),
        ({"sha1": "0" * 10}, "has changed"),
        ({"line": 1, "sha1": gold.digest("Menu")}, "labelled twice"),
        ({"label": "bodi"}, "unknown label"),
    ],
)
def test_a_stand_off_row_that_does_not_fit_is_named(public, changes, says):
    folder, rows = public
    _, problems = gold._join(folder, "fundus", "a.html", [rows[0], rows[1] | changes])
    assert says in problems[0]
    assert "1 lines without label, first 2" in problems[-1]


@pytest.mark.parametrize("args", [["--nonsense"], ["frobnicate"], ["corpora"], ["--alone"]])
def test_bad_usage_is_no_traceback(args):
    done = subprocess.run(
        [sys.executable, "-m", "train", *args], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode not in (0, None)
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()


@pytest.mark.parametrize(
    ("char", "name"),
    [
        ("a", "lower"), ("É", "upper"), ("م", "letter"), ("中", "unit"), ("ア", "unit"),
        ("ไ", "unit"), ("\u0301", "mark"), ("٣", "digit"), ("؟", "stop"), ("。", "stop"),
        ("…", "stop"), ("،", "comma"), (":", "colon"), ("»", "quote"), ("—", "dash"),
        ("(", "open"), (")", "close"), ("|", "bar"), ("€", "money"), ("@", "at"), ("©", "rights"),
        ("😀", "other"), ("\u00a0", "space"), ("\n", "space"), ("\0", "other"),
    ],
)  # fmt: skip
def test_the_shipped_tables_hold_what_the_builder_says(char, name):
    assert tables._class(ord(char)) == name
    held = alphabet.tables()
    assert alphabet.CLASSES[held.classes[ord(char)]] == name
    assert held.fold[ord(char)] == tables._fold(ord(char))


def test_the_tables_cover_every_character():
    held = alphabet.tables()
    assert len(held.classes) == len(held.fold) == sys.maxunicode + 1
    assert held.classes.max() == len(alphabet.CLASSES) - 1
    assert (np.diff(held.words.astype(object)) > 0).all()
    assert len(held.kinds) == len(held.words)
    assert len(LABELS) == 4
