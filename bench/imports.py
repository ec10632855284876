"""What the imports of a worker take, from ``python -X importtime``."""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.report import row
from tests.running import ROOT, Server

MOST = 10
#: The run that took least counts: the first one may have compiled the modules.
RUNS = 4
#: Times of one import, in microseconds, and how deep it stands below the others.
LINE = re.compile(r"import time: +(\d+) \| +(\d+) \|( +)(\S+)")
#: What holds all the others.
WHOLE = ("wsgi", "app")


@dataclass(slots=True)
class Package:
    """What one package took, in milliseconds."""

    name: str
    #: The modules of the package itself.
    own: float = 0.0
    #: With those of others that it was the first to import.
    subtree: float = 0.0


def measure(server: Server) -> Sequence[Package]:
    """All packages that the app is made of, the slowest subtree first; and the whole before them.

    :param server: prepared; whose settings are read.
    """
    command = [sys.executable, "-X", "importtime", "-c", "import wsgi"]
    runs = [
        subprocess.run(
            command, cwd=ROOT, env=server.environ, capture_output=True, text=True, check=True
        )
        for _ in range(RUNS)
    ]
    return min((read(run.stderr) for run in runs), key=lambda packages: packages[0].subtree)


def read(text: str) -> Sequence[Package]:
    """The packages in what Python has written: each import stands behind those within it."""
    packages: dict[str, Package] = {}
    #: The packages of the imports that the line at hand stands in.
    within: list[str] = []
    for own, subtree, indent, module in reversed(LINE.findall(text)):
        depth, name = (len(indent) - 1) // 2, module.partition(".")[0]
        del within[depth:]
        package = packages.setdefault(name, Package(name))
        package.own += int(own) / 1e3
        if name not in within:
            package.subtree += int(subtree) / 1e3
        within.append(name)
    whole = [packages.pop(name) for name in WHOLE if name in packages]
    return whole[:1] + sorted(packages.values(), key=lambda each: -each.subtree)


def table(packages: Sequence[Package]) -> Iterator[str]:
    """The slowest as Markdown."""
    yield row(["import", "ms with all that it is the first to import", "ms of its own modules"])
    yield "|---|---:|---:|"
    for each in packages[: MOST + 1]:
        yield row([f"`{each.name}`", f"{each.subtree:.0f}", f"{each.own:.0f}"])
