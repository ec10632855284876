"""Who a request comes from: which method, then one check, and one refusal (RFC 6749 §2.3)."""

import hmac
from datetime import timedelta

import pytest
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Request

from signet.oauth import client as client_module
from signet.oauth import jws
from signet.oauth.certificate_authorities import CertificateAuthorities
from signet.oauth.client import REGISTERED_METHODS, Client, TrustedIssuer
from signet.oauth.client_authentication import (
    METHODS,
    Authenticated,
    AuthenticatedApi,
    authenticate_caller,
    authenticate_client,
    offered_methods,
)
from signet.oauth.errors import RefusedClientError
from signet.oauth.mutual_tls import ClientCertificate
from signet.oauth.public_keys import import_public_key
from signet.oauth.resource_server import ResourceServer
from signet.oauth.store import StoreUnavailableError
from tests.certificates import issue, make_authority
from tests.oauth.memory_store import NOON, MemoryServer, MemoryStore, make_client, make_secret
from tests.oauth.requests import make_request
from tests.oauth.signing import make_assertion, make_key, make_workload_token, public_jwk

SECOND = timedelta(seconds=1)
ISSUER, PLATFORM = "https://signet.example", "https://platform.example"
AUTHORITY = make_authority()
CERTIFICATE = issue("CN=billing", AUTHORITY)
PRESENTED = ClientCertificate(CERTIFICATE.der)
KEY = make_key()
PUBLIC_KEY = import_public_key(public_jwk(KEY))


def make_server(*clients: Client, **fields: object) -> MemoryServer:
    return MemoryServer(store=MemoryStore(*clients), **fields)


def authenticate(request: OAuth2Request, *clients: Client, fresh: bool = False) -> Client:
    server = make_server(*clients)
    return authenticate_client(request, server=server, now=NOON, fresh=fresh).client


def refusal(request: OAuth2Request, *clients: Client) -> RefusedClientError:
    with pytest.raises(RefusedClientError) as caught:
        authenticate(request, *clients)
    return caught.value


def test_the_methods_are_named_as_in_the_registry():
    """RFC 8414 §2; the last is no name of the registry, and never said."""
    assert list(METHODS) == [
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
        "tls_client_auth",
        "self_signed_tls_client_auth",
        "federated_jwt",
    ]


def test_each_registration_has_a_method():
    assert {method.registered for method in METHODS.values()} == set(REGISTERED_METHODS)


AUTHORITIES = CertificateAuthorities([AUTHORITY.certificate])
WITHOUT_TLS = ["client_secret_basic", "client_secret_post", "private_key_jwt"]


@pytest.mark.parametrize(
    ("fields", "offered"),
    [
        ({}, WITHOUT_TLS),
        ({"authorities": AUTHORITIES}, WITHOUT_TLS),
        ({"takes_certificates": True}, [*WITHOUT_TLS, "self_signed_tls_client_auth"]),
        (
            {"takes_certificates": True, "authorities": AUTHORITIES},
            [*WITHOUT_TLS, "tls_client_auth", "self_signed_tls_client_auth"],
        ),
    ],
)
def test_a_method_is_offered_only_where_it_can_be_used(fields: dict, offered: list[str]):
    """PROTOCOL 3, 20."""
    assert offered_methods(make_server(**fields)) == offered


def test_a_secret_authenticates_by_basic_and_in_the_body():
    billing = make_client("billing", "secret")
    assert authenticate(make_request(basic="billing:secret"), billing) is billing
    in_body = make_request(client_id="billing", client_secret="secret")
    assert authenticate(in_body, billing) is billing


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        (make_secret("secret", expires_at=NOON), "expired secret"),
        (make_secret("secret", revoked_at=NOON), "revoked secret"),
        (make_secret("secret", revoked_at=NOON, expires_at=NOON), "revoked secret"),
        (make_secret("secret", client_id="other"), "mistyped secret"),
        (make_secret(), "mistyped secret"),
    ],
)
def test_the_log_is_told_what_was_wrong_with_the_secret(secret, reason: str):
    billing = make_client("billing", secrets=(secret,))
    assert refusal(make_request(basic="billing:secret"), billing).reason == reason


