"""Authlib's server with a strict request in front and our own answers behind."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NoReturn

from authlib import oauth2
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import (
    BaseGrant,
    InvalidRequestError,
    OAuth2Request,
    UnsupportedGrantTypeError,
)

from signet.oauth.certificate_authorities import CertificateAuthorities
from signet.oauth.dpop import Nonces
from signet.oauth.errors import UnknownGrantTypeError
from signet.oauth.store import Store
from signet.oauth.token import GRANTS
from signet.views.answer import Answer, json_answer
from signet.views.failure_limit import FailureLimit
from signet.views.strict_request import StrictRequest


class AuthorizationServer(oauth2.AuthorizationServer):
    """Finds the grant for a request and answers with what it gives (``oauth.server``).

    A refusal is not answered here but raised, to be answered at one place, ``error_edge.py``.
    """

    def __init__(
        self,
        *,
        issuer: str,
        scope_claim: str,
        store: Store,
        clock: Callable[[], datetime],
        takes_certificates: bool,
        authorities: CertificateAuthorities | None,
        nonces: Nonces | None,
        failure_limit: FailureLimit,
    ) -> None:
        super().__init__()
        self.issuer = issuer
        self.scope_claim = scope_claim
        self.store = store
        self.clock = clock
        self.takes_certificates = takes_certificates
        self.authorities = authorities
        self.nonces = nonces
        self.failure_limit = failure_limit
        for grant in GRANTS.values():
            self.register_grant(grant)

    def create_oauth2_request(self, request: StrictRequest) -> StrictRequest:
        """The request as the view has read it, never as Authlib would."""
        return request

    def get_token_grant(self, request: OAuth2Request) -> BaseGrant:
        """The grant that ``grant_type`` names."""
        if request.payload.grant_type is None:
            raise InvalidRequestError("grant_type is missing.")
        try:
            return super().get_token_grant(request)
        except UnsupportedGrantTypeError:
            # Authlib's own text repeats what the caller sent.
            raise UnknownGrantTypeError from None

    def handle_response(
        self, status_code: int, payload: dict[str, Any], headers: list[tuple[str, str]]
    ) -> Answer:
        """A successful answer, as compact JSON with its members in their order."""
        return json_answer(payload, status_code, headers)

    def handle_error_response(self, request: OAuth2Request, error: OAuth2Error) -> NoReturn:
        """Authlib would answer here; see the class."""
        raise error
