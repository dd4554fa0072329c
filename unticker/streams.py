"""Streams of bytes: local, remote or standard input, plain or compressed, whole or damaged."""

import io
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from unticker.errors import PageError, UsageError

CODECS = (".gz", ".zst", ".bz2", ".xz")
_BLOCK = 1 << 18


def split_name(name: str) -> tuple[str, str, str]:
    """A file name as stem, suffix and codec: ``a.jsonl.gz`` -> ``a``, ``.jsonl``, ``.gz``."""
    codec = next((c for c in CODECS if name.lower().endswith(c)), "")
    stem, suffix = os.path.splitext(name[: len(name) - len(codec)])
    return stem, suffix, codec


def suffix_of(name: str) -> str:
    """The suffix by which a file's kind is known: in lower case, without a codec's."""
    return split_name(name)[1].lower()


def is_remote(path: str) -> bool:
    """True for ``s3://…`` and all else that fsspec opens."""
    return re.match(r"[a-z][a-z0-9+.-]*://", path) is not None


def file_systems(purpose: str) -> Any:
    """The module fsspec. Raises `UsageError`, with the purpose, where it is not installed."""
    try:
        import fsspec
    except ImportError:
        raise UsageError(f"{purpose} needs fsspec: pip install 'unticker[remote]'") from None
    return fsspec


def open_raw(path: str) -> IO[bytes]:
    """Open a local file, ``-`` or a remote path for reading, as it is.

    Raises `UsageError` if fsspec is wanted and not installed, OSError as open does.
    """
    if path == "-":
        if sys.stdin is None:
            raise UsageError("standard input is closed")
        return sys.stdin.buffer
    if not is_remote(path):
        return open(path, "rb")
    stream: IO[bytes] = file_systems(f"reading {path}").open(path, "rb").open()
    return stream


def _decoder(codec: str) -> Callable[[], Any]:
    if codec == ".gz":
        import zlib

        return lambda: zlib.decompressobj(31)
    if codec == ".bz2":
        import bz2

        return bz2.BZ2Decompressor
    if codec == ".xz":
        import lzma

        return lzma.LZMADecompressor
    try:
        import zstandard
    except ImportError:
        raise UsageError("reading .zst needs zstandard: pip install 'unticker[zst]'") from None
    return lambda: zstandard.ZstdDecompressor().decompressobj()


def damages() -> tuple[type[BaseException], ...]:
    """What reading a damaged stream raises, over all codecs that are installed."""
    import lzma
    import zlib

    found: list[type[BaseException]] = [EOFError, OSError, zlib.error, lzma.LZMAError]
    if "zstandard" in sys.modules:
        found.append(sys.modules["zstandard"].ZstdError)
    return tuple(found)


def blocks(stream: IO[bytes], codec: str) -> Iterator[bytes]:
    """The decompressed bytes of a stream. A stream that ends inside a member raises EOFError
    after all that could be read; the readers of the codecs differ there, zstandard's is silent.
    """
    if not codec:
        while block := stream.read(_BLOCK):
            yield block
        return
    new, reader = _decoder(codec), None
    while block := stream.read(_BLOCK):
        while block:
            reader = reader or new()
            if out := reader.decompress(block):
                yield out
            if not reader.eof:
                break
            block, reader = reader.unused_data.lstrip(b"\0"), None
    if reader is not None:
        raise EOFError("the compressed stream ends too early")


def read_file(path: str, codec: str) -> bytes:
    """All of a file, decompressed. Raises `PageError` where it cannot be read."""
    try:
        with open_raw(path) as stream:
            return b"".join(blocks(stream, codec))
    except damages() as error:
        raise PageError(f"cannot be read: {error}") from None


def lines(found: Iterable[bytes]) -> Iterator[bytes]:
    r"""Lines with their ``\n``; what was read before an error comes out before the error."""
    rest: list[bytes] = []
    try:
        for block in found:
            head, end, tail = block.rpartition(b"\n")
            if not end:
                rest.append(tail)
                continue
            yield from io.BytesIO(b"".join(rest) + head + end)
            rest = [tail]
    except damages():
        if last := b"".join(rest):
            yield last
        raise
    if last := b"".join(rest):
        yield last


def compress(data: bytes, codec: str) -> bytes:
    """A whole member of a compressed stream; members may stand one behind another."""
    if codec == ".gz":
        import gzip

        return gzip.compress(data, 6, mtime=0)
    if codec == ".bz2":
        import bz2

        return bz2.compress(data)
    if codec == ".xz":
        import lzma

        return lzma.compress(data)
    if codec == ".zst":
        import zstandard

        return zstandard.ZstdCompressor(level=3).compress(data)
    return data


def write_whole(path: Path, data: bytes, scratch: Path) -> None:
    """Write a file so that it is there whole or not at all: temp file, fsync, rename.

    ``scratch`` is a folder on the same file system. Raises OSError.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    temporary = scratch / f"{os.getpid()}-{os.urandom(8).hex()}"
    try:
        with open(temporary, "xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.replace(temporary, path)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
