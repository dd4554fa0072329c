"""Compiles the inner loops (``unticker/loops``) when the package is built or installed.

Where there is no C compiler the package is what it is without: the same results, more slowly.
"""

import os
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any
from zlib import crc32

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = Path(__file__).resolve().parent / "unticker"
SOURCES, LIBRARY = PACKAGE / "loops", PACKAGE / "kernels.bin"


class Kernels(BuildHookInterface):  # type: ignore[type-arg]
    """Of a wheel with compiled loops: the platform that it is for."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        problem = _compile()
        if problem:
            self.app.display_warning(f"labelling will be slower: {problem}")
            return
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform}"
        build_data["artifacts"].append(f"unticker/{LIBRARY.name}")


def _compile() -> str:
    """What hindered it, or nothing."""
    if sys.platform == "win32":
        return "the loops are not compiled on Windows"
    compiler = shlex.split(os.environ.get("CC", "cc"))
    fresh = LIBRARY.with_suffix(".new")  # one that a process has loaded is not written over
    sources = sorted(SOURCES.glob("*.[ch]"))
    digest = crc32(b"".join(path.read_bytes() for path in sources))
    command = [
        *compiler, "-O3", "-std=c99", "-ffp-contract=fast", "-fPIC", "-shared",
        f"-DSOURCE={digest}u", "-o", str(fresh), *(str(path) for path in SOURCES.glob("*.c")),
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        return f"no C compiler: {error.strerror}"
    if done.returncode:
        return f"the C compiler failed: {(done.stderr.strip().splitlines() or [''])[-1]}"
    fresh.replace(LIBRARY)
    return ""
