"""Errors as pages, whatever is sent and whatever the database does (SECURITY C9, U39, U40)."""

import re
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from sqlalchemy.engine import make_url
from werkzeug.test import TestResponse

from signet.extensions import db
from signet.models.admins import ADMINISTRATOR, OPERATOR
from signet.operations.client_facts import ClientFacts
from signet.operations.clients import register_client
from signet.operations.secret_life import IssuedSecret
from signet.wiring import utc_now
from tests.admin.house import TEST, VISITOR, House
from tests.admin.pages import read
from tests.admin.race import Browser, Raced
from tests.admin.routes import ROUTES, SAFE_ROUTES
from tests.admin.signing_in import PASSWORD

FORM = "application/x-www-form-urlencoded"
#: What no page may say: the words of what is behind it.
INNARDS = re.compile(
    r"Traceback|(?i:sqlite|psycopg|sqlalchemy|werkzeug|jinja2)|SELECT |INSERT |UPDATE |\.py\b"
    r"|OperationalError|database is locked|site-packages"
)
#: Bytes, percent-encoded, because not all of them are text.
ODD_VALUES = {
    "NUL": "%00",
    "a name and NUL": "abc%00",
    "quotes": quote("'\"`;--"),
    "SQL": quote("' OR 1=1; DROP TABLE client; --"),
    "markup": quote("\"><img src=x onerror=alert(1)>'"),
    "Jinja": quote("{{7*7}}{% raw %}"),
    "not UTF-8": "%ff%fe%c3%28",
    "a surrogate": "%ed%a0%80",
    "line breaks": "a%0d%0aSet-Cookie:%20a=b",
    "direction": quote("\u202egnp.exe\u2066\u2028"),
    "percent": "%25%25s%25n%25zz",
    "huge": "x" * 30_000,
    "many digits": "9" * 400,
    "negative": "-1",
    "a float": "1e309",
    "a list": "[]",
    "a path": quote("../../../../etc/passwd", safe=""),
    "emoji": quote("\U0001f511" * 40),
}
ODD_SEGMENTS = {name: value for name, value in ODD_VALUES.items() if name != "huge"} | {
    "long": "x" * 3_000,
    "dots": "..%2f..%2fapp.py",
    "no text": "%20",
}
#: What the lists of the pages can be asked, and what they cannot.
PARAMETERS = {
    "clients": ("q", "status", "scope", "sort", "after", "before", "filter", "password_hash"),
    "scopes": ("q", "after", "sort"),
    "apis": ("q", "after", "sort"),
    "audit": ("actor", "action", "object", "from", "to", "after", "before"),
    "": ("next", "after"),
}


def check(answer: TestResponse) -> None:
    """Hold that the answer is a page of ours, and that nothing of the request became markup."""
    assert answer.status_code < 500, answer.text
    assert not INNARDS.search(without_input(answer.text))
    assert "<img" not in answer.text
    assert "Set-Cookie: a=b" not in str(answer.headers)


def without_input(html: str) -> str:
    """A page without what was typed, which may hold any word."""
    return re.sub(r'value="[^"]*"|<textarea.*?</textarea>', "", html, flags=re.DOTALL)


Form = tuple[str, str, dict[str, str]]


@pytest.fixture(scope="module")
def forms(house: House) -> list[Form]:
    """Every form that the pages offer: who sends it, its address, and its fields, filled in."""
    return list(_forms(house))


def _forms(house: House) -> Iterator[Form]:
    for who in (VISITOR, OPERATOR):
        pages = [house.open(who, route).text for route in SAFE_ROUTES if route.method == "GET"]
        for html in pages:
            for form in re.findall(r'<form[^>]*method="post".*?</form>', html, re.DOTALL):
                page = read(form)
                fields = {
                    element.attributes["name"]: element.attributes.get("value", "")
                    for tag in ("input", "textarea", "select")
                    for element in page.all(tag)
                    if "name" in element.attributes
                }
                yield who, page.all("form")[0].attributes["action"], fields


def encoded(fields: dict[str, str], odd: str, value: str) -> str:
    """The fields as a form sends them, with an odd value in one."""
    return "&".join(
        f"{quote(name)}={value if name == odd else quote(text)}" for name, text in fields.items()
    )


