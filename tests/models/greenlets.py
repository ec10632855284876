"""A process with gevent's patches, as a worker of gunicorn is one; run by ``test_database.py``.

``python -m tests.models.greenlets SCENARIO DATABASE_URL`` speaks lines of JSON on standard output
and goes on when it gets a line on standard input.
"""

# ruff: noqa: E402
from gevent import monkey

monkey.patch_all()

import json
import sys
import time
from collections.abc import Callable
from functools import partial

import gevent
from flask import current_app
from sqlalchemy import text

from app import create_app
from signet.models.database import DatabaseUnavailableError, read, write
from signet.models.form_numbers import FormNumberRow
from signet.settings import load_settings
from signet.wiring import utc_now


def say(**facts: object) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def hear() -> None:
    """Wait for a line; the other greenlets go on."""
    gevent.get_hub().threadpool.apply(sys.stdin.readline)


def outcome_of(act: Callable[[], object]) -> str:
    try:
        act()
    except DatabaseUnavailableError as error:
        return f"unavailable: {error}"
    return "done"


def write_something(at_most: float, number: int = 0) -> None:
    with write(at_most=at_most) as session:
        session.add(FormNumberRow(digest=f"{number}", used_at=utc_now()))


def look(at_most: float = 5.0) -> None:
    with read(at_most=at_most) as session:
        session.execute(text("SELECT count(*) FROM form_number")).scalar_one()


def spawn(act: Callable[[], object]) -> gevent.Greenlet:
    app = current_app._get_current_object()

    def run() -> str:
        with app.app_context():
            return outcome_of(act)

    return gevent.spawn(run)


def many_writers(at_most: float) -> None:
    """20 greenlets write at once, while another one looks every 10 ms."""
    look()
    say(is_ready=True)
    hear()
    writers = [spawn(partial(write_something, at_most, number)) for number in range(20)]
    looks, longest_pause, last = 0, 0.0, time.monotonic()
    started = last
    while not all(writer.ready() for writer in writers):
        gevent.sleep(0.01)
        look()
        looks, now = looks + 1, time.monotonic()
        longest_pause, last = max(longest_pause, now - last), now
    say(
        outcomes=sorted({writer.value for writer in writers}),
        took=time.monotonic() - started,
        looks=looks,
        longest_pause=longest_pause,
    )


def one_hangs() -> None:
    """Look at a database that has been stopped meanwhile, then again once it goes on."""
    look()
    say(is_ready=True)
    hear()
    counted = 0

    def count() -> None:
        nonlocal counted
        while True:
            gevent.sleep(0.01)
            counted += 1

    counter = gevent.spawn(count)
    for act in (lambda: look(0.5), lambda: write_something(0.5), lambda: look(0.5)):
        started = time.monotonic()
        outcome = outcome_of(act)
        say(outcome=outcome, took=time.monotonic() - started)
    counter.kill()
    say(counted=counted)
    hear()
    say(outcome=outcome_of(look))


if __name__ == "__main__":
    scenarios: dict[str, Callable[[], None]] = {
        "patient-writers": lambda: many_writers(5.0),
        "hasty-writers": lambda: many_writers(0.5),
        "one-hangs": one_hangs,
    }
    with create_app(load_settings({"SIGNET_DATABASE_URL": sys.argv[2]})).app_context():
        scenarios[sys.argv[1]]()