def test_a_well_formed_secret_that_is_not_the_clients_is_wrong():
    request = make_request(basic=f"billing:{client_module.generate_client_secret()}")
    assert refusal(request, make_client("billing")).reason == "wrong secret"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"enabled": False}, "disabled client"),
        (
            {"token_endpoint_auth_method": "private_key_jwt"},
            "not the method the client is registered for",
        ),
    ],
)
def test_a_right_secret_does_not_help_a_client_that_may_not_use_it(fields, reason: str):
    billing = make_client("billing", "secret", **fields)
    assert refusal(make_request(basic="billing:secret"), billing).reason == reason


def test_an_unknown_client_is_told_apart_in_the_log_only():
    error = refusal(make_request(basic="nobody:secret"))
    assert (error.reason, error.client_id, error.is_known) == ("unknown client", "nobody", False)


def test_a_known_client_is_named_to_the_log():
    error = refusal(make_request(basic="billing:x"), make_client("billing"))
    assert (error.client_id, error.is_known) == ("billing", True)


def test_a_secret_lives_until_its_end():
    secret = make_secret("secret", expires_at=NOON + SECOND, revoked_at=NOON + SECOND)
    billing = make_client("billing", secrets=(secret,))
    assert authenticate(make_request(basic="billing:secret"), billing) is billing


def test_a_refusal_takes_the_same_work_whether_or_not_the_client_exists(monkeypatch):
    """Counted, not timed: the digests made and compared."""
    work: list[str] = []
    digest, compare = client_module.digest_client_secret, hmac.compare_digest
    for module in ("signet.oauth.client", "signet.oauth.client_secret"):
        monkeypatch.setattr(
            f"{module}.digest_client_secret",
            lambda *args, **kwargs: work.append("digest") or digest(*args, **kwargs),
        )
    monkeypatch.setattr(
        hmac, "compare_digest", lambda a, b: work.append("compare") or compare(a, b)
    )

    refusal(make_request(basic="nobody:secret"), make_client("billing"))
    unknown, work[:] = work.copy(), []
    refusal(make_request(basic="billing:secret"), make_client("billing"))

    assert unknown == work == ["digest", "compare", "digest", "compare"]


def test_every_live_secret_is_compared_even_after_a_match(monkeypatch):
    secrets = tuple(make_secret(text) for text in ("secret", "second", "third"))
    compared: list[str] = []
    compare = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: compared.append(a) or compare(a, b))
    authenticate(make_request(basic="billing:secret"), make_client("billing", secrets=secrets))
    assert len(compared) == 3


def test_the_status_says_which_way_was_tried():
    assert refusal(make_request(basic="nobody:x")).status_code == 401
    assert refusal(make_request(client_id="nobody", client_secret="x")).status_code == 400


def test_an_error_holds_no_secret():
    error = refusal(make_request(basic="billing:canary"), make_client("billing"))
    assert "canary" not in repr(error) + str(error) + str(vars(error)) + str(error())


@pytest.mark.parametrize("junk", ["!", " ", "\t", "=", "-"])
def test_right_credentials_with_junk_between_them_are_undecodable(junk: str):
    request = make_request(basic="billing:secret")
    token = request.headers["Authorization"]
    request.headers["Authorization"] = token[:14] + junk + token[14:]
    reason = refusal(request, make_client("billing", "secret")).reason
    assert reason == "Authorization header: undecodable"


@pytest.mark.parametrize(("client_id", "secret"), [("x" * 201, "secret"), ("billing", "x" * 513)])
def test_right_credentials_that_are_too_long_are_refused(client_id: str, secret: str):
    request = make_request(basic=f"{client_id}:{secret}")
    reason = refusal(request, make_client(client_id, secret)).reason
    assert reason == "Authorization header: too long"


