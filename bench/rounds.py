"""Short rounds of load, in which the contestants take turns."""

import json
import resource
import time
import urllib.request
from base64 import urlsafe_b64decode
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from bench.contestants import Contestant
from bench.generator import Outcome
from bench.load import LoadError, Target, load_fully
from bench.machine import cores
from bench.processes import busy_seconds, memory_of, processor_seconds

#: A server that takes less of a processor than this has done all that it was asked.
QUIET = 0.1
#: Seconds after which that is not waited for.
PATIENCE = 15
#: A machine whose other programs take less of it than this is calm.
CALM = 0.1


@dataclass(frozen=True, slots=True)
class Round:
    """One contestant under full load for some seconds."""

    outcome: Outcome
    #: Processor time of all processes of the server meanwhile.
    processor_seconds: float
    #: What neither server nor generator took, as a share of the machine's processors.
    others: float
    #: Bytes (PSS) of all processes of the server; 0 where the kernel does not tell.
    memory: int

    @property
    def microseconds(self) -> float:
        """Processor time per token."""
        return self.processor_seconds / self.outcome.answers * 1e6


@dataclass(slots=True)
class Figures:
    """All rounds of one contestant."""

    name: str
    alg: str
    rounds: list[Round] = field(default_factory=list)

    @property
    def rates(self) -> list[float]:
        """Tokens per second of each round."""
        return [each.outcome.rate for each in self.rounds]

    @property
    def rate(self) -> float:
        """Tokens per second, the median."""
        return median(self.rates)

    @property
    def microseconds(self) -> float:
        """Processor time per token, the median."""
        return median(each.microseconds for each in self.rounds)

    def ratios(self, other: "Figures") -> list[float]:
        """How many times the other's rate it has reached, round by round."""
        return [mine / theirs for mine, theirs in zip(self.rates, other.rates, strict=True)]

    def ratios_of_work(self, other: "Figures") -> list[float]:
        """How many times the other's tokens it gives for a second of processor, round by round."""
        return [
            theirs.microseconds / mine.microseconds
            for mine, theirs in zip(self.rounds, other.rounds, strict=True)
        ]


class Calm:
    """Waits for calm moments of a machine that others use too, in all for so many seconds."""

    def __init__(self, patience: float) -> None:
        self._patience = patience

    def wait(self) -> None:
        """Come back at a calm moment, or when patience is at its end."""
        pause = 0.2
        while self._patience > 0:
            busy = busy_seconds()
            time.sleep(pause)
            self._patience -= pause
            if busy_seconds() - busy < CALM * pause * cores():
                return


def measure(contestant: Contestant, seconds: int, calm: Calm) -> Round:
    """A round of one contestant."""
    leader = contestant.leader
    settle(leader)
    calm.wait()
    before, busy, own = processor_seconds(leader), busy_seconds(), _generator_seconds()
    began = time.monotonic()
    outcome = load_fully(contestant.target, seconds)
    passed = time.monotonic() - began
    taken = processor_seconds(leader) - before
    others = busy_seconds() - busy - taken - (_generator_seconds() - own)
    memory = sum(each.proportional for each in memory_of(leader))
    return Round(outcome, taken, max(0.0, others / passed / cores()), memory)


def take_turns(
    contestants: Sequence[Contestant], rounds: int, seconds: int, calm: Calm
) -> dict[str, Figures]:
    """So many rounds of all; each time another one begins."""
    figures = {each.name: Figures(each.name, each.alg) for each in contestants}
    for number in range(rounds):
        shift = number % len(contestants)
        for contestant in (*contestants[shift:], *contestants[:shift]):
            figures[contestant.name].rounds.append(measure(contestant, seconds, calm))
    return figures


def settle(leader: int) -> None:
    """Come back when a server has ended what nobody waits for any more."""
    deadline = time.monotonic() + PATIENCE
    pause = 0.2
    taken = processor_seconds(leader)
    while time.monotonic() < deadline:
        time.sleep(pause)
        before, taken = taken, processor_seconds(leader)
        if taken - before < QUIET * pause:
            return


def check_token(contestant: Contestant) -> None:
    """See that its tokens are what the table says.

    :raises LoadError: if one is not.
    """
    token = _ask(contestant.target)
    alg = _alg_of(token)
    if alg != contestant.alg:
        raise LoadError(f"{contestant.name} gives {alg} tokens, not {contestant.alg}")


def _ask(target: Target) -> str:
    with urllib.request.urlopen(target.url, target.read_bodies()[0], timeout=60) as answer:
        return str(json.load(answer)["access_token"])


def _alg_of(token: str) -> str:
    parts = token.split(".")
    if len(parts) != 3:
        return "opaque"
    alg = json.loads(urlsafe_b64decode(parts[0] + "=="))["alg"]
    signature = urlsafe_b64decode(parts[2] + "==")
    # 2048 bits, or two numbers of 256.
    expected = {"RS256": 256, "ES256": 64}.get(alg)
    return str(alg) if len(signature) == expected else f"{alg} of {len(signature)} bytes"


def _generator_seconds() -> float:
    """Processor time of the generator, in this process or as a child that has ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)
