"""Whatever is secret is in the one answer that shows it and nowhere else (SECURITY C16, U34)."""

import base64
import html
import json
import re
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

import pytest
from sqlalchemy import MetaData, create_engine, select
from sqlalchemy.engine import make_url

from tests.admin.pages import read
from tests.admin.race import Answer, Browser, Raced
from tests.admin.signing_in import PASSWORD

WRONG_PASSWORD = "canary-password-that-nobody-has"
WRONG_SECRET = "signet_canaryCANARYcanaryCANARYcanaryCANARYcanary1234567"
QUERY = "canary-query"
SCOPE = "canary-scope"


@dataclass
class Trail:
    """What was said in a run over pages and token endpoint, and what of it is secret."""

    answers: list[Answer] = field(default_factory=list)
    secret: dict[str, str] = field(default_factory=dict)


class Walker(Browser):
    """A browser that keeps every answer."""

    trail: Trail

    def _send(self, method: str, path: str, body: str | None) -> Answer:
        answer = super()._send(method, path, body)
        self.trail.answers.append(answer)
        return answer


def walk(raced: Raced) -> Trail:
    """Sign in, make a client, ask for tokens in every way, be refused, look around, sign out."""
    walker = Walker(raced.server.base_url)
    walker.trail = trail = Trail()
    walker.sign_in(raced.winner, WRONG_PASSWORD)
    walker.sign_in(WRONG_PASSWORD, PASSWORD)
    walker.post("/admin/sign-in", {"name": raced.winner, "password": PASSWORD})
    assert walker.sign_in(raced.winner, PASSWORD) == 303
    walker.come_in(raced.server, raced.winner)
    # One session ends with the run, another goes on.
    staying = Browser(raced.server.base_url)
    staying.come_in(raced.server, raced.winner)
    trail.secret |= {
        "session id that stays": staying.cookies["signet"],
        "set-up code": raced.setup_code,
        "password": PASSWORD,
        "wrong password": WRONG_PASSWORD,
        "wrong secret": WRONG_SECRET,
        "session id": walker.cookies["signet"],
        "CSRF token": walker.token("/admin/"),
        "query": QUERY,
    }
    raced.server.flask("scope", "create", SCOPE, "--api", "canary-api")
    client_id, trail.secret["client secret"] = make_client(walker)
    trail.secret |= ask_for_tokens(walker, client_id, trail.secret["client secret"])
    trail.secret["token of a link"] = invite(walker)
    for path in (
        "",
        "clients",
        f"clients/{client_id}",
        f"clients/{client_id}/secrets",
        "audit",
        "admins",
    ):
        walker.get(f"/admin/{path}")
    walker.get(f"/admin/clients?q={QUERY}")
    walker.get(f"/admin/nothing?password={PASSWORD}")
    walker.post("/admin/sign-out", {"csrf_token": walker.token("/admin/")})
    walker.get("/admin/clients")
    return trail


def make_client(walker: Walker) -> tuple[str, str]:
    """A client's id and secret, from the page that shows it."""
    page = walker.get("/admin/clients/new").text
    hidden = dict(re.findall(r'name="(csrf_token|form_number)" value="([^"]+)"', page))
    facts = {"name": "Canary", "scopes": SCOPE, "expires_in": "365d"}
    facts["access_token_lifetime"] = "3600"
    shown = html.unescape(walker.post("/admin/clients/new", facts | hidden).text)
    found = re.search(r"signet_[A-Za-z0-9]{49}", shown)
    assert found is not None
    client_id = re.search(r"/admin/clients/([A-Za-z0-9._-]+)\"", shown)
    assert client_id is not None
    return client_id[1], found[0]


def invite(walker: Walker) -> str:
    """The token of an invitation that was opened, and mistyped."""
    page = walker.get("/admin/admins/invite").text
    hidden = dict(re.findall(r'name="(csrf_token|form_number)" value="([^"]+)"', page))
    facts = {"name": "canary@example.org", "role": "viewer"}
    shown = walker.post("/admin/admins/invite", facts | hidden).text
    found = re.search(r"/admin/invitation/([A-Za-z0-9_-]{43})", shown)
    assert found is not None
    path = found[0]
    walker.post(path, {"password": "too short", "csrf_token": walker.token(path)})
    walker.get(f"{path}/nothing")
    return found[1]


