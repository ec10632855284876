"""The only door outwards: fetching the keys that somebody else publishes.

Whoever may name an address here could make the server ask for it from inside the network. So the
door opens for https alone, to addresses that anybody could reach, and the address that was checked
is the one that is connected to: a name that answers differently the second time is not asked twice.
"""

import http.client
import ipaddress
import json
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import SplitResult, urlsplit

import gevent

#: In seconds, for everything: the name, the connection, the answer.
LONGEST_FETCH = 5.0
LONGEST_BODY = 64 * 1024
LONGEST_URL = 2_000

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
#: As ``socket.getaddrinfo``.
Resolve = Callable[..., Iterable[tuple[Any, Any, Any, Any, tuple[Any, ...]]]]

#: IPv6 addresses in which a gateway finds an IPv4 one (RFC 6052).
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class FetchError(Exception):
    """Nothing was fetched; the text says why and holds nothing of what was answered."""


def check_url(url: str) -> SplitResult:
    """The parts of an address that could be fetched, whatever its name turns out to be.

    :raises ValueError: if it never could; the text says why.
    """
    if len(url) > LONGEST_URL:
        raise ValueError("it is too long")
    if not re.fullmatch(r"[\x21-\x7e]+", url) or "\\" in url:
        raise ValueError("it holds characters that no address has")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("it is no address") from None
    if parts.scheme != "https":
        raise ValueError("it is not https")
    if not parts.hostname or port == 0:
        raise ValueError("it names no host")
    if "@" in parts.netloc:
        raise ValueError("it holds a user name")
    if "#" in url:
        raise ValueError("it has a fragment")
    return parts


class Outbound:
    """Fetches JSON from addresses of the internet, and from networks that an operator allows."""

    def __init__(
        self,
        *,
        allow: Sequence[IPNetwork] = (),
        ca_pem: str = "",
        resolve: Resolve = socket.getaddrinfo,
        longest_fetch: float = LONGEST_FETCH,
    ) -> None:
        """Keep what is allowed; nothing is connected before the first fetch.

        :param ca_pem: authorities that are trusted besides the system's.
        :raises ValueError: if they cannot be read.
        """
        self._allow = tuple(allow)
        self._resolve = resolve
        self._longest_fetch = longest_fetch
        self._ca_pem = ca_pem
        self._context: ssl.SSLContext | None = None
        if ca_pem:
            self._context = _make_context(ca_pem)

    def fetch_json(self, url: str) -> Any:
        """The JSON document at an address.

        :raises FetchError: if there is none, or it takes more than five seconds.
        """
        # A server may trickle its answer for ever: only a clock of ours ends that. (Where nothing
        # yields to gevent, the socket's own time-out ends each wait.)
        timer = gevent.Timeout(self._longest_fetch)
        timer.start()
        try:
            body = self._fetch(check_url(url))
            return json.loads(body.decode("utf-8"))
        except gevent.Timeout as timeout:
            if timeout is not timer:
                raise
            raise FetchError("no answer in time") from None
        except (ValueError, RecursionError) as error:
            reason = "not JSON" if isinstance(error, UnicodeError | RecursionError) else error
            if isinstance(error, json.JSONDecodeError):
                reason = "not JSON"
            raise FetchError(str(reason)) from None
        except (OSError, http.client.HTTPException) as error:
            raise FetchError(_reason(error)) from None
        finally:
            timer.close()

    def _fetch(self, url: SplitResult) -> bytes:
        until = time.monotonic() + self._longest_fetch
        host, port = str(url.hostname), url.port or 443
        connection = http.client.HTTPSConnection(host, port, timeout=self._longest_fetch)
        # The connection is made here, to an address that was checked; the library only speaks.
        connection.sock = self._connect(host, port)
        try:
            path = (url.path or "/") + (f"?{url.query}" if url.query else "")
            headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
            connection.request("GET", path, headers=headers)
            with connection.getresponse() as response:
                if response.status != 200:
                    # A redirect is an answer like any other: nobody follows it into the network.
                    raise FetchError(f"status {response.status}")
                return self._read(response, until)
        finally:
            connection.close()

    def _read(self, response: http.client.HTTPResponse, until: float) -> bytes:
        body = b""
        while piece := response.read1(LONGEST_BODY + 1 - len(body)):
            body += piece
            if len(body) > LONGEST_BODY:
                raise FetchError("more than 64 KiB")
            if time.monotonic() > until:
                raise FetchError("no answer in time")
        return body

    def _connect(self, host: str, port: int) -> ssl.SSLSocket:
        if self._context is None:
            self._context = _make_context(self._ca_pem)
        problem: OSError | None = None
        for address in self._permitted_addresses(host, port):
            try:
                plain = socket.create_connection((str(address), port), self._longest_fetch)
            except OSError as error:
                problem = error
                continue
            try:
                # By the name of the address: the certificate, and which host is meant.
                return self._context.wrap_socket(plain, server_hostname=host)
            except BaseException:
                plain.close()
                raise
        raise problem or FetchError("no permitted address")

    def _permitted_addresses(self, host: str, port: int) -> Iterator[IPAddress]:
        found = self._resolve(host, port, type=socket.SOCK_STREAM)
        for _, _, _, _, sockaddr in found:
            address = ipaddress.ip_address(str(sockaddr[0]).partition("%")[0])
            if is_public(address) or any(
                inner in network for network in self._allow for inner in _meanings(address)
            ):
                yield address


def is_public(address: IPAddress) -> bool:
    """Whether an address is one that everybody on the internet means the same by."""
    return all(
        meaning.is_global
        and not meaning.is_multicast
        and not meaning.is_reserved
        and not meaning.is_unspecified
        for meaning in _meanings(address)
    )


def _meanings(address: IPAddress) -> Iterator[IPAddress]:
    """The address that packets end up at: the IPv4 one, where an IPv6 one stands for it."""
    if not isinstance(address, ipaddress.IPv6Address):
        yield address
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    elif address in _NAT64:
        yield ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    elif address.sixtofour is not None:
        yield address.sixtofour
    elif address.teredo is not None:
        yield address.teredo[1]
    else:
        yield address


def _make_context(ca_pem: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_pem:
        try:
            context.load_verify_locations(cadata=ca_pem)
        except ssl.SSLError:
            raise ValueError("holds a certificate that cannot be read") from None
    return context


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return type(error).__name__
