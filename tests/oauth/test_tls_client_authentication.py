"""Client authentication by a TLS certificate (RFC 8705 §2), as a proxy has passed it on."""

from datetime import UTC, datetime
from typing import Any

import pytest

from signet.oauth.certificate_authorities import CertificateAuthorities
from signet.oauth.client import Client, KeySource
from signet.oauth.client_authentication import authenticate_client
from signet.oauth.errors import RefusedClientError
from signet.oauth.mutual_tls import ClientCertificate
from signet.oauth.public_keys import parse_jwk_set
from tests.certificates import FOR_SERVERS, Issued, issue, make_authority
from tests.oauth.memory_store import NOON, MemoryServer, MemoryStore, make_client
from tests.oauth.requests import make_request
from tests.oauth.signing import jwk_set, make_key, public_jwk

SUBJECT = "CN=billing,O=Example"
ROOT, STRANGER = make_authority(), make_authority()
LEAF = issue(SUBJECT, ROOT)
SELF_SIGNED = issue(SUBJECT)
JWKS_URI = "https://billing.example/jwks"


def by_authority(**fields: Any) -> Client:
    known = {"token_endpoint_auth_method": "tls_client_auth", "secrets": ()}
    return make_client(**(known | {"tls_client_auth_subject_dn": SUBJECT} | fields))


def by_itself(*certificates: Issued, **fields: Any) -> Client:
    known = {"token_endpoint_auth_method": "self_signed_tls_client_auth", "secrets": ()}
    jwks = parse_jwk_set(jwk_set(*(issued.jwk for issued in certificates or (SELF_SIGNED,))))
    return make_client(**(known | {"jwks": jwks} | fields))


def authenticate(
    client: Client, *certificates: Issued, authorities: tuple[Issued, ...] = (ROOT,), **sent: Any
) -> Client:
    """With the certificate of a client, and its intermediates."""
    server = MemoryServer(
        store=sent.pop("store", None) or MemoryStore(client),
        takes_certificates=True,
        authorities=CertificateAuthorities([issued.certificate for issued in authorities])
        if authorities
        else None,
    )
    leaf, *chain = certificates
    presented = ClientCertificate(leaf.der, tuple(issued.der for issued in chain))
    request = make_request(certificate=presented, **({"client_id": "billing"} | sent))
    now = sent.get("now", NOON)
    return authenticate_client(request, server=server, now=now, fresh=False).client


def reason_against(*args: Any, **options: Any) -> str:
    with pytest.raises(RefusedClientError) as caught:
        authenticate(*args, **options)
    assert caught.value.status_code == 400
    assert caught.value.get_error_description() == "Client authentication failed."
    return caught.value.reason


# --- tls_client_auth (§2.1)


def test_an_authority_vouches_for_the_subject_of_the_client():
    client = by_authority()
    assert authenticate(client, LEAF) is client


def test_it_may_do_so_by_way_of_another():
    """PROTOCOL 20: intermediates in ``Client-Cert-Chain``."""
    intermediate = issue("CN=Example CA 2", ROOT, is_authority=True)
    leaf = issue(SUBJECT, intermediate)
    authenticate(by_authority(), leaf, intermediate)
    assert reason_against(by_authority(), leaf).startswith("certificate: ")


@pytest.mark.parametrize(
    "presented",
    [
        issue(SUBJECT, STRANGER),
        issue(SUBJECT),
        issue(SUBJECT, ROOT, ends_at=datetime(2026, 6, 1, tzinfo=UTC)),
        issue(SUBJECT, ROOT, begins_at=datetime(2026, 8, 1, tzinfo=UTC)),
        issue(SUBJECT, ROOT, extensions=[FOR_SERVERS]),
        issue(SUBJECT, LEAF),
    ],
    ids=["of another authority", "self-signed", "over", "not yet", "of a server", "by a client"],
)
def test_dates_and_chain_are_checked_here_whatever_the_proxy_thinks(presented: Issued):
    """PROTOCOL 20: a proxy that serves the other method lets unverified ones through."""
    assert reason_against(by_authority(), presented).startswith("certificate: ")


