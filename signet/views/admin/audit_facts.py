"""What an audit entry changed, as rows of words: no JSON, no bare codes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from signet.models.audit_log import AuditEntry
from signet.views.admin.client_methods import METHODS, TOKEN_FORMATS
from signet.views.admin.presentation import format_datetime, format_duration, format_number

#: In the order of the rows.
_LABELS = {
    "secret_id": "Secret ID",
    "name": "Name",
    "description": "Description",
    "contact": "Contact",
    "role": "Role",
    "enabled": "Enabled",
    "invited_by": "Invited by",
    "link_by": "Link made by",
    "link": "Link for",
    "access_token_lifetime": "Token lifetime",
    "signing_alg": "Signing algorithm",
    "scope": "Scopes",
    "apis": "APIs",
    "token_endpoint_auth_method": "Proves itself by",
    "token_endpoint_auth_signing_alg": "Algorithm of assertions",
    "jwks": "Public keys",
    "jwks_uri": "Address of its keys",
    "allow_token_endpoint_audience": "Token endpoint as audience",
    "tls_client_auth_subject_dn": "Subject of its certificate",
    "trusted_issuers": "Issuers",
    "token_format": "Token format",
    "dpop_bound_access_tokens": "DPoP required",
    "tls_client_certificate_bound_access_tokens": "Bound to its certificate",
    "claims": "Claims",
    "password": "Password",
    "second_factor": "Second factor",
    "app_codes": "App codes",
    "passkey": "Passkey",
    "recovery_codes": "Recovery codes",
    "expires_at": "Expires",
    "revoked_at": "Revoked",
    "kid": "Key ID",
    "alg": "Algorithm",
    "signing_at": "Signs from",
    "state": "State",
    "successor": "Signs instead",
    "outcome": "What came of it",
    "request_id": "X-Request-Id",
    "ended": "Sessions ended",
    "failures": "Failed attempts",
    "secret": "New secret",
    "what": "Encrypted",
    "rewrapped": "Number",
    "replaced": "Replaced secret",
}
_NOTHING = {
    "expires_at": "Never",
    "revoked_at": "No",
    "description": "Empty",
    "contact": "Empty",
    "signing_alg": "Default",
    "token_endpoint_auth_signing_alg": "Any but RS256",
}
_IDENTIFIERS = frozenset(
    {
        *("secret_id", "signing_alg", "scope", "apis", "kid", "alg", "successor", "claims"),
        *("token_endpoint_auth_signing_alg", "jwks", "jwks_uri", "tls_client_auth_subject_dn"),
    }
)
#: Lists whose members may hold a comma: each has a line of its own.
_LINES = frozenset({"jwks", "trusted_issuers", "claims"})


@dataclass(frozen=True, slots=True)
class Value:
    """What a fact was or became."""

    text: str
    is_identifier: bool = False
    #: What RFCs call it, where the text is for people.
    code: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """A row: what it is about, its value before and after (``None``: there was none)."""

    label: str
    before: Value | None
    after: Value | None


def facts_of(entry: AuditEntry) -> tuple[Fact, ...]:
    """The rows of an entry; none if it changed nothing that has a value."""
    before, after = dict(_rows(entry.before)), dict(_rows(entry.after))
    labels = dict.fromkeys([*after, *before])
    return tuple(Fact(label, before.get(label), after.get(label)) for label in labels)


def _rows(facts: Mapping[str, Any], group: str = "") -> Iterator[tuple[str, Value]]:
    order = list(_LABELS)
    for key in sorted(facts, key=lambda key: order.index(key) if key in order else len(order)):
        value = facts[key]
        label = _label(key, facts, group)
        if isinstance(value, Mapping):
            yield from _rows(value, label)
        elif value and isinstance(value, list) and all(isinstance(item, Mapping) for item in value):
            for item in value:
                yield from _rows(item, f"{label} {item.get('secret_id', '')}".strip())
        else:
            yield label, _value(key, value)


def _label(key: str, facts: Mapping[str, Any], group: str) -> str:
    label = _LABELS.get(key, key.replace("_", " ").capitalize())
    # What an operator says of a secret is its name.
    if key == "description" and "secret_id" in facts:
        label = "Name"
    return f"{group}: {label[0].lower()}{label[1:]}" if group else label


def _value(key: str, value: Any) -> Value:
    if value is None or value in ("", []):
        return Value(_NOTHING.get(key, "None"))
    if isinstance(value, bool):
        return Value("Yes" if value else "No")
    if key in _IN_WORDS:
        return _IN_WORDS[key](str(value))
    if isinstance(value, list):
        between = "\n" if key in _LINES else ", "
        return Value(between.join(map(str, value)), key in _IDENTIFIERS)
    if key == "access_token_lifetime" and isinstance(value, int):
        return Value(format_duration(timedelta(seconds=value)))
    if isinstance(value, int):
        return Value(format_number(value))
    return Value(_moment(str(value)) if key.endswith("_at") else str(value), key in _IDENTIFIERS)


def _method(name: str) -> Value:
    method = METHODS.get(name)
    return Value(method.label, code=name) if method else Value(name, is_identifier=True)


def _moment(text: str) -> str:
    try:
        return format_datetime(datetime.fromisoformat(text))
    except ValueError:
        return text


_LINKS = {
    "invitation": "An invitation",
    "password": "A new password",
    "second_factor": "Another second factor",
}
_IN_WORDS: Mapping[str, Callable[[str], Value]] = {
    "link": lambda kind: Value(_LINKS.get(kind, kind)),
    "scope": lambda text: Value(", ".join(text.split()), is_identifier=True),
    "token_endpoint_auth_method": _method,
    "token_format": lambda text: Value(TOKEN_FORMATS.get(text, text)),
}
