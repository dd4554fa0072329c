"""The five seeds are the ones given, and each of their lines has one expected label."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from unticker import lines
from unticker.types import LABELS

ROOT = Path(__file__).resolve().parent.parent
SEEDS = ROOT / "seeds"
GIVEN = ROOT.parent / "shared" / "seeds"


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object that names nothing twice (`json` would keep the last one silently)."""
    assert len(dict(pairs)) == len(pairs), [name for name, _ in pairs]
    return dict(pairs)


MANIFEST = json.loads((SEEDS / "MANIFEST.json").read_text("utf-8"))["seeds"]
CASES = json.loads(
    (ROOT / "tests" / "cases" / "seeds.json").read_text("utf-8"), object_pairs_hook=unique
)
NAMES = [entry["name"] for entry in MANIFEST]


def seed_lines(name: str) -> list[str]:
    return lines.split((SEEDS / name).read_bytes().decode("utf-8"))


@pytest.mark.parametrize("entry", MANIFEST, ids=NAMES)
def test_the_manifest_describes_the_file(entry: dict[str, Any]) -> None:
    assert list(entry) == ["name", "sha256", "language", "bytes", "shows"]
    data = (SEEDS / entry["name"]).read_bytes()
    assert entry["bytes"] == len(data)
    assert entry["sha256"] == hashlib.sha256(data).hexdigest()
    assert entry["language"] in ("ar", "fr")
    assert entry["shows"].endswith(".")
    assert entry["shows"].count(". ") == 0


def test_the_manifest_names_every_seed_once() -> None:
    assert sorted(path.name for path in SEEDS.glob("*.txt")) == NAMES
    assert len(NAMES) == 5


@pytest.mark.skipif(not GIVEN.is_dir(), reason="../shared/seeds, the seeds as given, is not here")
def test_the_seeds_are_untouched() -> None:
    assert sorted(path.name for path in GIVEN.iterdir()) == NAMES
    for name in NAMES:
        assert (GIVEN / name).read_bytes() == (SEEDS / name).read_bytes(), name


def test_every_line_of_the_seeds_has_one_expected_label() -> None:
    assert sorted(CASES) == NAMES
    labelled = 0
    for name, labels in CASES.items():
        wanted = [n for n, line in enumerate(seed_lines(name), 1) if not lines.is_blank(line)]
        assert [int(number) for number in labels] == wanted, name
        assert set(labels.values()) <= set(LABELS)
        labelled += len(labels)
    assert labelled == 65
    assert {label for labels in CASES.values() for label in labels.values()} == set(LABELS)


def test_the_article_of_000_is_001() -> None:
    whole, alone = NAMES[:2]
    texts = seed_lines(whole)
    body = [texts[int(n) - 1] for n, label in CASES[whole].items() if label == "body"]
    assert " ".join(" ".join(body[1:]).split()) == " ".join(seed_lines(alone)[0].split())
