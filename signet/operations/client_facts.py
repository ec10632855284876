"""What an operator decides of a client: checked, kept, and told to the audit log."""

import json
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from signet.models.clients import ClientDetails, ClientRow, TrustDetails, to_details
from signet.oauth.client import DEFAULT_LIFETIME, LONGEST_LIFETIME, SHORTEST_LIFETIME
from signet.operations.client_authentication import ClientAuthentication
from signet.operations.errors import OperationError
from signet.operations.public_key_text import thumbprints
from signet.operations.text import check_line, check_paragraph
from signet.operations.token_options import TokenOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientFacts:
    """What an operator says of a client."""

    name: str
    description: str = ""
    contact: str = ""
    access_token_lifetime: timedelta = DEFAULT_LIFETIME

    def checked(self) -> "ClientFacts":
        """The same, trimmed; or an ``OperationError``."""
        return ClientFacts(
            name=check_line(self.name, field="name", what="a name for the client", longest=100),
            description=check_paragraph(self.description, field="description", longest=2_000),
            contact=check_line(
                self.contact, field="contact", what="a contact", longest=200, required=False
            ),
            access_token_lifetime=_check_lifetime(self.access_token_lifetime),
        )


def facts_of(client: ClientDetails) -> ClientFacts:
    """What is said of a client now."""
    return ClientFacts(
        name=client.name,
        description=client.description,
        contact=client.contact,
        access_token_lifetime=client.access_token_lifetime,
    )


def set_facts(client: ClientRow, facts: ClientFacts) -> None:
    """Keep what was checked."""
    client.name = facts.name
    client.folded_name = facts.name.casefold()
    client.description = facts.description
    client.contact = facts.contact
    client.access_token_lifetime = int(facts.access_token_lifetime.total_seconds())


def set_authentication(client: ClientRow, authentication: ClientAuthentication) -> None:
    """Keep what was checked."""
    client.token_endpoint_auth_method = authentication.method
    client.token_endpoint_auth_signing_alg = authentication.signing_alg
    client.jwks = json.dumps(authentication.jwks) if authentication.jwks else None
    client.jwks_uri = authentication.jwks_uri or None
    client.allows_token_endpoint_audience = authentication.allows_token_endpoint_audience
    client.tls_client_auth_subject_dn = authentication.subject_dn or None
    client.trusted_issuers = json.dumps([asdict(t) for t in authentication.trusted_issuers])


def set_tokens(client: ClientRow, tokens: TokenOptions) -> None:
    """Keep what was checked."""
    client.token_format = tokens.token_format
    client.dpop_bound_access_tokens = tokens.dpop_bound_access_tokens
    client.tls_client_certificate_bound_access_tokens = (
        tokens.tls_client_certificate_bound_access_tokens
    )
    client.claims = json.dumps(tokens.claims)


def audit_facts(client: ClientRow) -> dict[str, Any]:
    """What audit entries compare: all that was decided, in the words of commands."""
    details = to_details(client)
    facts: dict[str, Any] = {
        "name": details.name,
        "description": details.description,
        "contact": details.contact,
        "enabled": details.enabled,
        "access_token_lifetime": client.access_token_lifetime,
        "scope": " ".join(sorted(scope.name for scope in client.scopes)),
        "token_endpoint_auth_method": details.token_endpoint_auth_method,
        "token_endpoint_auth_signing_alg": details.token_endpoint_auth_signing_alg,
        # By what people compare them; the keys themselves are long, and public anyway.
        "jwks": thumbprints(details.jwks) if details.jwks else [],
        "jwks_uri": details.jwks_uri,
        "allow_token_endpoint_audience": details.allows_token_endpoint_audience,
        "tls_client_auth_subject_dn": details.tls_client_auth_subject_dn,
        "trusted_issuers": [_said(trust) for trust in details.trusted_issuers],
        "token_format": details.token_format,
        "dpop_bound_access_tokens": details.dpop_bound_access_tokens,
        "tls_client_certificate_bound_access_tokens": (
            details.tls_client_certificate_bound_access_tokens
        ),
        "claims": [f"{name}={json.dumps(value)}" for name, value in details.claims.items()],
    }
    return facts


def _said(trust: TrustDetails) -> str:
    keys = trust.jwks_uri or (" ".join(thumbprints(trust.jwks)) if trust.jwks else "discovery")
    return f"{trust.issuer}, subject {trust.subject}, audience {trust.audience}, keys {keys}"


def _check_lifetime(lifetime: timedelta) -> timedelta:
    if not SHORTEST_LIFETIME <= lifetime <= LONGEST_LIFETIME or lifetime.microseconds:
        raise OperationError(
            "Choose a token lifetime from 60 to 86,400 seconds", field="access_token_lifetime"
        )
    return lifetime
