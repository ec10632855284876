"""``GET /metrics``: what it says, to whom, and that all workers count together."""

import os
import re
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from signet.models.signing_keys import list_signing_keys
from signet.oauth.refusal import Reason
from signet.operations import client_secrets, resource_server_secrets
from signet.operations.clients import ClientFacts, register_client
from signet.operations.scopes import create_scope
from signet.operations.signing_keys import take_due_step
from signet.settings import Settings
from signet.views import metrics as room
from signet.wiring import utc_now, wiring
from tests.admin.clock import moved_clock
from tests.admin.signing_in import TEST
from tests.conftest import MakeSettings
from tests.databases import Databases
from tests.running import PATIENCE, Server
from tests.views.wire import Wire

DAY = timedelta(days=1)
GRANT = {"grant_type": "client_credentials"}
#: Where the workers of a server share what they count.
SHARED = next(path for path in (Path("/dev/shm"), Path("/tmp")) if os.access(path, os.W_OK))
on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@pytest.fixture
def settings(make_settings: MakeSettings, database_url: str) -> Settings:
    return make_settings(SIGNET_DATABASE_URL=database_url, SIGNET_SIGNING_ALG="ES256")


@pytest.fixture
def right(app: Flask) -> dict[str, str]:
    """A token request that is served."""
    take_due_step("ES256", encryption=wiring().encryption, actor=TEST, now=utc_now())
    create_scope("external-api", apis=["external-api"], actor=TEST, now=utc_now())
    issued = register_client(
        ClientFacts(name="Billing"),
        client_id="billing",
        scopes=["external-api"],
        secret_expires_in=20 * DAY,
        actor=TEST,
        now=utc_now(),
    )
    return GRANT | {"client_id": "billing", "client_secret": issued.client_secret}


