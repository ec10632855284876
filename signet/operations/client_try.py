"""Trying a client: what its token would say, and in plain words why it would get none.

That somebody has tried is an act, so it stands in the audit log; of a real request likewise.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from authlib.oauth2 import OAuth2Error

from signet.models.audit import Actor, act, append_entry
from signet.models.clients import ClientDetails
from signet.models.scopes import ScopeDetails, list_scopes
from signet.oauth.scope import is_scope_token
from signet.oauth.store import Store
from signet.oauth.token_preview import TokenPreview, preview_token
from signet.operations.client_secrets import audited_client, get_client_row
from signet.operations.errors import NotFoundError, OperationError


class Trouble(StrEnum):
    """What is wrong with a request for a token, as far as the client and its scopes tell."""

    DISABLED = "disabled"
    NO_SCOPE = "no_scope"
    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    SCOPE_DISABLED = "scope_disabled"
    NOT_ASSIGNED = "not_assigned"
    OTHER = "other"


class Why(NamedTuple):
    """One reason, as a sentence."""

    trouble: Trouble
    text: str
    #: The scope that it is about, if there is such a scope.
    scope: str = ""


class TokenRefusedError(OperationError):
    """The client would get no token.

    :param error: the code of the answer (RFC 6749 §5.2), with its fixed ``description``.
    """

    def __init__(self, error: OAuth2Error, reasons: tuple[Why, ...]) -> None:
        text = " ".join(why.text for why in reasons).removesuffix(".")
        super().__init__(f"{error.error}: {text}")
        self.error = str(error.error)
        self.description = str(error.description)
        self.reasons = reasons


def try_token(
    client: ClientDetails,
    scope: str,
    *,
    issuer: str,
    scope_claim: str,
    store: Store,
    actor: Actor,
    now: datetime,
) -> TokenPreview:
    """What the client would get if it asked for this scope now.

    :raises TokenRefusedError: if that is nothing.
    """
    found = store.find_client(client.client_id, fresh=True)
    if found is None:
        raise NotFoundError(f"There is no client “{client.client_id}”")
    try:
        preview = preview_token(
            found, scope, issuer=issuer, scope_claim=scope_claim, store=store, now=now
        )
    except OAuth2Error as error:
        note_try(client.client_id, {"outcome": str(error.error)}, actor=actor, now=now)
        raise TokenRefusedError(error, explain_refusal(client, scope, error)) from None
    scopes = preview.claims["scope"]
    names = scopes if isinstance(scopes, str) else " ".join(scopes)
    note_try(client.client_id, {"outcome": "preview", "scope": names}, actor=actor, now=now)
    return preview


def note_try(client_id: str, facts: Mapping[str, Any], *, actor: Actor, now: datetime) -> None:
    """Record that somebody has tried a token.

    :param facts: what came of it: neither a secret nor a token, nor what was typed and is no scope.
    """
    with act() as session:
        client = get_client_row(session, client_id)
        append_entry(
            session,
            actor=actor,
            action="client.try",
            object=audited_client(client),
            now=now,
            after=facts,
        )


def explain_refusal(
    client: ClientDetails, scope: str, error: OAuth2Error | None = None
) -> tuple[Why, ...]:
    """Why a request for this scope is refused, as far as the client and its scopes tell."""
    if not client.enabled:
        return (Why(Trouble.DISABLED, "The client is disabled."),)
    scopes = {known.name: known for known in list_scopes()}
    asked = list(dict.fromkeys(filter(None, scope.split(" "))))
    if not asked:
        reasons = _without_scope(client, scopes)
    else:
        found = (_trouble_with(name, client, scopes.get(name)) for name in asked)
        reasons = tuple(dict.fromkeys(why for why in found if why is not None))
    if not reasons and error is not None:
        # The rest has a text of its own, which repeats nothing.
        return (Why(Trouble.OTHER, str(error.description)),)
    return reasons


def _without_scope(client: ClientDetails, scopes: Mapping[str, ScopeDetails]) -> tuple[Why, ...]:
    if any(scopes[name].enabled for name in client.scopes if name in scopes):
        return ()
    text = "Every scope of this client is disabled."
    if not client.scopes:
        text = "No scope is assigned to this client."
    return (Why(Trouble.NO_SCOPE, text),)


def _trouble_with(name: str, client: ClientDetails, scope: ScopeDetails | None) -> Why | None:
    if not is_scope_token(name):
        return Why(Trouble.MALFORMED, "The scope holds a character that none may hold.")
    if scope is None:
        return Why(Trouble.UNKNOWN, f"There is no scope “{name}”.")
    if name not in client.scopes:
        return Why(Trouble.NOT_ASSIGNED, f"“{name}” is not assigned to this client.", name)
    if not scope.enabled:
        return Why(Trouble.SCOPE_DISABLED, f"“{name}” is disabled: nobody gets it.", name)
    return None
