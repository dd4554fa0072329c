"""Documents are run: what they show is what comes out."""

import doctest
import importlib
import pkgutil
import re
import subprocess
import sys

import pytest
from conftest import ROOT

import unticker

DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
MODULES = sorted(
    f"unticker.{module.name}"
    for module in pkgutil.iter_modules(unticker.__path__)
    if ">>>" in (ROOT / "unticker" / f"{module.name}.py").read_text("utf-8")
)
COMMANDS = ("label", "clean", "train", "evaluate", "explain", "model")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_examples_in_documents(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    results = doctest.testfile(str(path), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert results.failed == 0


@pytest.mark.parametrize("name", ["unticker", *MODULES])
def test_examples_in_modules(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_readme_starts_with_two_commands():
    text = (ROOT / "README.md").read_text("utf-8").split("## Start", 1)[1]
    block = re.search(r"```sh\n(.*?)```", text, re.DOTALL)
    assert block is not None
    assert text[: block.start()].strip() == ""
    assert len(block[1].strip().splitlines()) == 2
    assert "pytest" in block[1].strip().splitlines()[1]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command):
    assert f"unticker {command}" in (ROOT / "README.md").read_text("utf-8")
    shown = subprocess.run(
        [sys.executable, "-m", "unticker", command, "--help"], capture_output=True, text=True
    )
    assert shown.returncode == 0
    assert "Usage" in shown.stdout


def test_links_in_documents_lead_somewhere():
    for path in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text("utf-8")):
            assert (path.parent / target).exists(), f"{path.name}: {target}"
