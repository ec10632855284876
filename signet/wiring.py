"""What ``create_app`` has built and the entrances use: settings, store, key encryption, clock."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

from flask import Flask, current_app

from signet.bookkeeping import Bookkeeping
from signet.models.key_encryption import KeyEncryption
from signet.models.store import SqlStore
from signet.oauth.certificate_authorities import CertificateAuthorities
from signet.settings import Settings
from signet.usage import UsageMemory

_EXTENSION = "signet_wiring"


def utc_now() -> datetime:
    """This moment."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Wiring:
    """The parts of one app that requests, commands and the background share."""

    settings: Settings
    store: SqlStore
    encryption: KeyEncryption
    clock: Callable[[], datetime] = utc_now
    #: Who vouches for client certificates; ``None``: nobody.
    authorities: CertificateAuthorities | None = None
    #: What this worker has served since the last flush.
    usage: UsageMemory = field(default_factory=UsageMemory)
    #: Where requests go that have been answered.
    books: Bookkeeping = field(default_factory=Bookkeeping)

    def install(self, app: Flask) -> None:
        """Make the parts known to the app."""
        app.extensions[_EXTENSION] = self


def wiring() -> Wiring:
    """The parts of the app that serves this request or command."""
    return cast(Wiring, current_app.extensions[_EXTENSION])
