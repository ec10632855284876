"""What the protocol's views work with, handed in once when the app is built."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, cast

from flask import current_app

from signet.oauth.store import Store
from signet.settings import Settings
from signet.views.authorization_server import AuthorizationServer
from signet.views.failure_limit import FailureLimit

EXTENSION = "signet"


class ServedStore(Store, Protocol):
    """The protocol's store, and how it is doing."""

    def is_database_up(self) -> bool:
        """Whether the database answers."""
        ...

    def is_ready(self, now: datetime) -> bool:
        """Whether tokens can be issued: a key at hand, and knowledge that is not too old."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """One per app."""

    settings: Settings
    store: ServedStore
    #: The time now, in UTC.
    clock: Callable[[], datetime]
    server: AuthorizationServer
    failure_limit: FailureLimit


def wiring() -> Wiring:
    """The wiring of the app that serves this request."""
    return cast(Wiring, current_app.extensions[EXTENSION])
