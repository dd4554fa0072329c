"""The compiled loops beside the NumPy code that does the same."""

import importlib.util
import shutil
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import unticker
from unticker import alphabet, kernels, search, sums, vocabulary, weights
from unticker.examples import Examples, Options
from unticker.ngrams import BUCKETS
from unticker.words import Text

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    *sorted((ROOT / "seeds").glob("*.txt")),
    *sorted((ROOT / "annotations" / "original" / "html").glob("*.html"))[::100],
]
HATCHLING = (
    "builders",
    "builders.hooks",
    "builders.hooks.plugin",
    "builders.hooks.plugin.interface",
)
ROWS = 2000
ODD = st.text(st.sampled_from("aZé.,:;»« \t\n\r0159 中文字ابج١٢-–|@©€\u0301🙂\udc80"), max_size=400)
compiled = kernels.compiled()
needs_them = pytest.mark.skipif(compiled is None, reason="no C compiler when it was installed")


def slowly(function, *arguments):
    """What NumPy makes of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "compiled", lambda: None)
        return function(*arguments)


def test_they_are_compiled_where_a_compiler_is():
    if sys.platform != "win32" and shutil.which("cc"):
        assert compiled is not None


@needs_them
@given(st.lists(ODD, max_size=4))
def test_words_and_counts(texts):
    def seen():
        text = Text(weights.prepare(texts).units)
        hashes = text.unit_hashes, text.word_hashes
        counts = text._class_counts[: len(alphabet.CLASSES)]
        return *text._words, *hashes, counts, text.word_traits

    for quick, slow in zip(seen(), slowly(seen), strict=True):
        assert quick.dtype == slow.dtype
        assert quick.shape == slow.shape
        assert (quick == slow).all()


@needs_them
@given(st.integers(0, 2**32 - 1))
def test_sums_of_rows(seed):
    rng = np.random.default_rng(seed)
    units, width = int(rng.integers(0, 600)), int(rng.choice([4, 8, 12, 32]))
    table = rng.integers(-32768, 32767, (ROWS + 1, width)).astype(np.int16)
    table[-1] = 0
    every = np.arange(units)
    some = np.sort(rng.integers(0, max(units, 1), 2 * units)) if units else every
    families = [
        (every, rng.integers(0, ROWS, units)),
        (some, 3 * some + 5),
        (every[:0], every[:0]),
    ]

    def added():
        total = np.zeros((units, width), np.int32)
        sums.add(total, table, families)
        return total

    assert (added() == slowly(added)).all()
    wide = rng.integers(-(1 << 31), 1 << 31, (90, width)).astype(np.int32)
    selected = [rng.integers(0, 30, units) for _ in range(3)]
    given = wide, selected, np.array([0, 30, 60])
    assert (sums.sum_rows(*given) == slowly(sums.sum_rows, *given)).all()
    rows = [wide[each + 30 * place].astype(np.int64) for place, each in enumerate(selected)]
    assert (sums.sum_rows(*given) == sum(rows)).all()


@needs_them
@given(st.integers(0, 2**32 - 1))
def test_known_ngrams(seed):
    rng = np.random.default_rng(seed)
    known = vocabulary.Vocabulary(np.unique(rng.integers(0, BUCKETS, rng.integers(0, 900))))
    bucket = np.concatenate([known.buckets, rng.integers(0, BUCKETS, 50), [0, BUCKETS - 1]])
    unit = np.arange(len(bucket)) // 3
    for quick, slow in zip(
        known.known((unit, bucket)), slowly(known.known, (unit, bucket)), strict=True
    ):
        assert quick.tolist() == slow.tolist()


@needs_them
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_pages_are_labelled_alike(path):
    def labelled():
        page = unticker.label(path)
        return list(page.lines), page.title, page.article_probability

    assert labelled() == slowly(labelled)


@needs_them
def test_loops_of_another_source_are_left_alone(tmp_path, monkeypatch):
    load = kernels.compiled.__wrapped__
    monkeypatch.setattr(kernels, "__file__", str(tmp_path / "kernels.py"))
    assert load() is None
    shutil.copy(ROOT / "unticker" / kernels.LIBRARY, tmp_path)
    shutil.copytree(ROOT / "unticker" / kernels.SOURCES, tmp_path / kernels.SOURCES)
    assert load() is not None
    with (tmp_path / kernels.SOURCES / "sums.c").open("a") as source:
        source.write("\n")
    assert load() is None
    (tmp_path / kernels.LIBRARY).unlink()  # it is in use
    (tmp_path / kernels.LIBRARY).write_bytes(b"no library")
    assert load() is None


@needs_them
def test_a_search_finds_the_same_conjunctions():
    rng = np.random.default_rng(1)
    columns = rng.integers(0, 200, (3000, 9)).astype(np.int16)
    labels = rng.integers(0, 4, 3000)
    site, none = rng.integers(0, 150, 3000), np.zeros(0, np.int64)
    weight, native = rng.random(3000), np.ones(3000, bool)
    examples = Examples([], none, none, None, labels, none, none, none, site, weight, native)
    given = [columns], rng.integers(-300, 300, (3000, 4)), examples, Options(conjunctions=8)
    assert (search.find(*given) == slowly(search.find, *given)).all()


@pytest.fixture
def hook(tmp_path, monkeypatch):
    """``hatch_build``, as the build backend imports it, for a package of its own."""
    for name in ("hatchling", *(f"hatchling.{each}" for each in HATCHLING)):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    interface = sys.modules["hatchling.builders.hooks.plugin.interface"]
    monkeypatch.setattr(interface, "BuildHookInterface", object, raising=False)
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    shutil.copytree(ROOT / "unticker" / kernels.SOURCES, tmp_path / kernels.SOURCES)
    monkeypatch.setattr(module, "SOURCES", tmp_path / kernels.SOURCES)
    monkeypatch.setattr(module, "LIBRARY", tmp_path / kernels.LIBRARY)
    return module


def build(hook):
    """What a wheel is told, and the warnings shown."""
    warnings = []
    told = {"artifacts": []}
    made = hook.Kernels()
    made.app = types.SimpleNamespace(display_warning=warnings.append)
    made.initialize("standard", told)
    return told, warnings


@needs_them
def test_installing_compiles_them(hook, tmp_path, monkeypatch):
    told, warnings = build(hook)
    assert not warnings
    assert told["pure_python"] is False
    assert told["tag"].startswith("py3-none-")
    assert told["artifacts"] == [f"unticker/{kernels.LIBRARY}"]
    monkeypatch.setattr(kernels, "__file__", str(tmp_path / "kernels.py"))
    assert kernels.compiled.__wrapped__() is not None


@pytest.mark.parametrize(
    ("compiler", "source", "reason"),
    [
        ("no-such-compiler", "", "no C compiler"),
        ("cc", "this is no C", "the C compiler failed: "),
    ],
)
@needs_them
def test_installing_without_them_says_why(hook, tmp_path, monkeypatch, compiler, source, reason):
    monkeypatch.setenv("CC", compiler)
    (tmp_path / kernels.SOURCES / "sums.c").write_text(source)
    told, warnings = build(hook)
    assert told == {"artifacts": []}
    assert [reason in warning for warning in warnings] == [True]
    assert not (tmp_path / kernels.LIBRARY).exists()
