"""Client authentication — RFC 6749 §2.3: which method, then one check.

The method is the one the client is registered for; nothing falls back to another. A further
method is one file that checks what was presented, and one line in METHODS.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Request

from signet.oauth.client import (
    CLIENT_SECRET_BASIC,
    FEDERATED_JWT,
    PRIVATE_KEY_JWT,
    SELF_SIGNED_TLS_CLIENT_AUTH,
    TLS_CLIENT_AUTH,
    Client,
    ClientSecret,
)
from signet.oauth.client_assertion import check_client_assertion, read_assertion, uses_assertion
from signet.oauth.client_secret import (
    ClientSecretCredentials,
    check_client_secret,
    foreign_secret,
    read_basic,
    read_body,
    uses_basic,
    uses_body,
)
from signet.oauth.credential import Credential
from signet.oauth.errors import RefusedClientError, RefusedCredentialsError
from signet.oauth.refusal import Reason, Refusal
from signet.oauth.resource_server import ResourceServer
from signet.oauth.server import ProtocolServer
from signet.oauth.tls_client_authentication import (
    check_authority,
    check_self_signed_certificate,
    read_certificate,
    uses_certificate,
)
from signet.oauth.workload_identity import check_workload_token


class Credentials(Protocol):
    """What was presented, and who it is said to be."""

    @property
    def client_id(self) -> str:
        """The client that the caller claims to be."""
        ...

    @property
    def by_header(self) -> bool:
        """Whether they came in the ``Authorization`` header."""
        ...


@dataclass(frozen=True, slots=True)
class Mechanism:
    """A way in which a request can carry credentials."""

    is_used: Callable[[OAuth2Request], bool]
    read: Callable[[OAuth2Request], Credentials]
    #: For people who ask why it was refused.
    name: str


@dataclass(frozen=True, slots=True)
class Method:
    """A way to authenticate: what carries the credentials, and what they must prove."""

    mechanism: Mechanism
    #: Gives the credential that was found right, or raises ``RefusedCredentialsError``.
    check: Callable[..., Credential]
    #: The ``token_endpoint_auth_method`` of the clients that may use it.
    registered: str
    #: Whether a server says that it offers this method.
    is_offered: Callable[[ProtocolServer], bool]


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Who a request comes from, and by which credential."""

    client: Client
    credential: Credential


@dataclass(frozen=True, slots=True)
class AuthenticatedApi:
    """An API that asks with a secret of its own."""

    api: ResourceServer
    credential: Credential


def _check_secret(
    credentials: ClientSecretCredentials, client: Client, *, server: ProtocolServer, now: datetime
) -> Credential:
    return check_client_secret(credentials, client, client_id=client.client_id, now=now)


def _always(server: ProtocolServer) -> bool:
    return True


def _never(server: ProtocolServer) -> bool:
    return False


def _with_certificates(server: ProtocolServer) -> bool:
    return server.takes_certificates


def _with_authorities(server: ProtocolServer) -> bool:
    return server.takes_certificates and server.authorities is not None


BASIC = Mechanism(uses_basic, read_basic, "basic")
BODY = Mechanism(uses_body, read_body, "body")
ASSERTION = Mechanism(uses_assertion, read_assertion, "assertion")
#: Not one of the others: a client may well come with a certificate and prove itself otherwise.
CERTIFICATE = Mechanism(uses_certificate, read_certificate, "certificate")

#: By their names in the metadata (RFC 8414 §2); a client with a secret may send it in either way.
METHODS: Mapping[str, Method] = {
    CLIENT_SECRET_BASIC: Method(BASIC, _check_secret, CLIENT_SECRET_BASIC, _always),
    "client_secret_post": Method(BODY, _check_secret, CLIENT_SECRET_BASIC, _always),
    PRIVATE_KEY_JWT: Method(ASSERTION, check_client_assertion, PRIVATE_KEY_JWT, _always),
    TLS_CLIENT_AUTH: Method(CERTIFICATE, check_authority, TLS_CLIENT_AUTH, _with_authorities),
    SELF_SIGNED_TLS_CLIENT_AUTH: Method(
        CERTIFICATE, check_self_signed_certificate, SELF_SIGNED_TLS_CLIENT_AUTH, _with_certificates
    ),
    # A name of Signet's own, which no metadata should invent.
    FEDERATED_JWT: Method(ASSERTION, check_workload_token, FEDERATED_JWT, _never),
}

#: Checked in place of a client that does not exist, so that a refusal takes the same work.
_NOBODY = Client(client_id="", secrets=(ClientSecret(secret_id="", digest="v1:" + "0" * 64),))


def offered_methods(server: ProtocolServer) -> list[str]:
    """The methods that this server offers, for its metadata."""
    return [name for name, method in METHODS.items() if method.is_offered(server)]


def authenticate_client(
    request: OAuth2Request, *, server: ProtocolServer, now: datetime, fresh: bool
) -> Authenticated:
    """The client that the request proves to come from.

    :param fresh: ask the database, whatever snapshot is at hand.
    :raises InvalidRequestError: if more than one mechanism is used.
    :raises RefusedClientError: for everything else, with the true reason for the log.
    """
    mechanism = _used_mechanism(request)
    credentials = mechanism.read(request)
    client = server.store.find_client(credentials.client_id, fresh=fresh)
    try:
        return _check_client(client, credentials, mechanism, server=server, now=now)
    except RefusedClientError as error:
        # A refusal that is final is worth one more question, for people.
        raise _explained(error, credentials, server=server) if fresh else error from None


