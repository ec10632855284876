"""Why a request is refused: the true reason, for the log and for people — never for the caller.

On the wire a refusal says little (RFC 6749 §5.2); who runs the server wants to know exactly. The
facts are what the request itself has said, cut short, and never a secret or a token.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from signet.oauth.client import SECRET_PREFIX
from signet.oauth.jws import Jwt, NotNowError, NotSignedError
from signet.oauth.store import KeysUnavailableError

#: Characters of a text that a caller has sent.
LONGEST_FACT = 200
#: What has three such parts is a token, whatever its name.
_SECRET = re.compile(
    rf"{SECRET_PREFIX}|[A-Za-z0-9_-]{{16,}}\.[A-Za-z0-9_-]{{16,}}\.[A-Za-z0-9_-]*", re.IGNORECASE
)
#: A piece of a name or address may be as long, but then it is not of such mixed characters.
_LONG_PIECE = re.compile(r"[A-Za-z0-9_+=-]{40,}")
_MIXED = tuple(map(re.compile, ("[a-z]", "[A-Z]", "[0-9]")))


class Reason(StrEnum):
    """Every reason there is: few, so that counting by reason stays small."""

    NO_CREDENTIALS = "no_credentials"
    UNKNOWN_CLIENT = "unknown_client"
    DISABLED_CLIENT = "disabled_client"
    WRONG_METHOD = "wrong_method"
    SECRET_WITHOUT_CLIENT_ID = "secret_without_client_id"
    WRONG_SECRET = "wrong_secret"
    #: Not of the form that Signet's secrets have.
    MISTYPED_SECRET = "mistyped_secret"
    #: Right, but for a space or a line break at its beginning or end.
    PADDED_SECRET = "padded_secret"
    #: Right, but percent-encoded once more than Basic wants.
    ENCODED_SECRET = "encoded_secret"
    EXPIRED_SECRET = "expired_secret"
    REVOKED_SECRET = "revoked_secret"
    #: Right, but of another client or API.
    FOREIGN_SECRET = "foreign_secret"
    BASIC = "basic"
    BASIC_ENCODING = "basic_encoding"
    ASSERTION = "assertion"
    ASSERTION_AUDIENCE = "assertion_audience"
    ASSERTION_ISSUER = "assertion_issuer"
    ASSERTION_REPLAYED = "assertion_replayed"
    #: These four of a client's own assertion and of a workload's token alike.
    ASSERTION_EXPIRED = "assertion_expired"
    ASSERTION_EARLY = "assertion_early"
    ASSERTION_SIGNATURE = "assertion_signature"
    #: The keys to check it with cannot be had.
    ASSERTION_KEYS = "assertion_keys"
    WORKLOAD = "workload"
    WORKLOAD_UNTRUSTED = "workload_untrusted"
    CERTIFICATE = "certificate"
    SCOPE_NOT_ASSIGNED = "scope_not_assigned"
    NO_SCOPE = "no_scope"
    #: What has no more to say than its error: one each.
    INVALID_REQUEST = "invalid_request"
    INVALID_SCOPE = "invalid_scope"
    INVALID_TARGET = "invalid_target"
    INVALID_GRANT = "invalid_grant"
    INVALID_DPOP_PROOF = "invalid_dpop_proof"
    DPOP_MISSING = "dpop_missing"
    DPOP_REPLAYED = "dpop_replayed"
    #: For another method or address than the token endpoint's.
    DPOP_TARGET = "dpop_target"
    #: Too old, over, or from the future.
    DPOP_TIME = "dpop_time"
    USE_DPOP_NONCE = "use_dpop_nonce"
    UNAUTHORIZED_CLIENT = "unauthorized_client"
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type"
    TEMPORARILY_UNAVAILABLE = "temporarily_unavailable"
    SERVER_ERROR = "server_error"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reason, its text for the log, and what there is to tell besides, by name."""

    reason: Reason
    text: str
    facts: Mapping[str, Any] = field(default_factory=dict)


def refusal_of(error: Exception) -> Refusal:
    """Why an error of the protocol was raised; one that does not say is its own reason."""
    refusal = getattr(error, "refusal", None)
    if isinstance(refusal, Refusal):
        return refusal
    name = str(getattr(error, "error", "") or "")
    text = str(getattr(error, "reason", None) or getattr(error, "description", None) or name)
    known = name in Reason.__members__.values()
    return Refusal(Reason(name) if known else Reason.OTHER, text)


def refusal_of_token(
    error: Exception, token: Jwt, *, otherwise: Reason, what: str, now: datetime
) -> Refusal:
    """Why a JWT that stands for a client is refused, with how early or late it was.

    :param otherwise: the reason of what has no more to say than its text.
    :param what: names it in the log.
    """
    text = f"{what}: {error}"
    if isinstance(error, NotNowError):
        reason = Reason.ASSERTION_EXPIRED if error.claim == "exp" else Reason.ASSERTION_EARLY
        return Refusal(reason, text, time_facts(error, now))
    if isinstance(error, NotSignedError):
        kid = None if token.kid is None else presented(token.kid)
        facts = {"kid": kid, "alg": presented(token.alg), "knows_key": error.knows_key}
        return Refusal(Reason.ASSERTION_SIGNATURE, text, facts)
    if isinstance(error, KeysUnavailableError):
        return Refusal(Reason.ASSERTION_KEYS, text)
    return Refusal(otherwise, text)


def time_facts(error: NotNowError, now: datetime) -> Mapping[str, Any]:
    """What a JWT says of its time, and what the time was here."""
    return {"claim": error.claim, "moment": fact_of(error.moment), "now": fact_of(now)}


def fact_of(moment: datetime) -> str:
    """A moment as a fact, to the second."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def presented(value: object) -> str:
    """A text of the caller's as a fact: cut short, on one line, no secret and no token."""
    text = value if isinstance(value, str) else repr(value)
    if _looks_secret(text):
        return "(looks like a secret or a token and is not kept)"
    text = "".join(mark if mark.isprintable() else "\N{REPLACEMENT CHARACTER}" for mark in text)
    return text if len(text) <= LONGEST_FACT else text[: LONGEST_FACT - 1] + "…"


def _looks_secret(text: str) -> bool:
    if _SECRET.search(text):
        return True
    pieces = _LONG_PIECE.findall(text)
    return any(all(kind.search(piece) for kind in _MIXED) for piece in pieces)
