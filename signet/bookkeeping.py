"""What is left to do for requests that have been answered: done beside the path, for many at once.

A line in the log, counts of use, metrics: none of it changes the answer any more, and a hundred
lines written together cost little more than one. Knows no room.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any

log = logging.getLogger(__name__)

#: So many at most wait to be written down.
MOST_WAITING = 1_000

Writer = Callable[[Sequence[Any]], object]


class Bookkeeping:
    """Hands finished requests to whoever writes something down of them, in their order."""

    def __init__(self) -> None:
        self._writers: list[Writer] = []
        self._finished: list[Any] = []
        self._most_waiting = 1

    def add_writer(self, write: Writer) -> None:
        """Have this called with the requests that have finished since the last time."""
        self._writers.append(write)

    def defer(self) -> None:
        """From now on somebody calls :meth:`write_down` often; until then nothing waits."""
        self._most_waiting = MOST_WAITING

    def note(self, finished: Any) -> None:
        """Take a request whose answer is fixed."""
        self._finished.append(finished)
        if len(self._finished) >= self._most_waiting:
            self.write_down()

    def write_down(self) -> None:
        """Write down all that waits; a writer that fails keeps neither a request nor the others."""
        finished, self._finished = self._finished, []
        if not finished:
            return
        for write in self._writers:
            try:
                write(finished)
            except Exception:
                log.exception("requests could not be written down")
