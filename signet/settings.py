"""Every setting of Signet: its name, type, unit and default.

Read once, from the environment and from a ``.env`` file beside ``app.py`` (the environment wins).
A bad value stops the start with one line that names the variable. A setting marked "or _FILE" can
also come from the file that ``NAME_FILE`` points to, so that it need not stand in the environment.
"""

import base64
import binascii
import ipaddress
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import click
from dotenv import dotenv_values

ROOT = Path(__file__).resolve().parent.parent

SIGNING_ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
#: NIST allows 2048 bits until 2030; signing with 3072 takes three times as long.
RSA_SIZES = ("2048", "3072", "4096")
LOG_LEVELS = ("debug", "info", "warning", "error")
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
_SQLITE = "sqlite:///"
#: As SQLAlchemy reads it; of what follows the scheme, nothing must be there.
_POSTGRESQL = re.compile(
    r"(postgres|postgresql|postgresql\+psycopg)://"
    r"([^:/]*(:[^@]*)?@)?"  # user and password
    r"(\[[^/?]+\]|[^/:?]*)(:[0-9]*)?"  # host and port
    r"([/?].*)?"  # database and parameters
)
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class SettingsError(click.ClickException):
    """A setting that cannot be used; its text is one line that names the variable.

    A ``ClickException``, so that every ``flask`` command answers with that line and exit code 1.
    """

    def __init__(self, variable: str, problem: str) -> None:
        super().__init__(f"{variable}: {problem}")


