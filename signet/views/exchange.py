"""One request and its answer, and what becomes known of them until they are written down.

Views and the error edge say what they find out. At its end an exchange goes into the books
(``bookkeeping.py``), where the request log, the use of credentials and the metrics read it.
"""

import secrets
import time
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from signet.oauth.credential import Credential
from signet.oauth.refusal import Refusal
from signet.usage import NOBODY
from signet.wiring import Wiring

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


@dataclass(slots=True)
class Exchange:
    """What is known of a request so far."""

    #: Our own, never the caller's: an id that is found in the log cannot have been planted.
    request_id: str
    began: float
    method: str
    #: ``None`` for a socket in the file system.
    address: str | None
    user_agent: str
    #: What its line in the log says besides.
    log_facts: dict[str, str | None] = field(default_factory=dict)
    client_id: str = NOBODY
    claimed_client_id: str = ""
    credential_id: str = ""
    #: ``token``, ``introspection`` or ``revocation``, of a request that was served.
    served: str | None = None
    #: The ``error`` of the answer.
    error: str = ""
    refusal: Refusal | None = None

    #: Known at its end: the path, without what may be a secret, and the answer's status.
    path: str = ""
    status: int = 0
    seconds: float = 0.0
    ended_at: datetime = datetime.min


#: A greenlet and a thread have one each. Not Flask's ``g``, of which the protocol does without.
_current: ContextVar[Exchange] = ContextVar("signet_exchange")


def begin_exchange(environ: "WSGIEnvironment") -> tuple[Exchange, Token[Exchange]]:
    """The exchange that a request begins; it is the current one from now on.

    :return: with it what :func:`leave_exchange` wants.
    """
    exchange = Exchange(
        secrets.token_hex(12),
        time.perf_counter(),
        environ["REQUEST_METHOD"],
        environ.get("REMOTE_ADDR"),
        environ.get("HTTP_USER_AGENT", ""),
    )
    return exchange, _current.set(exchange)


def leave_exchange(token: Token[Exchange]) -> None:
    """Go on with the exchange that was current before: a page may ask for a token itself."""
    _current.reset(token)


def current_exchange() -> Exchange:
    """The exchange of the request that is served now."""
    return _current.get()


def end_exchange(exchange: Exchange, parts: Wiring, *, path: str, status: int) -> None:
    """Have it written down; its answer is fixed."""
    exchange.path, exchange.status = path, status
    exchange.seconds = seconds_so_far(exchange)
    exchange.ended_at = parts.clock()
    parts.books.note(exchange)


def seconds_so_far(exchange: Exchange) -> float:
    """How long the exchange has taken."""
    return time.perf_counter() - exchange.began


def note_for_log(**facts: str | None) -> None:
    """Add facts to this request's line; a later one of the same name counts."""
    current_exchange().log_facts.update(facts)


def request_id() -> str:
    """The id of this request, also for an error page to show."""
    return current_exchange().request_id


def note_client(client_id: str) -> None:
    """Say which client's request this is, or is said to be; there is such a client."""
    _note_client(current_exchange(), client_id)


def note_unknown_client(client_id: str | None) -> None:
    """Say what a caller claims to be that nobody is; ``None``: it is better not repeated."""
    exchange = current_exchange()
    exchange.log_facts["client_id"] = client_id
    # It may have been somebody until a moment ago.
    exchange.client_id, exchange.claimed_client_id = NOBODY, client_id or ""


def note_served(client_id: str, credential: Credential, served: str) -> None:
    """Say that the request was served.

    :param served: ``token``, ``introspection`` or ``revocation``.
    """
    exchange = current_exchange()
    _note_client(exchange, client_id)
    exchange.credential_id, exchange.served = credential.credential_id, served


def note_refused(error: str, refusal: Refusal) -> None:
    """Say that the request was refused, by the ``error`` of the answer and the true reason."""
    exchange = current_exchange()
    exchange.log_facts |= {"error": error, "reason": refusal.text}
    exchange.error, exchange.refusal, exchange.served = error, refusal, None


def _note_client(exchange: Exchange, client_id: str) -> None:
    exchange.log_facts["client_id"] = client_id
    exchange.client_id = exchange.claimed_client_id = client_id