def test_two_mechanisms_are_an_invalid_request():
    with pytest.raises(InvalidRequestError):
        authenticate(make_request(basic="billing:x", client_id="billing", client_secret="x"))


def test_a_store_that_fails_is_no_refusal():
    store = MemoryStore(make_client("billing", "secret"))
    store.is_away = True
    with pytest.raises(StoreUnavailableError):
        authenticate_client(
            make_request(basic="billing:secret"),
            server=MemoryServer(store=store),
            now=NOON,
            fresh=False,
        )


def test_a_stored_digest_is_not_the_secret():
    """SECURITY C15."""
    billing = make_client("billing", "secret")
    digest = billing.secrets[0].digest
    for presented in (digest, digest.removeprefix("v1:")):
        request = make_request(client_id="billing", client_secret=presented)
        assert refusal(request, billing).reason == "mistyped secret"


# --- The method is the one of the registration (SECURITY C11)


def registered_for(method: str, **fields: object) -> Client:
    """A client that has all there is to prove itself by, and may use one of it."""
    trusted = TrustedIssuer(issuer=PLATFORM, subject="pod", audience=ISSUER, jwks=(PUBLIC_KEY,))
    jwks = (PUBLIC_KEY, import_public_key(CERTIFICATE.jwk))
    known = {
        "jwks": jwks,
        "tls_client_auth_subject_dn": "CN=billing",
        "trusted_issuers": (trusted,),
    }
    return make_client(
        "billing", "secret", **(known | {"token_endpoint_auth_method": method} | fields)
    )


def credentials(name: str) -> dict[str, object]:
    """What a client sends by this method, all of it right."""
    own = make_assertion(KEY, "billing", ISSUER, now=NOON)
    vouched = make_workload_token(KEY, PLATFORM, "pod", ISSUER, now=NOON)
    return {
        "client_secret_basic": {"basic": "billing:secret"},
        "client_secret_post": {"client_id": "billing", "client_secret": "secret"},
        "private_key_jwt": {"assertion": own},
        "tls_client_auth": {"client_id": "billing", "certificate": PRESENTED},
        "self_signed_tls_client_auth": {"client_id": "billing", "certificate": PRESENTED},
        "federated_jwt": {"client_id": "billing", "assertion": vouched},
    }[name]


def tls_server(*clients: Client) -> MemoryServer:
    return make_server(*clients, takes_certificates=True, authorities=AUTHORITIES)


def is_let_in(server: MemoryServer, sent: dict[str, object]) -> bool:
    try:
        authenticate_client(make_request(**sent), server=server, now=NOON, fresh=False)
    except RefusedClientError as error:
        assert error.error == "invalid_client"
        return False
    return True


#: Of these a request says nothing by which they could be told apart.
SAME_CREDENTIALS = (
    {"client_secret_basic", "client_secret_post"},
    {"tls_client_auth", "self_signed_tls_client_auth"},
)


@pytest.mark.parametrize("registered", REGISTERED_METHODS)
@pytest.mark.parametrize("used", METHODS)
def test_only_the_method_of_the_registration_lets_a_client_in(registered: str, used: str):
    """SECURITY C11, PROTOCOL 7."""
    is_right = used == registered or {used, registered} in SAME_CREDENTIALS
    server = tls_server(registered_for(registered))
    assert is_let_in(server, credentials(used)) == is_right


@pytest.mark.parametrize("registered", [m for m in REGISTERED_METHODS if "secret" not in m])
@pytest.mark.parametrize("junk", ["junk", "a.b.c", ""])
def test_nothing_falls_back_to_a_right_secret(registered: str, junk: str):
    """SECURITY C11: junk in the place of the method, and the secret besides."""
    server = tls_server(registered_for(registered))
    for sent in (
        {"basic": "billing:secret", "assertion": junk},
        {"client_id": "billing", "client_secret": "secret", "assertion": junk},
    ):
        with pytest.raises(InvalidRequestError):
            authenticate_client(make_request(**sent), server=server, now=NOON, fresh=False)


