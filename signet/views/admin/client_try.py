"""Try it: what a client's token would say, or the answer to a real request with its secret."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import RadioField, StringField, TextAreaField
from wtforms.validators import Length

from signet.models.clients import ClientDetails
from signet.models.scopes import find_scope
from signet.oauth.access_token import REFERENCE_PREFIX, verify_access_token
from signet.oauth.client import CLIENT_SECRET_BASIC
from signet.oauth.client_secret import LONGEST_CLIENT_SECRET
from signet.oauth.jws import parse_jwt
from signet.oauth.public_keys import parse_jwk_set
from signet.operations.client_try import (
    TokenRefusedError,
    Trouble,
    Why,
    explain_refusal,
    note_try,
    try_token,
)
from signet.usage import RefusedRequest
from signet.views.admin.client_facts import get_client
from signet.views.admin.client_methods import METHODS
from signet.views.admin.client_status import status_of
from signet.views.admin.client_try_request import RealAnswer, send_token_request
from signet.views.admin.forms import AdminForm
from signet.views.admin.identity import acting
from signet.views.admin.presentation import ago_or_in, format_datetime, visible_text
from signet.views.admin.refusal_advice import Advice, advice_on
from signet.views.admin.refusal_case import case_of
from signet.views.admin.refusal_sentences import say
from signet.wiring import wiring

bp = Blueprint("client_try", __name__, url_prefix="/clients/<client_id>/try")

PREVIEW, REAL = "preview", "real"

#: What the claims mean, for people; a client's own have nobody's words but its own.
_MEANINGS = {
    "iss": "who issued it",
    "sub": "whom it speaks for: the client",
    "aud": "the API that may accept it",
    "client_id": "the client",
    "scope": "what it allows",
    "iat": "issued",
    "exp": "ends",
    "jti": "another one for each token",
    "cnf": "bound: only who holds this key or certificate can use it",
}


class TryForm(AdminForm):
    """What to try."""

    kind = RadioField(
        "What to try",
        choices={PREVIEW: "Preview the token", REAL: "Send a real request"},
        default=PREVIEW,
    )
    scope = StringField(
        "Scope",
        [Length(max=2_000, message="Use at most 2,000 characters for the scope")],
        filters=[lambda text: " ".join((text or "").split())],
    )
    client_secret = TextAreaField("Client secret", filters=[lambda text: (text or "").strip()])

    def check_secret(self) -> bool:
        """Whether there is a secret to send, if one is to be sent."""
        if self.kind.data != REAL:
            return True
        if not self.client_secret.data:
            self.client_secret.errors = ["Paste the client secret"]
        elif len(self.client_secret.data) > LONGEST_CLIENT_SECRET:
            self.client_secret.errors = ["Paste the secret and nothing else: this is too long"]
        return not self.client_secret.errors


class ClaimLine(NamedTuple):
    """A claim as a row of a table."""

    name: str
    value: str
    meaning: str


class TokenShown(NamedTuple):
    """A token, read."""

    #: ``alg``, ``kid``, ``typ``.
    header: Mapping[str, Any]
    lines: tuple[ClaimLine, ...]
    #: Whether the key set vouches for it; ``None``: there is no signature.
    is_verified: bool | None


@bp.get("")
def show(client_id: str) -> ResponseReturnValue:
    """Ask what to try."""
    return _render(TryForm(), get_client(client_id))


@bp.post("")
def run(client_id: str) -> ResponseReturnValue:
    """Try it, and show what came of it, this once."""
    client = get_client(client_id)
    form = TryForm()
    if not _offers_real_request(client):
        form.kind.choices = {PREVIEW: "Preview the token"}
    if not (form.validate_on_submit() and form.check_secret()):
        return _render(form, client), 422
    if form.kind.data == REAL:
        return _answer_real(form, client)
    return _answer_preview(form, client)


def _answer_preview(form: TryForm, client: ClientDetails) -> ResponseReturnValue:
    parts, now = wiring(), wiring().clock()
    try:
        preview = try_token(
            client,
            form.scope.data or "",
            issuer=parts.settings.issuer,
            scope_claim=parts.settings.scope_claim,
            store=parts.store,
            actor=acting(),
            now=now,
        )
    except TokenRefusedError as error:
        return _render(form, client, refused=error, advice=_advice(client, error.reasons))
    shown = TokenShown(preview.header, _lines(preview.claims), None)
    return _render(form, client, previewed=True, token=shown)


def _answer_real(form: TryForm, client: ClientDetails) -> ResponseReturnValue:
    scope = form.scope.data or ""
    answer = send_token_request(client.client_id, form.client_secret.data or "", scope)
    facts = {"outcome": answer.status, "request_id": answer.request_id}
    note_try(client.client_id, facts, actor=acting(), now=wiring().clock())
    body = _json_of(answer)
    refused = answer.status_code != 200
    return _render(
        form,
        client,
        answer=answer,
        refused=refused,
        advice=_advice_on(answer, str(body.get("error", "")), client, scope),
        token=None if refused else _read(str(body.get("access_token", ""))),
    )


def _render(form: TryForm, client: ClientDetails, **result: Any) -> str:
    now = wiring().clock()
    return render_template(
        "admin/clients/try.html",
        form=form,
        client=client,
        status=status_of(client, now),
        method=METHODS[client.token_endpoint_auth_method],
        offers_real_request=_offers_real_request(client),
        **result,
    )


def _offers_real_request(client: ClientDetails) -> bool:
    """Whether a secret is all that a request of this client needs."""
    return client.token_endpoint_auth_method == CLIENT_SECRET_BASIC and not (
        client.dpop_bound_access_tokens or client.tls_client_certificate_bound_access_tokens
    )


def _read(token: str) -> TokenShown | None:
    """A JWT with the verdict of the published keys; ``None``: a reference, which says nothing."""
    if token.startswith(REFERENCE_PREFIX):
        return None
    jwt, parts = parse_jwt(token), wiring()
    now = parts.clock()
    published = [dict(key.public_jwk) for key in parts.store.published_keys(now)]
    try:
        verify_access_token(
            token, parse_jwk_set({"keys": published}), issuer=parts.settings.issuer, now=now
        )
    except ValueError:
        return TokenShown(jwt.header, _lines(jwt.claims), is_verified=False)
    return TokenShown(jwt.header, _lines(jwt.claims), is_verified=True)


def _lines(claims: Mapping[str, Any]) -> tuple[ClaimLine, ...]:
    return tuple(
        ClaimLine(name, _text(value), _meaning(name, claims)) for name, value in claims.items()
    )


def _text(value: Any) -> str:
    return visible_text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _meaning(name: str, claims: Mapping[str, Any]) -> str:
    meaning = _MEANINGS.get(name, "a claim of the client's own")
    if name not in ("iat", "exp"):
        return meaning
    moment, issued_at = (datetime.fromtimestamp(claims[claim], UTC) for claim in (name, "iat"))
    written = f"{meaning} " + format_datetime(moment)
    return written if moment == issued_at else written + f" ({ago_or_in(moment, issued_at)})"


def _advice_on(
    answer: RealAnswer, error: str, client: ClientDetails, scope: str
) -> Sequence[Advice]:
    """Why a real request was refused, which no caller is told, and what would help."""
    if answer.refusal is None:
        return ()
    reasons = explain_refusal(client, scope) if error == "invalid_scope" else ()
    if reasons:
        return _advice(client, reasons)
    now = wiring().clock()
    refused = RefusedRequest(
        request_id=answer.request_id,
        at=now,
        client_id=client.client_id,
        claimed_client_id=client.client_id,
        address=acting().address,
        user_agent="",
        endpoint="token",
        status=answer.status_code,
        error=error,
        reason=answer.refusal.reason,
        text=answer.refusal.text,
        facts=answer.refusal.facts,
    )
    case = case_of(refused, now=now)
    return (Advice(say(case)), *advice_on(case))


def _advice(client: ClientDetails, reasons: Sequence[Why]) -> list[Advice]:
    return [_with_link(client, why) for why in reasons]


def _with_link(client: ClientDetails, why: Why) -> Advice:
    client_id = client.client_id
    if why.trouble in (Trouble.NOT_ASSIGNED, Trouble.NO_SCOPE):
        return Advice(why.text, "Assign it", url_for("admin.clients.scopes", client_id=client_id))
    if why.trouble == Trouble.DISABLED:
        return Advice(
            why.text, "Enable it", url_for("admin.clients.ask_enable", client_id=client_id)
        )
    if why.trouble == Trouble.UNKNOWN:
        return Advice(why.text, "See all scopes", url_for("admin.scopes.index"))
    scope = find_scope(why.scope) if why.trouble == Trouble.SCOPE_DISABLED else None
    if scope is not None:
        return Advice(why.text, "See the scope", url_for("admin.scopes.show", number=scope.number))
    return Advice(why.text)


def _json_of(answer: RealAnswer) -> dict[str, Any]:
    try:
        body = json.loads(answer.body)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
