"""Whose word counts about a client's certificate: that of the peer itself, if it is configured."""

from collections.abc import Iterable
from ipaddress import ip_network
from typing import Any

import pytest
from authlib.oauth2.rfc6749 import InvalidRequestError
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import EnvironBuilder, run_wsgi_app

from signet.oauth.mutual_tls import ClientCertificate
from signet.settings import Settings
from signet.views.client_certificate import find_client_certificate
from tests.certificates import issue, make_authority

AUTHORITY = make_authority()
CLIENT = issue("CN=billing", AUTHORITY)
FOUND = ClientCertificate(CLIENT.der)
PROXY, STRANGER = "192.0.2.10", "192.0.2.11"


def find(
    peer: str | None = PROXY,
    headers: Iterable[tuple[str, str]] = (("Client-Cert", CLIENT.byte_sequence),),
    *,
    proxies: str = "192.0.2.10/32",
    hops: int = 0,
    **settings: Any,
) -> ClientCertificate | None:
    """What is found in a request from ``peer``, behind ProxyFix for so many hops."""
    networks = tuple(map(ip_network, proxies.split()))
    made = Settings(database_url="sqlite://", client_cert_proxies=networks, **settings)
    found = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        found.append(find_client_certificate(environ, made))
        start_response("204 No Content", [])
        return []

    environ = EnvironBuilder(method="POST", headers=list(headers)).get_environ()
    if peer is None:
        environ.pop("REMOTE_ADDR", None)
    else:
        environ["REMOTE_ADDR"] = peer
    served = ProxyFix(application, x_for=hops) if hops else application
    run_wsgi_app(served, environ)
    return found[0]


@pytest.mark.parametrize("header", [CLIENT.byte_sequence, CLIENT.escaped_pem])
def test_a_configured_proxy_is_believed(header: str) -> None:
    assert find(headers=[("Client-Cert", header)]) == FOUND


@pytest.mark.parametrize(
    ("peer", "proxies"),
    [
        (PROXY, "198.51.100.1/32 192.0.2.0/24"),
        ("2001:db8::1", "2001:db8::/64"),
        ("::ffff:192.0.2.10", "192.0.2.10/32"),
    ],
    ids=["in a network", "by IPv6", "on a socket of both families"],
)
def test_a_proxy_is_known_by_the_network_of_its_address(peer: str, proxies: str) -> None:
    assert find(peer, proxies=proxies) == FOUND


@pytest.mark.parametrize(
    ("peer", "proxies"),
    [
        (STRANGER, "192.0.2.10/32"),
        (PROXY, ""),
        ("", "0.0.0.0/0 ::/0"),
        (None, "0.0.0.0/0 ::/0"),
        ("unix:", "0.0.0.0/0 ::/0"),
        ("::1", "0.0.0.0/0"),
        ("127.0.0.1", "::/0"),
    ],
    ids=["another", "none configured", "no address", "none at all", "no IP", "IPv6", "IPv4"],
)
def test_anybody_else_s_header_is_as_if_it_were_not_there(peer: str | None, proxies: str) -> None:
    assert find(peer, proxies=proxies) is None


def test_anybody_else_s_malformed_header_is_not_even_read() -> None:
    assert find(STRANGER, [("Client-Cert", "no certificate")]) is None


def test_the_peer_counts_and_not_the_address_that_a_proxy_forwards() -> None:
    headers = [("Client-Cert", CLIENT.byte_sequence), ("X-Forwarded-For", STRANGER)]
    assert find(PROXY, headers, hops=1) == FOUND


def test_a_stranger_behind_a_trusted_proxy_cannot_say_it_is_the_certificate_proxy() -> None:
    headers = [("Client-Cert", CLIENT.byte_sequence), ("X-Forwarded-For", PROXY)]
    assert find(STRANGER, headers, hops=1) is None


@pytest.mark.parametrize("headers", [[], [("Client-Cert", "")], [("X-Client-Cert", "x")]])
def test_a_request_without_the_header_has_no_certificate(headers: list[tuple[str, str]]) -> None:
    assert find(headers=headers) is None


def test_the_name_of_the_header_is_a_setting() -> None:
    headers = [("X-SSL-Cert", CLIENT.escaped_pem), ("Client-Cert", "not looked at")]
    assert find(headers=headers, client_cert_header="X-SSL-Cert") == FOUND


def test_the_chain_comes_in_a_header_of_its_own() -> None:
    """RFC 9440 §2.3."""
    headers = [
        ("Client-Cert", CLIENT.escaped_pem),
        ("Client-Cert-Chain", AUTHORITY.byte_sequence),
    ]
    assert find(headers=headers) == ClientCertificate(CLIENT.der, (AUTHORITY.der,))


def test_a_chain_alone_is_no_certificate() -> None:
    assert find(headers=[("Client-Cert-Chain", AUTHORITY.byte_sequence)]) is None


@pytest.mark.parametrize(
    "headers",
    [
        [("Client-Cert", "no certificate")],
        [("Client-Cert", CLIENT.byte_sequence)] * 2,
        [("Client-Cert", CLIENT.escaped_pem)] * 2,
        [("Client-Cert", ""), ("Client-Cert", CLIENT.byte_sequence)],
        [("Client-Cert", CLIENT.byte_sequence), ("Client-Cert-Chain", "no chain")],
    ],
    ids=["malformed", "two", "two escaped", "an empty one besides", "a malformed chain"],
)
def test_a_malformed_header_of_the_proxy_is_refused(headers: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        find(headers=headers)
    assert caught.value.description == "The client certificate header is malformed."
