"""What stands below /.well-known/: section 3 of the contract."""

import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata

from tests.oauth.memory_store import MemoryStore, make_client, make_signing_key
from tests.views.memory_app import connect
from tests.views.wire import Signet

OPENID = "/.well-known/openid-configuration"
RFC_8414 = "/.well-known/oauth-authorization-server"
JWKS = "/.well-known/openid-configuration/jwks"
ALIAS = "/.well-known/jwks.json"
ALL = (OPENID, RFC_8414, JWKS, ALIAS)


METHODS = ["client_secret_basic", "client_secret_post", "private_key_jwt"]
ALGORITHMS = ["PS256", "ES256", "EdDSA", "Ed25519"]


def test_the_metadata_is_complete_and_no_more(signet: Signet):
    assert signet.get(OPENID).json == {
        "issuer": signet.base_url,
        "token_endpoint": f"{signet.base_url}/connect/token",
        "introspection_endpoint": f"{signet.base_url}/connect/introspect",
        "revocation_endpoint": f"{signet.base_url}/connect/revocation",
        "jwks_uri": f"{signet.base_url}{JWKS}",
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": ["none"],
        "subject_types_supported": ["public"],
        **{
            f"{endpoint}_endpoint_auth_{member}": values
            for endpoint in ("token", "introspection", "revocation")
            for member, values in {
                "methods_supported": METHODS,
                "signing_alg_values_supported": ALGORITHMS,
            }.items()
        },
        "dpop_signing_alg_values_supported": ALGORITHMS,
        "introspection_signing_alg_values_supported": ["RS256"],
    }


def test_both_documents_are_the_same(signet: Signet):
    assert signet.get(OPENID).body == signet.get(RFC_8414).body


def test_a_validator_takes_the_metadata(signet: Signet):
    """RFC 8414 §2."""
    AuthorizationServerMetadata(signet.get(RFC_8414).json).validate()


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"},
        {"Forwarded": "host=evil.example;proto=https"},
        {"X-Forwarded-Prefix": "/evil", "X-Original-URL": "/evil"},
    ],
)
def test_the_issuer_is_never_taken_from_the_request(signet: Signet, headers: dict[str, str]):
    assert signet.get(OPENID, headers).body == signet.get(OPENID).body


@pytest.mark.parametrize("path", ALL)
def test_each_document_may_be_cached_and_read_by_any_origin(signet: Signet, path: str):
    answer = signet.get(path)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Set-Cookie"] is None


@pytest.mark.parametrize("path", ALL)
def test_an_unchanged_document_is_304(signet: Signet, path: str):
    etag = signet.get(path).headers["ETag"]
    answer = signet.get(path, {"If-None-Match": etag})
    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["ETag"] == etag
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("path", ALL)
def test_another_etag_is_answered_in_full(signet: Signet, path: str):
    assert signet.get(path, {"If-None-Match": '"other"'}).status == 200


@pytest.mark.parametrize("path", ALL)
def test_head_has_the_headers_of_get(signet: Signet, path: str):
    head, get = signet.request("HEAD", path), signet.get(path)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["ETag"] == get.headers["ETag"]


@pytest.mark.parametrize("path", ALL)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_another_method_is_405_in_json(signet: Signet, path: str, method: str):
    answer = signet.request(method, path)
    assert answer.error == (405, "invalid_request")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD"}
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "path", [f"{OPENID}/", f"{JWKS}/", "/.well-known/x", "/.well-known//jwks.json"]
)
def test_another_path_is_404_in_json(signet: Signet, path: str):
    answer = signet.get(path)
    assert answer.error == (404, "not_found")
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_keys_are_public_and_in_order(signet: Signet):
    keys = signet.get(JWKS).json["keys"]
    assert [list(key) for key in keys] == [["kty", "use", "alg", "kid", "n", "e"]]
    assert (keys[0]["kty"], keys[0]["use"], keys[0]["alg"]) == ("RSA", "sig", "RS256")


def test_the_alias_gives_the_same_keys(signet: Signet):
    assert signet.get(ALIAS).body == signet.get(JWKS).body


@pytest.mark.parametrize(
    ("alg", "members"),
    [
        ("RS256", ["kty", "use", "alg", "kid", "n", "e"]),
        ("PS256", ["kty", "use", "alg", "kid", "n", "e"]),
        ("ES256", ["kty", "use", "alg", "kid", "crv", "x", "y"]),
        ("EdDSA", ["kty", "use", "alg", "kid", "crv", "x"]),
    ],
)
def test_no_key_shows_a_private_member(alg: str, members: list[str]):
    store = MemoryStore(keys=(make_signing_key(alg),))
    assert list(connect(store).get(JWKS).json["keys"][0]) == members


def test_a_failing_database_is_503_where_keys_are_needed():
    store = MemoryStore()
    store.is_away = True
    answer = connect(store).get(JWKS)
    assert (answer.status_code, answer.json["error"]) == (503, "temporarily_unavailable")
    assert answer.headers["Retry-After"] == "5"
    assert answer.headers["Cache-Control"] == "no-store"
    assert connect(store).get(OPENID).status_code == 200


# An issuer with a path

ISSUER = "https://id.example/a/b"


@pytest.mark.parametrize(
    "path",
    [
        f"/a/b{OPENID}",
        f"{OPENID}/a/b",
        f"/a/b{RFC_8414}",
        f"{RFC_8414}/a/b",
    ],
)
def test_each_document_is_found_appended_and_inserted(path: str):
    """OIDC Discovery §4, RFC 8414 §3.1."""
    answer = connect(MemoryStore(), issuer=ISSUER).get(path)
    assert answer.json["issuer"] == ISSUER
    assert answer.json["jwks_uri"] == f"{ISSUER}{JWKS}"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("path", [f"/a/b{JWKS}", f"/a/b{ALIAS}", "/healthz", "/readyz"])
def test_keys_live_below_the_path_and_probes_at_the_root(path: str):
    assert connect(MemoryStore(), issuer=ISSUER).get(path).status_code == 200


def test_the_token_endpoint_lives_below_the_path():
    client = connect(MemoryStore(make_client("billing", "secret")), issuer=ISSUER)
    form = {
        "grant_type": "client_credentials",
        "client_id": "billing",
        "client_secret": "secret",
    }
    assert client.post("/a/b/connect/token", data=form).status_code == 200
    assert client.post("/connect/token", data=form).status_code == 404


@pytest.mark.parametrize("path", [OPENID, RFC_8414, JWKS, ALIAS, f"{OPENID}/a", f"{OPENID}/a/b/"])
def test_nothing_of_a_path_issuer_is_at_the_root(path: str):
    answer = connect(MemoryStore(), issuer=ISSUER).get(path)
    assert (answer.status_code, answer.json["error"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["/a/b/connect/x", "/a/b/.well-known/x", "/.well-known/x"])
def test_errors_below_the_path_are_json(path: str):
    answer = connect(MemoryStore(), issuer=ISSUER).get(path)
    assert (answer.status_code, answer.json["error"]) == (404, "not_found")
