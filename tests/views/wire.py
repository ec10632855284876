"""Requests exactly as written, over a socket: no library tidies them up on the way."""

import http.client
import json
import socket
from base64 import b64encode
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlencode

FORM = "application/x-www-form-urlencoded"
BOUNDARY = "a-boundary"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"
TOKEN = "/connect/token"
#: Seconds that an answer may take.
PATIENCE = 10

#: Status and ``error``, as in ``Answer.error``.
INVALID_REQUEST = (400, "invalid_request")
INVALID_CLIENT = (400, "invalid_client")
INVALID_CLIENT_BY_HEADER = (401, "invalid_client")
INVALID_SCOPE = (400, "invalid_scope")

Form = dict[str, str] | list[tuple[str, str]]
#: As pairs where one is sent twice.
Headers = dict[str, str] | list[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str]:
        """Status and ``error``, the two that a refusal is told by."""
        return self.status, self.json["error"]


class Wire:
    """Speaks to one server, by its base URL."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        address = base_url.removeprefix("http://")
        self.host, _, port = address.partition(":")
        self.port = int(port)

    def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Headers | None = None,
    ) -> Answer:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)
        try:
            pairs = pairs_of(headers)
            names = {name.lower() for name, _ in pairs}
            connection.putrequest(
                method, path, skip_host="host" in names, skip_accept_encoding=True
            )
            if body and not names & {"content-length", "transfer-encoding"}:
                pairs.append(("Content-Length", str(len(body))))
            for name, value in pairs:
                connection.putheader(name, value)
            connection.endheaders(body or None)
            response = connection.getresponse()
            return Answer(response.status, response.msg, response.read())
        finally:
            connection.close()

    def get(self, path: str, headers: Headers | None = None) -> Answer:
        return self.request("GET", path, headers=headers)

    def post(
        self,
        path: str = TOKEN,
        data: Form | bytes = b"",
        headers: Headers | None = None,
        content_type: str | None = FORM,
    ) -> Answer:
        body = data if isinstance(data, bytes) else urlencode(data).encode()
        sent = pairs_of(headers)
        if content_type is not None:
            sent.append(("Content-Type", content_type))
        return self.request("POST", path, body, sent or {"Content-Length": "0"})

    def raw(self, sent: bytes, *, ends: bool = False) -> bytes:
        """All that comes back until the server closes the connection, as it must at once.

        :param ends: say that there is no more to come, as a client does that has gone.
        """
        with socket.create_connection((self.host, self.port), timeout=PATIENCE) as stream:
            stream.sendall(sent)
            if ends:
                stream.shutdown(socket.SHUT_WR)
            received = b""
            while piece := stream.recv(65_536):
                received += piece
                # An idle connection would be closed as well, but later.
                stream.settimeout(3)
            return received


def pairs_of(headers: Headers | None) -> list[tuple[str, str]]:
    """The headers one by one."""
    return list(headers.items() if isinstance(headers, dict) else headers or ())


def basic(client_id: str, client_secret: str) -> dict[str, str]:
    """The header of RFC 6749 §2.3.1."""
    return basic_raw(f"{quote_plus(client_id)}:{quote_plus(client_secret)}".encode())


def basic_raw(credentials: bytes) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(credentials).decode()}


def multipart(*fields: tuple[str, str], parts: tuple[bytes, ...] = ()) -> bytes:
    """A form of text fields, and of further parts as they are."""
    texts = (
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode()
        for name, value in fields
    )
    body = b"".join(b"--%s\r\n%s\r\n" % (BOUNDARY.encode(), part) for part in (*texts, *parts))
    return body + b"--%s--\r\n" % BOUNDARY.encode()


class Signet(Wire):
    """A served Signet and the secrets of its clients."""

    def __init__(
        self, base_url: str, secrets: dict[str, str], environ: dict[str, str] | None = None
    ) -> None:
        super().__init__(base_url)
        self.secrets = secrets
        #: Its settings, for what an operator does meanwhile.
        self.environ = environ or {}

    def form(self, client_id: str = "billing", /, **parameters: str) -> dict[str, str]:
        """A token request with the credentials in the body; ``parameters`` go on top."""
        return {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": self.secrets[client_id],
        } | parameters

    def ask(self, client_id: str = "billing", /, **parameters: str) -> Answer:
        """Send such a request."""
        return self.post(TOKEN, self.form(client_id, **parameters))

    def ask_by_basic(self, client_id: str = "billing", /, **parameters: str) -> Answer:
        """Send one with the credentials in the ``Authorization`` header."""
        form = {"grant_type": "client_credentials"} | parameters
        return self.post(TOKEN, form, basic(client_id, self.secrets[client_id]))
