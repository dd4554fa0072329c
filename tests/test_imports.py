"""Imports go one way, and `import unticker` is light."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from conftest import ROOT

HEAVY = {"sklearn", "scipy", "joblib", "bs4", "selectolax", "typer", "rich", "charset_normalizer"}
FILES = {path.stem: path for path in sorted((ROOT / "unticker").glob("*.py"))}
LEAVES = ("types", "errors", "lines", "kernels")


def imported(path: Path) -> set[str]:
    """Modules a file imports, in functions too; what stands under TYPE_CHECKING does not run."""
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text("utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            waiting += node.orelse
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "unticker":
            found |= {f"unticker.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            found.add(node.module or "")
        else:
            waiting += ast.iter_child_nodes(node)
    return found


def own(path: Path) -> set[str]:
    """Names of the package's modules among a file's imports."""
    names = {name.split(".")[1] for name in imported(path) if name.startswith("unticker.")}
    front = {"__init__"} if "unticker" in imported(path) else set()
    return {name if name in FILES else "__init__" for name in names} | front


def test_import_order_is_a_line():
    try:
        order = list(
            TopologicalSorter({name: own(path) for name, path in FILES.items()}).static_order()
        )
    except CycleError as error:
        pytest.fail(f"imports go in a circle: {' -> '.join(error.args[1])}")
    assert set(order) == set(FILES)


def test_only_fits_import_scikit_learn():
    users = [name for name, path in FILES.items() if any("sklearn" in m for m in imported(path))]
    assert users == ["training"]


@pytest.mark.parametrize("name", LEAVES)
def test_the_first_modules_import_nothing_of_the_package(name):
    assert own(FILES[name]) == set()


def test_prediction_does_not_import_training_or_the_command():
    reached, waiting = set(), ["model"]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += own(FILES[name])
    assert not reached & {"training", "evaluation", "annotations", "cli", "batch", "card"}


def python(code: str, *args: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *args], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_loading_and_labelling_text_is_light(folder):
    code = f"""
import sys
heavy = {sorted(HEAVY)}
import unticker
print(sorted(set(sys.modules) & set(heavy)))
model = unticker.load(sys.argv[1])
page = model.label("Menu\\n\\nThe council met on Monday.")
print(sorted(set(sys.modules) & set(heavy)), len(page.lines))
"""
    assert python(code, str(folder)).split("\n")[:2] == ["[]", "[] 2"]


def test_importing_does_nothing_else(tmp_path):
    code = """
import logging, random, sys, warnings
import numpy
state, numbers = random.getstate(), numpy.random.get_state()[1].tolist()
filters, handlers = list(warnings.filters), list(logging.root.handlers)
errors, opened = numpy.geterr(), []
def watch(event, args):
    if event == "open" and not str(args[0]).endswith((".py", ".pyc")) and "w" in str(args[1]):
        opened.append(args[0])
sys.addaudithook(watch)
import unticker
assert random.getstate() == state and numpy.random.get_state()[1].tolist() == numbers
assert warnings.filters == filters and logging.root.handlers == handlers
assert numpy.geterr() == errors and not opened, opened
"""
    python(code)


def test_the_public_names():
    import unticker

    assert unticker.LABELS == ("headline-ticker", "ui-chrome", "byline", "body")
    for name in ("label", "clean", "load", "fit", "evaluate", "Model", *unticker.__all__):
        assert hasattr(unticker, name)
