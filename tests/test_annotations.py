"""The annotations: well formed, our own words, split by site, and no text of a public page.

Words are compared without case and punctuation. Chinese, Japanese, Thai and their like
write no spaces: a line mostly in such a script counts by its characters instead.
"""

import json
import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from joblib import Parallel, delayed

from train import corpora, gold
from unticker import html, lines
from unticker.types import LABELS

ROOT = Path(__file__).resolve().parent.parent
FIELDS = ["page", "line", "text", "label", "lang", "site"]
STANDOFF_FIELDS = ["set", "page", "line", "sha1", "label", "lang", "site"]
PER_LANGUAGE = {"ar": 60, "fr": 50, "es": 25, "en": 15, "pt": 8}
RUN_OF_WORDS, RUN_OF_CHARACTERS = 8, 20
LONG = 20  # characters; shorter interface lines ("Read more") have no other wording
NEAR_COPY = 0.1
# Lines of programming that a public tutorial shows and our own modules hold too, by hash.
CODE = {
    "f17cd46d6e": "the import of BeautifulSoup",
    "780e59cb31": "an HTTP header of a plain text",
    "ca5038c8b9": "the tag of an encoding",
}
UNTRACKED = {"__pycache__", "build", "dist", "cleaned", "corpora"}

Row = dict[str, Any]
PageId = tuple[str, str]
Original = dict[str, list[Row]]
Standoff = dict[PageId, list[Row]]
Public = dict[PageId, list[str]]
Splits = dict[str, str]
Seeds = dict[str, list[str]]
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
)


class _WordCharacters(dict[int, str]):
    """For `str.translate`: letters, marks and digits stay, joiners go, the rest is a space."""

    def __missing__(self, code: int) -> str:
        category = unicodedata.category(chr(code))
        kept = chr(code) if category[0] in "LMN" else "" if category == "Cf" else " "
        self[code] = kept
        return kept


WORD_CHARACTERS = _WordCharacters()


@cache
def key(text: str) -> str:
    return " ".join(text.casefold().translate(WORD_CHARACTERS).split())


def words(text: str) -> list[str]:
    return key(text).split(" ") if key(text) else []


def is_unspaced(found: list[str]) -> bool:
    joined = "".join(found)
    return not joined.isascii() and len(UNSPACED.findall(joined)) * 2 > len(joined)


def length(text: str) -> float:
    """How many words a line has; two and a half characters make one without spaces."""
    found = words(text)
    return len("".join(found)) / 2.5 if is_unspaced(found) else len(found)


def runs(texts: Iterable[str]) -> Iterator[str]:
    """Every run of a page's words, or characters where there are no spaces, across lines."""
    spaced: list[str] = []
    unspaced: list[str] = []
    for text in texts:
        found = words(text)
        if is_unspaced(found):
            unspaced += "".join(found)
        else:
            spaced += found
    for start in range(len(spaced) - RUN_OF_WORDS + 1):
        yield " ".join(spaced[start : start + RUN_OF_WORDS])
    for start in range(len(unspaced) - RUN_OF_CHARACTERS + 1):
        yield "".join(unspaced[start : start + RUN_OF_CHARACTERS])


def pieces(text: str) -> set[str]:
    """A line, and the headlines of a ticker that stands on it, with and without their times."""
    found = {text, *re.split(r"\s{3,}|\t", text)}
    return found | {re.sub(r"^\W*\d\d?[:h.]\d\d\s*", "", piece) for piece in found}


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    twice = [name for name, n in Counter(name for name, _ in pairs).items() if n > 1]
    assert twice == []
    return dict(pairs)


@pytest.fixture(scope="module")
def original() -> Original:
    pages: dict[str, list[Row]] = defaultdict(list)
    for path in sorted((ROOT / "annotations" / "original").glob("*.jsonl")):
        seen = set(pages)
        for row in path.read_text("utf-8").split("\n"):
            if row:
                pages[json.loads(row)["page"]].append(json.loads(row))
                assert json.loads(row)["page"] not in seen, f"{path.name}: a page in two files"
    return dict(pages)


@pytest.fixture(scope="module")
def standoff() -> Standoff:
    return gold.standoff()


@pytest.fixture(scope="module")
def splits() -> Splits:
    text = (ROOT / "annotations" / "splits.json").read_text("utf-8")
    found: Splits = json.loads(text, object_pairs_hook=unique)
    return found


@pytest.fixture(scope="module")
def public(standoff: Standoff) -> Public:
    """The lines of all annotated public pages, read anew."""
    place = corpora.find()
    if place is None:
        pytest.skip("no public pages in ../shared/corpora; run python -m train corpora --from DIR")
    pages = sorted(standoff)
    read = Parallel(2, batch_size=32)(delayed(read_lines)(place, *page) for page in pages)
    return dict(zip(pages, read, strict=True))


