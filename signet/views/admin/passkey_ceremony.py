"""What a page asks a browser to do with a passkey, and what comes back in its form.

A challenge is bound to the visitor or session that was asked and to what it is for, is good for a
while, and is answered once.
"""

import ipaddress
import secrets
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from flask import current_app, request, session
from flask_wtf.csrf import generate_csrf
from itsdangerous import BadData, URLSafeSerializer
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from wtforms import HiddenField

from signet.models.form_numbers import use_form_number
from signet.operations.errors import OperationError
from signet.operations.passkeys import (
    PasskeyProof,
    RelyingParty,
    authentication_options,
    new_user_handle,
    registration_options,
)
from signet.views.admin.forms import AdminForm
from signet.views.admin.identity import arriving_admin
from signet.wiring import wiring

#: A page may have been open for a while before the button is pressed.
_GOOD_FOR = timedelta(minutes=30)
_TOO_LATE = "This page was open too long: try again"


class PasskeyForm(AdminForm):
    """What the script fills in."""

    credential = HiddenField()
    challenge = HiddenField()


@dataclass(frozen=True, slots=True)
class Ceremony:
    """What a form needs to ask the browser."""

    #: Of ``navigator.credentials``, as JSON.
    options: str
    #: The challenge, signed, for the form to send back.
    challenge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    proof: PasskeyProof
    #: Of a new passkey.
    user_handle: bytes


def why_no_passkey() -> str:
    """Why passkeys cannot work at this address; empty if they can."""
    issuer = wiring().settings.issuer
    host = urlsplit(issuer).hostname or ""
    if _is_address(host):
        return (
            f"Passkeys need a server with a name, and the issuer of this one is {issuer}: "
            "a browser makes none for an address. Set SIGNET_ISSUER to one with a name."
        )
    if (urlsplit(request.host_url).hostname or "") != host:
        return f"Passkeys belong to {host}: open this page there to use one."
    return ""


def ask_for_passkey(purpose: str, *, of_session: bool = False) -> Ceremony | None:
    """Ask for a passkey; ``None`` where there can be none.

    :param of_session: one of the admin whose session this is.
    """
    if why_no_passkey():
        return None
    challenge = secrets.token_bytes(32)
    options = authentication_options(
        challenge=challenge,
        party=_party(),
        session_id=arriving_admin().session_id if of_session else None,
    )
    return Ceremony(options, _sign(purpose, challenge)) if options else None


def ask_for_new_passkey() -> Ceremony:
    """Ask for a new passkey of the admin whose session this is."""
    session_id = arriving_admin().session_id
    challenge, user_handle = secrets.token_bytes(32), new_user_handle(session_id)
    options = registration_options(
        session_id, challenge=challenge, user_handle=user_handle, party=_party()
    )
    return Ceremony(options, _sign("new", challenge, user_handle))


def read_answer(form: PasskeyForm, purpose: str) -> Answer:
    """What the browser has answered; the challenge is used up by it.

    :raises OperationError: the challenge was not for this, ran out, or was answered before.
    """
    if why_no_passkey():
        raise OperationError(why_no_passkey())
    now = wiring().clock()
    try:
        signed = _signer(purpose).loads(form.challenge.data or "")
    except BadData:
        raise OperationError(_TOO_LATE) from None
    is_late = now.timestamp() - signed["at"] > _GOOD_FOR.total_seconds()
    if is_late or not use_form_number(signed["challenge"], now=now):
        raise OperationError(_TOO_LATE)
    proof = PasskeyProof(
        credential=form.credential.data or "",
        challenge=base64url_to_bytes(signed["challenge"]),
        party=_party(),
    )
    return Answer(proof=proof, user_handle=base64url_to_bytes(signed["user"]))


def _party() -> RelyingParty:
    settings = wiring().settings
    host = urlsplit(settings.issuer).hostname or ""
    return RelyingParty(rp_id=host, origin=settings.issuer.removesuffix(settings.issuer_path))


def _sign(purpose: str, challenge: bytes, user_handle: bytes = b"") -> str:
    # The signature covers the session's token, which is made with the first form of a visitor.
    generate_csrf()
    signed = {
        "challenge": bytes_to_base64url(challenge),
        "user": bytes_to_base64url(user_handle),
        "at": int(wiring().clock().timestamp()),
    }
    return str(_signer(purpose).dumps(signed))


def _signer(purpose: str) -> URLSafeSerializer:
    assert current_app.secret_key is not None
    return URLSafeSerializer(
        current_app.secret_key, salt=f"signet passkey {purpose} {session.get('csrf_token', '')}"
    )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
