"""The ways in which a client can prove itself, and the forms of its tokens, in words."""

from collections.abc import Mapping
from typing import NamedTuple

from signet.oauth.client import (
    CLIENT_SECRET_BASIC,
    FEDERATED_JWT,
    JWT,
    PRIVATE_KEY_JWT,
    REFERENCE,
    SELF_SIGNED_TLS_CLIENT_AUTH,
    TLS_CLIENT_AUTH,
)
from signet.settings import Settings


class Method(NamedTuple):
    """A way, as people read it."""

    label: str
    #: The line under the choice.
    hint: str
    #: What completes "It proves itself by".
    means: str


METHODS: Mapping[str, Method] = {
    CLIENT_SECRET_BASIC: Method(
        "Client secret",
        "It sends a secret that Signet makes. This is what most programs expect.",
        "a client secret",
    ),
    PRIVATE_KEY_JWT: Method(
        "Signed assertion",
        "It signs with a private key that never leaves it. Signet knows the public key.",
        "a signed assertion",
    ),
    TLS_CLIENT_AUTH: Method(
        "TLS certificate of an authority",
        "It connects with a certificate from an authority that this server trusts.",
        "a TLS certificate of an authority",
    ),
    SELF_SIGNED_TLS_CLIENT_AUTH: Method(
        "Its own TLS certificate",
        "It connects with a certificate that it made itself. Signet knows the certificate.",
        "its own TLS certificate",
    ),
    FEDERATED_JWT: Method(
        "Workload identity",
        "It sends the token that its platform gives it, a Kubernetes cluster or a CI system for "
        "example. There is no secret.",
        "the token of another issuer",
    ),
}

TOKEN_FORMATS: Mapping[str, str] = {JWT: "JWT", REFERENCE: "Reference"}


def missing_variables(method: str, settings: Settings) -> tuple[str, ...]:
    """The settings without which this server takes no client of this method; none if it does."""
    return tuple(
        name
        for name, is_set, methods in (
            (
                "SIGNET_CLIENT_CERT_PROXIES",
                bool(settings.client_cert_proxies),
                (TLS_CLIENT_AUTH, SELF_SIGNED_TLS_CLIENT_AUTH),
            ),
            ("SIGNET_CLIENT_CERT_CA_FILE", bool(settings.client_cert_ca_pem), (TLS_CLIENT_AUTH,)),
        )
        if method in methods and not is_set
    )
