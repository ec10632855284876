"""The start: what a first one makes, and what stops one with a single line (SECURITY R21, C22)."""

import stat
from pathlib import Path

import pytest

from tests.databases import Databases
from tests.running import PATIENCE, Server

#: For what is in files and processes; what the tables say to it is tested of the operation.
on_one_engine = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@pytest.fixture
def server(empty_database_url: str, tmp_path: Path):
    """An installation that nobody has prepared."""
    server = Server(tmp_path, empty_database_url)
    yield server
    server.stop()


@pytest.fixture
def prepared(server: Server) -> Server:
    server.prepare()
    return server


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory, databases: Databases):
    """A prepared installation for tests that only change what they hand to a command."""
    with databases.fresh("sqlite") as url:
        server = Server(tmp_path_factory.mktemp("unchanged"), url)
        server.prepare()
        yield server


def refusal(server: Server) -> str:
    """What gunicorn writes when it refuses to start."""
    assert server.launch().wait(PATIENCE) == 1
    return server.log


def test_a_first_start_makes_what_is_needed_and_says_where_and_how(server):
    printed = server.command("prepare").stdout.splitlines()
    assert f"{server.base_url}/admin/" in printed[0]
    assert printed[1].startswith("Setup code: ")
    assert len(printed) == 2
    assert [key["state"] for key in server.flask("key", "list")] == ["signing"]


def test_the_key_files_of_a_first_start_are_the_owners_alone(unchanged):
    secrets = unchanged.folder / "secrets"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in secrets.iterdir()}
    assert modes == {"key-encryption-keys": 0o600, "secret-key": 0o600}
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700


@on_one_engine
def test_a_second_preparation_keeps_keys_and_key_files(prepared):
    before = (prepared.flask("key", "list"), key_files(prepared))
    prepared.prepare()
    assert (prepared.flask("key", "list"), key_files(prepared)) == before


def test_a_prepared_installation_passes_the_check_in_silence(prepared):
    outcome = prepared.command("prepare", "--check")
    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (0, "", "")


@on_one_engine
def test_the_check_makes_nothing(server):
    assert server.command("prepare", "--check").returncode == 1
    assert not (server.folder / "data").exists()
    assert not (server.folder / "secrets").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SIGNET_ISSUER", "http://id.example.org"),
        ("SIGNET_DATABASE_URL", "mysql://localhost/signet"),
        ("SIGNET_WORKERS", "many"),
        ("SIGNET_CACHE_SECONDS", "-1"),
        ("SIGNET_SIGNING_ALG", "none"),
        ("SIGNET_SECRET_KEY", "short"),
        ("SIGNET_DATA_DIR", "/proc/signet"),
        ("SIGNET_SECRET_KEY_FILE", "/no/such/file"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_line_that_names_it(unchanged, name, value):
    assert is_one_line_about(name, refusal(unchanged.with_settings(**{name: value})))


@pytest.mark.parametrize("name", ["SIGNET_CLIENT_CERT_CA_FILE", "SIGNET_OUTBOUND_CA_FILE"])
def test_authorities_that_cannot_be_read_stop_the_start(unchanged, tmp_path, name):
    path = tmp_path / "authorities.pem"
    path.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert is_one_line_about(name, refusal(unchanged.with_settings(**{name: str(path)})))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SIGNET_ISSUER", "http://id.example.org"),
        ("SIGNET_DATA_DIR", "/proc/signet"),
        ("SIGNET_SECRETS_DIR", "/proc/signet"),
        ("SIGNET_DATABASE_URL", "sqlite:////proc/signet/database"),
        ("SIGNET_DATABASE_URL", "postgresql://signet:hush@127.0.0.1:1/signet"),
    ],
)
def test_a_wrong_setting_stops_the_preparation_with_one_line_that_names_it(unchanged, name, value):
    outcome = unchanged.with_settings(**{name: value}).command("prepare")
    assert outcome.returncode == 1
    assert is_one_line_about(name, outcome.stderr)
    assert "hush" not in outcome.stderr


@on_one_engine
def test_an_installation_that_nobody_prepared_does_not_start(server):
    assert "run flask prepare" in refusal(server)


@on_one_engine
def test_a_lost_key_encryption_key_stops_the_start_and_no_new_one_is_made(prepared):
    """SECURITY section 4, item 3: a new key could never open what the old one has closed."""
    key_file = prepared.folder / "secrets" / "key-encryption-keys"
    key_file.unlink()
    outcome = prepared.command("prepare")
    assert outcome.returncode == 1
    assert is_one_line_about("SIGNET_KEY_ENCRYPTION_KEYS", outcome.stderr)
    assert not key_file.exists()
    assert is_one_line_about("SIGNET_KEY_ENCRYPTION_KEYS", refusal(prepared))


@on_one_engine
def test_another_key_encryption_key_stops_the_start(prepared):
    key_file = prepared.folder / "secrets" / "key-encryption-keys"
    kek_id = key_file.read_text().partition(":")[0]
    key_file.write_text(f"{kek_id}:{'A' * 43}=\n")
    assert is_one_line_about("SIGNET_KEY_ENCRYPTION_KEYS", refusal(prepared))


@on_one_engine
def test_a_key_file_that_others_can_read_stops_the_start(prepared):
    (prepared.folder / "secrets" / "key-encryption-keys").chmod(0o640)
    assert is_one_line_about("SIGNET_KEY_ENCRYPTION_KEYS", refusal(prepared))


@on_one_engine
def test_a_taken_port_stops_the_start(unchanged, running):
    taken = unchanged.with_settings(SIGNET_BIND=running.environ["SIGNET_BIND"])
    assert "in use" in refusal(taken)


def test_a_running_server_leaves_no_core_dump(running):
    """SECURITY C22: a signing key must not end up in a crash dump."""
    for pid in [running.pid, *workers(running)]:
        limits = Path(f"/proc/{pid}/limits").read_text()
        line = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
        assert line.split()[4:6] == ["0", "0"]


def test_a_stopped_server_has_ended_well(start_server):
    assert start_server().stop() == 0


def key_files(server: Server) -> dict[str, str]:
    return {path.name: path.read_text() for path in (server.folder / "secrets").iterdir()}


def workers(server: Server) -> list[int]:
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text()
    return [int(pid) for pid in children.split()]


def is_one_line_about(name: str, text: str) -> bool:
    return text.startswith(f"Error: {name}: ") and text.count("\n") == 1 and text.endswith("\n")
