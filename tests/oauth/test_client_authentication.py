import hmac
from datetime import timedelta

import pytest
from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Request

from signet.oauth import client as client_module
from signet.oauth.client import Client
from signet.oauth.client_authentication import METHODS, authenticate_client
from signet.oauth.errors import RefusedClientError
from signet.oauth.store import StoreUnavailableError
from tests.oauth.memory_store import NOON, MemoryStore, make_client, make_secret
from tests.oauth.requests import make_request

SECOND = timedelta(seconds=1)


def authenticate(request: OAuth2Request, *clients: Client, fresh: bool = False) -> Client:
    return authenticate_client(request, store=MemoryStore(*clients), now=NOON, fresh=fresh)


def refusal(request: OAuth2Request, *clients: Client) -> RefusedClientError:
    with pytest.raises(RefusedClientError) as caught:
        authenticate(request, *clients)
    return caught.value


def test_the_methods_are_named_as_in_the_registry():
    assert list(METHODS) == ["client_secret_basic", "client_secret_post"]


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
            make_request(basic="billing:secret"), store=store, now=NOON, fresh=False
        )
