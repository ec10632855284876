"""What it costs to wait for the disk: an fsync, and a commit of SQLite with and without one."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import quantiles

from bench.report import row

TIMES = 200
#: Bytes: a page of SQLite and its head in the write-ahead log.
FRAME = os.urandom(4_096 + 24)


def measure(folder: Path) -> Mapping[str, Sequence[float]]:
    """Milliseconds of each of many, one after the other, on the disk of this folder."""
    return {
        "fsync after a write of 4 KB": _fsyncs(folder / "file"),
        "commit of one row, SQLite, `synchronous=FULL`": _commits(folder / "full.db", "FULL"),
        "commit of one row, SQLite, `synchronous=NORMAL`": _commits(folder / "normal.db", "NORMAL"),
    }


def table(costs: Mapping[str, Sequence[float]]) -> Iterator[str]:
    """The costs as Markdown."""
    yield row(["on this disk", "least ms", "p50 ms", "p99 ms"])
    yield f"|---|{'---:|' * 3}"
    for name, milliseconds in costs.items():
        cuts = quantiles(milliseconds, n=100)
        yield row([name, *(f"{each:.2f}" for each in (min(milliseconds), cuts[49], cuts[98]))])


def _fsyncs(path: Path) -> list[float]:
    with path.open("wb", buffering=0) as file:

        def append() -> None:
            file.write(FRAME)
            os.fsync(file.fileno())

        return _timed(append)


def _commits(path: Path, synchronous: str) -> list[float]:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={synchronous}")
        connection.execute("CREATE TABLE note (digest TEXT PRIMARY KEY) WITHOUT ROWID")
        insert = "INSERT INTO note VALUES (?)"
        return _timed(lambda: connection.execute(insert, [os.urandom(32).hex()]))
    finally:
        connection.close()


def _timed(act: Callable[[], object]) -> list[float]:
    milliseconds = []
    for _ in range(TIMES):
        began = time.perf_counter()
        act()
        milliseconds.append(1e3 * (time.perf_counter() - began))
    return milliseconds
