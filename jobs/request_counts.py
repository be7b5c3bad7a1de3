"""How many requests were answered, how, and how fast: counted by each web process in a file of its own, and summed up by
the one that is asked.

A process holds the lock of its file as long as it lives. One that starts takes over a file that nobody holds any more and
counts on in it: so no count is lost or falls when processes come and go, and there are no more files than processes were
alive at once.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import mmap
import os
import threading
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

KINDS = ("list", "record", "form", "move", "desk", "search", "report", "export", "import", "file", "administration", "sign_in",
         "api_read", "api_write", "static", "server", "other", "nowhere")
STATUSES = (200, 201, 202, 204, 206, 302, 303, 304, 308, 400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 429, 500, 503)
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)   # seconds; slower ones are counted behind
MOST_PROCESSES = 1000

_SLOTS = len(BOUNDS) + 1
_WIDTH = len(STATUSES) + 1 + _SLOTS + 1   # by status, by duration, and the microseconds of all
_CELLS = len(KINDS) * _WIDTH
SIZE = _CELLS * 8
# A program that counts otherwise counts in files of its own.
LAYOUT = hashlib.sha256(repr((KINDS, STATUSES, BOUNDS)).encode()).hexdigest()[:8]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Counted:
    """What was counted of one kind: by status ("other" where it is none of ours), by duration, and the seconds of all."""

    kind: str
    statuses: dict[str, int]
    durations: list[int]
    seconds: float


class Counts:
    """The counts of this process, and those of all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._pid = 0
        self._cells = memoryview(bytearray(SIZE)).cast("q")
        self._is_shared = False

    def count(self, kind: str, status: int, seconds: float) -> None:
        first = KINDS.index(kind) * _WIDTH
        by_status = STATUSES.index(status) if status in STATUSES else len(STATUSES)
        with self._lock:
            self._begin()
            self._cells[first + by_status] += 1
            self._cells[first + len(STATUSES) + 1 + bisect_left(BOUNDS, seconds)] += 1
            self._cells[first + _WIDTH - 1] += round(seconds * 1_000_000)

    def _begin(self) -> None:
        """With the first request, and again in a process that was forked from this one."""
        if self._pid == os.getpid():
            return
        self._pid = os.getpid()
        try:
            self._cells, self._is_shared = memoryview(mmap.mmap(self._taken(), SIZE)).cast("q"), True
        except OSError as error:   # a full disk takes nobody's answer away
            log.warning("the requests of this process are counted by itself alone (%s)", error)
            self._cells, self._is_shared = memoryview(bytearray(SIZE)).cast("q"), False

    def _taken(self) -> int:
        """A file that is this process's alone, open as long as it lives."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        for path in self.folder.iterdir():
            if not path.name.startswith(LAYOUT):
                path.unlink(missing_ok=True)
        for number in range(MOST_PROCESSES):
            file = os.open(self.folder / f"{LAYOUT}-{number}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _take_room(file)
                return file
            except BlockingIOError:
                os.close(file)
        raise OSError("there are too many")

    def total(self) -> Iterator[Counted]:
        """Of all processes, those that are gone too; kinds that nobody asked for are left out."""
        with self._lock:
            self._begin()
            own = [] if self._is_shared else [array("q", self._cells.tobytes())]
        cells = [sum(each) for each in zip(*own, *self._files(), strict=True)] or [0] * _CELLS
        for number, kind in enumerate(KINDS):
            row = cells[number * _WIDTH:(number + 1) * _WIDTH]
            statuses = {str(status): n for status, n in zip((*STATUSES, "other"), row, strict=False) if n}
            if statuses:
                yield Counted(kind, statuses, row[len(STATUSES) + 1:-1], row[-1] / 1_000_000)

    def _files(self) -> Iterator[array[int]]:
        for path in self.folder.glob(f"{LAYOUT}-*"):
            content = path.read_bytes()
            if len(content) == SIZE:   # else it is just being made
                yield array("q", content)


def _take_room(file: int) -> None:
    """Now, not when the first count is written: a disk that is full then would end the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, SIZE)
    else:
        os.ftruncate(file, SIZE)
