"""The client's certificate, from the header of a configured proxy and from nobody else (RFC 9440).

Whoever may send this header may be any client. So only the address that the connection itself
comes from counts, never one that ``X-Forwarded-For`` tells.
"""

from typing import TYPE_CHECKING

from authlib.oauth2.rfc6749 import InvalidRequestError
from werkzeug.datastructures import EnvironHeaders

from signet.oauth.mutual_tls import ClientCertificate, parse_client_certificate
from signet.settings import Settings
from signet.views.network_addresses import is_within

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

CHAIN_HEADER = "Client-Cert-Chain"


def find_client_certificate(
    environ: "WSGIEnvironment", settings: Settings
) -> ClientCertificate | None:
    """The certificate that a configured proxy passes on; anybody else's header is as if not there.

    :raises InvalidRequestError: if that proxy's header is malformed, or there are two.
    """
    if not settings.client_cert_proxies:
        return None
    headers = EnvironHeaders(environ)
    header = headers.get(settings.client_cert_header)
    # An empty one is how a proxy says that there is no certificate.
    if not header or not is_within(_peer_address(environ), settings.client_cert_proxies):
        return None
    try:
        return parse_client_certificate(header, headers.get(CHAIN_HEADER))
    except ValueError:
        raise InvalidRequestError("The client certificate header is malformed.") from None


def _peer_address(environ: "WSGIEnvironment") -> str:
    """Where the connection comes from; empty for a socket in the file system."""
    # Werkzeug's ProxyFix puts the address that a proxy tells in its place, and keeps it here.
    own = environ.get("werkzeug.proxy_fix.orig", environ)
    return str(own.get("REMOTE_ADDR") or "")
