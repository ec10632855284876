"""Failed sign-ins, counted in the database so that every worker and node knows of them.

Three counters: of one account from one address, of one address, of one account. Each lets some
failures pass and then asks for a growing pause. A pause never becomes a lock-out: it is short for
an account as a whole, and the address that last signed in to it does not wait for it.
A fourth counts wrong codes of an account's app from anywhere, for a day: a code has six digits, and
who gets to guess them knows the password. Recovery codes and passkeys do not wait for it.
An attempt is counted before the password is looked at, so that parallel attempts count as well.
"""

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import String, and_, delete, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from signet.extensions import Base
from signet.models.columns import UtcDateTime

#: For all but the codes of an app.
WINDOW = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many failures pass without a pause, and the longest pause there is afterwards."""

    failures: int
    longest_pause: timedelta
    #: The counter starts anew when nothing has failed for so long.
    window: timedelta = WINDOW

    def pause_after(self, failures: int) -> timedelta:
        """The pause after so many failures: 1 s, then twice as long each time."""
        beyond = failures - self.failures
        if beyond < 0:
            return timedelta()
        return min(timedelta(seconds=2 ** min(beyond, 20)), self.longest_pause)


ALLOWANCES = {
    "pair": Allowance(5, timedelta(minutes=5)),
    "address": Allowance(20, timedelta(minutes=5)),
    "account": Allowance(100, timedelta(seconds=30)),
    # Some 45 of a million codes in a day, of which three are right at a time.
    "codes": Allowance(10, timedelta(hours=1), window=timedelta(days=1)),
}


class SignInThrottleRow(Base):
    """One counter of attempts that have not succeeded."""

    __tablename__ = "sign_in_throttle"

    key: Mapped[str] = mapped_column(String(160), primary_key=True)
    failures: Mapped[int]
    last_failure_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    blocked_until: Mapped[datetime] = mapped_column(UtcDateTime)
    #: The administrator it is about, for the audit log; empty for an unknown name.
    admin_name: Mapped[str] = mapped_column(String(200))
    address: Mapped[str] = mapped_column(String(64))


@dataclass(frozen=True, slots=True)
class Attempt:
    """Whose attempt it is, as keys of the counters."""

    pair: str
    address: str
    account: str
    #: Of an attempt at a code of the account's app only.
    codes: str | None = None

    @classmethod
    def of(cls, name: str, address: str, *, at_code: bool = False) -> "Attempt":
        """The counters of this name and address; an IPv6 network counts as one address."""
        account = hashlib.sha256(name.casefold().encode()).hexdigest()
        network = _network(address)
        return cls(
            f"pair:{account}:{network}",
            f"address:{network}",
            f"account:{account}",
            f"codes:{account}" if at_code else None,
        )

    @property
    def keys(self) -> tuple[str, ...]:
        """All of them, in the order in which they are held."""
        return tuple(sorted(filter(None, (self.pair, self.address, self.account, self.codes))))


def wait_of(
    session: Session, attempt: Attempt, *, trusted: bool, now: datetime
) -> timedelta | None:
    """How long this attempt has to wait, ``None`` if it may go on.

    :param trusted: from the address that last signed in to the account.
    """
    counters = _counters(session, attempt, now)
    until = max(
        counter.blocked_until
        for counter in counters
        if not (trusted and counter.key == attempt.account)
    )
    return until - now if until > now else None


def count_attempt(
    session: Session, attempt: Attempt, *, admin_name: str, address: str, now: datetime
) -> int:
    """Count an attempt as failed until it succeeds; returns the failures of the pair so far."""
    counters = _counters(session, attempt, now)
    for counter in counters:
        allowance = ALLOWANCES[counter.key.partition(":")[0]]
        if counter.last_failure_at < now - allowance.window:
            counter.failures = 0
        counter.failures += 1
        counter.last_failure_at = now
        counter.blocked_until = now + allowance.pause_after(counter.failures)
        counter.admin_name, counter.address = admin_name, address[:64]
    return next(counter.failures for counter in counters if counter.key == attempt.pair)


def forgive_attempt(session: Session, attempt: Attempt, *, earlier: bool, now: datetime) -> None:
    """Take back what ``count_attempt`` counted, and the pause that it asked for.

    :param earlier: forget the failures of the pair before it too, and the wrong codes: the password
        was right, or the code.
    """
    for counter in _counters(session, attempt, now):
        if counter.failures <= 1 or (earlier and counter.key in (attempt.pair, attempt.codes)):
            session.delete(counter)
        else:
            counter.failures -= 1
            counter.blocked_until = min(counter.blocked_until, now)


def take_finished_windows(session: Session, *, now: datetime) -> tuple[tuple[str, str, int], ...]:
    """Forget counters that start anew; returns name, address and failures of the pairs."""
    over = or_(
        *(
            and_(
                SignInThrottleRow.key.startswith(f"{kind}:"),
                SignInThrottleRow.last_failure_at < now - allowance.window,
            )
            for kind, allowance in ALLOWANCES.items()
        )
    )
    rows = list(session.scalars(select(SignInThrottleRow).where(over)))
    session.execute(delete(SignInThrottleRow).where(over))
    return tuple(
        (row.admin_name, row.address, row.failures) for row in rows if row.key.startswith("pair:")
    )


def _counters(session: Session, attempt: Attempt, now: datetime) -> tuple[SignInThrottleRow, ...]:
    """The counters, made where they are missing and held until the transaction ends."""
    # One statement that makes or locks, and in one order: two attempts at once neither make the
    # same counter twice, nor both pass before either counts, nor wait for each other in a circle.
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    new = {
        "failures": 0,
        "last_failure_at": now,
        "blocked_until": now,
        "admin_name": "",
        "address": "",
    }
    statement = insert(SignInThrottleRow).values([{"key": key, **new} for key in attempt.keys])
    held = statement.on_conflict_do_update(
        index_elements=["key"], set_={"key": statement.excluded.key}
    )
    return tuple(session.scalars(held.returning(SignInThrottleRow)))


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))
