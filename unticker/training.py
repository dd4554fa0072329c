"""Annotated lines to a model. The only module that imports scikit-learn.

The context passes must see scores as they will be on unseen sites: each pass is
scored out of fold, by models that never saw the page's site (stacked sequential
learning: Cohen and Carvalho, IJCAI 2005). Folds of the first pass and of the next are drawn
apart: with the same folds the later passes overrate the earlier ones.
"""

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unticker import evaluation
from unticker import weights as w
from unticker.annotations import AnnotatedPage
from unticker.assembly import ARTICLE_COLUMNS, article_columns
from unticker.columns import CLASSES, column_names
from unticker.context import Columns
from unticker.errors import UsageError
from unticker.examples import Examples, Options, chunks, gather
from unticker.features import BUCKETS
from unticker.model import Model
from unticker.types import BODY, LABELS
from unticker.units import IntArray
from unticker.weights import Weights


@dataclass(frozen=True, slots=True)
class Fitted:
    """Weights, their cross-validated scores, and weights of `ARTICLE_COLUMNS`.

    The scores are those of the first two passes, out of fold; empty with a single site.
    """

    weights: Weights
    cross_validated: dict[str, Any]
    article: tuple[float, ...]


def fit_weights(pages: Sequence[AnnotatedPage], options: Options, markup: bool = False) -> Fitted:
    """Fit all three passes on annotated pages (their markup too, if ``markup``).

    Raises `UsageError` if fewer than two labels occur.
    """
    examples = gather(pages, options, markup)
    if len(np.unique(examples.labels)) < 2:
        raise UsageError("the annotations hold only one label; a classifier needs at least two")
    weights, first = fit_units(examples, options)
    contexts = [
        w.second_context(batch, first[start : start + len(batch.units)])
        for batch, start in zip(examples.batches, examples.starts, strict=True)
    ]
    layer, second = fit_context(contexts, examples, options)
    weights = replace(weights, columns2=layer[0], crosses2=layer[1], bias2=layer[2])
    contexts = [
        w.third_context(batch, seen, second[start : start + len(batch.units)])
        for batch, seen, start in zip(examples.batches, contexts, examples.starts, strict=True)
    ]
    layer, _ = fit_context(contexts, examples, options, final=True)
    weights = replace(weights, columns3=layer[0], crosses3=layer[1], bias3=layer[2])
    article = _fit_article(examples, second)
    return Fitted(weights, _held_out(pages, examples, second), article)


def fit_units(examples: Examples, options: Options) -> tuple[Weights, IntArray]:
    """First pass: weights of all examples, and out-of-fold scores (units, 12)."""
    empty = np.zeros((0, 4), np.int32)
    none = np.zeros(4, np.int64)

    def fit(train: NDArray[np.bool_], c: float) -> Weights:
        kept = _frequent(examples, train, options.min_sites)
        solved, bias = _solve(
            examples.rows[train][:, kept], examples.classes[train], CLASSES, c,
            examples.weight[train], options.iterations,
        )  # fmt: skip
        table = np.zeros((examples.rows.shape[1], CLASSES), np.int16)
        table[kept] = np.clip(np.round(solved.T * w.UNIT_SCALE), -32768, 32767)
        fixed = np.round(bias * w.UNIT_SCALE).astype(np.int32)
        ngrams, shapes = table[:BUCKETS], table[BUCKETS:]
        return Weights(ngrams, shapes, fixed, empty, empty, none, empty, empty, none)

    def scores(weights: Weights) -> IntArray:
        return np.concatenate([w.unit_scores(weights, batch) for batch in examples.batches])

    with _early_stopping():
        return _cross_fit(examples.fold, options, options.unit_c, fit, scores, examples.classes)