def metrics(client: FlaskClient) -> dict[str, float]:
    """Each series and its value."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return series(answer.text)


def series(text: str) -> dict[str, float]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def refused(endpoint: str, reason: str) -> str:
    return f'signet_requests_refused_total{{endpoint="{endpoint}",reason="{reason}"}}'


# What is counted


def test_tokens_and_their_time_are_counted(client, right):
    for _ in range(3):
        assert client.post("/connect/token", data=right).status_code == 200
    found = metrics(client)
    assert found["signet_tokens_issued_total"] == 3
    assert found["signet_token_request_seconds_count"] == 3
    assert 0 < found["signet_token_request_seconds_sum"] < 60
    assert {value for name, value in found.items() if "refused" in name} == {0}


@on_sqlite
def test_refusals_are_counted_by_endpoint_and_true_reason(client, right):
    client.post("/connect/token", data=right | {"client_id": "nobody"})
    client.post("/connect/token", data=right | {"scope": "other"})
    client.post("/connect/introspect", data=right | {"client_id": "nobody", "token": "x"})
    found = metrics(client)
    assert found[refused("token", "unknown_client")] == 1
    assert found[refused("token", "scope_not_assigned")] == 1
    assert found[refused("introspect", "unknown_client")] == 1
    assert found["signet_tokens_issued_total"] == 0
    assert found["signet_token_request_seconds_count"] == 2


@on_sqlite
def test_nothing_that_a_caller_sends_makes_another_series(client, right):
    before = metrics(client).keys()
    for number in range(20):
        client.post(
            f"/connect/{number}" if number % 2 else "/connect/token",
            data=right | {"client_id": f"x-{number}", "grant_type": f"g{number}"},
            headers={"User-Agent": f"agent {number}", "X-Forwarded-For": f"10.0.0.{number}"},
        )
    assert metrics(client).keys() == before


@on_sqlite
def test_every_reason_is_there_from_the_start(client, right):
    found = metrics(client)
    for reason in Reason:
        assert found[refused("revocation", reason)] == 0


@on_sqlite
def test_what_the_memory_of_use_has_lost_is_told_once(client, right):
    wiring().usage.lost += 7
    for _ in range(2):
        client.post("/connect/token", data=right)
    assert metrics(client)["signet_usage_lost_total"] == 7


# What is looked up


def test_the_days_of_the_key_that_signs_are_told(client, right):
    (key,) = list_signing_keys()
    name = f'signet_signing_key_days_left{{alg="ES256",kid="{key.kid}"}}'
    assert metrics(client)[name] == pytest.approx(90, abs=0.01)


@on_sqlite
def test_a_rotation_that_is_overdue_is_a_negative_number(client, right, app):
    with moved_clock(app, utc_now() + 92 * DAY):
        (days,) = [v for name, v in metrics(client).items() if "key_days" in name]
    assert days == pytest.approx(-2, abs=0.01)


def test_the_days_of_a_secret_are_told_by_whose_it_is(client, right):
    of_api = resource_server_secrets.create_secret(
        "external-api", expires_in=30 * DAY, actor=TEST, now=utc_now()
    )
    found = {name: value for name, value in metrics(client).items() if "secret_days" in name}
    by_owner = {re.search(r'owner_type="(\w+)"', name)[1]: value for name, value in found.items()}
    assert by_owner == {"client": pytest.approx(20, abs=0.01), "api": pytest.approx(30, abs=0.01)}
    assert any(f'secret_id="{of_api.secret_id}"' in name for name in found)


@on_sqlite
def test_secrets_that_last_or_were_replaced_are_not_told(client, right):
    client_secrets.rotate_secret("billing", expires_in=365 * DAY, actor=TEST, now=utc_now())
    assert [name for name in metrics(client) if "secret_days" in name] == []


@on_sqlite
def test_there_is_a_bound_to_the_secrets_that_are_told(client, right, monkeypatch):
    monkeypatch.setattr(room, "MOST_SECRETS", 1)
    client_secrets.create_secret("billing", expires_in=10 * DAY, actor=TEST, now=utc_now())
    (days,) = [value for name, value in metrics(client).items() if "secret_days" in name]
    assert days == pytest.approx(10, abs=0.01)


@on_sqlite
def test_without_the_database_what_was_counted_is_still_told(client, right, monkeypatch):
    client.post("/connect/token", data=right)
    monkeypatch.setattr(type(wiring().store), "is_database_up", lambda store: False)
    found = metrics(client)
    assert (found["signet_database_up"], found["signet_tokens_issued_total"]) == (0, 1)
    assert not [name for name in found if "days_left" in name]


@on_sqlite
def test_the_version_and_the_database_are_told(client, right):
    found = metrics(client)
    assert found["signet_database_up"] == 1
    assert [value for name, value in found.items() if "build_info{version=" in name] == [1]


@on_sqlite
def test_no_secret_and_no_digest_is_told(client, right):
    client.post("/connect/token", data=right)
    assert right["client_secret"] not in client.get("/metrics").text


@on_sqlite
def test_the_answer_is_prometheus_text_that_nobody_keeps(client, right):
    answer = client.get("/metrics")
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.text.count("# HELP signet_tokens_issued_total") == 1


# Who may read it


@on_sqlite
@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("127.0.0.1", 200),
        ("127.8.9.10", 200),
        ("::1", 200),
        ("::ffff:127.0.0.1", 200),
        ("192.0.2.1", 403),
        ("::ffff:192.0.2.1", 403),
        ("2001:db8::1", 403),
        ("", 403),
        ("nonsense", 403),
    ],
)
def test_by_default_only_this_machine_reads_it(client, address, status):
    answer = client.get("/metrics", environ_base={"REMOTE_ADDR": address})
    assert answer.status_code == status
    if status == 403:
        assert "signet_" not in answer.text


@on_sqlite
@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
@pytest.mark.parametrize("value", ["127.0.0.1", "", "for=127.0.0.1"])
def test_a_request_by_a_proxy_that_nobody_configured_is_refused(client, header, value):
    assert client.get("/metrics", headers={header: value}).status_code == 403


@on_sqlite
def test_that_proxy_is_warned_of_once_wherever_it_asks(client, caplog):
    for path in ("/healthz", "/connect/token", "/admin/", "/metrics"):
        client.get(path, headers={"X-Forwarded-For": "192.0.2.1"})
    warnings = [r for r in caplog.records if "a proxy that nobody configured" in r.getMessage()]
    assert len(warnings) == 1


@on_sqlite
def test_without_a_proxy_nobody_is_warned(client, caplog):
    client.get("/metrics")
    assert "a proxy that nobody configured" not in caplog.text


class TestBehindAProxy:
    """One proxy is configured, and only what it says of the caller counts."""

    pytestmark = on_sqlite

    @pytest.fixture
    def settings(self, make_settings: MakeSettings, database_url: str) -> Settings:
        return make_settings(
            SIGNET_DATABASE_URL=database_url,
            SIGNET_TRUSTED_PROXIES="1",
            SIGNET_METRICS_ALLOW="127.0.0.1,192.0.2.0/24",
        )

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            pytest.param({}, 200, id="not by the proxy"),
            pytest.param({"X-Forwarded-For": "192.0.2.7"}, 200, id="an allowed caller"),
            pytest.param({"X-Forwarded-For": "198.51.100.1"}, 403, id="another caller"),
            pytest.param({"X-Forwarded-For": "192.0.2.7, 198.51.100.1"}, 403, id="a claim"),
            pytest.param({"Forwarded": "for=198.51.100.1"}, 403, id="a header nobody reads"),
        ],
    )
    def test_the_caller_is_who_the_proxy_says(self, client, headers, status):
        assert client.get("/metrics", headers=headers).status_code == status

    def test_nobody_is_warned(self, client, caplog):
        client.get("/healthz", headers={"X-Forwarded-For": "192.0.2.7"})
        assert "a proxy that nobody configured" not in caplog.text


# A real gunicorn


@pytest.fixture(scope="module")
def server(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two workers, which share nothing but the folder of their counts."""
    with databases.fresh("sqlite") as url:
        variables = {"SIGNET_SIGNING_ALG": "ES256", "SIGNET_WORKERS": "2"}
        server = Server(tmp_path_factory.mktemp("metrics"), url, **variables)
        yield server.start()
        server.stop()


