"""The public page sets: where they are, and how to lay them out."""

import gzip
import os
import subprocess
from pathlib import Path

from unticker.errors import UsageError

ROOT = Path(__file__).resolve().parent.parent
PLACES = (ROOT / "corpora", ROOT.parent / "shared" / "corpora")

# Each set is a clone of a repository at a commit; licences are those of its code, the
# pages' texts belong to their publishers and are never copied into this repository.
UPSTREAM = {
    "fundus": ("flairNLP/fundus", "18da6e53592f"),
    "trafilatura": ("adbar/trafilatura", "e90b0ef51ab0"),
    "readability": ("mozilla/readability", "ab4027a8b376"),
    "newspaper4k": ("AndyTheFactory/newspaper4k", "540bff3e8344"),
    "goose3": ("goose3/goose3", "c5a8902eed0c"),
}


def find(folder: Path | None = None) -> Path | None:
    """The folder that holds the public page sets, or None.

    Looks in ``folder``, in ``$UNTICKER_CORPORA``, and in `PLACES`.
    """
    named = os.environ.get("UNTICKER_CORPORA")
    for place in (folder, Path(named) if named else None, *PLACES):
        if place is not None and all((place / name).is_dir() for name in UPSTREAM):
            return place
    return None


def page_bytes(corpora: Path, name: str, page: str) -> bytes:
    """One page of a set. Raises `UsageError` if it is not there."""
    path = corpora / name / page
    try:
        data = path.read_bytes()
    except OSError:
        raise UsageError(f"{path} is missing; run: python -m train corpora --from DIR") from None
    return gzip.decompress(data) if path.suffix == ".gz" else data


def lay_out(source: Path, pages: set[tuple[str, str]]) -> list[str]:
    """Link the sets in ``source`` into the checkout's ``corpora/`` and verify them.

    ``source`` holds one folder a set, clones at the commits of `UPSTREAM` or copies of
    them. Returns what is wrong, one sentence each.
    """
    problems = []
    for name, (repository, commit) in UPSTREAM.items():
        folder = source / name
        if not folder.is_dir():
            problems.append(f"{folder} is missing; clone {repository} there, at {commit}")
            continue
        if (folder / ".git").exists():
            head = subprocess.run(
                ["git", "-C", str(folder), "rev-parse", "HEAD"], capture_output=True, text=True
            ).stdout.strip()
            if not head.startswith(commit):
                problems.append(f"{folder} is at {head[:12]}, not at {commit}")
    for name, page in sorted(pages):
        if not (source / name / page).is_file():
            problems.append(f"{source / name / page} is missing")
    target = ROOT / "corpora"
    if (
        not problems
        and source.resolve() not in {p.resolve() for p in PLACES}
        and not target.exists()
    ):
        target.symlink_to(source.resolve(), target_is_directory=True)
    return problems
