"""Attempts at proving who one is: counted before they are looked at, slowed down by failures.

The password, a code of an app and a recovery code share their counters: who guesses one of them
waits for all of them. Codes of an app, which are short, have another counter besides.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from signet.models.admins import AdminRow
from signet.models.audit import Actor, act
from signet.models.database import write
from signet.models.sign_in_throttle import (
    Attempt,
    count_attempt,
    forgive_attempt,
    wait_of,
)
from signet.operations.errors import OperationError
from signet.operations.passwords import BusyError, is_password
from signet.operations.sign_in_failures import append_failures


class ThrottledError(OperationError):
    """Too many attempts have failed.

    :param wait: how long until another one is looked at.
    """

    def __init__(self, wait: timedelta) -> None:
        super().__init__("Too many attempts")
        self.wait = wait


@dataclass(frozen=True, slots=True, kw_only=True)
class BegunAttempt:
    """An attempt that counts as failed until it is forgiven."""

    attempt: Attempt
    #: Empty for a name that nobody has.
    admin_name: str
    #: Of the same admin from the same address, this one included.
    failures: int

    def forgive(self, session: Session, *, earlier: bool, now: datetime) -> None:
        """Take it back, for it did not fail.

        :param earlier: forget the failures before it too: nothing is left to prove.
        """
        forgive_attempt(session, self.attempt, earlier=earlier, now=now)


def begin_attempt(
    name: str, admin: AdminRow | None, *, at_code: bool = False, actor: Actor, now: datetime
) -> BegunAttempt:
    """Count an attempt of this name from the actor's address.

    :param at_code: at a code of an app, which has a counter of its own besides.
    :raises ThrottledError: too many have failed before.
    """
    attempt = Attempt.of(name, actor.address, at_code=at_code)
    trusted = admin is not None and admin.last_sign_in_address == actor.address[:64] != ""
    known = admin.name if admin else ""
    with write() as session:
        wait = wait_of(session, attempt, trusted=trusted, now=now)
        if wait is not None:
            # In here, so that an attempt nobody looks at leaves no counter behind.
            raise ThrottledError(wait)
        failures = count_attempt(session, attempt, admin_name=known, address=actor.address, now=now)
    return BegunAttempt(attempt=attempt, admin_name=known, failures=failures)


def prove_password(
    admin: AdminRow, password: str, *, field: str, actor: Actor, now: datetime
) -> BegunAttempt:
    """An attempt at the password of an admin that was right; what it allows forgives it.

    :param field: where a form asks for it.
    :raises OperationError: the password is wrong.
    :raises ThrottledError: too many failures before.
    :raises BusyError: too many passwords are being checked.
    """
    begun = begin_attempt(admin.name, admin, actor=actor, now=now)
    try:
        is_right = is_password(password, admin.password_hash)
    except BusyError:
        # Nobody has looked at it.
        with write() as session:
            begun.forgive(session, earlier=False, now=now)
        raise
    if not is_right:
        note_failure(begun, actor=actor, now=now)
        raise OperationError("The password is wrong", field=field)
    return begun


def note_failure(begun: BegunAttempt, *, actor: Actor, now: datetime) -> None:
    """Put a failure into the audit log: one entry when a window opens, however many come."""
    if begun.failures > 1:
        return
    with act() as session:
        append_failures(session, begun.admin_name, 1, actor=actor, now=now)