def fit_context(
    contexts: list[Columns], examples: Examples, options: Options, final: bool = False
) -> tuple[tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]], IntArray]:
    """A context pass: (columns, crosses, bias), and out-of-fold scores (units, 4).

    The ``final`` pass feeds no other, so it is fitted once and scored by none.
    """
    import scipy.sparse as sp

    values = np.concatenate([seen.values for seen in contexts]).astype(np.float32, order="C")
    crosses = np.concatenate([seen.crosses for seen in contexts])
    # Centred columns of like size: the solver needs far fewer iterations.
    scale, centre = 1 / (values.std(axis=0) + 1), values.mean(axis=0)
    width = values.shape[1]
    full = w.crosses_size(CLASSES)
    if width > len(column_names(CLASSES)):
        full += w.crosses_size(len(LABELS))
    pointer = np.arange(0, crosses.size + 1, crosses.shape[1])
    ones = np.ones(crosses.size, np.float32)
    hot = sp.csr_matrix((ones, crosses.ravel(), pointer), (len(values), full))
    design = sp.hstack([sp.csr_matrix((values - centre) * scale), hot]).tocsr()

    def fit(train: NDArray[np.bool_], c: float) -> Any:
        solved, bias = _solve(
            design[train], examples.labels[train], len(LABELS), c,
            examples.weight[train], options.iterations,
        )  # fmt: skip
        fixed = np.round(solved.T * w.CONTEXT_SCALE)
        columns = solved.T[:width] * scale[:, None]
        bias = bias - centre @ columns
        return (
            np.round(columns * w.CONTEXT_SCALE).astype(np.int32),
            fixed[width:].astype(np.int32),
            np.round(bias * w.CONTEXT_SCALE).astype(np.int64),
        )

    def scores(layer: Any) -> IntArray:
        table, rows, bias = layer
        return np.concatenate([w.context_scores(table, rows, bias, seen) for seen in contexts])

    with _early_stopping():
        if final:
            everything = np.ones(len(examples.labels), bool)
            return fit(everything, options.context_c[0]), examples.labels
        return _cross_fit(
            examples.context_fold, options, options.context_c, fit, scores, examples.labels
        )


@contextlib.contextmanager
def _early_stopping() -> Iterator[None]:
    """No warning where the cap on iterations, chosen on the development split, ends a fit.

    Set around the threads of the folds, since they share their filters.
    """
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def _cross_fit(
    fold: IntArray, options: Options, choices: tuple[float, ...], fit: Any, scores: Any,
    target: IntArray,
) -> tuple[Any, IntArray]:  # fmt: skip
    """Fit on all, and score every unit by a fit without its site; choose C by log loss."""
    from joblib import Parallel, delayed

    folds = int(fold.max()) + 1
    everything = np.ones(len(target), bool)

    def job(c: float, held: int) -> Any:
        train = everything if held < 0 else fold != held
        fitted = fit(train, c)
        if held < 0:
            return fitted
        return scores(fitted)[fold == held]

    best: tuple[float, float, IntArray] | None = None
    single = folds < 2
    with Parallel(options.jobs, prefer="threads") as parallel:
        for c in choices:
            if single:
                fitted = fit(everything, c)
                return fitted, scores(fitted)
            parts = parallel(delayed(job)(c, number) for number in range(folds))
            held = np.empty((len(target), parts[0].shape[1]), np.int64)
            for number, part in enumerate(parts):
                held[fold == number] = part
            powers = w.exponentials(held).astype(np.float64) + 1
            chosen = powers[np.arange(len(target)), target] / powers.sum(axis=1)
            loss = float(-np.log(chosen).mean())
            if best is None or loss < best[0]:
                best = (loss, c, held)
    assert best is not None
    return fit(everything, best[1]), best[2]


