"""Settings: what is taken, what is refused, and by which name."""

import base64
import ipaddress
import re
from datetime import timedelta
from pathlib import Path

import pytest
from dotenv import dotenv_values
from sqlalchemy.engine import make_url

from signet.settings import ROOT, SettingsError, load_settings, parse_duration

LOOPBACK = (ipaddress.ip_network("127.0.0.1"), ipaddress.ip_network("::1"))
KEK = "one:" + base64.b64encode(b"k" * 32).decode()
OTHER_KEK = "two:" + base64.b64encode(b"o" * 32).decode()


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """Folders of this test's own, so that the key files of a developer play no part."""
    return {
        "SIGNET_DATA_DIR": str(tmp_path / "data"),
        "SIGNET_SECRETS_DIR": str(tmp_path / "secrets"),
    }


@pytest.mark.parametrize(
    ("name", "value", "attribute", "expected"),
    [
        ("SIGNET_BIND", "0.0.0.0:80", "bind", "0.0.0.0:80"),
        ("SIGNET_BIND", "[::1]:8000", "bind", "[::1]:8000"),
        ("SIGNET_BIND", "unix:/run/signet/public.sock", "bind", "unix:/run/signet/public.sock"),
        ("SIGNET_BIND", "0.0.0.0:80", "has_admin_listener", False),
        ("SIGNET_BIND", "0.0.0.0:80", "admin_bind", "0.0.0.0:80"),
        ("SIGNET_ADMIN_BIND", "127.0.0.1:8000", "has_admin_listener", False),
        ("SIGNET_ADMIN_BIND", "[::1]:8001", "has_admin_listener", True),
        ("SIGNET_ADMIN_BIND", "unix:/run/signet.sock", "admin_bind", "unix:/run/signet.sock"),
        ("SIGNET_ISSUER", "https://id.example.org", "issuer", "https://id.example.org"),
        ("SIGNET_ISSUER", "https://example.org/auth", "issuer_path", "/auth"),
        ("SIGNET_ISSUER", "https://example.org:8443/auth", "is_https", True),
        ("SIGNET_ISSUER", "http://127.0.0.1:9000", "is_https", False),
        ("SIGNET_ISSUER", "http://[::1]:9000", "issuer", "http://[::1]:9000"),
        ("SIGNET_ISSUER", "http://signet.localhost", "issuer", "http://signet.localhost"),
        ("SIGNET_WORKERS", "3", "workers", 3),
        ("SIGNET_TRUSTED_PROXIES", "2", "trusted_proxies", 2),
        ("SIGNET_TRUSTED_PROXIES", " 2 ", "trusted_proxies", 2),
        ("SIGNET_SIGNING_ALG", "EdDSA", "signing_alg", "EdDSA"),
        ("SIGNET_RSA_BITS", "3072", "rsa_bits", 3072),
        ("SIGNET_SCOPE_CLAIM", "array", "scope_claim", "array"),
        ("SIGNET_CACHE_SECONDS", "0.5", "cache_time", timedelta(milliseconds=500)),
        ("SIGNET_STALE_SECONDS", "5", "stale_time", timedelta(seconds=5)),
        ("SIGNET_LOG_LEVEL", "debug", "log_level", "debug"),
        ("SIGNET_FAILURES_PER_MINUTE", "7", "failures_per_minute", 7),
        ("SIGNET_SESSION_IDLE", "90s", "session_idle", timedelta(seconds=90)),
        ("SIGNET_SESSION_MAX", "2d", "session_max", timedelta(days=2)),
        ("SIGNET_ENVIRONMENT", "staging", "environment", "staging"),
        ("SIGNET_SECRET_KEY", "s" * 32, "secret_key", "s" * 32),
        ("SIGNET_CLIENT_CERT_HEADER", "X-Client-Cert", "client_cert_header", "X-Client-Cert"),
        ("SIGNET_CLIENT_CERT_PROXIES", "127.0.0.1, ::1", "client_cert_proxies", LOOPBACK),
        ("SIGNET_OUTBOUND_ALLOW", "127.0.0.1/32,::1/128", "outbound_allow", LOOPBACK),
        ("SIGNET_DPOP_NONCE", "on", "dpop_nonce", True),
        ("SIGNET_WORKERS", "", "trusted_proxies", 0),
    ],
)
def test_a_good_value_is_taken(variables, name, value, attribute, expected):
    settings = load_settings(variables | {name: value})
    assert getattr(settings, attribute) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SIGNET_BIND", "8000"),
        ("SIGNET_BIND", ":8000"),
        ("SIGNET_BIND", "127.0.0.1:70000"),
        ("SIGNET_BIND", "127.0.0.1:http"),
        ("SIGNET_BIND", "::1:8000"),
        ("SIGNET_BIND", "[::1]"),
        ("SIGNET_BIND", "unix:run/signet.sock"),
        ("SIGNET_BIND", "unix://run/signet.sock"),
        ("SIGNET_BIND", "fd://3"),
        # Which of two listeners on one port it was could not be told.
        ("SIGNET_ADMIN_BIND", "127.0.0.2:8000"),
        ("SIGNET_ADMIN_BIND", "127.0.0.1:0"),
        ("SIGNET_ISSUER", "http://id.example.org"),
        ("SIGNET_ISSUER", "http://localhost.example.org"),
        ("SIGNET_ISSUER", "https://id.example.org/"),
        ("SIGNET_ISSUER", "https://id.example.org/auth/"),
        ("SIGNET_ISSUER", "https://id.example.org?a=b"),
        ("SIGNET_ISSUER", "https://id.example.org#a"),
        ("SIGNET_ISSUER", "https://user@id.example.org"),
        ("SIGNET_ISSUER", "https://id.example.org:99999"),
        ("SIGNET_ISSUER", "https://"),
        ("SIGNET_ISSUER", "https://:8000"),
        ("SIGNET_ISSUER", "https://[::1"),
        ("SIGNET_ISSUER", "ftp://id.example.org"),
        ("SIGNET_ISSUER", "id.example.org"),
        ("SIGNET_DATABASE_URL", "mysql://localhost/signet"),
        ("SIGNET_DATABASE_URL", "nonsense"),
        ("SIGNET_DATABASE_URL", "sqlite://"),
        ("SIGNET_DATABASE_URL", "sqlite:///:memory:"),
        ("SIGNET_WORKERS", "0"),
        ("SIGNET_WORKERS", "-1"),
        ("SIGNET_WORKERS", "1.5"),
        ("SIGNET_WORKERS", "many"),
        ("SIGNET_WORKERS", "²"),
        ("SIGNET_WORKERS", "257"),
        ("SIGNET_TRUSTED_PROXIES", "11"),
        ("SIGNET_TRUSTED_PROXIES", "10.0.0.1"),
        ("SIGNET_SIGNING_ALG", "HS256"),
        ("SIGNET_RSA_BITS", "1024"),
        ("SIGNET_RSA_BITS", "3000"),
        ("SIGNET_SIGNING_ALG", "none"),
        ("SIGNET_SIGNING_ALG", "rs256"),
        ("SIGNET_SCOPE_CLAIM", "list"),
        ("SIGNET_CACHE_SECONDS", "0"),
        ("SIGNET_CACHE_SECONDS", "1e3"),
        ("SIGNET_CACHE_SECONDS", "61"),
        ("SIGNET_STALE_SECONDS", "0"),
        ("SIGNET_STALE_SECONDS", "inf"),
        ("SIGNET_LOG_LEVEL", "loud"),
        ("SIGNET_FAILURES_PER_MINUTE", "0"),
        ("SIGNET_SESSION_IDLE", "30"),
        ("SIGNET_SESSION_IDLE", "0s"),
        ("SIGNET_SESSION_MAX", "1w"),
        ("SIGNET_SESSION_MAX", "999999999d"),
        ("SIGNET_SECRET_KEY", "too short"),
        ("SIGNET_CLIENT_CERT_HEADER", "Client_Cert"),
        ("SIGNET_CLIENT_CERT_HEADER", "Client-Cert: x"),
        ("SIGNET_CLIENT_CERT_PROXIES", "localhost"),
        ("SIGNET_CLIENT_CERT_PROXIES", "10.0.0.1/8"),
        ("SIGNET_CLIENT_CERT_CA_FILE", "/no/such/file"),
        ("SIGNET_CLIENT_CERT_CA_FILE", __file__),
        ("SIGNET_DPOP_NONCE", "yes"),
        ("SIGNET_OUTBOUND_ALLOW", "10.0.0.0/33"),
        ("SIGNET_OUTBOUND_CA_FILE", "/no/such/file"),
        ("SIGNET_KEY_ENCRYPTION_KEYS", "a passphrase"),
        ("SIGNET_KEY_ENCRYPTION_KEYS", "one:" + base64.b64encode(b"k" * 16).decode()),
        ("SIGNET_KEY_ENCRYPTION_KEYS", base64.b64encode(b"k" * 32).decode()),
        ("SIGNET_KEY_ENCRYPTION_KEYS", f"{KEK},{KEK}"),
        ("SIGNET_KEY_ENCRYPTION_KEYS", "one:%%%"),
        ("SIGNET_DATABASE_URL_FILE", "/no/such/file"),
        ("SIGNET_SECRET_KEY_FILE", "/no/such/file"),
        ("SIGNET_KEY_ENCRYPTION_KEYS_FILE", "/no/such/file"),
    ],
)
def test_a_bad_value_is_refused_in_one_line_that_names_it(variables, name, value):
    with pytest.raises(SettingsError) as refusal:
        load_settings(variables | {name: value})
    message = refusal.value.format_message()
    assert message.startswith(f"{name}: ")
    assert "\n" not in message