@pytest.mark.parametrize("subject", ["CN=billing", "CN=shop,O=Example", "O=Example,CN=billing"])
def test_another_subject_is_another_client(subject: str):
    """SECURITY C6: compared by parts, never as a part of a text."""
    reason = "certificate: the subject is another one"
    assert reason_against(by_authority(), issue(subject, ROOT)) == reason
    assert reason_against(by_authority(tls_client_auth_subject_dn=subject), LEAF) == reason


@pytest.mark.parametrize("subject_dn", [None, ""])
def test_a_client_without_a_subject_lets_nobody_in(subject_dn: str | None):
    assert "subject" in reason_against(by_authority(tls_client_auth_subject_dn=subject_dn), LEAF)


def test_without_an_authority_nobody_is_vouched_for():
    """PROTOCOL 20: without that setting the method is not accepted."""
    reason = reason_against(by_authority(), LEAF, authorities=())
    assert reason == "certificate: no authority is configured"


def test_a_client_is_not_let_in_by_the_certificate_of_its_neighbour():
    shop = by_authority(client_id="shop", tls_client_auth_subject_dn="CN=shop")
    assert "subject" in reason_against(shop, LEAF, client_id="shop")


# --- self_signed_tls_client_auth (§2.2)


def test_a_client_is_known_by_its_own_certificate():
    client = by_itself()
    assert authenticate(client, SELF_SIGNED, authorities=()) is client


def test_any_of_its_certificates_will_do():
    other = issue(SUBJECT)
    client = by_itself(SELF_SIGNED, other)
    for presented in (SELF_SIGNED, other):
        assert authenticate(client, presented) is client


def test_who_has_issued_it_and_until_when_does_not_matter():
    over = issue(SUBJECT, STRANGER, ends_at=datetime(2021, 1, 1, tzinfo=UTC))
    authenticate(by_itself(over), over)


@pytest.mark.parametrize(
    "presented",
    [issue(SUBJECT), LEAF, issue(SUBJECT, key=SELF_SIGNED.key)],
    ids=["of the same subject", "of an authority", "of the same key"],
)
def test_another_certificate_is_another_client(presented: Issued):
    """PROTOCOL 20: it equals an ``x5c[0]``."""
    assert reason_against(by_itself(), presented) == "certificate: not one of the client's own"


def test_keys_without_certificates_let_nobody_in():
    jwks = parse_jwk_set(jwk_set(make_key(), {**public_jwk(make_key()), "x5c": []}))
    assert "own" in reason_against(by_itself(jwks=jwks), SELF_SIGNED)
    assert "own" in reason_against(by_itself(jwks=()), SELF_SIGNED)


def test_a_certificate_beside_a_key_that_is_not_its_own_lets_nobody_in():
    """RFC 7517 §4.7."""
    jwk = {**public_jwk(make_key()), "x5c": SELF_SIGNED.jwk["x5c"]}
    assert "own" in reason_against(by_itself(jwks=parse_jwk_set(jwk_set(jwk))), SELF_SIGNED)


def test_certificates_can_be_published_at_an_address():
    client = by_itself(jwks=(), jwks_uri=JWKS_URI)
    store = MemoryStore(client)
    assert reason_against(client, SELF_SIGNED, store=store) == (
        "certificate: nothing is published there"
    )
    published = parse_jwk_set(jwk_set(SELF_SIGNED.jwk))
    store.published[KeySource(jwks_uri=JWKS_URI)] = published
    authenticate(client, SELF_SIGNED, store=store)


def test_certificates_known_beforehand_do_not_count_beside_an_address():
    assert "nothing is published" in reason_against(by_itself(jwks_uri=JWKS_URI), SELF_SIGNED)


# --- Both


def test_a_disabled_client_is_refused():
    """SECURITY C12."""
    for client, presented in (
        (by_authority(enabled=False), LEAF),
        (by_itself(enabled=False), SELF_SIGNED),
    ):
        assert reason_against(client, presented) == "disabled client"


def test_an_unknown_client_is_refused_alike():
    """PROTOCOL 9."""
    assert reason_against(by_authority(), LEAF, client_id="nobody") == "unknown client"


def test_the_certificate_is_not_shown():
    request = make_request(client_id="billing", certificate=ClientCertificate(LEAF.der))
    assert request.client_certificate.der == LEAF.der
    with pytest.raises(RefusedClientError) as caught:
        authenticate(by_authority(tls_client_auth_subject_dn="CN=x"), LEAF)
    assert "billing" not in caught.value.reason