def read_lines(place: Path, name: str, page: str) -> list[str]:
    return list(html.read(corpora.page_bytes(place, name, page)).markup.lines)


@pytest.fixture(scope="module")
def seeds() -> Seeds:
    paths = sorted((ROOT / "seeds").glob("*.txt"))
    assert len(paths) == 5
    return {path.name: lines.split(path.read_bytes().decode("utf-8")) for path in paths}


# Original pages


def test_original_rows_are_well_formed(original: Original) -> None:
    for page, rows in original.items():
        numbers = [row["line"] for row in rows]
        assert numbers == sorted(set(numbers)), page
        assert numbers[0] >= 1, page
        for row in rows:
            where = f"{page} line {row['line']}"
            assert list(row) == FIELDS, where
            assert row["label"] in LABELS, where
            assert not lines.is_blank(row["text"]), where
            assert not re.search(r"[\r\n]", row["text"]), where
        assert len({(row["lang"], row["site"]) for row in rows}) == 1, page


def test_original_pages_are_many_and_in_many_languages(original: Original) -> None:
    languages = Counter(rows[0]["lang"] for rows in original.values())
    assert sum(languages.values()) >= 250
    assert len(languages) >= 30
    assert {lang: n for lang, n in PER_LANGUAGE.items() if languages[lang] < n} == {}
    assert {page for page, rows in original.items() if len(rows) < 5} == set()


def test_every_original_page_has_a_site_of_its_own(original: Original) -> None:
    sites = Counter(rows[0]["site"] for rows in original.values())
    assert {site for site, n in sites.items() if n > 1} == set()


def test_original_pages_written_as_html_have_the_lines_that_are_labelled(
    original: Original,
) -> None:
    paths = sorted((ROOT / "annotations" / "original" / "html").iterdir())
    assert len(paths) >= 100
    for path in paths:
        read = html.read(path.read_bytes()).markup.lines
        assert read == [row["text"] for row in original[path.stem]], path.name
        assert path.suffix == ".html"


def test_no_furniture_and_no_headline_stands_on_two_original_pages(original: Original) -> None:
    found: dict[str, set[str]] = defaultdict(set)
    for page, rows in original.items():
        for row in rows:
            if row["label"] in ("ui-chrome", "headline-ticker"):
                for piece in pieces(row["text"]):
                    if length(piece) >= 4:
                        found[key(piece)].add(page)
    assert {text: sorted(on) for text, on in found.items() if len(on) > 1} == {}


def test_no_original_page_repeats_a_seed(original: Original, seeds: Seeds) -> None:
    seed_pieces = {
        key(piece) for texts in seeds.values() for text in texts for piece in pieces(text)
    }
    seed_runs = {run for texts in seeds.values() for run in runs(texts)}
    assert len(seed_pieces) > 130  # the tickers of 000 and 004 hold 48 headlines each
    for page, rows in original.items():
        for row in rows:
            several = {key(p) for p in pieces(row["text"]) if len(words(p)) > 1}
            assert not several & seed_pieces, f"{page} line {row['line']}"
        shared = seed_runs.intersection(runs(row["text"] for row in rows))
        assert not shared, f"{page}: {shared}"


def test_genres_cover_every_original_page(original: Original) -> None:
    table = (ROOT / "annotations" / "original" / "genres.tsv").read_text("utf-8").splitlines()
    header, *rows = [row.split("\t") for row in table]
    assert header == ["page", "genre", "remarks", "nasty"]
    assert {len(row) for row in rows} == {4}
    assert Counter(row[0] for row in rows) == Counter(list(original))
    assert {row[3] for row in rows} == {"yes", "no"}
    assert sum(row[3] == "yes" for row in rows) * 4 >= len(rows)


# Public pages


def test_original_pages_repeat_no_public_page(original: Original, public: Public) -> None:
    """No run of eight words, no whole line of several words and 20 or more characters.

    Equal lines that are shorter are allowed: there is one way to say "Read more".
    """
    own_runs = {
        run: page for page, rows in original.items() for run in runs(r["text"] for r in rows)
    }
    own_lines = {
        key(row["text"]): f"{page} line {row['line']}"
        for page, rows in original.items()
        for row in rows
        if len(row["text"]) >= LONG and length(row["text"]) > 1
    }
    shared = []
    for page, texts in public.items():
        where = "/".join(page)
        shared += [f"{where}: {own_runs[run]}, {run}" for run in runs(texts) if run in own_runs]
        shared += [f"{where}: {own_lines[k]}" for k in map(key, texts) if k in own_lines]
    assert shared == []


