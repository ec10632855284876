"""Requests as the protocol sees them, without HTTP."""

from base64 import b64encode
from collections.abc import Sequence

from authlib.oauth2.rfc6749 import OAuth2Payload, OAuth2Request

from signet.oauth.client_assertion import ASSERTION_TYPE
from signet.oauth.mutual_tls import ClientCertificate
from signet.oauth.token import ClientCredentialsGrant
from tests.oauth.memory_store import MemoryServer


class Payload(OAuth2Payload):
    # Authlib's are properties without an answer.
    data: dict[str, str] = {}
    datalist: dict[str, list[str]] = {}

    def __init__(self, parameters: dict[str, str | Sequence[str]]) -> None:
        self.datalist = {
            name: [value] if isinstance(value, str) else list(value)
            for name, value in parameters.items()
        }
        self.data = {name: values[0] for name, values in self.datalist.items()}


def make_request(
    *,
    basic: str | None = None,
    dpop: str | None = None,
    assertion: str | None = None,
    certificate: ClientCertificate | None = None,
    **parameters: str | Sequence[str],
) -> OAuth2Request:
    """A request with these parameters, each once unless it is a list.

    :param basic: ``id:secret`` for the header; ``dpop``: the header of this name.
    :param assertion: for ``client_assertion``, with its type beside it.
    :param certificate: of the client, as a proxy has passed it on.
    """
    headers = {}
    if basic is not None:
        headers["Authorization"] = "Basic " + b64encode(basic.encode()).decode()
    if dpop is not None:
        headers["DPoP"] = dpop
    if assertion is not None:
        sent = {"client_assertion": assertion, "client_assertion_type": ASSERTION_TYPE}
        parameters = sent | parameters
    request = OAuth2Request("POST", "https://signet.example/connect/token", headers=headers)
    request.payload = Payload({"grant_type": "client_credentials"} | parameters)
    request.client_certificate = certificate
    return request


def answer_token_request(
    server: MemoryServer, request: OAuth2Request
) -> tuple[dict[str, object], dict[str, str]]:
    """Members and headers of the answer to a token request.

    :raises OAuth2Error: if it is refused.
    """
    grant = ClientCredentialsGrant(request, server)
    grant.validate_token_request()
    status, answer, headers = grant.create_token_response()
    assert status == 200
    return answer, dict(headers)
