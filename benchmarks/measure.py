"""Stop-watch and scales: seconds of a request, and the memory that a stream or a job takes while it runs."""

from __future__ import annotations

import gc
import resource
import statistics
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

PAGE = resource.getpagesize()
MIB = 1024 * 1024


@dataclass
class Times:
    """Seconds of the same request, many times: by the clock on the wall, and of work by this process."""

    wall: list[float] = field(default_factory=list)
    work: list[float] = field(default_factory=list)


def at(percent: int, seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1]


@dataclass(frozen=True)
class Streamed:
    """One export: how long, how soon, how much."""

    seconds: float
    first_byte: float
    bytes: int
    lines: int
    growth: float                     # MiB of resident memory at the most, over the beginning


def alternately(ours: Callable[[], Any], floor: Callable[[], Any], count: int) -> tuple[Times, Times]:
    """Both in turn, so that whatever else the machine does hits both."""
    for _ in range(max(3, count // 10)):
        ours()
        floor()
    times = Times(), Times()
    gc.collect()
    for _ in range(count):
        for request, taken in zip((ours, floor), times, strict=True):
            start, start_work = perf_counter(), process_time()
            request()
            taken.work.append(process_time() - start_work)
            taken.wall.append(perf_counter() - start)
    return times


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def forget_peak() -> None:
    """Whatever this process held before, its peak is counted from now."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    """The most that this process held since, in bytes."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def own() -> int:
    """Bytes that this process shares with no other."""
    told = Path("/proc/self/smaps_rollup").read_text()
    return sum(int(told.partition(name)[2].split()[0]) for name in ("Private_Clean:", "Private_Dirty:")) * 1024


@contextmanager
def most_of_its_own() -> Iterator[list[int]]:
    """The list holds what `own` told while this was open, looked at four times a second."""
    told, over = [own()], threading.Event()

    def look() -> None:
        while not over.wait(0.25):
            told.append(own())
    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        yield told
    finally:
        over.set()
        looking.join()


def streamed(client: Any, path: str) -> Streamed:
    """Read a streamed answer to its end, keeping nothing; memory is looked at after every piece."""
    gc.collect()
    before = most = resident()
    size = lines = 0
    first_byte = 0.0
    start = perf_counter()
    answer = client.get(path, buffered=False)
    assert answer.status_code == 200, answer.status
    for piece in answer.iter_encoded():
        first_byte = first_byte or perf_counter() - start
        size += len(piece)
        lines += piece.count(b"\r\n")
        most = max(most, resident())
    seconds = perf_counter() - start
    answer.close()
    return Streamed(seconds, first_byte, size, lines, (most - before) / MIB)