@pytest.mark.parametrize(
    "value",
    [
        "signet:hush@db/signet",
        "mysql://signet:hush@db/signet",
        "postgresql://signet:hush@db:port/signet",
    ],
)
def test_a_refused_database_url_keeps_its_password_to_itself(variables, value):
    with pytest.raises(SettingsError) as refusal:
        load_settings(variables | {"SIGNET_DATABASE_URL": value})
    assert "hush" not in refusal.value.format_message()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_is_the_one_driver(variables, scheme):
    url = load_settings(variables | {"SIGNET_DATABASE_URL": f"{scheme}://db/signet"}).database_url
    assert url == "postgresql+psycopg://db/signet"


@pytest.mark.parametrize(
    "rest",
    [
        "db/signet",
        "signet:hu%40sh@db:5432/signet",
        "signet:a#b/c:d@[::1]:5432/signet?sslmode=verify-full",
        "/signet?host=/run/postgresql",
        "signet@/signet",
    ],
)
def test_whatever_sqlalchemy_reads_is_a_database(variables, rest):
    text = f"postgresql+psycopg://{rest}"
    url = load_settings(variables | {"SIGNET_DATABASE_URL": text}).database_url
    assert url == text
    assert make_url(url).get_backend_name() == "postgresql"


def test_the_database_is_a_file_in_the_data_folder_by_default(variables, tmp_path):
    settings = load_settings(variables)
    assert settings.uses_sqlite
    assert settings.sqlite_file == tmp_path / "data" / "signet.sqlite3"
    assert make_url(settings.database_url).database == str(settings.sqlite_file)


