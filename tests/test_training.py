"""Annotated lines to a model: by hand, out of fold, and scored."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

import unticker
from unticker import (
    annotations,
    conjunctions,
    designs,
    evaluation,
    html,
    passes,
    training,
    weights,
)
from unticker.annotations import AnnotatedPage
from unticker.card import card
from unticker.columns import CLASS_NAMES
from unticker.conjunctions import CASES
from unticker.errors import UsageError
from unticker.examples import FEW_SITES, Options, gather
from unticker.softmax import exponentials
from unticker.types import LABELS

BY_HAND = """\
ui-chrome\tHome | News | Sport
headline-ticker\tBridge closed after storm    Mayor resigns    Team wins cup
\t
body\tNew harbour to open in spring
byline\tBy Ana Bell, 3 May 2024
body\tThe new harbour will open in spring, the council said on Monday after a long debate.
body\tIt has cost more than planned, and opponents say that it was never needed at all.
ui-chrome\tShare this

ui-chrome\tHome | News | Sport
body\tSchools get new roofs
byline\tBy Tom Hill
body\tAll schools of the town get new roofs this summer, as the old ones leak when it rains.
ui-chrome\tMost read
headline-ticker\t14:05 Mayor resigns
headline-ticker\t13:10 Team wins cup
"""


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory):
    path = tmp_path_factory.mktemp("annotations") / "my.tsv"
    path.write_text(BY_HAND, "utf-8")
    return path


def page(name: str, site: str, *pairs: tuple[str, str]) -> AnnotatedPage:
    texts, labels = zip(*pairs, strict=True)
    return AnnotatedPage(name, texts, labels, "en", site)


def test_two_pages_written_by_hand_make_a_model(by_hand, tmp_path):
    model = unticker.fit([by_hand], jobs=1)
    model.save(tmp_path / "m")
    loaded = unticker.load(tmp_path / "m")
    found = loaded.label(annotations.read([by_hand])[0].text)
    assert {line.label for line in found.lines} <= set(LABELS)
    assert (model.about["lines"], model.about["pages"], model.about["sites"]) == (14, 2, 2)
    right = sum(
        line.label == label
        for each in annotations.read([by_hand])
        for line in loaded.label(each.text).lines
        for label in [each.labels[line.number - 1]]
    )
    assert right >= 11


@pytest.mark.parametrize("count", [1, 2, 3])
def test_labels_that_do_not_occur_are_not_given(count):
    pairs = [("ui-chrome", "Menu"), ("body", "The council met on Monday, it said.")][::-1]
    pages = [
        page(f"p{n}", f"s{n}", *[(f"{text} {n}", label) for label, text in pairs])
        for n in range(count)
    ]
    model = unticker.fit(pages, jobs=1)
    found = model.label("Menu 1\nThe council met on Monday, it said. 2\nBy Ana\n14:05 Headline")
    assert {line.label for line in found.lines} <= {"ui-chrome", "body"}


def test_one_label_is_refused():
    with pytest.raises(UsageError, match="at least two"):
        unticker.fit([page("p", "s", ("a", "body"), ("b", "body"))], jobs=1)


@pytest.mark.parametrize("given", [[], iter([])])
def test_no_annotations_are_refused(given):
    with pytest.raises(UsageError, match="no annotated"):
        unticker.fit(given)


def test_fitting_twice_gives_the_same_bytes(by_hand, tmp_path):
    for name, jobs in (("one", 1), ("two", 2)):
        unticker.fit([by_hand], jobs=jobs).save(tmp_path / name)
    for name in ("weights.npz", "model.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_seed_is_kept(by_hand):
    assert unticker.fit([by_hand], jobs=1, seed=7).about["seed"] == 7


def test_an_unknown_option_is_refused(by_hand):
    with pytest.raises(TypeError):
        unticker.fit([by_hand], epochs=3)


# ---- cross-validation


@pytest.fixture(scope="module")
def examples(pages):
    shared = [replace(page, site=f"site{n % 5}") for n, page in enumerate(pages)]
    return gather(shared, Options(folds=3), False)


def test_a_site_is_in_one_fold(examples):
    folds = {site: set(examples.fold[examples.site == site]) for site in set(examples.site)}
    assert len(folds) == 5
    assert all(len(of_site) == 1 for of_site in folds.values())
    assert {next(iter(of_site)) for of_site in folds.values()} == {0, 1, 2}


@pytest.mark.parametrize("few", [True, False])
def test_every_unit_is_scored_by_a_fit_that_never_saw_its_site(examples, few, monkeypatch):
    monkeypatch.setattr(passes, "FEW_SITES", 6 if few else 5)  # of five
    seen: list[np.ndarray] = []

    def fit(train, c):
        seen.append(train.copy())
        return len(seen) - 1

    def scores(number):
        return np.full((len(examples.labels), 4), number)

    fits, held = passes._cross_fit(
        examples.fold, examples.site, Options(jobs=1), (0.1, 1.0), fit, scores, examples.labels
    )
    for number in set(held[:, 0].tolist()):
        scored = held[:, 0] == number
        assert not set(examples.site[scored]) & set(examples.site[seen[number]])
    assert len(seen) == 2 * 3 + few
    if few:
        assert fits == [6]
        assert seen[6].all()  # the model itself is fitted on everything
    else:
        assert set(held[:, 0].tolist()) == set(fits)
        assert np.any([seen[number] for number in fits], axis=0).all()


def test_the_passes_see_scores_of_other_sites_only(pages):
    # A word that only one site has, always with the same label, must not help that site.
    marked = [
        replace(page, lines=tuple(f"zq{n} {line}" if line else line for line in page.lines))
        for n, page in enumerate(pages)
    ]
    examples = gather(marked, Options(min_sites=1), False)
    train = examples.fold != 0
    kept = designs.frequent(examples.rows[train], examples.site[train], 2)
    sites = np.unique(examples.site[train])
    rows = examples.rows[train]
    for column in np.flatnonzero(kept[:1000]):
        units = rows[:, column].nonzero()[0]
        assert len(np.unique(examples.site[train][units])) >= 2
    assert len(sites) < len(pages)


def test_fewer_sites_than_folds():
    pages = [page(f"p{n}", f"s{n % 2}", ("Menu", "ui-chrome"), ("Text.", "body")) for n in range(4)]
    examples = gather(pages, Options(folds=5), False)
    assert set(examples.fold) == {0, 1}


def test_scores_of_one_site_are_not_called_cross_validated():
    pages = [page("p", "s", ("Menu", "ui-chrome"), ("The council met on Monday.", "body"))]
    assert not unticker.fit(pages, jobs=1).about["cross_validated"]


def test_out_of_fold_scores_are_reported(fitted, pages):
    scores = fitted.about["cross_validated"]["text"]
    assert set(scores["languages"]) == {"ar", "en", "es", "fr"}
    assert scores["lines"] == sum(sum(row) for row in scores["confusion"])
    inside = unticker.evaluate(fitted, pages)
    assert scores["accuracy"] < inside["accuracy"]


# ---- what a fit learns from


def test_units_take_their_lines_label():
    one = page("p", "s", ("Menu    More", "ui-chrome"), ("a", "byline"), ("b    c    d", "body"))
    two = page("q", "t", ("x", "headline-ticker"))
    examples = gather([one, two], Options(), False)
    assert examples.labels.tolist() == [1, 1, 2, 3, 3, 3, 0]


def test_classes_of_the_first_pass():
    comment = "I have lived in that street for forty years and never saw the like of it."
    pairs = [
        ("Menu", 1), ("Most read", 1), ("A teaser", 0), ("Head", 3), ("By Ana", 2), ("Text.", 3),
        ("Share", 1), ("The bridge on Monday, seen from the eastern bank", 1), ("Text.", 3),
        ("Tags", 1), ("Bridges", 1), ("By agencies", 2), ("Read also", 1), ("A teaser", 0),
        ("Home", 1), ("Contact", 1), ("Imprint", 1), ("Jo says:", 1), (comment, 1), ("Reply", 1),
    ]  # fmt: skip
    pages = [page("p", "s", *[(text, LABELS[number]) for text, number in pairs]), page(
        "q", "t", ("Menu", "ui-chrome"), ("A teaser", "headline-ticker"))]  # fmt: skip
    names = [CLASS_NAMES[number] for number in gather(pages, Options(), False).classes]
    assert names == [
        "ui-chrome", "teaser heading", "headline-ticker", "own headline", "byline", "body",
        "interruption", "caption", "body", "closing", "closing", "byline behind",
        "teaser heading", "headline-ticker", "ui-chrome", "beside foreign prose",
        "beside foreign prose", "beside foreign prose", "foreign prose", "beside foreign prose",
        "teaser heading", "headline-ticker",
    ]  # fmt: skip


def test_a_page_of_no_weight_changes_no_weights(pages):
    options = {"iterations": 10, "jobs": 1, "min_sites": 1}
    labels = tuple(label and "ui-chrome" for label in pages[0].labels)
    extra = replace(pages[0], page="x (index)", labels=labels, weight=0.0, variant=True)
    one, other = (
        unticker.fit(given, **options).text.arrays("text") for given in (pages, [*pages, extra])
    )
    assert {name: (one[name] == other[name]).all() for name in one} == dict.fromkeys(one, True)


def with_markup(pages: list[AnnotatedPage]) -> list[AnnotatedPage]:
    markups = [
        html.read("".join(f"<p class=c{n}>{line}</p>" for line in page.lines if line)).markup
        for n, page in enumerate(pages)
    ]
    return [
        replace(
            page, lines=tuple(markup.lines), markup=markup,
            labels=tuple(label for label in page.labels if label),
        )
        for page, markup in zip(pages, markups, strict=True)
    ]  # fmt: skip


def test_pages_without_markup_are_fitted_on_for_html_and_not_scored(pages):
    marked = with_markup(pages[:6])
    options = {"iterations": 10, "jobs": 1, "min_sites": 1}
    alone, more = unticker.fit(marked, **options), unticker.fit([*marked, *pages[6:]], **options)
    lines = sum(len(page.lines) for page in marked)
    for model in (alone, more):
        assert model.about["cross_validated"]["html"]["lines"] == lines
    # Words that only the others have are known to the weights for HTML.
    assert (more.html.ngrams != 0).any(axis=1).sum() > (alone.html.ngrams != 0).any(axis=1).sum()
    assert unticker.fit(pages[6:], **options).html is None


# ---- scikit-learn's estimator


@pytest.mark.parametrize("which", ["model", "conjoined"])
def test_the_estimator_gives_the_labels_of_the_last_pass(which, pages, request):
    model = request.getfixturevalue(which)
    estimator = training.to_sklearn(model)
    batch = weights.prepare([page.text for page in pages])
    text = model.text
    sums = weights.row_sums(text, batch)
    first = weights.unit_scores(text, batch, sums)
    seen = weights.second_context(batch, first)
    second = weights.context_scores(text.columns2, text.crosses2, text.bias2, seen)
    both = weights.third_context(batch, seen, second)
    n = len(batch.units)
    unit, column = [np.repeat(np.arange(n), both.crosses.shape[1])], [both.crosses.ravel()]
    start = len(text.crosses3)
    for case in conjunctions.cases(
        conjunctions.questions(text.tests), both.values.T, both.values[:, :0].T
    ):
        unit.append(np.arange(n))
        column.append(start + case.astype(np.int64))
        start += CASES
    for other in weights.ngram_units(batch, second):
        for selecting, row in map(weights.vocabulary(text).known, batch.rows):
            for number in range(n):
                rows = row[selecting == other[number]]
                unit.append(np.full(len(rows), number))
                column.append(rows + start)
        start += len(text.vocabulary)
    index = np.concatenate(unit), np.concatenate(column)
    hot = sp.csr_matrix((np.ones(len(index[0])), index), (n, start))
    design = sp.hstack([sp.csr_matrix(both.values), hot]).tocsr()
    assert design.shape[1] == estimator.n_features_in_
    scores = weights.score(text, batch, first, sums)
    ranked = np.sort(scores, axis=1)
    clear = ranked[:, -1] - ranked[:, -2] > 2  # scores are rounded to 1/256
    assert clear.mean() > 0.95
    predicted = estimator.predict(design)
    assert (predicted[clear] == scores.argmax(axis=1)[clear]).all()
    assert estimator.classes_.tolist() == [0, 1, 2, 3]
    found = exponentials(scores) / exponentials(scores).sum(axis=1, keepdims=True)
    assert np.abs(estimator.predict_proba(design) - found).max() < 0.01


def test_no_estimator_for_html_without_weights(model):
    with pytest.raises(UsageError, match="html"):
        training.to_sklearn(model, "html")


# ---- evaluation


def test_evaluate_returns_its_fields(model, pages):
    found = unticker.evaluate(model, pages)
    assert set(found) == {
        "pages", "lines", "accuracy", "macro_f1", "labels", "confusion", "languages",
        "calibration_error",
    }  # fmt: skip
    assert found["pages"] == 12
    assert found["lines"] == sum(label is not None for page in pages for label in page.labels)
    assert set(found["labels"]) == set(LABELS)
    for row in found["labels"].values():
        assert set(row) == {"lines", "precision", "recall", "f1"}
    assert set(found["languages"]) == {"ar", "en", "es", "fr"}
    assert sum(row["lines"] for row in found["languages"].values()) == found["lines"]
    assert 0 <= found["calibration_error"] <= 1


def test_scores_by_hand():
    truth, says = np.array([0, 0, 1, 3, 3, 3]), np.array([0, 1, 1, 3, 3, 0])
    found = evaluation.scores(truth, says, ["fr", "fr", "fr", "ar", "ar", "ar"])
    assert found["accuracy"] == pytest.approx(4 / 6, abs=1e-4)
    assert found["labels"]["headline-ticker"] == {
        "lines": 2, "precision": 0.5, "recall": 0.5, "f1": 0.5,
    }  # fmt: skip
    assert found["labels"]["body"]["f1"] == pytest.approx(0.8)
    assert "byline" not in found["labels"]
    assert found["macro_f1"] == pytest.approx((0.5 + 2 / 3 + 0.8) / 3, abs=1e-4)
    assert found["confusion"][0] == [1, 1, 0, 0]
    assert found["languages"]["ar"]["lines"] == 3


def test_calibration_by_hand():
    chances = np.array([[0.7, 0.1, 0.1, 0.1]] * 10)
    assert evaluation.calibration_error(np.array([0] * 7 + [1] * 3), chances) == 0
    assert evaluation.calibration_error(np.array([0] * 10), chances) == pytest.approx(0.3)


def test_evaluating_on_nothing_is_refused(model):
    with pytest.raises(UsageError, match="no annotated lines"):
        unticker.evaluate(model, [])


def test_a_card_promises_what_holds_for_its_model(model):
    metrics = {"cross_validated": {}}
    few, some, many = (
        card(dict(model.about) | {"sites": sites}, metrics) for sites in (5, 6, FEW_SITES)
    )
    shared = "N-grams count only if several sites share them"
    assert [shared in each for each in (few, some, many)] == [False, True, True]
    assert ["conjunctions" in each for each in (few, some, many)] == [False, False, True]


def test_predictions_follow_the_pages(model, pages):
    labels, chances = evaluation.predict(model, pages[:2])
    expected = [
        line.label
        for page in pages[:2]
        for line in model.label(page.text, "text").lines
        if page.labels[line.number - 1]
    ]
    assert [LABELS[n] for n in labels] == expected
    assert np.allclose(chances.sum(axis=1), 1)