def ask_for_tokens(walker: Walker, client_id: str, client_secret: str) -> dict[str, str]:
    """The secrets of token requests sent rightly, wrongly and in the wrong place."""
    grant = {"grant_type": "client_credentials"}
    right = grant | {"client_id": client_id, "client_secret": client_secret}
    issued = json.loads(walker.post("/connect/token", right).text)
    walker.post("/connect/token", right | {"client_secret": WRONG_SECRET})
    walker.post("/connect/token", right | {"client_id": WRONG_SECRET})
    walker.post("/connect/token?" + urlencode(right), grant)
    walker.post("/connect/token", right | {"grant_type": client_secret})
    walker.post("/connect/token", right | {"scope": WRONG_SECRET})
    walker.get("/connect/token?" + urlencode(right))
    basic = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
    for header in (f"Basic {basic}", f"Bearer {client_secret}", client_secret):
        connection = HTTPConnection(walker.base_url.removeprefix("http://"), timeout=30)
        headers = {"Authorization": header, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/connect/token", urlencode(grant), headers)
        connection.getresponse().read()
        connection.close()
    return {"Basic credentials": basic, "access token": issued["access_token"]}


@pytest.fixture(scope="module")
def trail(raced: Raced) -> Trail:
    """What the run has left behind."""
    return walk(raced)


def test_the_run_was_what_it_is_meant_to_be(trail: Trail):
    statuses = [answer.status for answer in trail.answers]
    assert {200, 303, 400, 404, 422} <= set(statuses)
    assert max(statuses) < 500


def test_c16_u34_the_log_holds_no_secret_even_at_its_most_talkative(raced: Raced, trail: Trail):
    log = raced.server.log
    assert log.count('"request"') > len(trail.answers)
    assert {what for what, secret in trail.secret.items() if secret in log} == set()


def test_c16_the_database_holds_no_secret(raced: Raced, trail: Trail):
    url = raced.server.environ["SIGNET_DATABASE_URL"]
    rows = dump(url)
    assert "Canary" in rows
    assert {what for what, secret in trail.secret.items() if secret in rows} == set()


def dump(url: str) -> str:
    """All that the database holds; of SQLite the bytes on the disk as well."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    engine, metadata = create_engine(parsed), MetaData()
    with engine.connect() as connection:
        metadata.reflect(connection)
        rows = [
            tuple(row)
            for table in metadata.sorted_tables
            for row in connection.execute(select(table))
        ]
    engine.dispose()
    if parsed.get_backend_name() != "sqlite":
        return str(rows)
    path = Path(str(parsed.database))
    files = [file.read_bytes().decode("latin-1") for file in path.parent.glob(path.name + "*")]
    return str(rows) + "".join(files)


def test_u34_no_address_and_no_title_holds_a_secret(trail: Trail):
    said = [
        (answer.headers["Location"] or "") + read(answer.text).title for answer in trail.answers
    ]
    links = [
        link.attributes.get("href", "") + link.attributes.get("src", "")
        for answer in trail.answers
        for link in read(answer.text).elements
        if not link.attributes.get("href", "").startswith("data:")
    ]
    everything = "\n".join(said + links)
    # What was searched for may be asked for again.
    secrets = {what: secret for what, secret in trail.secret.items() if what != "query"}
    assert {what for what, secret in secrets.items() if secret in everything} == set()


def test_u36_the_client_secret_is_in_one_answer(trail: Trail):
    with_it = [a for a in trail.answers if trail.secret["client secret"] in html.unescape(a.text)]
    assert len(with_it) == 1


def test_no_answer_repeats_a_password(trail: Trail):
    for answer in trail.answers:
        assert PASSWORD not in answer.text
        # Except at the field of the name, when it was typed there.
        assert WRONG_PASSWORD not in re.sub(r'id="name"[^>]*>', "", answer.text)
