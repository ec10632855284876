"""What this server was told: every setting as its variable says it, and never a secret.

The list follows the fields of ``Settings``, so that a new one cannot be missing in it.
"""

from collections.abc import Mapping
from dataclasses import Field, dataclass, fields
from datetime import timedelta
from typing import Any

from sqlalchemy.engine import make_url

from signet.settings import UNITS, KeyEncryptionKey, Settings

#: Fields whose variable is not called as they are.
_NAMED_OTHERWISE = {
    "cache_time": "SIGNET_CACHE_SECONDS",
    "stale_time": "SIGNET_STALE_SECONDS",
    "client_cert_ca_pem": "SIGNET_CLIENT_CERT_CA_FILE",
    "outbound_ca_pem": "SIGNET_OUTBOUND_CA_FILE",
}
_PEM_BEGINS = "-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting as people and scripts read it."""

    variable: str
    #: As the variable would say it; of a secret only whether there is one.
    value: str
    is_default: bool


def effective_settings(settings: Settings) -> tuple[Setting, ...]:
    """Every setting with the value that counts."""
    return tuple(
        Setting(
            variable=variable_of(field.name),
            value=_shown(field, getattr(settings, field.name)),
            is_default=not _is_given(variable_of(field.name), settings.given),
        )
        for field in fields(settings)
        if field.name != "given"
    )


def variable_of(field_name: str) -> str:
    """The variable that sets a field of ``Settings``."""
    return _NAMED_OTHERWISE.get(field_name, f"SIGNET_{field_name.upper()}")


def database_name(database_url: str) -> str:
    """Which database it is, without who signs in to it, by which password, and how."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        return f"SQLite, {url.database}"
    # A socket in the file system stands in the query.
    host = url.host or url.query.get("host") or "a local socket"
    port = f":{url.port}" if url.port else ""
    return f"PostgreSQL, {url.database} at {host}{port}"


def _is_given(variable: str, given: frozenset[str]) -> bool:
    return not given.isdisjoint((variable, f"{variable}_FILE"))


def _shown(field: Field[Any], value: Any) -> str:
    if field.name == "database_url":
        return database_name(value)
    # What keeps out of a repr keeps out of everything else.
    if not field.repr:
        return _shown_secret(value)
    if isinstance(value, timedelta):
        return _shown_duration(field.name, value)
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if _PEM_BEGINS in str(value):
        return _count(str(value).count(_PEM_BEGINS), "certificate")
    return str(value)


def _shown_secret(value: Any) -> str:
    if isinstance(value, tuple) and all(isinstance(key, KeyEncryptionKey) for key in value):
        return ",".join(key.kek_id for key in value)
    return "set" if value else ""


def _shown_duration(field_name: str, duration: timedelta) -> str:
    seconds = duration.total_seconds()
    if variable_of(field_name).endswith("_SECONDS"):
        return f"{seconds:g}"
    sizes: Mapping[str, float] = {
        unit: timedelta(**{word: 1}).total_seconds() for unit, word in UNITS.items()
    }
    unit = max((u for u, size in sizes.items() if seconds % size == 0), key=lambda u: sizes[u])
    return f"{int(seconds // sizes[unit])}{unit}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
