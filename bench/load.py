"""How a server is loaded: by wrk, or by the generator in Python where wrk is missing."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.generator import Outcome, generate

#: Connections, each of which is kept and asks again as soon as it is answered.
CONNECTIONS = 16
SCRIPT = Path(__file__).parent / "token.lua"


class LoadError(Exception):
    """A server did not answer every request as it should."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where tokens are asked for, and the file of the bodies that ask for them, one a line.

    Behind a body, after a space, may stand the DPoP proof that is sent with it.
    """

    url: str
    bodies: Path
    #: How many of them are left out at the beginning, once.
    start: int = 0
    #: What the body of a good answer holds.
    expected: str = '"access_token"'

    def read_bodies(self) -> Sequence[bytes]:
        """The lines, in the order in which they are sent."""
        bodies = self.bodies.read_bytes().splitlines()
        start = self.start % len(bodies)
        return bodies[start:] + bodies[:start]


def generator_name() -> str:
    """What loads the servers at full speed."""
    return "wrk" if shutil.which("wrk") else "the Python generator, because wrk is missing"


def load_fully(target: Target, seconds: float) -> Outcome:
    """Ask for as many tokens as the server gives.

    :raises LoadError: if any answer was not what is expected.
    """
    if shutil.which("wrk"):
        return _checked(_run_wrk(target, seconds), target)
    return _checked(_generate(target, seconds), target)


def load_evenly(target: Target, seconds: float, rate: float) -> Outcome:
    """Ask for so many tokens a second, whether or not the server keeps up.

    :raises LoadError: if any answer was not what is expected.
    """
    return _checked(_generate(target, seconds, rate), target)


def _generate(target: Target, seconds: float, rate: float = 0.0) -> Outcome:
    expected, bodies = target.expected.encode(), target.read_bodies()
    return generate(target.url, bodies, seconds, CONNECTIONS, rate=rate, expected=expected)


def _run_wrk(target: Target, seconds: float) -> Outcome:
    # Whole seconds only. A slow server must not look like one that fails.
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "--latency"]
    command += ["--timeout", "60s", "-s", str(SCRIPT), target.url, "--"]
    command += [str(target.bodies), str(target.start), target.expected]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [line for line in run.stdout.splitlines() if line.startswith("{")]
    if run.returncode or not lines:
        raise LoadError(f"wrk failed at {target.url}: {run.stdout}{run.stderr}")
    return Outcome(**json.loads(lines[-1]))


def _checked(outcome: Outcome, target: Target) -> Outcome:
    if outcome.failures or not outcome.answers:
        raise LoadError(
            f"{outcome.failures} of {outcome.answers} answers of {target.url} were not as expected"
        )
    return outcome
