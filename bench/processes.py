"""What a server takes of the machine: processor and memory of all its processes, from ``/proc``."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

#: Places in ``/proc/…/stat`` behind the name of the program.
PARENT, SESSION, USER, SYSTEM, ENDED_USER, ENDED_SYSTEM, BEGAN = 1, 3, 11, 12, 13, 14, 19


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of one process."""

    pid: int
    #: Bytes; what it shares with others is divided among them (PSS).
    proportional: int


def pids_of(leader: int) -> list[int]:
    """All processes of the session that a process leads, itself first."""
    found = [leader]
    for folder in PROC.iterdir():
        if folder.name.isdigit() and int(folder.name) != leader:
            fields = _stat(int(folder.name))
            if fields and int(fields[SESSION]) == leader:
                found.append(int(folder.name))
    return found


def processor_seconds(leader: int) -> float:
    """User and system time so far of all processes of a session that live."""
    ticks = 0
    for pid in pids_of(leader):
        if fields := _stat(pid):
            ticks += int(fields[USER]) + int(fields[SYSTEM])
    return ticks / TICKS_PER_SECOND


def parent_of(pid: int) -> int:
    """The process that started this one.

    :raises ProcessLookupError: if there is no such process.
    """
    return int(_known_stat(pid)[PARENT])


def children_of(parent: int) -> list[int]:
    """The processes that this one has started and that live."""
    pids = [int(folder.name) for folder in PROC.iterdir() if folder.name.isdigit()]
    return [pid for pid in pids if (fields := _stat(pid)) and int(fields[PARENT]) == parent]


def family_seconds(parent: int) -> float:
    """User and system time so far of a process and its children, those that have ended as well.

    :raises ProcessLookupError: if there is no such process.
    """
    fields = _known_stat(parent)
    ticks = sum(int(fields[place]) for place in (USER, SYSTEM, ENDED_USER, ENDED_SYSTEM))
    for pid in children_of(parent):
        if child := _stat(pid):
            ticks += int(child[USER]) + int(child[SYSTEM])
    return ticks / TICKS_PER_SECOND


def own_seconds(pid: int) -> float:
    """User and system time so far of one process.

    :raises ProcessLookupError: if there is no such process.
    """
    fields = _known_stat(pid)
    return (int(fields[USER]) + int(fields[SYSTEM])) / TICKS_PER_SECOND


def age_of(pid: int) -> float:
    """Seconds since the fork of a process; the kernel counts in hundredths.

    :raises ProcessLookupError: if there is no such process.
    """
    began = int(_known_stat(pid)[BEGAN]) / TICKS_PER_SECOND
    return time.clock_gettime(time.CLOCK_BOOTTIME) - began


def busy_seconds() -> float:
    """What all processes of the machine have taken of its processors so far."""
    # user, nice, system, idle, iowait, irq, softirq
    fields = [int(field) for field in (PROC / "stat").read_text().split("\n", 1)[0].split()[1:8]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS_PER_SECOND


def memory_of(leader: int) -> list[Memory]:
    """Memory of each process of a session; none where the kernel does not tell us."""
    found = []
    for pid in pids_of(leader):
        try:
            text = (PROC / str(pid) / "smaps_rollup").read_text()
        except OSError:
            return []
        sizes = [line.split()[1] for line in text.splitlines() if line.startswith("Pss:")]
        found.append(Memory(pid, 1024 * int(sizes[0])))
    return found


def _known_stat(pid: int) -> list[str]:
    fields = _stat(pid)
    if fields is None:
        raise ProcessLookupError(pid)
    return fields


def _stat(pid: int) -> list[str] | None:
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