# The engine that takes less: no NUL, nothing too long for its column.
@pytest.mark.parametrize("house", ["postgresql"], indirect=True)
@pytest.mark.parametrize("value", ODD_VALUES.values(), ids=ODD_VALUES)
def test_u39_no_value_of_a_form_is_too_odd(house: House, forms: list[Form], value: str):
    """Each value in every third field, each field with every third value."""
    turn = list(ODD_VALUES.values()).index(value)
    sent = set()
    for who, action, fields in forms:
        for odd in sorted(fields.keys() - {"csrf_token", "form_number", "password"}):
            if (action, odd) in sent:
                continue
            sent.add((action, odd))
            if (len(sent) + turn) % 3:
                continue
            fresh = {"form_number": secrets.token_hex(8)} if "form_number" in fields else {}
            body = encoded(fields | fresh, odd, value)
            check(house.people[who].post(action, data=body, content_type=FORM))
    assert len(sent) > 15


@pytest.mark.parametrize("value", ODD_VALUES.values(), ids=ODD_VALUES)
def test_u39_c30_no_parameter_of_a_list_is_too_odd(house: House, value: str):
    for path, names in PARAMETERS.items():
        for name in names:
            answer = house.people[ADMINISTRATOR].get(f"/admin/{path}?{name}={value[:3_000]}")
            check(answer)
            assert answer.status_code in (200, 303, 400, 422)


@pytest.mark.parametrize("house", ["sqlite"], indirect=True)
@pytest.mark.parametrize("column", ["password_hash", "secret_hash", "-digest", "id", "1", "name;"])
def test_c30_no_list_is_sorted_by_what_it_does_not_show(house: House, column: str):
    answer = house.people[ADMINISTRATOR].get("/admin/clients", query_string={"sort": column})
    assert answer.status_code == 400


@pytest.mark.parametrize("value", ODD_SEGMENTS.values(), ids=ODD_SEGMENTS)
def test_u39_no_address_is_too_odd(house: House, value: str):
    for url in odd_addresses(house, value):
        check(house.people[ADMINISTRATOR].get(url))


@pytest.mark.parametrize("value", ["%00", "%ff", quote("'\"><img>")], ids=["NUL", "FF", "markup"])
def test_u39_no_address_of_a_form_is_too_odd(house: House, value: str):
    token = house.csrf(ADMINISTRATOR)
    for url in odd_addresses(house, value):
        answer = house.people[ADMINISTRATOR].post(url, data={"csrf_token": token})
        check(answer)
        assert answer.status_code in (404, 405)


def odd_addresses(house: House, value: str) -> set[str]:
    """The address of every view with this in the place of each thing that it names."""
    urls = set()
    for route in ROUTES:
        rule = next(house.app.url_map.iter_rules(route.endpoint)).rule
        urls.add(re.sub(r"<[^>]+>", lambda _: value, rule))
    return {url for url in urls if value in url}


@pytest.mark.parametrize("number", ["0", "2147483647", "2147483648", "99999999999999999999", "-1"])
@pytest.mark.parametrize("page", ["scopes", "apis", "audit", "admins"])
def test_u28_a_number_that_nothing_has_is_a_404(house: House, page: str, number: str):
    assert house.people[ADMINISTRATOR].get(f"/admin/{page}/{number}").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/console",
        "/?__debugger__=yes&cmd=resource&f=debugger.js",
        "/.git/config",
        "/.env",
        "/static/",
        "/static/..%2fapp.py",
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%5capp.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/instance/signet.sqlite3",
        "/templates/base.html",
        "/server-status",
    ],
)
def test_u40_c32_there_is_no_console_no_listing_and_no_way_to_other_files(
    sqlite_house: House, path: str
):
    answer = sqlite_house.people[VISITOR].get(path)
    assert answer.status_code in (303, 404)
    assert "create_app" not in answer.text
    assert not INNARDS.search(answer.text)


def test_u40_debugging_is_off(sqlite_house: House):
    assert sqlite_house.app.debug is False
    assert not sqlite_house.app.config["PROPAGATE_EXCEPTIONS"]


def test_c25_a_body_of_one_byte_too_many_is_refused_as_a_page(sqlite_house: House):
    fits, too_long = (
        sqlite_house.people[VISITOR].post(
            "/admin/sign-in", data="a=" + "x" * (size - 2), content_type=FORM
        )
        for size in (64 * 1_024, 64 * 1_024 + 1)
    )
    assert (fits.status_code, too_long.status_code) == (400, 413)
    assert "That was too much" in too_long.text
    assert "The form holds more than 64 KiB. Nothing was changed." in too_long.text


@pytest.mark.parametrize("raced", ["sqlite"], indirect=True)
def test_c25_a_form_of_20_megabytes_takes_no_memory(raced: Raced):
    workers = Path(f"/proc/{raced.server.pid}/task/{raced.server.pid}/children").read_text().split()
    before = sum(memory(pid) for pid in workers)
    form = {"name": "x" * 20_000_000}
    for _ in range(2):
        assert Browser(raced.server.base_url).post("/admin/sign-in", form).status == 413
    assert sum(memory(pid) for pid in workers) - before < 20_000_000


