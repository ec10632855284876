"""Client libraries and curl get tokens as they come, without a word about Signet."""

import json
import re
import subprocess

import pytest
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from authlib.integrations.requests_client import OAuthError
from oauthlib.oauth2 import BackendApplicationClient
from oauthlib.oauth2.rfc6749.errors import InvalidClientError
from requests_oauthlib import OAuth2Session

from tests.strangers.conftest import Registered

#: The document's answer: members, order, compact.
ANSWER = re.compile(
    r'\{"access_token":"ey[\w-]+\.[\w-]+\.[\w-]+","expires_in":3600,'
    r'"token_type":"Bearer","scope":"(?P<scope>[^"]+)"\}'
)


@pytest.mark.parametrize("in_body", [True, False])
def test_requests_oauthlib_gets_a_token(
    registered: Registered, in_body: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It refuses plain http, where the test serves.
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    session = OAuth2Session(client=BackendApplicationClient(client_id=registered.client_id))
    token = session.fetch_token(
        registered.token_endpoint,
        client_id=registered.client_id,
        client_secret=registered.client_secret,
        include_client_id=in_body,
        scope=[registered.scope],
    )
    assert token["token_type"] == "Bearer"
    assert token["scope"] == [registered.scope]


def test_requests_oauthlib_understands_a_refusal(
    registered: Registered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    session = OAuth2Session(client=BackendApplicationClient(client_id=registered.client_id))
    with pytest.raises(InvalidClientError):
        session.fetch_token(
            registered.token_endpoint, client_id=registered.client_id, client_secret="wrong"
        )


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_authlib_gets_a_token(registered: Registered, method: str) -> None:
    session = AuthlibSession(
        registered.client_id,
        registered.client_secret,
        token_endpoint_auth_method=method,
        scope=registered.scope,
    )
    token = session.fetch_token(registered.token_endpoint, grant_type="client_credentials")
    session.close()
    assert token["scope"] == registered.scope
    assert token["expires_in"] == 3600


def test_authlib_understands_a_refusal(registered: Registered) -> None:
    session = AuthlibSession(registered.client_id, registered.client_secret, scope="another")
    with pytest.raises(OAuthError, match="invalid_scope"):
        session.fetch_token(registered.token_endpoint, grant_type="client_credentials")
    session.close()


def curl(registered: Registered, option: str, **form: str) -> str:
    """What curl prints for a form sent with ``-d`` or ``-F``."""
    fields = [word for name, value in form.items() for word in (option, f"{name}={value}")]
    command = ["curl", "-sS", "--max-time", "10", registered.token_endpoint, *fields]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("option", ["-d", "-F"], ids=["urlencoded", "multipart"])
def test_curl_gets_the_answer_of_the_document(registered: Registered, option: str) -> None:
    answer = curl(
        registered,
        option,
        client_id=registered.client_id,
        client_secret=registered.client_secret,
        grant_type="client_credentials",
    )
    found = ANSWER.fullmatch(answer)
    assert found is not None, answer
    assert found["scope"] == registered.scope


@pytest.mark.parametrize("option", ["-d", "-F"], ids=["urlencoded", "multipart"])
def test_curl_gets_the_error_of_the_document(registered: Registered, option: str) -> None:
    answer = curl(
        registered,
        option,
        client_id=registered.client_id,
        client_secret=registered.client_secret,
    )
    assert json.loads(answer)["error"] == "invalid_request"
