"""Sender-constrained tokens — RFC 7800 ``cnf``, RFC 8705 §3, RFC 9449 §5.

A bound token is of no use to whoever steals it: an API asks for the key or the certificate again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Request

from signet.oauth.client import Client
from signet.oauth.dpop import LONGEST_PROOF, InvalidDPoPProofError, check_proof
from signet.oauth.refusal import Reason
from signet.oauth.server import TOKEN_PATH, ProtocolServer
from signet.oauth.store import ReplayNote
from signet.oauth.tls_client_authentication import presented_certificate


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What a token is bound to; by default to nothing, and then whoever bears it may use it."""

    #: The ``cnf`` claim: ``jkt`` or ``x5t#S256``, or both.
    cnf: Mapping[str, str] = field(default_factory=dict)
    token_type: str = "Bearer"
    #: That a proof was used.
    note: ReplayNote | None = None
    #: Of the answer: the next nonce, if there are nonces.
    headers: tuple[tuple[str, str], ...] = ()


def confirm_sender(
    request: OAuth2Request, client: Client, *, server: ProtocolServer, now: datetime
) -> Confirmation:
    """What the sender has proven to hold, and what its tokens must be bound to.

    :raises InvalidDPoPProofError: for a proof that does not hold, or none where one is required.
    :raises UseDPoPNonceError: if the proof lacks the nonce that it needs.
    :raises InvalidRequestError: without the certificate that the client's tokens are bound to.
    """
    cnf = {}
    if client.tls_client_certificate_bound_access_tokens:
        certificate = presented_certificate(request)
        if certificate is None:
            raise InvalidRequestError("A client certificate is required.")
        cnf["x5t#S256"] = certificate.thumbprint
    header = request.headers.get("DPoP")
    if header is None:
        if client.dpop_bound_access_tokens:
            raise InvalidDPoPProofError(
                "missing, and the client must send one", Reason.DPOP_MISSING
            )
        return Confirmation(cnf)
    if len(header) > LONGEST_PROOF:
        raise InvalidRequestError("The DPoP header is too long.")
    url = server.issuer + TOKEN_PATH
    proof = check_proof(header, method=request.method, url=url, now=now, nonces=server.nonces)
    headers = (("DPoP-Nonce", server.nonces.issue(now)),) if server.nonces else ()
    return Confirmation(cnf | {"jkt": proof.jkt}, "DPoP", proof.note, headers)