@pytest.mark.parametrize("used", METHODS)
def test_a_certificate_beside_another_method_is_not_looked_at(used: str):
    """A client may well come with a certificate and prove itself otherwise, never the reverse."""
    registered = METHODS[used].registered
    sent = credentials(used) | {"certificate": PRESENTED}
    assert is_let_in(tls_server(registered_for(registered)), sent)
    if "tls" not in used:
        assert not is_let_in(tls_server(registered_for("self_signed_tls_client_auth")), sent)


@pytest.mark.parametrize(
    "sent",
    [
        {"basic": "billing:secret", "client_secret": "secret"},
        {"basic": "billing:secret", "client_id": "billing", "client_secret": "secret"},
        {"basic": "billing:secret", "assertion": "junk"},
        {"client_id": "billing", "client_secret": "secret", "assertion": "junk"},
        {"basic": "billing:secret", "client_secret": "secret", "assertion": "junk"},
    ],
)
def test_more_than_one_mechanism_is_an_invalid_request(sent: dict[str, str]):
    """PROTOCOL 6, whatever the client is registered for."""
    for method in REGISTERED_METHODS:
        with pytest.raises(InvalidRequestError):
            authenticate(make_request(**sent), registered_for(method))


@pytest.mark.parametrize("sent", [{}, {"client_id": "billing"}, {"certificate": PRESENTED}])
def test_what_proves_nothing_is_invalid_client(sent: dict[str, object]):
    """PROTOCOL 6, 20: ``client_id`` is always required with a certificate."""
    server = tls_server(registered_for("self_signed_tls_client_auth"))
    with pytest.raises(RefusedClientError) as caught:
        authenticate_client(make_request(**sent), server=server, now=NOON, fresh=False)
    assert (caught.value.reason, caught.value.status_code) == ("no credentials", 400)


@pytest.mark.parametrize("used", METHODS)
def test_a_disabled_client_is_refused_however_it_proves_itself(used: str):
    """SECURITY C12."""
    disabled = registered_for(METHODS[used].registered, enabled=False)
    with pytest.raises(RefusedClientError) as caught:
        authenticate_client(
            make_request(**credentials(used)), server=tls_server(disabled), now=NOON, fresh=False
        )
    assert caught.value.reason == "disabled client"


@pytest.mark.parametrize("used", METHODS)
def test_the_answer_is_the_same_whatever_was_wrong(used: str):
    """PROTOCOL 9."""
    sent, registered = credentials(used), METHODS[used].registered
    other = next(method for method in REGISTERED_METHODS if method != registered)
    stranger = make_client("billing", "other", token_endpoint_auth_method=registered)
    answers = []
    for clients in (
        (),
        (registered_for(registered, enabled=False),),
        (make_client("billing", "secret", token_endpoint_auth_method=other),),
        (stranger,),
    ):
        with pytest.raises(RefusedClientError) as caught:
            authenticate_client(
                make_request(**sent), server=tls_server(*clients), now=NOON, fresh=False
            )
        answers.append(caught.value())
    assert answers == answers[:1] * 4


def test_a_refused_assertion_takes_the_same_work_whether_or_not_the_client_exists(monkeypatch):
    """PROTOCOL 9, counted: the signatures checked."""
    work: list[str] = []
    algorithms = jws.JWSRegistry.algorithms
    for alg in ("PS256", "ES256", "EdDSA", "Ed25519"):
        verify = algorithms[alg].verify
        monkeypatch.setattr(
            algorithms[alg],
            "verify",
            lambda *args, alg=alg, verify=verify: work.append(alg) or verify(*args),
        )
    known = registered_for("private_key_jwt", jwks=(PUBLIC_KEY,))
    for alg in ("PS256", "ES256", "EdDSA", "Ed25519"):
        for clients in ((known,), (), (make_client("billing"),)):
            forged = make_assertion(make_key(alg), "billing", ISSUER, header={"kid": None})
            refusal(make_request(assertion=forged), *clients)
        assert work == [alg] * 3
        work.clear()


