"""An API that checks tokens with PyJWT and knows nothing of Signet but its issuer."""

import json
import urllib.parse
import urllib.request
from collections.abc import Iterator

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask, abort, request
from flask.testing import FlaskClient

from tests.conftest import StartServer
from tests.strangers.conftest import API, House, Registered


def make_api(
    issuer: str, audience: str, alg: str = "RS256", **key_client_options: float
) -> FlaskClient:
    """An API as its owner would write it; the address of the keys comes from discovery."""
    api = Flask("orders")
    with urllib.request.urlopen(f"{issuer}/.well-known/openid-configuration") as answer:
        metadata = json.load(answer)
    keys = jwt.PyJWKClient(metadata["jwks_uri"], **key_client_options)

    @api.get("/orders")
    def orders() -> dict[str, str]:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        try:
            key = keys.get_signing_key_from_jwt(token)
            claims = jwt.decode(
                token, key, algorithms=[alg], issuer=metadata["issuer"], audience=audience
            )
        except jwt.PyJWTError as error:
            abort(401, type(error).__name__)
        return {"client_id": claims["client_id"], "scope": claims["scope"]}

    return api.test_client()


def call(api: FlaskClient, token: str) -> str:
    """The client that the API has recognised, or why it has refused."""
    answer = api.get("/orders", headers={"Authorization": f"Bearer {token}"})
    return str(answer.json["client_id"]) if answer.json else answer.text.split("<p>")[1][:-5]


def token_of(registered: Registered) -> str:
    form = {
        "client_id": registered.client_id,
        "client_secret": registered.client_secret,
        "grant_type": "client_credentials",
    }
    body = urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(registered.token_endpoint, body) as answer:
        return str(json.load(answer)["access_token"])


@pytest.fixture
def api(registered: Registered) -> Iterator[FlaskClient]:
    yield make_api(registered.issuer, registered.audience)


def test_a_token_names_its_client(api: FlaskClient, registered: Registered) -> None:
    assert call(api, token_of(registered)) == registered.client_id


def test_a_token_for_another_api_is_refused(registered: Registered) -> None:
    other = make_api(registered.issuer, "https://other.example.org")
    assert call(other, token_of(registered)) == "InvalidAudienceError"


def test_a_changed_token_is_refused(api: FlaskClient, registered: Registered) -> None:
    head, _, signature = token_of(registered).split(".")
    claims = jwt.utils.base64url_encode(b'{"sub":"somebody"}').decode()
    assert call(api, f"{head}.{claims}.{signature}") == "InvalidSignatureError"


def test_a_token_of_a_foreign_key_is_refused(api: FlaskClient, registered: Registered) -> None:
    token = token_of(registered)
    claims = jwt.decode(token, options={"verify_signature": False})
    forged = jwt.encode(
        claims,
        rsa.generate_private_key(65537, 2048),
        algorithm="RS256",
        headers={"kid": jwt.get_unverified_header(token)["kid"], "typ": "at+jwt"},
    )
    assert call(api, forged) == "InvalidSignatureError"


def test_an_expired_token_is_refused(api: FlaskClient, registered: Registered) -> None:
    """PyJWT has no clock to set: a leeway of minus an hour is as good."""
    token = token_of(registered)
    keys = jwt.PyJWKClient(f"{registered.issuer}/.well-known/openid-configuration/jwks")
    with pytest.raises(jwt.ExpiredSignatureError):
        jwt.decode(
            token,
            keys.get_signing_key_from_jwt(token),
            algorithms=["RS256"],
            audience=registered.audience,
            leeway=-3_601,
            options={"verify_iat": False},
        )


@pytest.fixture(scope="module")
def elliptic(house: House) -> Registered:
    """A client of an API whose tokens are signed with ES256."""
    scope, audience = "orders.elliptic", f"{API}/elliptic"
    with house.commands() as shell:
        shell.json("api", "create", audience, "--signing-alg", "ES256")
        shell.json("scope", "create", scope, "--api", audience)
        client = shell.json("client", "create", "Stranger", "--scope", scope)
    return Registered(house.server, client["client_id"], client["client_secret"], scope, audience)


def test_an_api_may_want_another_algorithm(elliptic: Registered) -> None:
    api = make_api(elliptic.issuer, elliptic.audience, "ES256")
    assert call(api, token_of(elliptic)) == elliptic.client_id


def test_an_api_of_another_algorithm_takes_no_other(elliptic: Registered) -> None:
    api = make_api(elliptic.issuer, elliptic.audience)
    assert call(api, token_of(elliptic)) == "InvalidAlgorithmError"


@pytest.mark.parametrize("engine", ["sqlite"])
def test_an_api_goes_on_without_restart_when_the_key_changes(start_server: StartServer) -> None:
    server = start_server(SIGNET_WORKERS="2")
    server.flask("scope", "create", "external-api", "--api", API)
    client = server.flask("client", "create", "Stranger", "--scope", "external-api")
    registered = Registered(
        server, client["client_id"], client["client_secret"], "external-api", API
    )
    # As it comes, PyJWT does not ask again within 30 s of the last time: longer than a test waits.
    api = make_api(registered.issuer, API, cooldown_duration=0)
    old = token_of(registered)
    assert call(api, old) == registered.client_id
    rotated = server.flask("key", "rotate", "--now")
    new = old
    while jwt.get_unverified_header(new)["kid"] != rotated["kid"]:
        new = token_of(registered)
    assert call(api, new) == registered.client_id
    assert call(api, old) == registered.client_id
