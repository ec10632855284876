"""What the tokens of a client are like: their form, what they are bound to, claims of its own."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from signet.models.clients import ClientDetails
from signet.oauth.access_token import REGISTERED_CLAIMS
from signet.oauth.client import JWT, REFERENCE
from signet.operations.errors import OperationError
from signet.operations.text import check_line

MOST_CLAIMS = 20
#: A token travels in a header with each request.
LONGEST_CLAIMS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenOptions:
    """What an operator decides of a client's tokens."""

    #: ``jwt`` or ``reference``.
    token_format: str = JWT
    dpop_bound_access_tokens: bool = False
    tls_client_certificate_bound_access_tokens: bool = False
    #: Each a text, a number, a truth value or a list of these.
    claims: Mapping[str, Any] = field(default_factory=dict)

    def checked(self) -> "TokenOptions":
        """The same; or an ``OperationError``."""
        if self.token_format not in (JWT, REFERENCE):
            raise OperationError("Choose jwt or reference as token format", field="token_format")
        check_claims(self.claims)
        return self


def token_options_of(client: ClientDetails) -> TokenOptions:
    """What is decided of a client's tokens now."""
    return TokenOptions(
        token_format=client.token_format,
        dpop_bound_access_tokens=client.dpop_bound_access_tokens,
        tls_client_certificate_bound_access_tokens=(
            client.tls_client_certificate_bound_access_tokens
        ),
        claims=client.claims,
    )


def check_claims(claims: Mapping[str, Any]) -> None:
    """Refuse a claim that the protocol has a meaning for, or that no API could read."""
    if len(claims) > MOST_CLAIMS:
        raise OperationError(f"Use at most {MOST_CLAIMS} claims", field="claims")
    for name, value in claims.items():
        if check_line(name, field="claims", what="a name for the claim", longest=100) != name:
            raise OperationError("Use no spaces around the name of a claim", field="claims")
        if name in REGISTERED_CLAIMS:
            raise OperationError(
                f"“{name}” is a claim of the protocol: choose another name", field="claims"
            )
        if not _is_claim_value(value):
            raise OperationError(
                f"Use a text, a number, true, false or a list of these for “{name}”",
                field="claims",
            )
    if len(json.dumps(claims)) > LONGEST_CLAIMS:
        raise OperationError(f"Use at most {LONGEST_CLAIMS} characters of claims", field="claims")


def _is_claim_value(value: object) -> bool:
    if isinstance(value, list):
        return all(_is_scalar(item) for item in value)
    return _is_scalar(value)


def _is_scalar(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, str):
        # Half of a surrogate pair can be written in JSON and in no other encoding.
        return not any("\ud800" <= character <= "\udfff" for character in value)
    return isinstance(value, bool | int)
