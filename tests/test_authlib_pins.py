"""What we lean on in Authlib, and what we work around: an upgrade that changes it is noticed here.

The version is pinned exactly. When one of these fails after an upgrade, read the code that the
comment names before changing the test.
"""

import inspect
import json
import logging
from importlib.metadata import version

import pytest
from authlib.common.security import is_secure_transport
from authlib.consts import default_json_headers
from authlib.integrations import flask_oauth2
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import (
    InvalidClientError,
    InvalidGrantError,
    InvalidRequestError,
    OAuth2Request,
    UnsupportedGrantTypeError,
    UnsupportedTokenTypeError,
)
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant as AuthlibGrant
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from flask import Flask
from flask import request as flask_request
from joserfc import jws, jwt
from joserfc.errors import ExceededSizeError
from joserfc.jwk import import_key
from joserfc.jws import JWSRegistry
from joserfc.util import json_b64encode, urlsafe_b64decode

from signet.oauth.token import ClientCredentialsGrant
from tests.oauth.memory_store import MemoryStore, make_client, make_signing_key
from tests.oauth.requests import make_request
from tests.oauth.signing import make_key, make_proof, public_jwk, sign
from tests.views.memory_app import connect
from tests.views.wire import TOKEN, basic


def test_the_version_is_the_one_that_was_read():
    assert version("authlib") == "1.9.9"


# What we lean on


def test_an_error_gives_status_members_and_headers():
    """views/error_edge.py answers with these."""
    status, body, headers = InvalidRequestError("What was wrong.")()
    assert status == 400
    assert list(body.items()) == [
        ("error", "invalid_request"),
        ("error_description", "What was wrong."),
    ]
    assert headers == default_json_headers


def test_the_headers_of_an_error_are_a_copy():
    """oauth/errors.py adds the challenge to them."""
    InvalidRequestError().get_headers().append(("X", "y"))
    assert InvalidRequestError().get_headers() == default_json_headers


def test_json_headers_are_those_of_the_rfc():
    """RFC 6749 §5.1; the grant answers with them."""
    assert default_json_headers == [
        ("Content-Type", "application/json"),
        ("Cache-Control", "no-store"),
        ("Pragma", "no-cache"),
    ]
    assert AuthlibGrant.TOKEN_RESPONSE_HEADER is default_json_headers


def test_a_grant_is_found_by_its_name_and_by_post_only():
    request = make_request()
    assert ClientCredentialsGrant.check_token_endpoint(request)
    request.method = "GET"
    assert not ClientCredentialsGrant.check_token_endpoint(request)


def test_a_server_needs_no_app():
    """views/authorization_server.py leaves the rest of its set-up out."""
    assert flask_oauth2.AuthorizationServer().get_error_uri(None, OAuth2Error()) is None


def test_a_token_request_is_dispatch_then_two_calls_of_the_grant():
    """The steps in oauth/token.py rely on this order, and on a grant that is new each time."""
    source = inspect.getsource(flask_oauth2.AuthorizationServer.create_token_response)
    steps = (
        "create_oauth2_request(",
        "get_token_grant(",
        "validate_token_request(",
        "handle_response(",
    )
    places = [source.index(step) for step in steps]
    assert places == sorted(places)


def test_joserfc_signs_with_the_algorithm_of_its_name():
    """oauth/access_token.py takes it from here."""
    key = make_signing_key()
    algorithm = JWSRegistry.algorithms["RS256"]
    signature = algorithm.sign(b"text", key.private_key)
    assert algorithm.verify(b"text", signature, key.private_key)


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"])
@pytest.mark.parametrize("size", [0, 1, 64, 256, 20_000])
def test_joserfc_says_no_to_any_bad_signature_and_raises_nothing(alg: str, size: int):
    """oauth/jws.py takes the answer as it is."""
    key = import_key(public_jwk(make_key(alg), alg=None))
    assert JWSRegistry.algorithms[alg].verify(b"text", bytes(size), key) is False


def test_a_refusal_says_what_its_class_says():
    """oauth/dpop.py words its errors so; the revocation endpoint answers 400 with this one."""

    class WordedError(OAuth2Error):
        error, description = "worded", "What was wrong."

    assert WordedError()()[1] == {"error": "worded", "error_description": "What was wrong."}
    status, body, _ = InvalidGrantError("x")()
    assert (status, body["error"]) == (400, "invalid_grant")


def test_joserfc_keeps_the_order_of_a_header_and_writes_it_compactly():
    header = {"alg": "RS256", "kid": "k", "typ": "at+jwt"}
    assert urlsafe_b64decode(json_b64encode(header)) == b'{"alg":"RS256","kid":"k","typ":"at+jwt"}'


# What we work around


@pytest.mark.parametrize("text", ['"', "\\", "ü", "\n"])
def test_a_description_with_a_forbidden_character_is_a_crash(text: str):
    """So a description is a fixed text of ours."""
    with pytest.raises(ValueError, match="forbidden"):
        InvalidRequestError(text)