def _frequent(examples: Examples, train: NDArray[np.bool_], least: int) -> NDArray[np.bool_]:
    """Which rows are selected by units of at least ``least`` sites; shapes always are."""
    import scipy.sparse as sp

    site = np.unique(examples.site[train], return_inverse=True)[1]
    least = min(least, max(1, (int(site.max()) + 1) // 3))
    ones = np.ones(len(site), np.float32)
    seen = sp.csr_matrix((ones, (site, np.arange(len(site))))) @ examples.rows[train]
    seen.data[:] = 1
    kept: NDArray[np.bool_] = np.asarray(seen.sum(axis=0)).ravel() >= least
    kept[BUCKETS:] = True
    return kept


def _solve(
    rows: Any, target: IntArray, size: int, c: float, weight: NDArray[np.float64], iterations: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Multinomial logistic regression: (size, columns) weights and (size,) biases.

    A class that does not occur gets a bias that keeps it out.
    """
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    present = np.unique(target)
    solved = np.zeros((size, rows.shape[1]))
    bias = np.full(size, -15.0)
    if len(present) == 1:
        bias[present[0]] = 0.0
        return solved, bias
    model = LogisticRegression(C=c, max_iter=iterations, tol=1e-4)
    with threadpool_limits(1):
        model.fit(rows, target, weight)
    if len(present) == 2:
        solved[present[1]], bias[present] = model.coef_[0], 0.0
        bias[present[1]] = model.intercept_[0]
    else:
        solved[present], bias[present] = model.coef_, model.intercept_
    return solved, bias


def fit(annotations: Any, options: Options | None = None) -> Model:
    """Fit a model on annotations: pages, rows, or paths of annotation files.

    Pages that come with markup give the model a second set of weights, for HTML.
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

    marked = [[page for page in pages if page.markup is not None] for pages in sets]
    jobs = [(pages, options, False) for pages in sets]
    jobs += [(pages, options, True) for pages in marked if pages]
    if len(jobs) > 1 and options.jobs != 1:  # a process for each beats threads within one
        single = replace(options, jobs=1)
        order = sorted(range(len(jobs)), key=lambda job: -len(jobs[job][0]))  # longest first
        parts = Parallel(2, mmap_mode=None, batch_size=1)(
            delayed(fit_weights)(jobs[job][0], single, jobs[job][2]) for job in order
        )
        done = dict(zip(order, parts, strict=True))
        results = [done[job] for job in range(len(jobs))]
    else:
        results = [fit_weights(*job) for job in jobs]
    texts, html = results[: len(sets)], iter(results[len(sets) :])
    return [
        _model(pages, options, text, next(html) if with_markup else None)
        for pages, text, with_markup in zip(sets, texts, marked, strict=True)
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
        "cross_validated": {
            name: fitted.cross_validated
            for name, fitted in (("text", text), ("html", html))
            if fitted is not None and fitted.cross_validated
        },
    }
    return Model(text.weights, html.weights if html else None, text.article, about)


def _held_out(
    pages: Sequence[AnnotatedPage], examples: Examples, scores: IntArray
) -> dict[str, Any]:
    if not examples.fold.any():
        return {}
    langs: list[str] = []
    whole: list[bool] = []  # variants of a page are trained on, not scored
    for chunk, batch in zip(chunks(pages), examples.batches, strict=True):
        langs += [chunk[page].lang for page in batch.units.page if not chunk[page].variant]
        whole += [not chunk[page].variant for page in batch.units.page]
    kept = np.array(whole, bool)
    truth, predicted = examples.labels[kept], scores.argmax(axis=1)[kept]
    return evaluation.scores(truth, predicted, langs)


def _fit_article(examples: Examples, held: IntArray) -> tuple[float, ...]:
    """Weights of `ARTICLE_COLUMNS`, from out-of-fold scores of pages with and without body."""
    columns, has = [], []
    for batch, start in zip(examples.batches, examples.starts, strict=True):
        for low, high in zip(batch.units.first[:-1], batch.units.first[1:], strict=True):
            if low == high:
                continue
            scores = held[start + low : start + high]
            powers = w.exponentials(scores).astype(np.float64)
            length = (batch.units.ends - batch.units.starts)[low:high]
            chances = powers / powers.sum(axis=1, keepdims=True)
            columns.append(article_columns(scores.argmax(axis=1), length, chances))
            has.append(bool((examples.labels[start + low : start + high] == BODY).any()))
    if all(has) or sum(not h for h in has) < 5:
        return (0.0,) * (len(ARTICLE_COLUMNS) - 1) + (3.0,)
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        model = LogisticRegression(C=1.0, fit_intercept=False, max_iter=1000)
        model.fit(np.array(columns), np.array(has))
    return tuple(round(float(value), 4) for value in model.coef_[0])


def to_sklearn(model: Model, kind: str = "text") -> Any:
    """The model's last pass as a fitted scikit-learn ``LogisticRegression``.

    Its 'features' are the columns and crosses of `unticker.weights.third_context`, one-hot.
    """
    from sklearn.linear_model import LogisticRegression

    weights = model.html if kind == "html" else model.text
    if weights is None:
        raise UsageError(f"the model has no weights for {kind}")
    estimator = LogisticRegression()
    estimator.classes_ = np.arange(len(LABELS))
    rows = np.concatenate([weights.columns3, weights.crosses3]).astype(np.float64)
    estimator.coef_ = rows.T / w.CONTEXT_SCALE
    estimator.intercept_ = weights.bias3 / w.CONTEXT_SCALE
    estimator.n_features_in_ = rows.shape[0]
    estimator.n_iter_ = np.array([1])
    return estimator
