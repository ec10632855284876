"""Counting what is served and what is refused, once the answer is fixed; without the database.

Views and the error edge say what a request came to; the last hook of the request puts it into this
worker's memory.
"""

from dataclasses import dataclass

from flask import Flask, Response, g, request

from signet.oauth.credential import Credential
from signet.oauth.refusal import Refusal, presented
from signet.usage import NOBODY, RefusedRequest
from signet.views.request_log import note_for_log, request_id
from signet.wiring import wiring

#: Where requests are counted, below the issuer's path.
PREFIX = "/connect/"


@dataclass(slots=True)
class Outcome:
    """What is known of a request so far."""

    client_id: str = NOBODY
    claimed_client_id: str = ""
    credential_id: str = ""
    #: Of a request that was served.
    served: str | None = None
    error: str = ""
    refusal: Refusal | None = None


def register_use_of_credentials(app: Flask) -> None:
    """Have every request below ``/connect/`` counted."""
    app.after_request(_count)


def note_client(client_id: str) -> None:
    """Say which client's request this is, or is said to be; there is such a client."""
    note_for_log(client_id=client_id)
    outcome = _outcome()
    outcome.client_id = outcome.claimed_client_id = client_id


def note_unknown_client(client_id: str | None) -> None:
    """Say what a caller claims to be that nobody is; ``None``: it is better not repeated."""
    note_for_log(client_id=client_id)
    outcome = _outcome()
    # It may have been somebody until a moment ago.
    outcome.client_id, outcome.claimed_client_id = NOBODY, client_id or ""


def note_served(client_id: str, credential: Credential, served: str) -> None:
    """Say that the request was served.

    :param served: ``token``, ``introspection`` or ``revocation``.
    """
    note_client(client_id)
    outcome = _outcome()
    outcome.credential_id, outcome.served = credential.credential_id, served


def note_refused(error: str, refusal: Refusal) -> None:
    """Say that the request was refused, by the ``error`` of the answer and the true reason."""
    note_for_log(error=error, reason=refusal.text)
    outcome = _outcome()
    outcome.error, outcome.refusal, outcome.served = error, refusal, None


def noted_refusal() -> Refusal | None:
    """Why the request of this context was refused, if it was."""
    outcome: Outcome | None = g.get("outcome")
    return outcome.refusal if outcome is not None else None


def _outcome() -> Outcome:
    outcome: Outcome = g.setdefault("outcome", Outcome())
    return outcome


def _count(response: Response) -> Response:
    outcome: Outcome | None = g.get("outcome")
    if outcome is None:
        return response
    parts, user_agent = wiring(), presented(request.user_agent.string)
    at, address = parts.clock(), request.remote_addr or ""
    if outcome.served is not None:
        parts.usage.note_use(
            outcome.client_id,
            outcome.credential_id,
            outcome.served,
            at=at,
            address=address,
            user_agent=user_agent,
        )
    elif outcome.refusal is not None and PREFIX in request.path:
        parts.usage.note_refusal(
            RefusedRequest(
                request_id=request_id(),
                at=at,
                client_id=outcome.client_id,
                claimed_client_id=outcome.claimed_client_id,
                address=address,
                user_agent=user_agent,
                endpoint=presented(request.path.rpartition("/")[2])[:20],
                status=response.status_code,
                error=outcome.error,
                reason=outcome.refusal.reason,
                text=outcome.refusal.text,
                facts=outcome.refusal.facts,
            )
        )
    return response
