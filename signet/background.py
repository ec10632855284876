"""Beside the path: two greenlets per worker, started after the fork.

One writes down every few seconds what the worker has served; the other takes due steps of key
rotation, ends secrets that have fallen quiet and forgets what is over. Whatever fails is logged and
tried again: nobody waits for it.
"""

import logging
import secrets
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import gevent
from flask import Flask

from signet.models.admin_links import prune_links
from signet.models.admin_sessions import SessionLimits, prune_sessions
from signet.models.audit import Actor
from signet.models.database import DatabaseUnavailableError
from signet.models.form_numbers import prune_form_numbers
from signet.models.refused_requests import prune_refused_requests
from signet.models.replay_notes import prune_replay_notes
from signet.models.tokens import prune_tokens
from signet.models.usage_batches import write_batch
from signet.models.usage_pruning import prune_usage
from signet.operations.quiet_secrets import end_quiet_secrets
from signet.operations.sign_in_failures import close_throttle_windows
from signet.operations.signing_keys import retire_idle_key, take_due_step
from signet.usage import flush
from signet.wiring import Wiring, wiring

log = logging.getLogger(__name__)

TURN = timedelta(minutes=1)
#: How often what was served is written down: what a crash loses is no more than that.
FLUSH_EVERY = timedelta(seconds=3)
#: How long the line of a request waits for others to be written with it.
WRITE_DOWN_EVERY = timedelta(milliseconds=50)
_SIGNET = Actor(name="Signet")


def start(app: Flask) -> None:
    """Begin the turns of this worker."""
    gevent.spawn(_run, app)
    gevent.spawn(_keep_flushing, app)
    with app.app_context():
        wiring().books.defer()
    gevent.spawn(_keep_books, app)


def stop(app: Flask) -> None:
    """Write down what is left, before a worker ends."""
    with app.app_context():
        memory = wiring().usage
        wiring().books.write_down()
        try:
            flush(memory, write_batch)
        except Exception as error:
            log.error(
                "use of credentials is lost: it could not be written before the end",
                extra={"reason": type(error).__name__, "lost": memory.give_up()},
            )


def flush_usage(parts: Wiring) -> None:
    """Write down what was served since the last time; needs the app's context."""
    parts.books.write_down()
    try:
        flush(parts.usage, write_batch)
    except DatabaseUnavailableError as error:
        log.warning("use of credentials waits for the database", extra={"reason": str(error)})
    except Exception:
        log.exception("use of credentials could not be written; it is kept for the next time")


def take_turn(parts: Wiring) -> None:
    """Do what is due now; needs the app's context."""
    now = parts.clock()
    settings = parts.settings
    limits = SessionLimits(idle=settings.session_idle, longest=settings.session_max)
    steps: tuple[Callable[[], object], ...] = (
        partial(
            take_due_step,
            settings.signing_alg,
            rsa_bits=settings.rsa_bits,
            encryption=parts.encryption,
            actor=_SIGNET,
            now=now,
        ),
        partial(retire_idle_key, settings.signing_alg, actor=_SIGNET, now=now),
        partial(end_quiet_secrets, actor=_SIGNET, now=now),
        partial(prune_replay_notes, now=now),
        partial(prune_tokens, now=now),
        partial(prune_usage, now=now),
        partial(prune_refused_requests, now=now),
        partial(prune_sessions, limits, now=now),
        partial(prune_form_numbers, now=now),
        partial(prune_links, now=now),
        partial(close_throttle_windows, now=now),
    )
    for step in steps:
        try:
            step()
        except Exception:
            log.exception("a step beside the path failed")


def _run(app: Flask) -> None:
    with app.app_context():
        while True:
            # Workers that started together should not come together.
            gevent.sleep(TURN.total_seconds() * (0.5 + secrets.randbelow(1000) / 1000))
            take_turn(wiring())


def _keep_flushing(app: Flask) -> None:
    with app.app_context():
        while True:
            # Workers that started together should not write together: SQLite lets one in.
            gevent.sleep(FLUSH_EVERY.total_seconds() * (0.75 + secrets.randbelow(500) / 1000))
            flush_usage(wiring())


def _keep_books(app: Flask) -> None:
    with app.app_context():
        books = wiring().books
    while True:
        gevent.sleep(WRITE_DOWN_EVERY.total_seconds())
        books.write_down()