@dataclass(frozen=True, slots=True)
class KeyEncryptionKey:
    """A key that encrypts private keys at rest: 256 bits and the id that ciphertexts name it by."""

    kek_id: str
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator decided; read it with :func:`load_settings`."""

    #: What gunicorn listens on: ``host:port``, ``[address]:port`` or ``unix:/path``.
    bind: str = "127.0.0.1:8000"
    #: The same for the admin pages; if it is another one, they are served there alone.
    admin_bind: str = "127.0.0.1:8000"
    #: This server's name, byte for byte in ``iss`` and the metadata (RFC 8414 §2).
    issuer: str = "http://localhost:8000"
    #: Folder of the SQLite database.
    data_dir: Path = ROOT / "instance"
    #: Folder of the key files of a first run; apart from the data, so that backups do not mix.
    secrets_dir: Path = ROOT / "secrets"
    #: As SQLAlchemy writes it: SQLite in ``data_dir`` or PostgreSQL. Or _FILE. (A text: gunicorn's
    #: master has no other use for SQLAlchemy than to hold it in memory.)
    database_url: str = field(repr=False)
    #: gunicorn worker processes.
    workers: int = 1
    #: Hops whose ``X-Forwarded-*`` are believed; 0: nobody's.
    trusted_proxies: int = 0
    #: ``alg`` of new signing keys.
    signing_alg: str = "RS256"
    #: Bits of new RSA keys (RS256, PS256).
    rsa_bits: int = 2048
    #: ``scope`` in access tokens: ``string`` (RFC 9068) or ``array`` (.NET policies).
    scope_claim: str = "string"
    #: First encrypts, all decrypt; empty until ``flask prepare`` has made one. Or _FILE.
    key_encryption_keys: tuple[KeyEncryptionKey, ...] = field(default=(), repr=False)
    #: Signs the cookie of visitors and CSRF tokens; empty until prepared. Or _FILE.
    secret_key: str = field(default="", repr=False)
    #: How long a change may take to be seen by another worker.
    cache_time: timedelta = timedelta(seconds=1)
    #: How long snapshots serve while the database is away.
    stale_time: timedelta = timedelta(seconds=60)
    #: Lines below this level are not written.
    log_level: str = "info"
    #: Failed authentications of one client id from one address before refusals turn into 429.
    failures_per_minute: int = 100
    #: An admin session ends after this time without a request …
    session_idle: timedelta = timedelta(minutes=30)
    #: … and after this time in any case.
    session_max: timedelta = timedelta(hours=12)
    #: For so long after proving who they are, admins are not asked again before a grave act.
    confirm: timedelta = timedelta(minutes=10)
    #: Header in which a proxy passes on a client's certificate (RFC 9440, or nginx's escaped PEM) …
    client_cert_header: str = "Client-Cert"
    #: … and the addresses of the proxies that may: nobody else is believed.
    client_cert_proxies: tuple[IPNetwork, ...] = ()
    #: PEM of the authorities that vouch for client certificates; empty: ``tls_client_auth`` is off.
    client_cert_ca_pem: str = ""
    #: Whether a DPoP proof must hold a nonce of this server's.
    dpop_nonce: bool = False
    #: Networks that a fetch of others' keys may reach although they are not public.
    outbound_allow: tuple[IPNetwork, ...] = ()
    #: PEM of authorities that are trusted in such a fetch besides the system's.
    outbound_ca_pem: str = ""
    #: Shown beside the name on every page ("staging"), so that nobody rotates in the wrong window.
    environment: str = ""
    #: Who may read the metrics.
    metrics_allow: tuple[IPNetwork, ...] = (
        ipaddress.ip_network("127.0.0.0/8"),
        ipaddress.ip_network("::1/128"),
    )
    #: The variables that were set; a setting of any other has its default.
    given: frozenset[str] = field(default=frozenset(), compare=False)

    @property
    def has_admin_listener(self) -> bool:
        """Whether the admin pages have a listener of their own."""
        return self.admin_bind != self.bind

    @property
    def is_https(self) -> bool:
        """Whether clients and browsers reach this server by https."""
        return self.issuer.startswith("https:")

    @property
    def issuer_path(self) -> str:
        """Path of the issuer, ``""`` or such as ``/auth``: everything lives below it."""
        return urlsplit(self.issuer).path

    @property
    def uses_sqlite(self) -> bool:
        """Whether the database is a file of this machine."""
        return self.database_url.startswith(_SQLITE)

    @property
    def sqlite_file(self) -> Path:
        """Where the database is, if it is a file."""
        return Path(self.database_url.removeprefix(_SQLITE).partition("?")[0])

    @property
    def key_encryption_keys_file(self) -> Path:
        """Where a first run keeps the key-encryption keys."""
        return self.secrets_dir / "key-encryption-keys"

    @property
    def secret_key_file(self) -> Path:
        """Where a first run keeps the key of cookies and CSRF tokens."""
        return self.secrets_dir / "secret-key"


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """All settings, checked.

    :param environ: instead of the process's environment and ``.env``.
    :raises SettingsError: naming the first variable whose value cannot be used.
    """
    if environ is None:
        dotenv = {name: value or "" for name, value in dotenv_values(ROOT / ".env").items()}
        environ = {**dotenv, **os.environ}
    source = _Source(environ)
    data_dir = source.folder("SIGNET_DATA_DIR", "instance")
    secrets_dir = source.folder("SIGNET_SECRETS_DIR", "secrets")
    bind = source.bind("SIGNET_BIND", "127.0.0.1:8000")
    return Settings(
        bind=bind,
        admin_bind=source.admin_bind("SIGNET_ADMIN_BIND", bind),
        issuer=source.issuer("SIGNET_ISSUER", "http://localhost:8000"),
        data_dir=data_dir,
        secrets_dir=secrets_dir,
        database_url=source.database_url("SIGNET_DATABASE_URL", data_dir),
        workers=source.integer("SIGNET_WORKERS", os.cpu_count() or 1, minimum=1, maximum=256),
        trusted_proxies=source.integer("SIGNET_TRUSTED_PROXIES", 0, maximum=10),
        signing_alg=source.choice("SIGNET_SIGNING_ALG", "RS256", SIGNING_ALGORITHMS),
        rsa_bits=int(source.choice("SIGNET_RSA_BITS", "2048", RSA_SIZES)),
        scope_claim=source.choice("SIGNET_SCOPE_CLAIM", "string", ("string", "array")),
        key_encryption_keys=source.key_encryption_keys(
            "SIGNET_KEY_ENCRYPTION_KEYS", secrets_dir / "key-encryption-keys"
        ),
        secret_key=source.secret_key("SIGNET_SECRET_KEY", secrets_dir / "secret-key"),
        cache_time=source.seconds("SIGNET_CACHE_SECONDS", 1, minimum=0.1, maximum=60),
        stale_time=source.seconds("SIGNET_STALE_SECONDS", 60, minimum=1, maximum=3600),
        log_level=source.choice("SIGNET_LOG_LEVEL", "info", LOG_LEVELS),
        failures_per_minute=source.integer(
            "SIGNET_FAILURES_PER_MINUTE", 100, minimum=1, maximum=1_000_000
        ),
        session_idle=source.duration("SIGNET_SESSION_IDLE", "30m"),
        session_max=source.duration("SIGNET_SESSION_MAX", "12h"),
        confirm=source.duration("SIGNET_CONFIRM", "10m"),
        client_cert_header=source.header("SIGNET_CLIENT_CERT_HEADER", "Client-Cert"),
        client_cert_proxies=source.networks("SIGNET_CLIENT_CERT_PROXIES"),
        client_cert_ca_pem=source.certificates("SIGNET_CLIENT_CERT_CA_FILE"),
        dpop_nonce=source.choice("SIGNET_DPOP_NONCE", "off", ("off", "on")) == "on",
        outbound_allow=source.networks("SIGNET_OUTBOUND_ALLOW"),
        outbound_ca_pem=source.certificates("SIGNET_OUTBOUND_CA_FILE"),
        environment=source.text("SIGNET_ENVIRONMENT", ""),
        metrics_allow=source.networks("SIGNET_METRICS_ALLOW", "127.0.0.0/8,::1/128"),
        # Last, when every other has been asked for.
        given=frozenset(source.given),
    )


def read_key_files(settings: Settings) -> Settings:
    """The settings with the keys that a first run has made since they were loaded.

    :raises SettingsError: if a key file cannot be used.
    """
    source = _Source({})
    return replace(
        settings,
        key_encryption_keys=settings.key_encryption_keys
        or source.key_encryption_keys(
            "SIGNET_KEY_ENCRYPTION_KEYS", settings.key_encryption_keys_file
        ),
        secret_key=settings.secret_key
        or source.secret_key("SIGNET_SECRET_KEY", settings.secret_key_file),
    )


def parse_duration(text: str) -> timedelta:
    """A number and a unit as a duration: ``0s``, ``30m``, ``24h``, ``7d``.

    :raises ValueError: if the text is none, or longer than 100 years.
    """
    match = re.fullmatch(r"(\d{1,9})([smhd])", text, re.ASCII)
    if match is None:
        raise ValueError("write a number and a unit: 30m, 24h, 7d")
    duration = timedelta(**{UNITS[match[2]]: int(match[1])})
    if duration > timedelta(days=36_500):
        raise ValueError("that is more than 100 years")
    return duration


class _Source:
    """Reads single values out of the environment and refuses bad ones by name."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        #: What was asked for and found.
        self.given: set[str] = set()

    def text(self, name: str, default: str) -> str:
        text = self._environ.get(name, "").strip()
        if text:
            self.given.add(name)
        return text or default

    def secret_text(self, name: str, default_file: Path | None = None) -> str:
        """A value from ``NAME``, from the file named by ``NAME_FILE``, or from a default file."""
        value, file_name = self.text(name, ""), self.text(f"{name}_FILE", "")
        if value and file_name:
            raise SettingsError(name, f"set it or {name}_FILE, not both")
        if value:
            return value
        if file_name:
            return _read_private_file(Path(file_name), f"{name}_FILE")
        if default_file is not None and default_file.exists():
            return _read_private_file(default_file, name)
        return ""

    def integer(self, name: str, default: int, *, minimum: int = 0, maximum: int) -> int:
        text = self.text(name, str(default))
        if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or not minimum <= int(text) <= maximum:
            raise SettingsError(name, f"must be a whole number from {minimum} to {maximum}")
        return int(text)

    def seconds(self, name: str, default: int, *, minimum: float, maximum: int) -> timedelta:
        text = self.text(name, str(default))
        if not re.fullmatch(r"\d{1,9}(\.\d{1,3})?", text, re.ASCII) or not (
            minimum <= float(text) <= maximum
        ):
            raise SettingsError(name, f"must be seconds, from {minimum:g} to {maximum}")
        return timedelta(seconds=float(text))

    def duration(self, name: str, default: str) -> timedelta:
        try:
            duration = parse_duration(self.text(name, default))
        except ValueError as error:
            raise SettingsError(name, str(error)) from None
        if not duration:
            raise SettingsError(name, "must be longer than 0s")
        return duration

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        text = self.text(name, default)
        if text not in choices:
            raise SettingsError(name, "must be one of " + ", ".join(choices))
        return text

    def folder(self, name: str, default: str) -> Path:
        """A relative folder is one below the project, wherever the command was typed."""
        folder = ROOT / self.text(name, default)
        if folder.exists() and not folder.is_dir():
            raise SettingsError(name, "is not a folder")
        return folder

    def header(self, name: str, default: str) -> str:
        text = self.text(name, default)
        # An underscore would be a dash in WSGI, and gunicorn refuses such a header.
        if not re.fullmatch(r"[A-Za-z0-9-]{1,100}", text):
            raise SettingsError(name, "must be the name of a header: letters, digits and dashes")
        return text

    def networks(self, name: str, default: str = "") -> tuple[IPNetwork, ...]:
        """Addresses and CIDRs, separated by commas."""
        items = [item.strip() for item in self.text(name, default).split(",")]
        try:
            return tuple(ipaddress.ip_network(item) for item in items if item)
        except ValueError:
            raise SettingsError(
                name, "must be addresses or networks, for example 10.0.0.7,10.1.0.0/16"
            ) from None

    def certificates(self, name: str) -> str:
        """What the file holds, which must look like PEM; empty if no file is named."""
        file_name = self.text(name, "")
        if not file_name:
            return ""
        text = _read_file(ROOT / file_name, name)
        if "-----BEGIN CERTIFICATE-----" not in text:
            raise SettingsError(name, f"{file_name} holds no certificate in PEM")
        return text

    def bind(self, name: str, default: str) -> str:
        text = self.text(name, default)
        if re.fullmatch(r"unix:/[A-Za-z0-9._-][A-Za-z0-9._/-]*", text):
            return text
        host, _, port = text.rpartition(":")
        if (
            not re.fullmatch(r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]", host)
            or not re.fullmatch(r"\d{1,5}", port, re.ASCII)
            or int(port) > 65_535
        ):
            raise SettingsError(
                name, "must be host:port or unix:/path, for example 127.0.0.1:8000 or [::1]:8000"
            )
        return text

    def admin_bind(self, name: str, bind: str) -> str:
        """The listener of the pages; a request shows which one it came by, so they must differ."""
        text = self.bind(name, bind)
        ports = [listener.rpartition(":")[2] for listener in (bind, text)]
        if text != bind and (ports[0] == ports[1] or "0" in ports):
            raise SettingsError(name, "needs a port of its own, or a Unix socket")
        return text

    def issuer(self, name: str, default: str) -> str:
        text = self.text(name, default)
        if not re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~-]+)*", text):
            raise SettingsError(
                name, "must be https://host[:port][/path], no trailing slash, query or fragment"
            )
        try:
            url = urlsplit(text)
            host = url.hostname or ""
            # A port out of range is only found out when it is asked for.
            url.port  # noqa: B018
        except ValueError:
            raise SettingsError(name, "must be https://host[:port][/path]") from None
        if not host:
            raise SettingsError(name, "must be https://host[:port][/path]")
        if url.scheme == "http" and not _is_loopback(host):
            raise SettingsError(name, "must be https (plain http only on a loopback host)")
        return text

    def database_url(self, name: str, data_dir: Path) -> str:
        text = self.secret_text(name)
        if not text:
            return f"{_SQLITE}{data_dir / 'signet.sqlite3'}"
        if text.startswith(_SQLITE):
            file = text.removeprefix(_SQLITE)
            if file and not file.startswith((":memory:", "?")):
                return f"{_SQLITE}{ROOT / file}"
            raise SettingsError(name, "must be sqlite:///… (a file) or postgresql://…")
        if _POSTGRESQL.fullmatch(text):
            return "postgresql+psycopg://" + text.partition("://")[2]
        raise SettingsError(name, "must be sqlite:///… or postgresql://…")

    def key_encryption_keys(self, name: str, default_file: Path) -> tuple[KeyEncryptionKey, ...]:
        """A list of ``id:base64``, separated by commas or lines, 32 bytes each."""
        keys: dict[str, KeyEncryptionKey] = {}
        for item in re.split(r"[,\s]+", self.secret_text(name, default_file)):
            if not item:
                continue
            kek_id, _, encoded = item.partition(":")
            try:
                key = base64.b64decode(encoded, validate=True)
            except binascii.Error:
                key = b""
            if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", kek_id) or len(key) != 32:
                raise SettingsError(name, "must be a list of id:base64, 32 random bytes each")
            if kek_id in keys:
                raise SettingsError(name, "holds the same id twice")
            keys[kek_id] = KeyEncryptionKey(kek_id, key)
        return tuple(keys.values())

    def secret_key(self, name: str, default_file: Path) -> str:
        text = self.secret_text(name, default_file).strip()
        if text and len(text) < 32:
            raise SettingsError(name, "must have at least 32 random characters")
        return text


def _read_private_file(path: Path, variable: str) -> str:
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise SettingsError(variable, f"{path} is open to others: chmod 600 it")
    except OSError as error:
        raise SettingsError(variable, f"cannot read {path}: {error.strerror}") from None
    return _read_file(path, variable).strip()


def _read_file(path: Path, variable: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(variable, f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(variable, f"{path} is not text") from None


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