def test_an_unknown_grant_type_is_repeated():
    """UnknownGrantTypeError takes its place."""
    assert "canary" in UnsupportedGrantTypeError("canary").get_error_description()


def test_the_challenge_holds_an_error_and_no_realm():
    """RefusedClientError writes its own."""
    assert dict(InvalidClientError(status_code=401).get_headers())["WWW-Authenticate"] == (
        'Basic error="invalid_client", error_description=""'
    )


def test_plain_http_is_refused_in_the_url_of_a_request():
    """StrictRequest hands over a URL that nobody reads."""
    assert not is_secure_transport("http://signet.internal/connect/token")
    with pytest.raises(OAuth2Error, match="insecure_transport"):
        OAuth2Request("POST", "http://signet.internal/connect/token")


def test_the_query_string_overrides_the_body():
    """StrictRequest reads the body itself."""
    with Flask("x").test_request_context(
        "/?client_id=url", method="POST", data={"client_id": "body"}, base_url="https://x"
    ):
        payload = flask_oauth2.requests.FlaskOAuth2Request(flask_request).payload
        assert payload.client_id == "url"


def test_a_repeated_parameter_passes():
    with Flask("x").test_request_context(
        "/", method="POST", data={"client_id": ["first", "second"]}, base_url="https://x"
    ):
        payload = flask_oauth2.requests.FlaskOAuth2Request(flask_request).payload
        assert payload.client_id == "first"


def test_errors_before_the_grant_are_not_caught():
    """AuthorizationServer raises what its grant raises as well: one place answers all."""
    source = inspect.getsource(flask_oauth2.AuthorizationServer.create_token_response)
    assert source.index("create_oauth2_request(") < source.index("try:")


def test_the_grant_that_ours_overrides_logs_the_token():
    assert "Issue token" in inspect.getsource(inspect.getmodule(AuthlibGrant))
    ours = vars(ClientCredentialsGrant)
    assert {"validate_token_request", "create_token_response"} <= ours.keys()


def test_no_secret_and_no_token_is_logged_at_debug(caplog):
    caplog.set_level(logging.DEBUG)
    client = connect(MemoryStore(make_client("billing", "canary-secret")))
    form = {"grant_type": "client_credentials"}

    token = client.post(TOKEN, data=form, headers=basic("billing", "canary-secret")).json
    client.post(TOKEN, data=form, headers=basic("billing", "canary-wrong"))
    client.post(TOKEN, data=form, headers=basic("canary-unknown!", "canary-wrong"))

    logged = "\n".join(str(vars(record)) for record in caplog.records)
    assert len(caplog.records) >= 3
    assert "canary" not in logged
    assert token["access_token"].rsplit(".")[-1] not in logged


def test_joserfc_would_put_typ_first():
    key = make_signing_key()
    token = jwt.encode({"alg": "RS256", "kid": "k"}, {}, key.private_key)
    assert list(json.loads(urlsafe_b64decode(token.split(".")[0].encode())))[0] == "typ"


def test_joserfcs_reader_is_for_other_tokens():
    """oauth/jws.py reads by itself: each of these would be a crash, or pass."""
    proof, rsa_key = make_proof(make_key("PS256"), "POST", "https://x"), make_key("PS256")
    with pytest.raises(ExceededSizeError):
        jws.deserialize_compact(proof, import_key(public_jwk(rsa_key)), algorithms=["PS256"])

    key = make_key()
    public = import_key(public_jwk(key))
    with pytest.raises(TypeError):
        jws.deserialize_compact(sign(key, {"alg": "ES256", "crit": [1]}, {}), public)
    jws.deserialize_compact(sign(key, {"alg": "ES256", "crit": []}, {}), public)
    jws.deserialize_compact(sign(key, b'{"alg":"none","alg":"ES256"}', {}), public)
    with pytest.raises(RecursionError):
        jwt.decode(sign(key, {"alg": "ES256"}, b'{"a":' + b"[" * 40_000), public)


@pytest.mark.parametrize("endpoint", [IntrospectionEndpoint, RevocationEndpoint])
def test_the_endpoints_take_a_hint_for_a_rule(endpoint: type):
    """RFC 7662 §2.1, RFC 7009 §2.1: a server may ignore it; ours are functions of their own."""
    with (
        Flask("x").test_request_context(
            "/", method="POST", data={"token": "x", "token_type_hint": "x"}, base_url="https://x"
        ),
        pytest.raises(UnsupportedTokenTypeError),
    ):
        request = flask_oauth2.requests.FlaskOAuth2Request(flask_request)
        endpoint(None).check_params(request, None)


def test_the_assertion_of_authlib_may_name_others_too():
    """SECURITY C20: ``aud`` may be a list, and a minute more than said; ours is stricter."""
    assert JWTBearerClientAssertion().leeway == 60
    registry = jwt.JWTClaimsRegistry(aud={"essential": True, "values": ["https://signet.example"]})
    registry.validate({"aud": ["https://signet.example", "https://other.example"]})
