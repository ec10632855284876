"""What a client reads of its secret's end: in the headers of a token response, and on a page."""

import html
import re
import subprocess
from datetime import UTC, datetime, timedelta
from http.cookiejar import http2time

import pytest
from requests.utils import parse_header_links

from signet.oauth.client import JWT, REFERENCE
from signet.operations import client_secrets, clients
from signet.operations.client_facts import ClientFacts
from signet.operations.token_options import TokenOptions
from tests.views.cast import ACTOR, DAY, NOW, operating
from tests.views.keyed import ask, assertion_of, proof_for
from tests.views.wire import TOKEN, Answer, Signet, basic

NAMES = ("Sunset", "Deprecation", "Link")
HELP = "/help/expiring-secret"
#: "IMF-fixdate" — RFC 9110 §5.6.7
_HTTP_DATE = r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"


@pytest.fixture
def engine() -> str:
    """Nothing here depends on the database."""
    return "sqlite"


def register(
    signet: Signet, client_id: str, *, expires_in: timedelta, token_format: str = JWT
) -> None:
    if client_id in signet.secrets:
        return
    with operating(signet.environ):
        issued = clients.register_client(
            ClientFacts(name=client_id),
            tokens=TokenOptions(token_format=token_format),
            client_id=client_id,
            scopes=["external-api"],
            secret_expires_in=expires_in,
            actor=ACTOR,
            now=NOW,
        )
    signet.secrets[client_id] = issued.client_secret


def warnings_of(answer: Answer) -> dict[str, str]:
    assert answer.status == 200
    return {name: answer.headers[name] for name in NAMES if name in answer.headers}


def ends_at(answer: Answer) -> datetime:
    text = answer.headers["Sunset"]
    assert re.fullmatch(_HTTP_DATE, text)
    seconds = http2time(text)
    assert seconds is not None
    return datetime.fromtimestamp(seconds, UTC)


def begins_at(answer: Answer) -> datetime:
    found = re.fullmatch(r"@(\d+)", answer.headers["Deprecation"])
    assert found is not None
    return datetime.fromtimestamp(int(found[1]), UTC)


def test_a_replaced_secret_says_when_it_stops_working(signet: Signet):
    form = {"grant_type": "client_credentials", "client_id": "rotated"}
    answer = signet.post(TOKEN, form | {"client_secret": signet.secrets["rotated-old"]})
    assert answer.status == 200
    assert ends_at(answer) == (NOW + 7 * DAY).replace(microsecond=0)
    assert begins_at(answer) == NOW.replace(microsecond=0)
    (link,) = parse_header_links(answer.headers["Link"])
    assert link == {"url": HELP, "rel": "sunset"}


def test_the_one_that_replaced_it_says_nothing(signet: Signet):
    assert warnings_of(signet.ask("rotated")) == {}


def test_a_secret_that_lasts_says_nothing(signet: Signet):
    assert warnings_of(signet.ask("billing")) == {}
    assert warnings_of(signet.ask_by_basic("billing")) == {}


def test_a_secret_that_was_made_for_ten_days_says_so_from_the_first(signet: Signet):
    register(signet, "short", expires_in=10 * DAY)
    answer = signet.ask_by_basic("short")
    assert ends_at(answer) == (NOW + 10 * DAY).replace(microsecond=0)
    assert begins_at(answer) == NOW.replace(microsecond=0)


def test_a_reference_token_is_answered_with_the_same_headers(signet: Signet):
    register(signet, "short-by-reference", expires_in=DAY, token_format=REFERENCE)
    assert [*warnings_of(signet.ask("short-by-reference"))] == list(NAMES)


def test_a_token_bound_to_a_key_is_answered_with_the_same_headers(signet: Signet):
    register(signet, "short", expires_in=10 * DAY)
    headers = [*basic("short", signet.secrets["short"]).items(), ("DPoP", proof_for(signet))]
    answer = signet.post(TOKEN, {"grant_type": "client_credentials"}, headers)
    assert answer.json["token_type"] == "DPoP"
    assert [*warnings_of(answer)] == list(NAMES)


def test_a_secret_that_ends_when_it_falls_quiet_names_the_latest_end(signet: Signet):
    register(signet, "moving", expires_in=365 * DAY)
    with operating(signet.environ):
        client_secrets.rotate_secret("moving", ends_when_quiet=True, actor=ACTOR, now=NOW)
    assert ends_at(signet.ask("moving")) == (NOW + 30 * DAY).replace(microsecond=0)


def test_a_client_with_a_key_is_warned_of_nothing(signet: Signet):
    assert warnings_of(ask(signet, assertion_of(signet))) == {}


def test_a_refusal_warns_of_nothing(signet: Signet):
    answer = signet.ask("rotated", scope="nothing")
    old = {"client_secret": signet.secrets["rotated-old"], "client_id": "rotated"}
    refused = signet.post(TOKEN, {"grant_type": "client_credentials", "scope": "no", **old})
    for given in (answer, refused):
        assert given.status == 400
        assert not set(NAMES) & set(given.headers.keys())


def test_the_link_leads_to_a_page_that_anybody_can_read(signet: Signet):
    page = signet.get(HELP)
    assert page.status == 200
    assert page.headers["Content-Type"].startswith("text/html")
    text = page.body.decode()
    assert "Your client secret is about to end" in text
    assert f"{signet.base_url}{TOKEN}" in text
    assert "Set-Cookie" not in page.headers
    assert "signet_" not in text


def test_the_command_of_the_page_shows_the_headers(signet: Signet):
    register(signet, "short", expires_in=10 * DAY)
    command = html.unescape(signet.get(HELP).body.decode().split("data-copy-text>")[1])
    environ = {"SIGNET_CLIENT_ID": "short", "SIGNET_CLIENT_SECRET": signet.secrets["short"]}
    shown = subprocess.run(
        ["sh", "-c", command.split("</code>")[0]],
        env={"PATH": "/usr/bin:/bin", **environ},
        capture_output=True,
        text=True,
        check=True,
    )
    names = [line.partition(":")[0].lower() for line in shown.stdout.splitlines()]
    assert names == ["sunset", "deprecation", "link"]
