"""What a backup is: one tar archive. First by whom and of which shape, then the rows of every table, the attached files,
the signing key if the house keeps it itself, some notes, and at the end the manifest that everything before it must come to.

Rows are JSON in pieces of about a megabyte, files are as they are: whatever the size of the house, little of it is in
memory at once, both when it is written and when it is read.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from models.spec import Refused, Text

FORMAT, VERSION = "aftercare backup", 1
HEAD, NOTES, KEY, MANIFEST = "head.json", "notes.json", "secret_key", "manifest.json"
PIECE = 1 << 20
SMALL = 64 << 20   # what is read into memory at once: a piece of rows may be one very long row
NAMES = re.compile(
    r"(?P<single>head\.json|notes\.json|secret_key|manifest\.json)|tables/(?P<table>\w+)/\d{6,}\.jsonl\.gz|files/(?P<file>[0-9a-f]{64})")

FOREIGN = Text("“{name}”不是 Aftercare 的备份文件", "“{name}” is not a backup of Aftercare")
OTHER_FORMAT = Text("备份“{name}”的格式版本是 {found}，本程序读的是 {known}：请用写出它的版本恢复",
                    "“{name}” is written in format {found}, this program reads {known}: restore it with the version that wrote it")
DAMAGED = Text("备份“{name}”已损坏或不完整（{where}），没有恢复任何内容",
               "“{name}” is damaged or not whole ({where}): nothing was restored")


class Tally:
    """What has gone by, counted and hashed: a reader must come to what the writer wrote down."""

    def __init__(self) -> None:
        self.singles: dict[str, str] = {}
        self.tables: dict[str, dict[str, Any]] = {}
        self.files = {"count": 0, "bytes": 0}
        self._names = hashlib.sha256()
        self._lines: dict[str, Any] = {}

    def single(self, name: str, content: bytes) -> None:
        self.singles[name] = hashlib.sha256(content).hexdigest()

    def rows(self, table: str, lines: bytes) -> None:
        self.tables.setdefault(table, {"rows": 0})["rows"] += lines.count(b"\n")
        self._lines.setdefault(table, hashlib.sha256()).update(lines)

    def file(self, sha256: str, size: int) -> None:
        self.files = {"count": self.files["count"] + 1, "bytes": self.files["bytes"] + size}
        self._names.update(sha256.encode())

    @property
    def row_count(self) -> int:
        return sum(table["rows"] for table in self.tables.values())

    def told(self) -> dict[str, Any]:
        tables = {name: {**counted, "sha256": self._lines[name].hexdigest()} for name, counted in self.tables.items()}
        return {"singles": self.singles, "tables": tables, "files": {**self.files, "sha256": self._names.hexdigest()}}


# Writing ----------------------------------------------------------------------------------------------------------

class Writer:
    """Puts one part behind the other; without `finish` there is no manifest, and so no backup."""

    def __init__(self, file: IO[bytes], head: dict[str, Any]) -> None:
        self.tar = tarfile.open(fileobj=file, mode="w")  # noqa: SIM115 - closed by `finish`; the file is the caller's
        self.tally = Tally()
        self.single(HEAD, _json({"format": FORMAT, "version": VERSION, **head}))

    def single(self, name: str, content: bytes) -> None:
        self.tally.single(name, content)
        self._add(name, len(content), io.BytesIO(content))

    def rows(self, table: str, rows: Iterable[list[Any]]) -> None:
        for number, lines in enumerate(_pieces(rows), 1):
            self.tally.rows(table, lines)
            packed = gzip.compress(lines, 6, mtime=0)
            self._add(f"tables/{table}/{number:06}.jsonl.gz", len(packed), io.BytesIO(packed))

    def file(self, sha256: str, path: Path) -> None:
        with path.open("rb") as source:
            size = path.stat().st_size
            self.tally.file(sha256, size)
            self._add(f"files/{sha256}", size, source)

    def notes(self, told: dict[str, Any]) -> None:
        self.single(NOTES, _json(told))

    def finish(self) -> None:
        content = _json(self.tally.told())
        self._add(MANIFEST, len(content), io.BytesIO(content))
        self.tar.close()

    def _add(self, name: str, size: int, source: IO[bytes]) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o600
        self.tar.addfile(info, source)
        self.tar.members.clear()   # it would remember every one


def _json(told: Any) -> bytes:
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def _pieces(rows: Iterable[list[Any]]) -> Iterator[bytes]:
    lines, size = [], 0
    for row in rows:
        lines.append(_json(row) + b"\n")
        size += len(lines[-1])
        if size >= PIECE:
            yield b"".join(lines)
            lines, size = [], 0
    if lines:
        yield b"".join(lines)


# Reading ----------------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Part:
    """One part on its way in: a single one, some rows of a table, or a file, which is to be read at once."""

    name: str
    content: bytes = b""
    table: str | None = None
    file: str | None = None
    source: Any = None

    def rows(self) -> list[list[Any]]:
        return [json.loads(line) for line in self.content.splitlines()]

    def told(self) -> Any:
        return json.loads(self.content)


class Broken(Exception):
    """The archive does not hold what its manifest says; the words say where."""


def head_of(path: Path) -> dict[str, Any]:
    """Who made it and of which shape. Raises Refused for what is no backup, or one of another format."""
    try:
        with tarfile.open(path, mode="r|") as tar:
            first = tar.next()
            found = json.loads(_read(tar, first)) if first is not None and first.name == HEAD else {}
    except (tarfile.TarError, ValueError, Broken):
        found = {}
    except OSError as error:
        raise Refused(Text(f"“{path}”读不出来（{error.strerror}）", f"“{path}” cannot be read ({error.strerror})")) from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise Refused(FOREIGN.with_(name=path.name))
    if found.get("version") != VERSION:
        raise Refused(OTHER_FORMAT.with_(name=path.name, found=found.get("version"), known=VERSION))
    return found


@contextmanager
def whole(path: Path) -> Iterator[None]:
    """While a backup is being read: damage is a refusal, wherever it shows."""
    try:
        yield
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, ValueError, zlib.error, Broken) as error:
        raise Refused(DAMAGED.with_(name=path.name, where=str(error) or type(error).__name__)) from error


def parts(path: Path, tally: Tally) -> Iterator[Part]:
    """Part after part, then the proof that these were all. To be read within `whole`."""
    with tarfile.open(path, mode="r|") as tar:
        yield from _parts(tar, tally)


def _parts(tar: tarfile.TarFile, tally: Tally) -> Iterator[Part]:
    while (info := tar.next()) is not None:
        tar.members.clear()
        match = NAMES.fullmatch(info.name)
        if match is None or not info.isfile():
            raise Broken(info.name)
        if info.name == MANIFEST:
            if json.loads(_read(tar, info)) != tally.told() or NOTES not in tally.singles:
                raise Broken(MANIFEST)
            return
        yield _part(tar, info, match, tally)
    raise Broken("no manifest")


def _part(tar: tarfile.TarFile, info: tarfile.TarInfo, match: re.Match[str], tally: Tally) -> Part:
    if match["file"]:
        tally.file(match["file"], info.size)
        return Part(info.name, file=match["file"], source=tar.extractfile(info))
    content = _read(tar, info)
    if match["table"]:
        content = gzip.decompress(content)
        tally.rows(match["table"], content)
    else:
        tally.single(info.name, content)
    return Part(info.name, content, table=match["table"])


def _read(tar: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    source = tar.extractfile(info) if info.size <= SMALL else None
    content = source.read() if source is not None else b""
    if source is None or len(content) != info.size:
        raise Broken(info.name)
    return content


def proved(path: Path) -> Tally:
    """Every byte read and compared, and nothing done with it."""
    tally = Tally()
    with whole(path):
        for part in parts(path, tally):
            if part.source is not None:
                prove_file(part, hashlib.file_digest(part.source, "sha256").hexdigest())
    return tally


def prove_file(part: Part, sha256: str) -> None:
    if sha256 != part.file:
        raise Broken(part.name)
