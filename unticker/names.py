"""The names of inputs and outputs: what the arguments hold, and where each output goes.

Names are planned before anything is written: what would leave the output folder, replace
an input or meet another name (also where case or Unicode form alone differ) is refused.
"""

import hashlib
import os
import re
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from unticker import streams
from unticker.errors import UsageError
from unticker.options import BatchOptions
from unticker.records import SUFFIXES, Container, Input, PageFile, Record
from unticker.streams import split_name, suffix_of

STATE = ".unticker"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_UNSAFE = re.compile(r"[^\w.-]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something named or found that is not read, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The inputs in order, with what was passed over, and the folders that were named."""

    inputs: tuple[Input, ...]
    skipped: tuple[Skipped, ...]
    folders: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all inputs, as they lie on disk; page files are not counted."""
        return sum(one.size for one in self.inputs)


def plan(arguments: Sequence[str], stdin: Container = "jsonl") -> Plan:
    """What the arguments name, folders opened, in the order given; files sorted by name.

    Links and special files in folders are skipped. Raises `UsageError` for what is not there.
    """
    inputs: list[Input] = []
    skipped: list[Skipped] = []
    loose: list[PageFile] = []
    folders: list[str] = []
    for given in arguments:
        if given == "-":
            suffix = "" if stdin == "pages" else f".{stdin}"
            inputs.append(Input("-", f"stdin{suffix}", stdin, files=(PageFile("-", "stdin"),)))
        elif streams.is_remote(given):
            found, below = _remote(given)
            inputs += found
            folders += [given] if below else []
        elif os.path.isdir(given):
            folders.append(given)
            inputs += _folder(given, skipped)
        elif os.path.isfile(given):
            one = _file(given, os.path.basename(given))
            if one is None:
                loose.append(PageFile(given, os.path.basename(given)))
            else:
                inputs.append(one)
        elif os.path.exists(given):
            skipped.append(Skipped(given, "a special file"))
        else:
            raise UsageError(f"{given} is not there")
    if loose:
        inputs.insert(0, Input("files", "pages", "pages", files=tuple(loose)))
    return Plan(tuple(inputs), tuple(skipped), tuple(folders))


def _file(path: str, name: str, size: int | None = None) -> Input | None:
    """An input for a container, None for a page."""
    _, suffix, codec = split_name(name)
    container = SUFFIXES.get(suffix.lower(), "pages")
    if container == "pages":
        return None
    if size is None:
        size = os.path.getsize(path)
    return Input(path, name, container, codec, size)


def _folder(given: str, skipped: list[Skipped]) -> Iterator[Input]:
    pages: list[PageFile] = []
    rest: list[Input] = []

    def walk(folder: str, prefix: str) -> None:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            raise UsageError(f"{folder}: cannot be read ({error.strerror})") from None
        for entry in entries:
            name = prefix + entry.name
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISLNK(mode):
                skipped.append(Skipped(entry.path, "a link"))
            elif entry.name == STATE and os.path.isfile(f"{entry.path}/manifest.json"):
                skipped.append(Skipped(entry.path, "the own files of a run"))
            elif stat.S_ISDIR(mode):
                walk(entry.path, name + "/")
            elif not stat.S_ISREG(mode):
                skipped.append(Skipped(entry.path, "a special file"))
            else:
                suffix = suffix_of(entry.name)
                if suffix not in SUFFIXES:
                    skipped.append(Skipped(entry.path, f"no kind of file read here: {suffix}"))
                elif found := _file(entry.path, name, entry.stat().st_size):
                    rest.append(found)
                else:
                    pages.append(PageFile(entry.path, name))

    walk(given, "")
    if pages:
        name = os.path.basename(os.path.abspath(given)) or "pages"
        yield Input(given, name, "pages", files=tuple(pages))
    yield from rest


def _remote(given: str) -> tuple[list[Input], bool]:
    """The inputs at a URL, and whether it is a folder."""
    fsspec = streams.file_systems(f"reading {given}")
    try:
        system, root = fsspec.core.url_to_fs(given)
        if not system.isdir(root):
            if not system.exists(root):
                raise UsageError(f"{given} is not there")
            name = given.rstrip("/").rpartition("/")[2]
            found = _file(given, name, system.size(root) or 0)
            return [found or Input(given, name, "pages", files=(PageFile(given, name),))], False
        rest, pages = [], []
        for path in sorted(system.find(root)):
            name = path.removeprefix(root).lstrip("/")
            suffix = suffix_of(name)
            if suffix not in SUFFIXES:
                continue
            url = system.unstrip_protocol(path)
            if found := _file(url, name, system.size(path) or 0):
                rest.append(found)
            else:
                pages.append(PageFile(url, name))
    except (OSError, ImportError, ValueError) as error:
        raise UsageError(f"{given} cannot be read: {error}") from None
    if pages:
        folder = given.rstrip("/").rpartition("/")[2]
        rest.insert(0, Input(given, folder, "pages", files=tuple(pages)))
    return rest, True


def safe_name(name: str) -> str:
    """A relative name that no file system takes for more than it is.

    Control characters become ``%0A``; names over 255 bytes are cut and end in a digest.
    Raises `UsageError` for ``..``, absolute names and the state folder's own.
    """
    parts = name.split("/")
    if not name or any(part in ("", ".", "..") for part in parts) or "\\" in name:
        raise UsageError(f"{name!r} is no name for an output file")
    if parts[0].casefold() == STATE:
        raise UsageError(f"{name!r} is where the run keeps its own files; rename it")
    return "/".join(_fit(_CONTROL.sub(lambda c: f"%{ord(c[0]):02X}", part)) for part in parts)


def _fit(part: str) -> str:
    data = os.fsencode(part)
    if len(data) <= 255:
        return part
    stem, suffix, codec = split_name(part)
    tail = f"-{hashlib.blake2b(data, digest_size=8).hexdigest()}{suffix[-40:]}{codec}"
    cut = os.fsencode(stem)[: 255 - len(os.fsencode(tail))]
    return cut.decode("utf-8", "ignore") + tail


def form_of(source: Input, to: str | None) -> str:
    """The container of an input's output; ``"txt"`` is a file for each page."""
    return to or ("txt" if source.container == "pages" else source.container)


def main_name(source: Input, to: str | None) -> str | None:
    """The output file of an input, None where there is one for each page."""
    form = form_of(source, to)
    if form == "txt":
        return None
    if form == source.container:
        return safe_name(source.name)
    stem = source.name
    if source.container != "pages":
        stem = os.path.splitext(source.name[: len(source.name) - len(source.codec)])[0]
    return safe_name(f"{stem}.{form}{'' if form == 'parquet' else source.codec}")


def page_name(name: str) -> str:
    """The output name of a page file: ``a/b.html.gz`` -> ``a/b.txt.gz``."""
    stem, _, codec = split_name(name)
    return safe_name(f"{stem}.txt{codec}")


def text_name(source: Input, record: Record) -> str:
    if source.container == "pages":
        return page_name(record.id)
    label = _UNSAFE.sub("_", record.id)[:100]
    folder = f"{row_folder(source)}/{record.number // 1000:06d}"
    return safe_name(f"{folder}/{record.number:09d}-{label}.txt")


def side_name(source: Input, to: str | None, stream: str) -> str:
    """Where rejected rows and dropped lines of an input go."""
    base = main_name(source, to) or safe_name(source.name)
    return safe_name(base + (".rejects" if stream == "rejects" else ".dropped.jsonl"))


def side_streams(source: Input, options: BatchOptions) -> list[str]:
    """The streams beside an input's output that a run may write."""
    rejects = ["rejects"] if source.container != "pages" else []
    return rejects + (["dropped"] if options.sidecar else [])


def outputs(source: Input, options: BatchOptions) -> Iterator[str]:
    """All names an input may write, but for those of ``--to txt`` in its own folder."""
    main = main_name(source, options.to)
    if main is not None:
        yield main
    elif source.container == "pages":
        yield from (page_name(file.name) for file in source.files)
    else:
        yield safe_name(row_folder(source))
    for stream in side_streams(source, options):
        yield side_name(source, options.to, stream)


def check(found: Plan, options: BatchOptions, output: str) -> list[str]:
    """All names the run may write. Raises `UsageError` where two would meet, and where
    output, a folder or a URL, would be, be inside of, or replace an input."""
    owners: dict[str, str] = {}
    names: list[str] = []
    for source in found.inputs:
        for name in outputs(source, options):
            key = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
            if key in owners:
                raise UsageError(
                    f"two outputs would be one file: {owners[key]!r} and {name!r} of "
                    f"{source.source}; rename an input or clean them into two folders"
                )
            owners[key] = name
            names.append(name)
    for key, name in owners.items():
        while "/" in key:
            key = key.rpartition("/")[0]
            if key in owners:
                raise UsageError(f"{owners[key]!r} would be a file and the folder of {name!r}")
    here = _place(output)
    for path in found.folders:
        if f"{here}/".startswith(_place(path).rstrip("/") + "/"):
            raise UsageError(f"output {output} is {path} or inside of it; choose another")
    paths = (path for one in found.inputs for path in (one.source, *(f.path for f in one.files)))
    taken = {_place(path) for path in paths if path != "-"}
    if here in taken:
        raise UsageError(f"output {output} is an input; choose another")
    for name in names:
        if _place(f"{here}/{name}") in taken:
            raise UsageError(f"{name} in {output} is an input; choose another output")
    return names


def _place(path: str) -> str:
    """One name for each place: a path without links, or a URL as its file system writes it."""
    if not streams.is_remote(path):
        return os.path.realpath(path)
    fsspec = streams.file_systems(f"a look at {path}")
    try:
        system, root = fsspec.core.url_to_fs(path)
    except (OSError, ImportError, ValueError) as error:
        raise UsageError(f"{path} cannot be reached: {error}") from None
    url: str = system.unstrip_protocol(root.rstrip("/"))
    return os.path.realpath(root) if url.startswith("file://") else url


def row_folder(source: Input) -> str:
    """The folder of ``--to txt`` for a container: its name without suffixes."""
    return os.path.splitext(source.name[: len(source.name) - len(source.codec)])[0]
