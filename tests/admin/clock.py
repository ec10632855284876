"""A clock that goes when it is told to."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from flask import Flask

from signet.wiring import wiring


class Clock:
    """Says the moment that a test has set."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@contextmanager
def moved_clock(app: Flask, now: datetime) -> Iterator[Clock]:
    """The clock by which the pages of the app go meanwhile."""
    with app.app_context():
        parts = wiring()
    clock = Clock(now)
    replace(parts, clock=clock).install(app)
    yield clock
    parts.install(app)
