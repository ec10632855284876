"""What a caller has proven itself by — RFC 6749 §2.3: one secret, key, certificate or issuer."""

from dataclasses import dataclass

from signet.oauth.client import ClientSecret
from signet.oauth.store import ReplayNote


@dataclass(frozen=True, slots=True)
class Credential:
    """The one credential that was found right."""

    #: A ``secret_id``, the thumbprint of a key or a certificate, a trust entry's id, or
    #: ``certificate`` where any of one subject will do.
    credential_id: str
    #: What is to be noted as used once everything else in the request is found right.
    note: ReplayNote | None = None
    #: The secret, where it is one.
    secret: ClientSecret | None = None