def note_use(caller: Authenticated, *, server: ProtocolServer) -> None:
    """Note an assertion as used, where nothing else is to be noted with it.

    :raises RefusedClientError: if it was used before.
    """
    note = caller.credential.note
    if note is not None and server.store.remember([note]) is not None:
        raise replayed_assertion(caller.client)


def replayed_assertion(client: Client) -> RefusedClientError:
    """The refusal of an assertion that was used before (RFC 7523 §3, item 7)."""
    return RefusedClientError(
        Refusal(Reason.ASSERTION_REPLAYED, "assertion: used before"),
        by_header=False,
        client_id=client.client_id,
        is_known=True,
    )


def authenticate_caller(
    request: OAuth2Request, *, server: ProtocolServer, now: datetime, fresh: bool
) -> Authenticated | AuthenticatedApi:
    """The client, or the API, that the request proves to come from (RFC 7662 §2.1).

    An API has secrets of its own, sent as a client sends them.

    :raises OAuth2Error: as :func:`authenticate_client`.
    """
    mechanism = _used_mechanism(request)
    credentials = mechanism.read(request)
    client = server.store.find_client(credentials.client_id, fresh=fresh)
    if client is None and isinstance(credentials, ClientSecretCredentials):
        identifier = credentials.client_id
        api = server.store.find_resource_server(identifier, fresh=fresh)
        if api is not None:
            return _check_api(api, credentials, server=server, now=now, fresh=fresh)
    try:
        return _check_client(client, credentials, mechanism, server=server, now=now)
    except RefusedClientError as error:
        raise _explained(error, credentials, server=server) if fresh else error from None


def _used_mechanism(request: OAuth2Request) -> Mechanism:
    used = [mechanism for mechanism in (BASIC, BODY, ASSERTION) if mechanism.is_used(request)]
    # "The client MUST NOT use more than one authentication method in each request" — §2.3
    if len(used) > 1:
        raise InvalidRequestError("More than one client authentication mechanism is used.")
    if used:
        return used[0]
    if CERTIFICATE.is_used(request):
        return CERTIFICATE
    refusal = Refusal(Reason.NO_CREDENTIALS, "no credentials")
    raise RefusedClientError(refusal, by_header=False)


def _check_api(
    api: ResourceServer,
    credentials: ClientSecretCredentials,
    *,
    server: ProtocolServer,
    now: datetime,
    fresh: bool,
) -> AuthenticatedApi:
    try:
        credential = check_client_secret(credentials, api, client_id=api.identifier, now=now)
    except RefusedCredentialsError as error:
        refused = _refused(error.refusal, credentials, is_known=True)
        raise _explained(refused, credentials, server=server) if fresh else refused from None
    return AuthenticatedApi(api, credential)


def _explained(
    error: RefusedClientError, credentials: Credentials, *, server: ProtocolServer
) -> RefusedClientError:
    """The same refusal; if the secret is somebody else's, it says whose."""
    if not isinstance(credentials, ClientSecretCredentials):
        return error
    foreign = foreign_secret(credentials.client_secret, store=server.store)
    if foreign is None or error.refusal.reason not in (Reason.UNKNOWN_CLIENT, Reason.WRONG_SECRET):
        return error
    if error.refusal.reason is Reason.UNKNOWN_CLIENT:
        foreign = Refusal(Reason.UNKNOWN_CLIENT, error.refusal.text, foreign.facts)
    return _refused(foreign, credentials, is_known=error.is_known)


def _check_client(
    client: Client | None,
    credentials: Credentials,
    mechanism: Mechanism,
    *,
    server: ProtocolServer,
    now: datetime,
) -> Authenticated:
    method = _method_of(client, mechanism)
    credential, refusal = None, None
    try:
        if client is None or method is None:
            _anybody(mechanism).check(credentials, _NOBODY, server=server, now=now)
        else:
            credential = method.check(credentials, client, server=server, now=now)
    except RefusedCredentialsError as error:
        refusal = error.refusal
    if client is None:
        refusal = Refusal(Reason.UNKNOWN_CLIENT, "unknown client")
    elif not client.enabled:
        refusal = Refusal(Reason.DISABLED_CLIENT, "disabled client")
    elif method is None:
        refusal = _wrong_method(client, mechanism)
    if client is None or credential is None or refusal is not None:
        assert refusal is not None, "neither proven nor refused"
        raise _refused(refusal, credentials, is_known=client is not None)
    return Authenticated(client, credential)


def _wrong_method(client: Client, mechanism: Mechanism) -> Refusal:
    facts = {"registered": client.token_endpoint_auth_method, "used": mechanism.name}
    text = "not the method the client is registered for"
    return Refusal(Reason.WRONG_METHOD, text, facts)


def _method_of(client: Client | None, mechanism: Mechanism) -> Method | None:
    """How this client proves itself by this mechanism; ``None``: it must not use it."""
    if client is None:
        return None
    for method in METHODS.values():
        if method.mechanism is mechanism and method.registered == client.token_endpoint_auth_method:
            return method
    return None


def _anybody(mechanism: Mechanism) -> Method:
    return next(method for method in METHODS.values() if method.mechanism is mechanism)


def _refused(refusal: Refusal, credentials: Credentials, *, is_known: bool) -> RefusedClientError:
    return RefusedClientError(
        refusal,
        by_header=credentials.by_header,
        client_id=credentials.client_id,
        is_known=is_known,
    )