def test_a_relative_folder_is_below_the_project_wherever_the_command_is_typed(
    monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    assert load_settings({"SIGNET_DATA_DIR": "elsewhere"}).data_dir == ROOT / "elsewhere"


def test_a_folder_that_is_a_file_is_refused(variables, tmp_path):
    (tmp_path / "data").write_text("")
    with pytest.raises(SettingsError, match=r"^SIGNET_DATA_DIR: "):
        load_settings(variables)


@pytest.mark.parametrize(
    ("name", "content", "attribute"),
    [
        ("SIGNET_DATABASE_URL", "postgresql+psycopg://db/signet", "database_url"),
        ("SIGNET_SECRET_KEY", "s" * 40, "secret_key"),
        ("SIGNET_KEY_ENCRYPTION_KEYS", f"{KEK}\n{OTHER_KEK}", "key_encryption_keys"),
    ],
)
def test_a_secret_may_come_from_a_file(variables, tmp_path, name, content, attribute):
    """SECURITY U43."""
    path = private_file(tmp_path / "secret", content + "\n")
    by_file = load_settings(variables | {f"{name}_FILE": str(path)})
    assert by_file == load_settings(variables | {name: content})
    assert getattr(by_file, attribute) != getattr(load_settings(variables), attribute)


def test_a_secret_given_twice_is_refused(variables, tmp_path):
    path = private_file(tmp_path / "secret", "s" * 40)
    both = {"SIGNET_SECRET_KEY": "t" * 40, "SIGNET_SECRET_KEY_FILE": str(path)}
    with pytest.raises(SettingsError, match=r"^SIGNET_SECRET_KEY: .*not both"):
        load_settings(variables | both)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601])
