"""How a client proves itself, as an operator decides it: the method, and what it needs."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from signet.models.clients import ClientDetails, TrustDetails
from signet.oauth.client import (
    CLIENT_SECRET_BASIC,
    FEDERATED_JWT,
    PRIVATE_KEY_JWT,
    REGISTERED_METHODS,
    SELF_SIGNED_TLS_CLIENT_AUTH,
    TLS_CLIENT_AUTH,
)
from signet.oauth.jws import ALGORITHMS
from signet.oauth.mutual_tls import parse_subject_dn
from signet.operations.errors import OperationError
from signet.operations.public_key_text import check_jwk_set, has_certificates
from signet.operations.text import check_line
from signet.outbound import check_url

#: RS256 only for a client that opts in: FAPI 2.0 does without.
SIGNING_ALGORITHMS = (*ALGORITHMS, "RS256")
MOST_TRUSTED_ISSUERS = 20

#: What belongs to each method; everything else must be left out.
_MEMBERS: Mapping[str, frozenset[str]] = {
    CLIENT_SECRET_BASIC: frozenset(),
    PRIVATE_KEY_JWT: frozenset(
        {"signing_alg", "jwks", "jwks_uri", "allows_token_endpoint_audience"}
    ),
    TLS_CLIENT_AUTH: frozenset({"subject_dn"}),
    SELF_SIGNED_TLS_CLIENT_AUTH: frozenset({"jwks", "jwks_uri"}),
    FEDERATED_JWT: frozenset({"trusted_issuers"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientAuthentication:
    """What an operator decides of a client's authentication."""

    #: One of ``REGISTERED_METHODS``.
    method: str = CLIENT_SECRET_BASIC
    #: The only ``alg`` of its assertions; ``None``: all but RS256.
    signing_alg: str | None = None
    #: A JWK set, or the address of one.
    jwks: Mapping[str, Any] | None = None
    jwks_uri: str = ""
    allows_token_endpoint_audience: bool = False
    subject_dn: str = ""
    trusted_issuers: tuple[TrustDetails, ...] = ()

    def checked(self) -> "ClientAuthentication":
        """The same in the form in which it is kept; or an ``OperationError``."""
        if self.method not in REGISTERED_METHODS:
            raise OperationError(
                "Choose how the client proves itself", field="token_endpoint_auth_method"
            )
        self._refuse_foreign_members()
        if self.method == PRIVATE_KEY_JWT:
            if self.signing_alg not in (None, *SIGNING_ALGORITHMS):
                raise OperationError(
                    "Choose one of " + ", ".join(SIGNING_ALGORITHMS),
                    field="token_endpoint_auth_signing_alg",
                )
            return self._with_checked_keys()
        if self.method == SELF_SIGNED_TLS_CLIENT_AUTH:
            return self._with_checked_keys(needs_certificates=True)
        if self.method == TLS_CLIENT_AUTH:
            return replace(self, subject_dn=_check_subject_dn(self.subject_dn))
        if self.method == FEDERATED_JWT:
            return replace(self, trusted_issuers=check_trusted_issuers(self.trusted_issuers))
        return self

    def of_method(self, method: str) -> "ClientAuthentication":
        """The same for another method, without what belongs to this one alone."""
        kept = {name: getattr(self, name) for name in _MEMBERS.get(method, frozenset())}
        return ClientAuthentication(method=method, **kept)

    def _refuse_foreign_members(self) -> None:
        for member in fields(self):
            given = getattr(self, member.name) not in (None, "", False, ())
            if member.name != "method" and given and member.name not in _MEMBERS[self.method]:
                name = _FIELDS.get(member.name, member.name)
                raise OperationError(f"{name} is not for clients of {self.method}", field=name)

    def _with_checked_keys(self, *, needs_certificates: bool = False) -> "ClientAuthentication":
        if bool(self.jwks) == bool(self.jwks_uri):
            raise OperationError(
                "Give the client's public keys, or the address where it publishes them",
                field="jwks",
            )
        if self.jwks_uri:
            return replace(self, jwks_uri=check_address(self.jwks_uri, field="jwks_uri"))
        jwks = check_jwk_set(self.jwks)
        if needs_certificates and not has_certificates(jwks):
            raise OperationError("Give the certificates, or keys with their x5c", field="jwks")
        return replace(self, jwks=jwks)


#: Where a member is called otherwise by its RFC.
_FIELDS = {
    "signing_alg": "token_endpoint_auth_signing_alg",
    "subject_dn": "tls_client_auth_subject_dn",
    "allows_token_endpoint_audience": "allow_token_endpoint_audience",
}


def authentication_of(client: ClientDetails) -> ClientAuthentication:
    """What is decided of a client now."""
    return ClientAuthentication(
        method=client.token_endpoint_auth_method,
        signing_alg=client.token_endpoint_auth_signing_alg,
        jwks=client.jwks,
        jwks_uri=client.jwks_uri or "",
        allows_token_endpoint_audience=client.allows_token_endpoint_audience,
        subject_dn=client.tls_client_auth_subject_dn or "",
        trusted_issuers=client.trusted_issuers,
    )


def check_trusted_issuers(trusted: tuple[TrustDetails, ...]) -> tuple[TrustDetails, ...]:
    """The issuers in the form in which they are kept; or an ``OperationError``."""
    if not trusted:
        raise OperationError("Name an issuer that vouches for the client", field="trust_issuer")
    if len(trusted) > MOST_TRUSTED_ISSUERS:
        raise OperationError(f"Use at most {MOST_TRUSTED_ISSUERS} issuers", field="trust_issuer")
    checked: list[TrustDetails] = []
    for trust in map(_check_trust, trusted):
        if trust not in checked:
            checked.append(trust)
    return tuple(checked)


def check_address(url: str, *, field: str) -> str:
    """An address that keys could be fetched from; whether they can shows when they are needed."""
    url = url.strip()
    try:
        check_url(url)
    except ValueError as error:
        raise OperationError(f"Use an https address: {error}", field=field) from None
    return url


def _check_trust(trust: TrustDetails) -> TrustDetails:
    issuer = check_line(
        trust.issuer, field="trust_issuer", what="the address of the issuer", longest=500
    )
    if trust.jwks is not None and trust.jwks_uri:
        raise OperationError("Give the issuer's keys or their address", field="trust_jwks")
    jwks = check_jwk_set(trust.jwks, field="trust_jwks") if trust.jwks is not None else None
    jwks_uri = None
    if trust.jwks_uri:
        jwks_uri = check_address(trust.jwks_uri, field="trust_jwks_uri")
    elif jwks is None:
        issuer = check_address(issuer, field="trust_issuer")
    return TrustDetails(
        issuer=issuer,
        subject=_check_subject(trust.subject),
        audience=check_line(
            trust.audience, field="trust_audience", what="the audience", longest=500
        ),
        jwks=jwks,
        jwks_uri=jwks_uri,
    )


def _check_subject(pattern: str) -> str:
    text = check_line(pattern, field="trust_subject", what="the subject", longest=500)
    # Whoever can get a token of a public issuer would be this client.
    if not text.strip("*:/"):
        raise OperationError("Write at least a part of the subject", field="trust_subject")
    return text


def _check_subject_dn(text: str) -> str:
    text = check_line(
        text,
        field="tls_client_auth_subject_dn",
        what="the subject of the certificate",
        longest=1_000,
    )
    try:
        return parse_subject_dn(text)
    except ValueError as error:
        raise OperationError(f"The subject {error}", field="tls_client_auth_subject_dn") from None
