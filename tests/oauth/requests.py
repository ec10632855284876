"""Token requests as the protocol sees them, without HTTP."""

from base64 import b64encode

from authlib.oauth2.rfc6749 import OAuth2Payload, OAuth2Request


class Payload(OAuth2Payload):
    # Authlib's are properties without an answer.
    data: dict[str, str] = {}
    datalist: dict[str, list[str]] = {}

    def __init__(self, parameters: dict[str, str]) -> None:
        self.data = parameters
        self.datalist = {name: [value] for name, value in parameters.items()}


def make_request(*, basic: str | None = None, **parameters: str) -> OAuth2Request:
    """A request with these parameters; ``basic`` is ``id:secret`` for the header."""
    headers = {}
    if basic is not None:
        headers["Authorization"] = "Basic " + b64encode(basic.encode()).decode()
    request = OAuth2Request("POST", "https://signet.example/connect/token", headers=headers)
    request.payload = Payload({"grant_type": "client_credentials"} | parameters)
    return request
