"""The body of a request to ``/connect/…``, read once and strictly.

Werkzeug's own parsers take what they are given: parameters in the URL, repeated ones, broken
escapes, bytes that are no UTF-8. Authlib builds on them. Whatever this file lets through means
one thing only.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Payload, OAuth2Request
from werkzeug.datastructures import EnvironHeaders
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder
from werkzeug.wsgi import get_input_stream

from signet.oauth.client_assertion import LONGEST_ASSERTION
from signet.oauth.client_secret import LONGEST_CLIENT_ID, LONGEST_CLIENT_SECRET
from signet.oauth.credential import Credential
from signet.oauth.form_encoding import decode_text, parse_form
from signet.oauth.mutual_tls import ClientCertificate

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
LARGEST_BODY = 64 * 1024
#: In characters; other parameters are only bounded by the body.
LONGEST = {
    "client_id": LONGEST_CLIENT_ID,
    "client_secret": LONGEST_CLIENT_SECRET,
    "grant_type": 100,
    "scope": 2_000,
    "client_assertion": LONGEST_ASSERTION,
}
#: "The client MAY include multiple resource parameters" — RFC 8707 §2.
REPEATABLE = frozenset({"resource"})


# Nothing reads the URI, but Authlib refuses plain http in it, where a proxy may well have ended
# TLS. That the issuer is https, or loopback, is what settings.py makes sure of.
_BLANK = vars(OAuth2Request("POST", "https://signet.invalid/"))


class Parameters(OAuth2Payload):
    """The parameters of a request: each once, none of them empty."""

    def __init__(self, values: dict[str, list[str]]) -> None:
        self._values = values
        self._firsts = {name: texts[0] for name, texts in values.items()}

    @property
    def data(self) -> dict[str, str]:
        """Each parameter by its name."""
        return self._firsts

    @property
    def datalist(self) -> dict[str, list[str]]:
        """All values of a parameter by its name."""
        return self._values


class StrictRequest(OAuth2Request):
    """A request as Authlib's grants want it, with nothing in it but the body and the headers.

    And the certificate of the client's connection, if a proxy that may has passed it on.
    """

    def __init__(
        self, environ: "WSGIEnvironment", *, certificate: ClientCertificate | None = None
    ) -> None:
        # As Authlib has begun one request, which takes a while: it looks at the URI.
        self.__dict__.update(_BLANK)
        self.method = environ["REQUEST_METHOD"]
        self.headers = EnvironHeaders(environ)
        self.payload = Parameters(read_parameters(environ))
        self.client_certificate = certificate
        #: What the client has proven itself by, once it has.
        self.credential: Credential | None = None


def read_parameters(environ: "WSGIEnvironment") -> dict[str, list[str]]:
    """What the body says, by name; a parameter without a value is left out.

    :raises InvalidRequestError: if it can be read in two ways, or in none.
    :raises RequestEntityTooLarge: if it is more than 64 KiB.
    """
    try:
        return _check_each(_read_pairs(environ))
    except ValueError as error:
        raise InvalidRequestError("The body is malformed.") from error


def _read_pairs(environ: "WSGIEnvironment") -> list[tuple[str, str]]:
    content_type = environ.get("CONTENT_TYPE", "")
    if content_type == FORM:
        return parse_form(_read_body(environ))
    content_type, options = parse_options_header(content_type)
    if content_type.lower() == FORM:
        if options.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
            raise InvalidRequestError("The charset is not utf-8.")
        return parse_form(_read_body(environ))
    if content_type.lower() == MULTIPART:
        return list(_parse_multipart(_read_body(environ), options.get("boundary", "")))
    raise InvalidRequestError(f"The content type is neither {FORM} nor {MULTIPART}.")


def _read_body(environ: "WSGIEnvironment") -> bytes:
    announced = _announced_length(environ)
    if announced is not None and announced > LARGEST_BODY:
        raise RequestEntityTooLarge()
    try:
        if environ.get("wsgi.input_terminated"):
            body: bytes = environ["wsgi.input"].read(LARGEST_BODY + 1)
        else:
            body = get_input_stream(environ, max_content_length=LARGEST_BODY + 1).read()
    except HTTPException:
        raise
    except Exception as error:
        # What the HTTP server raises for a broken chunk is a class of its own.
        raise InvalidRequestError("The body cannot be read.") from error
    if len(body) > LARGEST_BODY:
        raise RequestEntityTooLarge()
    if announced is not None and announced != len(body):
        raise InvalidRequestError("The body is shorter than announced.")
    return body


def _announced_length(environ: "WSGIEnvironment") -> int | None:
    """What ``Content-Length`` says; the HTTP server has refused what is no number."""
    text = environ.get("CONTENT_LENGTH", "")
    if not text.isdecimal() or "HTTP_TRANSFER_ENCODING" in environ:
        return None
    return int(text)


def _parse_multipart(body: bytes, boundary: str) -> Iterator[tuple[str, str]]:
    """The text fields of a form (RFC 7578).

    :raises ValueError: if it is malformed or holds anything else.
    """
    if not boundary:
        raise ValueError("no boundary")
    decoder = MultipartDecoder(boundary.encode("latin-1"))
    decoder.receive_data(body)
    decoder.receive_data(None)
    name, value = "", b""
    while not isinstance(event := decoder.next_event(), Epilogue):
        if isinstance(event, Data):
            value += event.data
            if not event.more_data:
                yield name, decode_text(value)
        else:
            name, value = _field_name(event), b""


def _field_name(event: Event) -> str:
    if isinstance(event, File):
        raise ValueError("a file")
    if not isinstance(event, Field):
        return ""  # the preamble, which is followed by a field
    content_type, _ = parse_options_header(event.headers.get("Content-Type", "text/plain"))
    # Werkzeug's type says str, but a part may have no name.
    name: Any = event.name
    if name is None or content_type != "text/plain":
        raise ValueError("no text field")
    return decode_text(event.name.encode())


def _check_each(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    seen: set[str] = set()
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        # "Request and response parameters MUST NOT be included more than once" — §3.2
        if name in seen and name not in REPEATABLE:
            raise InvalidRequestError("A parameter is repeated.")
        seen.add(name)
        if len(value) > LONGEST.get(name, LARGEST_BODY):
            raise InvalidRequestError("A parameter is too long.")
        # "Parameters sent without a value MUST be treated as if they were omitted" — §3.2
        if value:
            values.setdefault(name, []).append(value)
    return values