def memory(pid: str) -> int:
    """Bytes of a process that are in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4_096


def test_c25_a_form_of_thousands_of_parts_is_refused(sqlite_house: House):
    part = b'--b\r\nContent-Disposition: form-data; name="%d"\r\n\r\n\r\n'
    body = b"".join(part % number for number in range(1_100)) + b"--b--\r\n"
    answer = sqlite_house.people[VISITOR].post(
        "/admin/sign-in", data=body, content_type="multipart/form-data; boundary=b"
    )
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("path", "heading", "lead"),
    [
        (
            "/admin/nothing",
            "Page not found",
            "If you followed a link, the client may have been deleted: look in the audit log.",
        ),
        (
            "/admin/sign-out",
            "Page not found",
            "This address only takes a form. Go back and use the button again.",
        ),
        (
            "/admin/clients?q=1&q=2",
            "The request was not understood",
            "Nothing was changed. Go back, reload the page and send it again.",
        ),
    ],
)
def test_an_error_says_what_happened_and_what_to_do(
    sqlite_house: House, path: str, heading: str, lead: str
):
    answer = sqlite_house.people[ADMINISTRATOR].get(path)
    assert f"<h1>{heading}</h1>" in answer.text
    assert lead in answer.text
    # Whoever is signed in keeps the navigation.
    assert 'aria-label="Main"' in answer.text


def test_the_answer_to_a_wrong_method_says_which_is_right(sqlite_house: House):
    answer = sqlite_house.people[ADMINISTRATOR].get("/admin/sign-out")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_a_form_that_came_too_late_shows_what_it_held_but_for_secrets(sqlite_house: House):
    """SECURITY U44."""
    answer = sqlite_house.people[ADMINISTRATOR].post(
        "/admin/clients/new",
        data={
            "csrf_token": "old",
            "form_number": "f" * 22,
            "version": "7",
            "name": "Billing <export>",
            "scopes": ["external-api", "orders.read"],
            "contact": "",
            "password": "canary-password",
            "client_secret": "canary-secret",
            "code": "canary-code",
        },
    )
    assert answer.status_code == 400
    assert "This page was open too long" in answer.text
    assert "Nothing was changed. Go back, reload and send again." in answer.text
    assert re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", answer.text) == [
        ("Name", "Billing &lt;export&gt;"),
        ("Scopes", "external-api, orders.read"),
    ]
    assert "canary" not in answer.text


def test_u39_a_fault_of_ours_shows_a_reference_and_nothing_else(sqlite_house: House):
    """A row that nobody but a disk or a person with an editor can have written."""
    here = " WHERE client_id = 'billing-export'"
    update = "UPDATE client SET created_at = '{}'" + here
    with sqlite_house.app.app_context():
        with db.engine.begin() as connection:
            kept = connection.exec_driver_sql("SELECT created_at FROM client" + here).scalar_one()
            connection.exec_driver_sql(update.format("canary-fault"))
        answer = sqlite_house.people[ADMINISTRATOR].get("/admin/clients/billing-export")
        with db.engine.begin() as connection:
            connection.exec_driver_sql(update.format(kept))
    assert answer.status_code == 500
    assert "<h1>Something went wrong on the server</h1>" in answer.text
    assert f">{answer.headers['X-Request-Id']}<" in answer.text
    assert "canary-fault" not in answer.text
    assert not INNARDS.search(answer.text)


@contextmanager
def without_database(house: House) -> Iterator[None]:
    """The house while its database does not answer; afterwards it does again."""
    with house.app.app_context():
        url = make_url(db.engine.url.render_as_string(hide_password=False))
        db.engine.dispose()
    cut = _sqlite_file_replaced if url.get_backend_name() == "sqlite" else _postgresql_shut
    with cut(url):
        try:
            yield
        finally:
            with house.app.app_context():
                db.engine.dispose()


@contextmanager
def _sqlite_file_replaced(url: Any) -> Iterator[None]:
    path = Path(url.database)
    kept = path.with_suffix(".kept")
    path.rename(kept)
    path.write_bytes(b"This was a database once. " * 400)
    try:
        yield
    finally:
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        shutil.move(kept, path)


@contextmanager
def _postgresql_shut(url: Any) -> Iterator[None]:
    everybody = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
    server = url.set(drivername="postgresql", database="postgres")
    with psycopg.connect(server.render_as_string(hide_password=False), autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS false".encode())
        admin.execute(everybody, (url.database,))
        try:
            yield
        finally:
            admin.execute(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS true".encode())


@pytest.fixture
def asking(house: House) -> IssuedSecret:
    """A client that only asks for tokens: the odd values of forms have changed the other one."""
    with house.app.app_context():
        return register_client(
            ClientFacts(name="Asking"), scopes=["external-api"], actor=TEST, now=utc_now()
        )


def token(house: House, asking: IssuedSecret, client_id: str = "") -> int:
    """The status of a token request."""
    form = {"grant_type": "client_credentials", "client_id": client_id or asking.client_id}
    form["client_secret"] = asking.client_secret
    return house.app.test_client().post("/connect/token", data=form).status_code


def check_unavailable(answer: TestResponse, method: str = "GET") -> None:
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    if method == "HEAD":
        return
    assert "<h1>Changes are not possible now</h1>" in answer.text
    assert (
        "Signet still issues tokens, but the database does not answer. Nothing was changed."
        in answer.text
    )
    assert f">{answer.headers['X-Request-Id']}<" in answer.text
    assert not INNARDS.search(answer.text)
    # Who is signed in is not known now.
    assert 'aria-label="Main"' not in answer.text


def test_without_its_database_every_page_says_so_and_no_form_changes_anything(
    house: House, asking: IssuedSecret
):
    tokens = {who: house.csrf(who) for who in house.people}
    before = house.contents()
    assert token(house, asking) == 200
    with without_database(house):
        for route in ROUTES:
            for who in (VISITOR, ADMINISTRATOR):
                url, form = house.url(route.endpoint), {"csrf_token": tokens[who]}
                if route.endpoint == "admin.sign_in.sign_in":
                    form |= {"name": f"{ADMINISTRATOR}@example.org", "password": PASSWORD}
                sent = {} if route.is_safe else {"data": form}
                answer = house.people[who].open(url, method=route.method, **sent)
                if who == VISITOR and route.endpoint == "admin.sign_in.with_passkey":
                    # Without a challenge of ours it is not looked at.
                    assert answer.status_code == 422
                elif who == VISITOR and not route.endpoint.startswith(
                    (
                        "admin.setup",
                        "admin.sign_in.show",
                        "admin.sign_in.sign_in",
                        "admin.invitation.",
                    )
                ):
                    # Nobody has to be asked who has no session.
                    assert answer.status_code == 303
                else:
                    check_unavailable(answer, route.method)
        # A client that is known is served, one that is not cannot be told from a wrong one.
        assert token(house, asking) == 200
        assert token(house, asking, "nobody") == 503
    assert house.contents() == before


def test_without_its_database_what_needs_none_is_served(house: House):
    with without_database(house):
        admin = house.people[ADMINISTRATOR]
        assert admin.get("/admin/nothing").status_code == 404
        assert admin.get("/nothing").status_code == 404
        assert admin.get("/healthz").status_code == 200
        with admin.get("/static/signet.css") as answer:
            assert answer.status_code == 200


def test_a_session_outlives_a_database_that_was_away(house: House):
    with without_database(house):
        answer = house.people[ADMINISTRATOR].get("/admin/clients")
        assert answer.status_code == 503
        assert "Set-Cookie" not in answer.headers
    assert house.people[ADMINISTRATOR].get("/admin/clients").status_code == 200


@pytest.fixture
def locked(raced: Raced) -> Iterator[None]:
    """The SQLite file of the server, kept locked by another process's connection."""
    path = raced.server.environ["SIGNET_DATABASE_URL"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


@pytest.mark.parametrize("raced", ["sqlite"], indirect=True)
def test_while_another_process_keeps_sqlite_locked_pages_and_tokens_are_served(raced: Raced):
    server = raced.server
    server.flask("scope", "create", "locked", "--api", "locked")
    made = server.flask("client", "create", "Locked", "--scope", "locked")
    admin = Browser(server.base_url)
    admin.come_in(server, raced.winner)
    form = {"csrf_token": admin.token("/admin/"), "name": "later", "apis": "locked"}
    secret = {"grant_type": "client_credentials", "client_id": made["client_id"]}
    secret["client_secret"] = made["client_secret"]
    path = server.environ["SIGNET_DATABASE_URL"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        refused = admin.post("/admin/scopes/new", form)
        waited = time.monotonic() - began
        assert admin.get("/admin/scopes").status == 200
        assert Browser(server.base_url).post("/connect/token", secret).status == 200
        connection.execute("ROLLBACK")
    assert refused.status == 503
    assert "Signet still issues tokens, but the database does not answer." in refused.text
    assert not INNARDS.search(refused.text)
    assert 4 < waited < 15
    assert ">later<" not in admin.get("/admin/scopes").text
    assert admin.post("/admin/scopes/new", form).status == 303
