"""Annotated lines to a model, and a model to scikit-learn's estimator."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unticker import evaluation
from unticker import weights as w
from unticker.annotations import AnnotatedPage
from unticker.assembly import ARTICLE_COLUMNS, article_columns
from unticker.errors import UsageError
from unticker.examples import Examples, Options, chunks, gather
from unticker.line_ends import fit_gaps
from unticker.model import Model
from unticker.passes import fit_context, fit_last, fit_units
from unticker.softmax import UNIT_SCALE, exponentials
from unticker.types import BODY, LABELS
from unticker.units import IntArray, following
from unticker.weights import Weights

_CHAINED = 0.1
"""The share of what is known of neighbouring labels that counts: scores hold most of it."""
_EMPTY = 2.0
"""What a page without an article counts in the fit of `article_probability`: there are few."""
_UNMARKED = 0.5
"""What a page without markup counts in the fit for HTML, which learns words from it."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """Weights, their cross-validated scores, and weights of `ARTICLE_COLUMNS`.

    The scores are those of the second pass, out of fold; empty with a single site.
    """

    weights: Weights
    cross_validated: dict[str, Any]
    article: tuple[float, ...]


def fit_weights(pages: Sequence[AnnotatedPage], options: Options, markup: bool = False) -> Fitted:
    """Fit all three passes on annotated pages (with what markup they have, if ``markup``).

    Raises `UsageError` if fewer than two labels occur.
    """
    examples = gather(pages, options, markup)
    if len(np.unique(examples.labels)) < 2:
        raise UsageError("the annotations hold only one label; a classifier needs at least two")
    weights, first = fit_units(examples, options)
    contexts = list(map(w.second_context, examples.batches, examples.split(first)))
    layer, second = fit_context(contexts, examples, options)
    weights = replace(weights, columns2=layer.columns, crosses2=layer.crosses, bias2=layer.bias)
    scores = examples.split(second)
    seen = list(map(w.ngram_units, examples.batches, scores))
    contexts = list(map(w.third_context, examples.batches, contexts, scores))
    layer, ngrams, tests, cases = fit_last(contexts, second, seen, examples, options)
    weights = replace(
        weights, columns3=layer.columns, crosses3=layer.crosses, bias3=layer.bias, ngrams3=ngrams,
        tests=tests, cases=cases, transitions=_transitions(examples), gaps=fit_gaps(pages, options),
    )  # fmt: skip
    article = _fit_article(pages, examples, second)
    return Fitted(weights, _held_out(pages, examples, second, markup), article)


def fit(annotations: Any, options: Options | None = None) -> Model:
    """Fit a model on annotations: pages, rows, or paths of annotation files.

    If some pages come with markup, the model has a second set of weights, for HTML.
    Its cross-validated scores, over sites it did not see, stand in ``about``.
    Raises `UsageError` for annotations that no model can be fitted on.
    """
    return fit_each([annotations], options)[0]


def fit_each(annotations: Sequence[Any], options: Options | None = None) -> list[Model]:
    """`fit` a model on each of several annotations, side by side where ``options`` allow it."""
    options = options or Options()
    sets = [evaluation.pages_of(each) for each in annotations]
    if not all(sets):
        raise UsageError("no annotated pages to train on")
    from joblib import Parallel, delayed

    marked = [_for_html(pages) for pages in sets]
    jobs = [(pages, options, False) for pages in sets]
    jobs += [(pages, options, True) for pages in marked if pages]
    if len(jobs) > 1 and options.jobs != 1:  # a process for each beats threads within one
        single = replace(options, jobs=1)
        done: dict[int, Fitted] = {}
        # Of several sets those for HTML wait: the longest of either kind, side by side, take 20 GB.
        kinds = [[False], [True]] if len(sets) > 1 else [[False, True]]
        with Parallel(2, mmap_mode=None, batch_size=1) as parallel:
            for kind in kinds:
                order = [job for job in range(len(jobs)) if jobs[job][2] in kind]
                order.sort(key=lambda job: -len(jobs[job][0]))
                parts = parallel(
                    delayed(fit_weights)(jobs[job][0], single, jobs[job][2]) for job in order
                )
                done |= dict(zip(order, parts, strict=True))
        results = [done[job] for job in range(len(jobs))]
    else:
        results = [fit_weights(*job) for job in jobs]
    texts, html = results[: len(sets)], iter(results[len(sets) :])
    return [
        _model(pages, options, text, next(html) if with_markup else None)
        for pages, text, with_markup in zip(sets, texts, marked, strict=True)
    ]


def _for_html(pages: Sequence[AnnotatedPage]) -> list[AnnotatedPage]:
    """What weights for HTML are fitted on: nothing if no page has markup."""
    if all(page.markup is None for page in pages):
        return []
    return [
        page if page.markup is not None else replace(page, weight=_UNMARKED * page.weight)
        for page in pages
        if page.markup is not None or not page.variant
    ]


def _model(
    pages: Sequence[AnnotatedPage], options: Options, text: Fitted, html: Fitted | None
) -> Model:
    about = {
        "unticker": version("unticker"),
        "lines": sum(label is not None for p in pages if not p.variant for label in p.labels),
        "pages": sum(not page.variant for page in pages),
        "sites": len({page.site for page in pages}),
        "seed": options.seed,
        "ngrams": {
            name: len(fitted.weights.vocabulary)
            for name, fitted in (("text", text), ("html", html))
            if fitted is not None
        },
        "cross_validated": {
            name: fitted.cross_validated
            for name, fitted in (("text", text), ("html", html))
            if fitted is not None and fitted.cross_validated
        },
    }
    return Model(text.weights, html.weights if html else None, text.article, about)


def _held_out(
    pages: Sequence[AnnotatedPage], examples: Examples, scores: IntArray, markup: bool
) -> dict[str, Any]:
    """Scores of pages as they are, for HTML those with markup; the others are only fitted on."""
    if not examples.fold.any():
        return {}
    langs: list[str] = []
    scored: list[bool] = []
    for chunk, batch in zip(chunks(pages), examples.batches, strict=True):
        whole = [not p.variant and (p.markup is not None or not markup) for p in chunk]
        langs += [chunk[page].lang for page in batch.units.page if whole[page]]
        scored += [whole[page] for page in batch.units.page]
    kept = np.array(scored, bool)
    truth, predicted = examples.labels[kept], scores.argmax(axis=1)[kept]
    return evaluation.scores(truth, predicted, langs)


def _transitions(examples: Examples) -> NDArray[np.int16]:
    """Of `unticker.chain`: by how much a label stands behind another more often than by chance
    (pointwise mutual information), of which `_CHAINED` counts."""
    pairs = np.zeros((len(LABELS), len(LABELS)))
    labels = examples.split(examples.labels)
    for batch, label, weight in zip(
        examples.batches, labels, examples.split(examples.weight), strict=True
    ):
        within = np.flatnonzero(~batch.layout.opens) - 1
        np.add.at(pairs, (label[within], label[within + 1]), weight[within])
    expected = np.outer(pairs.sum(axis=1), pairs.sum(axis=0)) / max(pairs.sum(), 1)
    known = np.log((pairs + 1) / (expected + 1))
    return np.round(_CHAINED * UNIT_SCALE * known).astype(np.int16)


def _fit_article(
    pages: Sequence[AnnotatedPage], examples: Examples, held: IntArray
) -> tuple[float, ...]:
    """Weights of `ARTICLE_COLUMNS`, from out-of-fold scores of pages with and without body.

    Variants count only if they are made for this fit or hold pages in one line: most have an
    article, as their pages have.
    """
    columns, has = [], []
    for chunk, batch, start in zip(
        chunks(pages), examples.batches, examples.starts.tolist(), strict=True
    ):
        first = batch.units.first
        for page, low, high in zip(chunk, first[:-1], first[1:], strict=True):
            if low == high or (page.variant and page.weight and not page.parts):
                continue
            own, units = slice(low, high), batch.units
            scores = held[start + low : start + high]
            powers = exponentials(scores).astype(np.float64)
            length = (units.ends - units.starts)[own]
            run_on = following(units.line[own], units.starts[own], units.ends[own])
            chances = powers / powers.sum(axis=1, keepdims=True)
            body = np.flatnonzero(scores.argmax(axis=1) == BODY)
            columns.append(article_columns(body, length, [chances], run_on))
            has.append(bool((examples.labels[start + low : start + high] == BODY).any()))
    if all(has) or sum(not h for h in has) < 5:
        return (0.0,) * (len(ARTICLE_COLUMNS) - 1) + (3.0,)
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        model = LogisticRegression(C=1.0, fit_intercept=False, max_iter=1000)
        model.fit(np.array(columns), np.array(has), np.where(has, 1.0, _EMPTY))
    return tuple(round(float(value), 4) for value in model.coef_[0])


def to_sklearn(model: Model, kind: str = "text") -> Any:
    """The model's last pass, before its units are taken for a chain (`unticker.chain`), as a fitted
    scikit-learn ``LogisticRegression``.

    Its 'features' are the columns of `unticker.weights.third_context`, its crosses and the cases
    of its conjunctions, one-hot, and then its vocabulary of n-grams once for each of
    `unticker.weights.NGRAM_PLACES`.
    """
    from sklearn.linear_model import LogisticRegression

    weights = model.html if kind == "html" else model.text
    if weights is None:
        raise UsageError(f"the model has no weights for {kind}")
    estimator = LogisticRegression()
    estimator.classes_ = np.arange(len(LABELS))
    context = np.concatenate([weights.columns3, weights.crosses3, weights.cases]) / w.CONTEXT_SCALE
    places = np.split(weights.ngrams3, len(w.NGRAM_PLACES), axis=1)
    rows = np.concatenate([context, *(place / UNIT_SCALE for place in places)])
    estimator.coef_ = rows.T
    estimator.intercept_ = weights.bias3 / w.CONTEXT_SCALE
    estimator.n_features_in_ = rows.shape[0]
    estimator.n_iter_ = np.array([1])
    return estimator
