"""The only door outwards: fetching the keys that somebody else publishes.

Whoever may name an address here could make the server ask for it from inside the network. So the
door opens for https alone, to addresses that anybody could reach, and the address that was checked
is the one that is connected to: a name that answers differently the second time is not asked twice.
"""

import http.client
import io
import ipaddress
import json
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

import gevent

#: In seconds, for everything: the name, the connection, the answer.
LONGEST_FETCH = 5.0
LONGEST_BODY = 64 * 1024
LONGEST_URL = 2_000

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
AddressInfo = tuple[Any, Any, Any, Any, tuple[Any, ...]]
#: As ``socket.getaddrinfo``.
Resolve = Callable[..., Iterable[AddressInfo]]

#: IPv6 addresses in which a gateway finds an IPv4 one (RFC 6052).
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
#: All that the internet gives out of IPv6; what is beside it has a meaning of its own.
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
#: Protocol assignments, where a cloud may answer for itself; older Pythons call most of it public.
_PROTOCOLS = ipaddress.IPv4Network("192.0.0.0/24")
#: What a name is made of; an empty or longer label would fail only in the middle of a look-up.
_NAME = re.compile(r"(?=.{1,254}$)([a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?")


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
    if "@" in parts.netloc:
        raise ValueError("it holds a user name")
    if not _is_host(parts.hostname or "") or port == 0:
        raise ValueError("it names no host")
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
        try:
            parts = check_url(url)
        except ValueError as error:
            raise FetchError(str(error)) from None
        # Ends the look-up of a name as well; where nothing yields to gevent, the time-outs of
        # the sockets end the rest.
        timer = gevent.Timeout(self._longest_fetch)
        timer.start()
        try:
            return _parse(self._fetch(parts))
        except gevent.Timeout as timeout:
            if timeout is not timer:
                raise
            raise FetchError("no answer in time") from None
        except (OSError, http.client.HTTPException) as error:
            raise FetchError(_reason(error)) from None
        finally:
            timer.close()

    def _fetch(self, url: SplitResult) -> bytes:
        until = time.monotonic() + self._longest_fetch
        host, port = str(url.hostname), url.port or 443
        if self._context is None:
            self._context = _make_context(self._ca_pem)
        connection = http.client.HTTPSConnection(host, port, context=self._context)
        # The library only speaks. It may not connect, neither now nor again: it would ask for the
        # name itself.
        connection.auto_open = 0
        with self._connect(host, port, until) as connected:
            connection.sock = connected
            path = (url.path or "/") + (f"?{url.query}" if url.query else "")
            headers = {
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "User-Agent": "Signet",
            }
            connection.request("GET", path, headers=headers)
            received = cast(socket.socket, _Received(connected, until))
            with http.client.HTTPResponse(received, method="GET") as response:
                return _read(response)

    def _connect(self, host: str, port: int, until: float) -> ssl.SSLSocket:
        assert self._context is not None
        found = self._resolve(host, port, type=socket.SOCK_STREAM)
        permitted = [info for info in found if self._is_permitted(info)]
        problem: Exception = FetchError("no permitted address")
        for number, (family, kind, protocol, _, address) in enumerate(permitted):
            plain = socket.socket(family, kind, protocol)
            try:
                # One that keeps silent leaves time for the next.
                plain.settimeout(_left(until) / (len(permitted) - number))
                plain.connect(address)
                plain.settimeout(_left(until))
                # By the name of the address: the certificate, and which host is meant.
                return self._context.wrap_socket(plain, server_hostname=host)
            except ssl.SSLError:
                raise
            except OSError as error:
                problem = error
            finally:
                # Of no effect if it has become the one that is given back.
                plain.close()
        raise problem

    def _is_permitted(self, info: AddressInfo) -> bool:
        address = ipaddress.ip_address(str(info[4][0]).partition("%")[0])
        destination = _destination(address)
        return is_public(address) or any(destination in network for network in self._allow)


def is_public(address: IPAddress) -> bool:
    """Whether an address is one that everybody on the internet means the same by."""
    address = _destination(address)
    is_beside = (
        address not in _GLOBAL_UNICAST
        if isinstance(address, ipaddress.IPv6Address)
        else address.is_multicast or address in _PROTOCOLS
    )
    return address.is_global and not is_beside


def _destination(address: IPAddress) -> IPAddress:
    """The address that packets end up at: the IPv4 one, where an IPv6 one stands for it."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address


class _Received(io.RawIOBase):
    """What a server sends until a moment, however slowly it does; given to ``http.client``."""

    def __init__(self, connected: ssl.SSLSocket, until: float) -> None:
        self._connected = connected
        self._until = until

    def makefile(self, mode: str) -> io.BufferedReader:
        """What a response asks its socket for."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connected.settimeout(_left(self._until))
        return self._connected.recv_into(buffer)


def _read(response: http.client.HTTPResponse) -> bytes:
    response.begin()
    if response.status != 200:
        # A redirect is an answer like any other: nobody follows it into the network.
        raise FetchError(f"status {response.status}")
    body = response.read(LONGEST_BODY + 1)
    if len(body) > LONGEST_BODY:
        raise FetchError("more than 64 KiB")
    return body


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise FetchError("not JSON") from None


def _left(until: float) -> float:
    """Seconds until a moment; for a socket, whose time-out may not be 0."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _is_host(name: str) -> bool:
    # An address of IPv6 has been checked with its brackets.
    return ":" in name or _NAME.fullmatch(name) is not None


def _make_context(ca_pem: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_pem:
        try:
            # Between the certificates there may be names in any language.
            context.load_verify_locations(cadata=ca_pem.encode("ascii", "ignore").decode())
        except (ssl.SSLError, ValueError):
            raise ValueError("holds a certificate that cannot be read") from None
    return context


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason}"
    if isinstance(error, socket.gaierror):
        return "its name has no address"
    return type(error).__name__
