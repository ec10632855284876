"""The configuration of this server as one JSON document: to keep, to read, to compare.

It holds no secret and no digest of one, only what pages and commands show as well. The same
configuration gives the same bytes. Between its pieces a worker's other requests go on: of
thousands of clients it takes seconds.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import gevent

from signet import __version__
from signet.models.admins import list_admins
from signet.models.client_list import ClientFilter, every_client
from signet.models.resource_servers import list_resource_servers
from signet.models.schema import schema_version
from signet.models.scopes import list_scopes
from signet.models.signing_keys import list_signing_keys
from signet.operations.configuration import effective_settings
from signet.settings import Settings

FILE_NAME = "signet-configuration.json"
#: Of the document; it changes when a reader must know.
FORMAT = 1
#: Clients that are loaded at once, without a pause.
_BATCH = 100
#: What belongs to this database, or changes without anybody's decision.
_NOT_CONFIGURATION = frozenset(
    {"number", "version", "client_count", "last_sign_in_at", "last_used_at"}
)


def export_configuration(settings: Settings, *, now: datetime) -> Iterator[str]:
    """The document, in pieces."""
    head = {"format": FORMAT, "signet": __version__, "schema": schema_version()}
    yield "{\n" + "".join(f'  "{name}": {_json(value)},\n' for name, value in head.items())
    lists: Mapping[str, Iterable[object]] = {
        "settings": effective_settings(settings),
        "admins": list_admins(),
        "signing_keys": list_signing_keys(),
        "apis": list_resource_servers(),
        "scopes": list_scopes(),
        "clients": every_client(ClientFilter(), now=now, batch=_BATCH),
    }
    for number, (name, things) in enumerate(lists.items(), 1):
        yield f'  "{name}": ['
        between = "\n    "
        for thing in things:
            yield between + _json(plain(thing))
            between = ",\n    "
            gevent.sleep(0)
        yield "\n  ]" + (",\n" if number < len(lists) else "\n}\n")


def plain(value: Any) -> Any:
    """A value as JSON has it: moments in RFC 3339, durations in seconds."""
    if is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: plain(getattr(value, field.name))
            for field in fields(value)
            # What keeps out of a repr, a private key, keeps out of everything.
            if field.repr and field.name not in _NOT_CONFIGURATION
        }
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, timedelta):
        return int(value.total_seconds())
    if isinstance(value, Mapping):
        return {name: plain(member) for name, member in value.items()}
    if isinstance(value, tuple | list):
        return [plain(member) for member in value]
    return value


def _json(value: Any) -> str:
    return json.dumps(value)