# --- A caller of introspection: a client, or an API with one of its own secrets

API = ResourceServer(
    identifier="https://orders.example",
    secrets=(make_secret("s", client_id="https://orders.example"),),
)
API_BY_BASIC = {"basic": "https%3A%2F%2Forders.example:s"}
API_IN_BODY = {"client_id": "https://orders.example", "client_secret": "s"}


def call(server: MemoryServer, **sent: object) -> Authenticated | ResourceServer:
    return authenticate_caller(make_request(**sent), server=server, now=NOON, fresh=False)


@pytest.mark.parametrize("sent", [API_BY_BASIC, API_IN_BODY])
def test_an_api_proves_itself_as_a_client_does(sent: dict[str, str]):
    """PROTOCOL 15: an identifier that is a URI works, form-encoded in Basic."""
    server = MemoryServer(store=MemoryStore(apis=[API]))
    caller = call(server, **sent)
    assert isinstance(caller, AuthenticatedApi)
    assert caller.api is API


@pytest.mark.parametrize("used", METHODS)
def test_a_client_proves_itself_by_its_own_method_there_too(used: str):
    client = registered_for(METHODS[used].registered)
    caller = call(tls_server(client), **credentials(used))
    assert isinstance(caller, Authenticated)
    assert caller.client is client


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        (make_secret("s", client_id=API.identifier, expires_at=NOON), "expired secret"),
        (make_secret("s", client_id=API.identifier, revoked_at=NOON), "revoked secret"),
        (make_secret("other", client_id=API.identifier), "mistyped secret"),
        (make_secret("s", client_id="https://stock.example"), "mistyped secret"),
        (None, "mistyped secret"),
    ],
)
def test_the_secrets_of_an_api_have_the_life_of_a_clients(secret, reason: str):
    api = ResourceServer(identifier=API.identifier, secrets=(secret,) if secret else ())
    with pytest.raises(RefusedClientError) as caught:
        call(MemoryServer(store=MemoryStore(apis=[api])), **API_IN_BODY)
    error = caught.value
    assert (error.reason, error.client_id, error.is_known) == (reason, API.identifier, True)


def test_a_stored_digest_of_an_api_is_not_the_secret():
    """SECURITY C15."""
    server = MemoryServer(store=MemoryStore(apis=[API]))
    with pytest.raises(RefusedClientError):
        call(server, client_id=API.identifier, client_secret=API.secrets[0].digest)


@pytest.mark.parametrize(
    "sent",
    [
        {"client_id": API.identifier},
        {"client_id": API.identifier, "certificate": PRESENTED},
        {"assertion": make_assertion(KEY, API.identifier, ISSUER, now=NOON)},
        {
            "client_id": API.identifier,
            "assertion": make_workload_token(KEY, PLATFORM, "pod", ISSUER, now=NOON),
        },
    ],
)
def test_an_api_has_secrets_and_nothing_else(sent: dict[str, object]):
    server = MemoryServer(
        store=MemoryStore(apis=[API]), takes_certificates=True, authorities=AUTHORITIES
    )
    with pytest.raises(RefusedClientError):
        call(server, **sent)


@pytest.mark.parametrize("sent", [API_BY_BASIC, API_IN_BODY])
def test_an_api_is_no_client(sent: dict[str, str]):
    """Neither token endpoint nor revocation let it in."""
    server = MemoryServer(store=MemoryStore(apis=[API]))
    with pytest.raises(RefusedClientError) as caught:
        authenticate_client(make_request(**sent), server=server, now=NOON, fresh=False)
    assert caught.value.reason == "unknown client"


def test_a_wrong_api_and_an_unknown_one_are_answered_alike():
    def answer(server: MemoryServer) -> object:
        with pytest.raises(OAuth2Error) as caught:
            call(server, client_id=API.identifier, client_secret="wrong")
        return caught.value()

    assert answer(MemoryServer(store=MemoryStore(apis=[API]))) == answer(make_server())
