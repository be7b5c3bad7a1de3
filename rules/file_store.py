"""Where the bytes of attachments lie: one folder, each file under the hash of its content.

A file is whole on the disk before anybody writes a row about it: it is written under a name of its own, synced, and
renamed. So a crash leaves at most bytes that no row names.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

PIECE = 1 << 20
_place = Path()


def set_place(folder: Path) -> None:
    """Called once by `create_app()`."""
    global _place
    _place = folder


@dataclass(frozen=True)
class Incoming:
    """A file that is on the disk, but not yet found under its hash."""

    path: Path
    sha256: str
    size: int

    def keep(self) -> None:
        """From here on it is found. Bytes that lie there already under this hash are replaced by the same ones."""
        target = path_of(self.sha256)
        _folder(target.parent)
        os.replace(self.path, target)
        sync_folder(target.parent)


class TooLarge(Exception):
    """There is more than may come in."""


@contextmanager
def incoming(source: IO[bytes], most: int) -> Iterator[Incoming]:
    """Take a stream in, piece by piece; what is not kept inside the block is gone after it. Raises TooLarge."""
    path = _folder(_place / "incoming") / secrets.token_hex(16)
    try:
        yield Incoming(path, *_copied(source, path, most))
    finally:
        path.unlink(missing_ok=True)


def _copied(source: IO[bytes], path: Path, most: int) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
        while piece := source.read(PIECE):
            size += len(piece)
            if size > most:
                raise TooLarge
            digest.update(piece)
            target.write(piece)
        target.flush()
        os.fsync(target.fileno())
    return digest.hexdigest(), size


@contextmanager
def outgoing(write: Callable[[Path], None]) -> Iterator[Incoming]:
    """What `write` puts into a file of ours; what is not kept inside the block is gone after it."""
    path = _folder(_place / "incoming") / secrets.token_hex(16)
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"):
            write(path)
        with path.open("rb") as file:
            os.fsync(file.fileno())
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        yield Incoming(path, digest, path.stat().st_size)
    finally:
        path.unlink(missing_ok=True)


def path_of(sha256: str) -> Path:
    return _place / sha256[:2] / sha256


def hash_of(sha256: str) -> str | None:
    """What the file under this hash hashes to as it lies there now; None if it is not there."""
    try:
        with path_of(sha256).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None


# What is no longer needed ------------------------------------------------------------------------------------------

def older_than(before: datetime) -> Iterator[str]:
    """The hashes of all files that have lain here since before this moment."""
    for path in _place.glob("??/*"):
        if path.parent.name == path.name[:2] and _is_older(path, before):
            yield path.name


def drop(sha256: str, before: datetime) -> bool:
    """Remove a file that nobody names; False if it came in again meanwhile. It is put aside first: whoever keeps the
    same bytes at this moment puts them there anew, or gets back what they had put."""
    path, aside = path_of(sha256), _folder(_place / "incoming") / secrets.token_hex(16)
    try:
        os.rename(path, aside)
    except FileNotFoundError:
        return False
    try:
        if _is_older(aside, before):
            return True
        if not path.exists():
            os.rename(aside, path)
        return False
    finally:
        aside.unlink(missing_ok=True)


def sweep_incoming(before: datetime) -> int:
    """What was coming in when its process was killed."""
    left = [path for path in (_place / "incoming").glob("*") if _is_older(path, before)]
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


def _is_older(path: Path, before: datetime) -> bool:
    try:
        return path.stat().st_mtime < before.timestamp()
    except FileNotFoundError:
        return False


def _folder(path: Path) -> Path:
    """Made with the folders above it, each of them on the disk before anything lies in it."""
    if not path.is_dir():
        _folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
        sync_folder(path.parent)
    return path


def sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