def told(server: Server, name: str) -> float:
    return series(Wire(server.base_url).get("/metrics").body.decode())[name]


def wait_until_all_tell(server: Server, name: str, number: int) -> None:
    """A worker writes down what it has served a moment later, and any of them is asked."""
    until = time.monotonic() + PATIENCE
    while {told(server, name) for _ in range(8)} != {number}:
        assert time.monotonic() < until


def folder(server: Server) -> Path:
    return SHARED / f"signet-metrics-{server.pid}"


def workers(server: Server) -> list[int]:
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    return [int(pid) for pid in children]


def served_by_both(server: Server, requests: int) -> None:
    for _ in range(requests):
        answer = Wire(server.base_url).post(data=GRANT | {"client_id": "nobody"})
        assert answer.status == 400


def test_all_workers_are_counted_and_one_that_is_killed_takes_nothing_along(server):
    name = refused("token", "no_credentials")
    served_by_both(server, 60)
    wait_until_all_tell(server, name, 60)
    before = workers(server)
    os.kill(before[0], signal.SIGKILL)
    until = time.monotonic() + PATIENCE
    while len(set(workers(server)) - set(before)) < 1:
        assert time.monotonic() < until
        time.sleep(0.05)
    server.wait_until_ready()
    served_by_both(server, 40)
    wait_until_all_tell(server, name, 100)
    files = {path.name for path in folder(server).iterdir()}
    # Which worker serves is the kernel's choice; a third file would be one too many.
    assert files
    assert files <= {f"{kind}_{n}.db" for kind in ("counter", "histogram") for n in (1, 2)}
    assert folder(server).stat().st_mode & 0o077 == 0
    kept = folder(server)
    server.stop()
    assert not kept.exists()


def test_what_a_killed_master_has_left_is_gone_after_the_next_start(server):
    server.stop()
    left = SHARED / "signet-metrics-99999999"
    left.mkdir()
    (left / "counter_1.db").write_bytes(b"")
    server.start()
    assert not left.exists()
    assert told(server, "signet_tokens_issued_total") == 0
