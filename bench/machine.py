"""On what something was measured."""

import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from tests.running import ROOT


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))


def describe() -> str:
    """The machine, what runs on it, and which commit was measured when."""
    facts = [
        f"{_processor()}, {cores()} cores, {_memory()} GB",
        f"Linux {platform.release()}",
        f"Python {platform.python_version()}",
        f"Node {_output('node', '--version').removeprefix('v') or 'missing'}",
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"commit {_commit()}",
    ]
    return "; ".join(facts)


def _commit() -> str:
    """The newest commit, and whether what was measured differs from it."""
    commit = _output("git", "rev-parse", "--short=10", "HEAD") or "unknown"
    served = ("signet", "templates", "app.py", "wsgi.py", "gunicorn.conf.py", "requirements.txt")
    return commit + (" with changes" if _output("git", "status", "--porcelain", *served) else "")


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def _output(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return ""
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return run.stdout.strip()
