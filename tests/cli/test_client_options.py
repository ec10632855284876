"""``flask client``: how a client proves itself, and what its tokens are like."""

import json
from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from joserfc.jwk import ECKey

from tests.cli.shell import on_one_engine

pytestmark = on_one_engine

KEY = ECKey.generate_key("P-256", auto_kid=False)
JWK = KEY.as_dict(private=False) | {"kid": "k1", "use": "sig"}
TRUST = (
    "--trust-issuer", "https://ci.example",
    "--trust-subject", "repo:acme/*:ref:refs/heads/main",
    "--trust-audience", "signet",
)  # fmt: skip
FEDERATED = ("--token-endpoint-auth-method", "federated_jwt")
SIGNED = ("--token-endpoint-auth-method", "private_key_jwt")


@pytest.fixture
def jwks(tmp_path) -> str:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [JWK]}))
    return str(path)


def create(shell, *options: str) -> dict:
    shell.json("client", "create", "Billing", "--client-id", "billing", *options)
    return shell.json("client", "show", "billing")


def test_a_client_with_keys_has_no_secret(shell, jwks):
    created = shell.json("client", "create", "Billing", *SIGNED, "--jwks", jwks)
    assert created["token_endpoint_auth_method"] == "private_key_jwt"
    assert created["jwks"] == {"keys": [{name: JWK[name] for name in created["jwks"]["keys"][0]}]}
    assert created["jwk_thumbprints"] == [KEY.thumbprint()]
    assert created["secrets"] == []


def test_keys_may_come_in_pem_and_by_standard_input(shell):
    pem = KEY.as_pem(private=False).decode()
    created = shell.json("client", "create", "Billing", *SIGNED, "--jwks", "-", stdin=pem)
    assert created["jwk_thumbprints"] == [KEY.thumbprint()]


def test_keys_may_be_published_elsewhere(shell):
    client = create(
        shell, *SIGNED, "--jwks-uri", "https://billing.example/jwks",
        "--token-endpoint-auth-signing-alg", "RS256", "--allow-token-endpoint-audience",
    )  # fmt: skip
    assert client["jwks"] is None
    assert client["jwks_uri"] == "https://billing.example/jwks"
    assert client["token_endpoint_auth_signing_alg"] == "RS256"
    assert client["allow_token_endpoint_audience"] is True


def test_a_private_key_is_refused_and_not_repeated(shell, tmp_path):
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    for text in (pem, json.dumps(KEY.as_dict(private=True))):
        refusal = shell.refusal("client", "create", "x", *SIGNED, "--jwks", "-", stdin=text)
        assert refusal.startswith("jwks: This is a private key.")
    assert shell.json("client", "list") == []


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"keys": []}', "not JSON", "[" * 100_000, '{"keys": [{"kty": "oct"}]}'],
)
def test_what_is_no_public_key_is_refused(shell, text):
    shell.refusal("client", "create", "x", *SIGNED, "--jwks", "-", stdin=text)
    assert shell.json("client", "list") == []


@pytest.mark.parametrize("x5c", [{}, {"a": 1}, 5, True, "AAAA", [], [5]], ids=repr)
def test_a_certificate_of_another_form_is_refused(shell, x5c):
    text = json.dumps(JWK | {"x5c": x5c})
    refusal = shell.refusal("client", "create", "x", *SIGNED, "--jwks", "-", stdin=text)
    assert refusal == "jwks: Key 1: x5c is not the key's certificate"


@pytest.mark.parametrize(
    "spki",
    [
        # GOST R 34.10, which the library does not know, and a curve that the JWK does not.
        bytes.fromhex("3013300a06082a8503070101010103050004020102"),
        ec.generate_private_key(ec.BrainpoolP256R1())
        .public_key()
        .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    ],
    ids=["GOST", "brainpool"],
)
def test_a_key_of_another_kind_in_pem_is_refused(shell, spki):
    text = f"-----BEGIN PUBLIC KEY-----\n{b64encode(spki).decode()}\n-----END PUBLIC KEY-----\n"
    refusal = shell.refusal("client", "create", "x", *SIGNED, "--jwks", "-", stdin=text)
    assert refusal.startswith("jwks: Use a JWK set, a JWK, or a public key")


def test_a_file_that_cannot_be_read_is_wrong_usage(shell, tmp_path):
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    for name in ("missing", "bytes"):
        assert name in shell.misuse(
            "client", "create", "x", *SIGNED, "--jwks", str(tmp_path / name)
        )


def test_a_certificate_of_an_authority_is_known_by_its_subject(shell):
    client = create(
        shell, "--token-endpoint-auth-method", "tls_client_auth",
        "--tls-client-auth-subject-dn", "CN=billing,O=Example",
    )  # fmt: skip
    assert client["tls_client_auth_subject_dn"] == "CN=billing,O=Example"


def test_a_workload_is_known_by_issuers_one_or_several(shell):
    client = create(shell, *FEDERATED, *TRUST)
    shell.json(
        "client", "trust", "billing", "--trust-issuer", "https://k8s.example",
        "--trust-subject", "system:serviceaccount:prod:billing", "--trust-audience", "signet",
        "--trust-jwks-uri", "https://k8s.example/openid/v1/jwks",
    )  # fmt: skip
    first, second = shell.json("client", "show", "billing")["trusted_issuers"]
    assert client["trusted_issuers"] == [first]
    assert first == {
        "issuer": "https://ci.example",
        "subject": "repo:acme/*:ref:refs/heads/main",
        "audience": "signet",
        "jwks": None,
        "jwks_uri": None,
    }
    assert second["jwks_uri"] == "https://k8s.example/openid/v1/jwks"


