"""The other end: how an API checks the token of a request — RFC 6750, RFC 9068 §4, RFC 9449 §7.

For an API that is written in Python, and for the tests of this server: signature, issuer,
audience and times, and the binding to the sender's key or certificate. It knows no web framework;
the API hands in what came, and its own memory of used proofs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from signet.oauth.access_token import verify_access_token
from signet.oauth.dpop import InvalidDPoPProofError, Nonces, UseDPoPNonceError, check_proof
from signet.oauth.jws import ALGORITHMS, parse_jwt
from signet.oauth.mutual_tls import ClientCertificate
from signet.oauth.public_keys import PublicKey
from signet.oauth.store import ReplayNote


class TokenRefusedError(Exception):
    """The request has no token that counts here: answer with this status and these headers."""

    status_code = 401

    def __init__(self, reason: str, *headers: tuple[str, str]) -> None:
        super().__init__(reason)
        #: ``WWW-Authenticate`` and, where a nonce is needed, ``DPoP-Nonce``.
        self.headers = headers


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedRequest:
    """What an API knows of a request before it believes anything of it."""

    method: str
    #: The address that the client used, as the API knows it; never made from ``Host``.
    url: str
    #: All ``Authorization`` and all ``DPoP`` headers, as they came.
    authorization: Sequence[str] = ()
    dpop: Sequence[str] = ()
    #: The client's TLS certificate in DER, if the connection had one.
    certificate: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedResource:
    """An API, as far as the check of tokens needs to know it."""

    issuer: str
    #: Its own identifier, which must stand in ``aud``.
    audience: str
    #: The issuer's keys; asked with the ``kid`` of a token, so that an unknown one can be fetched.
    find_keys: Callable[[str | None], Sequence[PublicKey]]
    #: Notes a proof as used and says whether it was new (RFC 9449 §11.1).
    remember: Callable[[ReplayNote], bool]
    #: For proofs that must hold a nonce of the API's; ``None``: they need not.
    nonces: Nonces | None = None

    def check_request(self, request: ProtectedRequest, *, now: datetime) -> Mapping[str, Any]:
        """The claims of the token that the request may be served for.

        :raises TokenRefusedError: if there is none; the text says why, for the log.
        """
        scheme, token = self._read_authorization(request)
        try:
            kid = parse_jwt(token).kid
            claims = verify_access_token(token, self.find_keys(kid), issuer=self.issuer, now=now)
            if not self._is_for_us(claims.get("aud")):
                raise ValueError("aud does not hold this API")
            self._check_certificate(claims, request.certificate)
            self._check_scheme(claims, scheme)
        except ValueError as error:
            raise self._refusal(str(error), scheme, "invalid_token") from None
        if scheme == "dpop":
            self._check_proof(request, token, claims["cnf"]["jkt"], now=now)
        return claims

    def _read_authorization(self, request: ProtectedRequest) -> tuple[str, str]:
        if len(request.authorization) != 1:
            # "SHOULD NOT include an error code" where nothing was sent — RFC 6750 §3.1
            raise self._refusal("not one Authorization header", None, None)
        scheme, _, token = request.authorization[0].strip().partition(" ")
        if scheme.lower() not in ("bearer", "dpop"):
            raise self._refusal("another scheme", None, None)
        return scheme.lower(), token.strip(" ")

    def _check_proof(
        self, request: ProtectedRequest, token: str, jkt: str, *, now: datetime
    ) -> None:
        try:
            if len(request.dpop) != 1:
                raise InvalidDPoPProofError("not one DPoP header")
            proof = check_proof(
                request.dpop[0],
                method=request.method,
                url=request.url,
                now=now,
                nonces=self.nonces,
                access_token=token,
            )
            if proof.jkt != jkt:
                raise InvalidDPoPProofError("of another key than the token's")
            if not self.remember(proof.note):
                raise InvalidDPoPProofError("used before")
        except InvalidDPoPProofError as error:
            raise self._refusal(error.reason, "dpop", "invalid_dpop_proof") from None
        except UseDPoPNonceError as error:
            nonce = ("DPoP-Nonce", error.nonce)
            raise self._refusal("no nonce, or an old one", "dpop", error.error, nonce) from None

    def _is_for_us(self, aud: object) -> bool:
        return aud == self.audience or (isinstance(aud, list) and self.audience in aud)

    def _check_scheme(self, claims: Mapping[str, Any], scheme: str) -> None:
        is_bound = "jkt" in _confirmation(claims)
        # "MUST NOT accept" a bound token as one that anybody may bear — RFC 9449 §7.1, §7.2
        if is_bound != (scheme == "dpop"):
            raise ValueError("the scheme is not the token's")

    def _check_certificate(self, claims: Mapping[str, Any], certificate: bytes | None) -> None:
        confirmation = _confirmation(claims)
        if "x5t#S256" not in confirmation:
            return
        presented = None if certificate is None else ClientCertificate(certificate).thumbprint
        if presented is None or presented != confirmation["x5t#S256"]:
            raise ValueError("the certificate is not the token's")

    def _refusal(
        self, reason: str, scheme: str | None, error: str | None, *headers: tuple[str, str]
    ) -> TokenRefusedError:
        code = f'error="{error}"' if error else ""
        algs = f'algs="{" ".join(ALGORITHMS)}"'
        challenges = {
            # "MUST be followed by one or more auth-param values" — RFC 6750 §3
            "bearer": "Bearer " + (code or 'realm="api"'),
            "dpop": "DPoP " + ", ".join(filter(None, (code, algs))),
        }
        offered = challenges.values() if scheme is None else (challenges[scheme],)
        return TokenRefusedError(
            reason, *(("WWW-Authenticate", challenge) for challenge in offered), *headers
        )


def _confirmation(claims: Mapping[str, Any]) -> Mapping[str, Any]:
    confirmation = claims.get("cnf", {})
    if not isinstance(confirmation, dict):
        raise ValueError("cnf is no object")
    return confirmation
