"""The project's few verbs: ``nox -l`` lists them."""

import nox

nox.options.sessions = ["lint", "tests"]


@nox.session
def lint(session: nox.Session) -> None:
    """Style and types."""
    session.install("-e", ".[dev,test]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")


@nox.session(python=["3.10", "3.11", "3.12", "3.13"])
def tests(session: nox.Session) -> None:
    """The test-suite."""
    session.install("-e", ".[test]")
    session.run("pytest", *session.posargs)


@nox.session
def engines(session: nox.Session) -> None:
    """Real engines: Dask, Spark (needs Java 17), Ray, datatrove, datasets."""
    session.install("-e", ".[test,engines]")
    session.run("pytest", "-m", "engines", "tests/engines")


@nox.session
def model(session: nox.Session) -> None:
    """Rebuild the shipped model and compare."""
    session.install("-e", ".")
    session.run("python", "-m", "train", "--check")


@nox.session
def bench(session: nox.Session) -> None:
    """Accuracy and speed beside other tools."""
    session.install("-e", ".[test]", "-r", "bench/requirements.txt")
    session.run("python", "-m", "bench.accuracy")
    session.run("python", "-m", "bench.speed")