def test_the_keys_of_an_issuer_may_be_known_beforehand(shell, jwks):
    """Then nothing is fetched, and the issuer need not be an address."""
    client = create(
        shell, *FEDERATED, "--trust-issuer", "kubernetes/serviceaccount",
        "--trust-subject", "system:serviceaccount:prod:billing", "--trust-audience", "signet",
        "--trust-jwks", jwks,
    )  # fmt: skip
    assert client["trusted_issuers"][0]["jwks"]["keys"][0]["kid"] == "k1"


@pytest.mark.parametrize(
    "options",
    [
        SIGNED,
        (*SIGNED, "--jwks-uri", "http://billing.example/jwks"),
        (*SIGNED, "--jwks-uri", "https://user@billing.example/jwks"),
        ("--jwks-uri", "https://billing.example/jwks"),
        ("--token-endpoint-auth-method", "tls_client_auth"),
        ("--token-endpoint-auth-method", "tls_client_auth", "--tls-client-auth-subject-dn", "x"),
        ("--token-endpoint-auth-method", "self_signed_tls_client_auth"),
        (*FEDERATED,),
        (*FEDERATED, *TRUST[:2], "--trust-subject", "**", *TRUST[4:]),
        (*FEDERATED, "--trust-issuer", "http://ci.example", *TRUST[2:]),
        ("--claim", 'sub="other"'),
        ("--claim", 'x={"a":1}'),
        ("--claim", "x=null"),
        ("--claim", "x=NaN"),
        ("--claim", "x=[[1]]"),
        ("--claim", f'x="{"y" * 3000}"'),
    ],
)
def test_what_does_not_go_together_is_refused(shell, options):
    shell.refusal("client", "create", "x", *options)
    assert shell.json("client", "list") == []


def test_a_subject_without_its_audience_is_wrong_usage(shell):
    assert "--trust-audience" in shell.misuse("client", "create", "x", *FEDERATED, *TRUST[:4])
    assert "--trust-issuer" in shell.misuse("client", "trust", "x")


def test_tokens_are_what_the_options_say(shell):
    client = create(
        shell, "--token-format", "reference", "--dpop-bound-access-tokens",
        "--tls-client-certificate-bound-access-tokens",
        "--claim", 'tenant="blue"', "--claim", "level=3", "--claim", 'groups=["a","b"]',
    )  # fmt: skip
    assert client["token_format"] == "reference"
    assert client["dpop_bound_access_tokens"] is True
    assert client["tls_client_certificate_bound_access_tokens"] is True
    assert client["claims"] == {"tenant": "blue", "level": 3, "groups": ["a", "b"]}


def test_an_edit_changes_what_it_names_and_nothing_else(shell, jwks):
    before = create(shell, *SIGNED, "--jwks", jwks, "--claim", "level=3")
    after = shell.json("client", "edit", "billing", "--dpop-bound-access-tokens")
    assert after == before | {"dpop_bound_access_tokens": True}
    after = shell.json("client", "edit", "billing", "--no-dpop-bound-access-tokens")
    assert after == before


def test_keys_given_one_way_take_the_place_of_those_given_another(shell, jwks):
    create(shell, *SIGNED, "--jwks", jwks)
    published = shell.json("client", "edit", "billing", "--jwks-uri", "https://b.example/jwks")
    assert (published["jwks"], published["jwks_uri"]) == (None, "https://b.example/jwks")
    given = shell.json("client", "edit", "billing", "--jwks", jwks)
    assert (given["jwk_thumbprints"], given["jwks_uri"]) == ([KEY.thumbprint()], None)


def test_another_method_leaves_nothing_of_the_old_one(shell, jwks):
    before = create(shell, *SIGNED, "--jwks", jwks, "--token-endpoint-auth-signing-alg", "ES256")
    after = shell.json("client", "edit", "billing", *FEDERATED, *TRUST)
    assert (after["jwks"], after["token_endpoint_auth_signing_alg"]) == (None, None)
    assert before["token_endpoint_auth_method"] != after["token_endpoint_auth_method"]


def test_the_audit_log_names_keys_by_their_thumbprints(shell, jwks):
    create(shell, *SIGNED, "--jwks", jwks)
    shell.json("client", "edit", "billing", "--token-format", "reference")
    assert shell.entry()["after"] == {"token_format": "reference"}
    (created,) = (e for e in shell.json("audit", "list") if e["action"] == "client.create")
    assert created["after"]["jwks"] == [KEY.thumbprint()]


def test_people_read_what_there_is(shell, jwks):
    create(shell, *SIGNED, "--jwks", jwks, "--claim", 'tenant="blue"')
    text = shell.text("client", "show", "billing")
    assert KEY.thumbprint() in text
    assert '{"tenant": "blue"}' in text
    assert "trusted_issuers" not in text


def test_a_public_key_of_the_client_alone_is_taken_from_a_jwk_with_more(shell, tmp_path):
    """What the set says besides is not kept."""
    path = tmp_path / "jwk.json"
    path.write_text(json.dumps(JWK | {"note": "by Ada", "key_ops": ["verify"]}))
    client = create(shell, *SIGNED, "--jwks", str(path))
    assert set(client["jwks"]["keys"][0]) == {"kty", "use", "kid", "crv", "x", "y"}


def test_a_key_that_the_machine_cannot_check_with_is_refused(shell):
    curve = ec.generate_private_key(ec.SECP384R1()).public_key()
    pem = curve.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    refusal = shell.refusal("client", "create", "x", *SIGNED, "--jwks", "-", stdin=pem)
    assert "P-256" in refusal