def test_a_secret_file_that_others_can_open_is_refused(variables, tmp_path, mode):
    """SECURITY U43."""
    path = private_file(tmp_path / "secret", "s" * 40)
    path.chmod(mode)
    with pytest.raises(SettingsError, match=r"^SIGNET_SECRET_KEY_FILE: .*chmod 600"):
        load_settings(variables | {"SIGNET_SECRET_KEY_FILE": str(path)})


def test_a_secret_file_that_is_no_text_is_refused(variables, tmp_path):
    path = tmp_path / "secret"
    path.touch(mode=0o600)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"^SIGNET_SECRET_KEY_FILE: "):
        load_settings(variables | {"SIGNET_SECRET_KEY_FILE": str(path)})


def test_the_key_files_of_a_first_run_are_found(variables, tmp_path):
    (tmp_path / "secrets").mkdir()
    private_file(tmp_path / "secrets" / "key-encryption-keys", KEK)
    private_file(tmp_path / "secrets" / "secret-key", "s" * 43)
    settings = load_settings(variables)
    assert [key.kek_id for key in settings.key_encryption_keys] == ["one"]
    assert settings.secret_key == "s" * 43


def test_a_key_file_of_a_first_run_that_others_can_open_is_refused(variables, tmp_path):
    (tmp_path / "secrets").mkdir()
    private_file(tmp_path / "secrets" / "key-encryption-keys", KEK).chmod(0o644)
    with pytest.raises(SettingsError, match=r"^SIGNET_KEY_ENCRYPTION_KEYS: .*chmod 600"):
        load_settings(variables)


def test_the_first_key_encryption_key_stays_the_first(variables):
    settings = load_settings(variables | {"SIGNET_KEY_ENCRYPTION_KEYS": f"{OTHER_KEK}, {KEK}"})
    assert [key.kek_id for key in settings.key_encryption_keys] == ["two", "one"]


def test_no_key_stands_in_the_repr_of_the_settings(variables):
    hush = {"SIGNET_SECRET_KEY": "hush" * 10, "SIGNET_KEY_ENCRYPTION_KEYS": KEK}
    hush["SIGNET_DATABASE_URL"] = "postgresql://signet:hush@db/signet"
    text = repr(load_settings(variables | hush))
    assert "hush" not in text
    assert "kkkk" not in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0s", timedelta(0)),
        ("30m", timedelta(minutes=30)),
        ("24h", timedelta(hours=24)),
        ("7d", timedelta(days=7)),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text, expected):
    assert parse_duration(text) == expected


@pytest.mark.parametrize("text", ["", "7", "d", "7 d", "-7d", "7.5d", "7D", "٧d", "36501d"])
def test_anything_else_is_no_duration(text):
    with pytest.raises(ValueError, match="."):
        parse_duration(text)


def test_the_example_file_names_every_setting_and_no_other():
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    documented = set(re.findall(r"^#(SIGNET_\w+)=", example, re.MULTILINE))
    source = (ROOT / "signet" / "settings.py").read_text(encoding="utf-8")
    read = set(re.findall(r'"(SIGNET_\w+)"', source))
    # A secret may stand in a file besides; what is a file only is read by that name.
    assert {name for name in documented if name in read or not name.endswith("_FILE")} == read


def test_the_defaults_of_the_example_file_are_the_defaults(tmp_path):
    uncommented = re.sub(
        r"^#(SIGNET_\w+=)", r"\1", (ROOT / ".env.example").read_text("utf-8"), flags=re.MULTILINE
    )
    (tmp_path / "env").write_text(uncommented, encoding="utf-8")
    values = {name: value or "" for name, value in dotenv_values(tmp_path / "env").items()}
    own = {"SIGNET_SECRETS_DIR": str(tmp_path)}
    assert load_settings(values | own) == load_settings(own)


def private_file(path: Path, content: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(content, encoding="utf-8")
    return path
