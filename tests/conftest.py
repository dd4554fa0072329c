"""What several tests share: a small model fitted once, the command run in this process."""

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

import unticker
from unticker import annotations, cli, kernels, passes
from unticker.annotations import AnnotatedPage
from unticker.model import Model

ROOT = Path(__file__).resolve().parent.parent
settings.register_profile("tests", deadline=None, derandomize=True, max_examples=40)
settings.load_profile("tests")


def cases(name: str) -> Any:
    return json.loads((ROOT / "tests" / "cases" / f"{name}.json").read_text("utf-8"))


@pytest.fixture(params=["compiled", "NumPy"])
def loops(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A test with the compiled loops, and with the NumPy code that does the same."""
    if request.param == "NumPy":
        monkeypatch.setattr(kernels, "compiled", lambda: None)
    elif kernels.compiled() is None:
        pytest.skip("no compiled loops: there was no C compiler when the package was installed")
    return str(request.param)


@pytest.fixture(scope="session")
def pages() -> list[AnnotatedPage]:
    """Twelve original pages of four languages, each from a site of its own."""
    chosen = []
    for lang in ("fr", "ar", "es", "en"):
        chosen += annotations.read([ROOT / "annotations" / "original" / f"{lang}.jsonl"])[:3]
    assert len({page.site for page in chosen}) == 12
    return chosen


@pytest.fixture(scope="session")
def fitted(pages: list[AnnotatedPage]) -> Model:
    """A model of these pages, as `unticker.fit` returns it."""
    return unticker.fit(pages, iterations=15, jobs=1)


@pytest.fixture(scope="session")
def folder(fitted: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder the fitted model was saved to."""
    path = tmp_path_factory.mktemp("model") / "m"
    fitted.save(path)
    return path


@pytest.fixture(scope="session")
def model(folder: Path) -> Model:
    """The fitted model, saved and loaded."""
    return unticker.load(folder)


@pytest.fixture(scope="session")
def conjoined(pages: list[AnnotatedPage]) -> Model:
    """A model fitted as on many sites: with conjunctions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passes, "FEW_SITES", 0)
        model = unticker.fit(pages, iterations=15, jobs=1, context_folds=2, conjunctions=12)
    assert len(model.text.tests) == 12
    return model


@pytest.fixture(scope="session")
def shipped() -> Model:
    """The model that unticker comes with."""
    return unticker.load()


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(row) for row in self.out.split("\n") if row]


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Callable[..., Ran]:
    """Run the command in this process; what would be a traceback fails the test."""

    def run(*args: object, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "argv", ["unticker", *map(str, args)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code: Any = 0
        try:
            cli.main()
        except SystemExit as leave:
            code = leave.code
        out, err = capfdbinary.readouterr()
        return Ran(code or 0, out.decode("utf-8", "surrogatepass"), err.decode("utf-8"))

    return run