def test_no_text_of_a_public_page_stands_in_the_repository(
    public: Public, standoff: Standoff, splits: Splits
) -> None:
    """No gold line of 20 or more characters stands inside any text of any file.

    Names may: a host's, which is a site, and an upstream file's, which is a page.
    """
    starts: dict[str, set[str]] = defaultdict(set)
    for texts in public.values():
        for text in texts:
            folded = " ".join(text.split())
            if len(folded) >= LONG and words(text) and gold.digest(folded) not in CODE:
                starts[folded[:LONG]].add(folded)
    names = "\n".join([*splits, *(page for _, page in standoff)])
    searched = dict(repository())
    assert len(searched) > 50
    found = []
    for path, text in searched.items():
        folded = " ".join(text.split())
        for at in range(len(folded) - LONG + 1):
            for line in starts.get(folded[at : at + LONG], ()):
                if folded.startswith(line, at) and line not in names:
                    found.append(f"{path}: {gold.digest(line)}, {line[:LONG]}")
    assert found == []


def repository() -> Iterator[tuple[str, str]]:
    """Every file of the checkout with the text in it.

    The stand-off rows are left out: a test holds their fields to names, hashes and labels.
    """
    for folder, folders, files in os.walk(ROOT):
        folders[:] = sorted(
            name
            for name in folders
            if name not in UNTRACKED
            and (not name.startswith(".") or name == ".ci")
            and not name.endswith(".egg-info")
        )
        for name in sorted(files):
            path = Path(folder) / name
            if path.parent.name == "standoff" and path.suffix == ".jsonl":
                continue
            yield str(path.relative_to(ROOT)), text_of(path)


def text_of(path: Path) -> str:
    data = path.read_bytes()
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            return "\n".join(
                "\n".join(map(str, array.ravel().tolist()))
                if array.dtype.kind in "US"
                else array.tobytes().decode("utf-8", "replace")
                for array in arrays.values()
            )
    text = data.decode("utf-8", "replace")
    if path.suffix == ".jsonl":
        rows = [json.loads(row) for row in text.split("\n") if row]
        return "\n".join(str(value) for row in rows for value in row.values())
    if path.suffix == ".json":
        return text + "\n" + json.dumps(json.loads(text), ensure_ascii=False)
    return text


def test_standoff_rows_are_well_formed(standoff: Standoff) -> None:
    for page, rows in standoff.items():
        numbers = [row["line"] for row in rows]
        assert numbers == sorted(set(numbers)), page
        assert {tuple(row) for row in rows} == {tuple(STANDOFF_FIELDS)}, page
        assert len({(row["lang"], row["site"]) for row in rows}) == 1, page
        assert all(row["label"] in LABELS for row in rows), page
        assert all(re.fullmatch("[0-9a-f]{10}", row["sha1"]) for row in rows), page
        assert re.fullmatch(r"\w{2,3}", rows[0]["lang"]), page
        assert re.fullmatch(r"[\w.-]+", rows[0]["site"]), page


def test_every_line_of_the_public_pages_is_labelled_and_unchanged(
    standoff: Standoff, public: Public
) -> None:
    assert sum(map(len, standoff.values())) >= 50_000
    assert len(standoff) >= 350
    for page, rows in standoff.items():
        read = {
            number: gold.digest(text)
            for number, text in enumerate(public[page], 1)
            if not lines.is_blank(text)
        }
        assert {row["line"]: row["sha1"] for row in rows} == read, page


# Splits


def test_every_site_is_in_one_split(original: Original, standoff: Standoff, splits: Splits) -> None:
    pages = [*original.values(), *standoff.values()]
    assert {rows[0]["site"] for rows in pages} == set(splits)
    assert set(splits.values()) == set(gold.SPLITS)
    for split in gold.SPLITS:
        part = [rows for rows in pages if splits[rows[0]["site"]] == split]
        assert {row["label"] for rows in part for row in rows} == set(LABELS), split
        assert len({rows[0]["lang"] for rows in part}) >= 15, split


def test_no_near_copies_in_two_splits(
    original: Original, standoff: Standoff, public: Public, splits: Splits
) -> None:
    """Pages of two splits share less than a tenth of their lines of five or more words.

    Wordings that stand on the pages of three or more sites belong to a theme or a
    service (the comment form of a blog, the days of a calendar), not to an article.
    """
    pages = {page: (standoff[page][0]["site"], texts) for page, texts in public.items()}
    for name, rows in original.items():
        pages["original", name] = (rows[0]["site"], [row["text"] for row in rows])
    long = {page: {key(t) for t in texts if length(t) >= 5} for page, (_, texts) in pages.items()}
    on: dict[str, list[PageId]] = defaultdict(list)
    for page, found in long.items():
        for text in found:
            on[text].append(page)
    shared: Counter[tuple[PageId, PageId]] = Counter()
    for where in on.values():
        if len(where) > 1 and len({pages[page][0] for page in where}) < 3:
            shared.update(combinations(sorted(where), 2))
    near = {
        (one, two): n
        for (one, two), n in shared.items()
        if splits[pages[one][0]] != splits[pages[two][0]]
        and n >= NEAR_COPY * min(len(long[one]), len(long[two]))
    }
    assert near == {}
