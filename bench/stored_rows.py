"""Fills a database in bulk for ``bench.stored``: what years of use leave behind.

Plain SQL that both engines take, from a counter: each client with one secret and one scope, most of
them used, one of a hundred disabled. Entries of the audit log name plausible objects, but their
hashes are filler: ``flask audit verify`` finds this log broken.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from sqlalchemy.engine import URL

#: Words of the names.
_FIRST = [
    "Warehouse",
    "Billing",
    "Nightly",
    "Partner",
    "Legacy",
    "Mobile",
    "Shop",
    "Ledger",
    "Invoice",
    "Price",
    "Mail",
    "Deploy",
]
_SECOND = [
    "sync",
    "export",
    "bridge",
    "report",
    "gateway",
    "importer",
    "agent",
    "worker",
    "watch",
    "device",
]
_ACTS = [
    "client.edit",
    "client.set_scopes",
    "secret.create",
    "secret.rotate",
    "secret.revoke",
    "client.create",
]
_ACTORS = 40
_HASH = 60 * "0"
#: Clients that ask for tokens every hour.
_BUSY = 10_000
_REFUSED = 10_000


@dataclass(frozen=True)
class Dialect:
    """What the two engines say differently."""

    #: A moment, of seconds since the epoch.
    moment: Callable[[str], str]
    #: A word of a list, by a number from 0 on.
    word: Callable[[list[str], str], str]


SQLITE = Dialect(
    moment=lambda seconds: f"strftime('%Y-%m-%d %H:%M:%S.000000', {seconds}, 'unixepoch')",
    word=lambda words, at: (
        f"json_extract('{str(words).replace(chr(39), chr(34))}', '$[' || ({at}) || ']')"
    ),
)
POSTGRESQL = Dialect(
    moment=lambda seconds: f"to_timestamp({seconds})",
    word=lambda words, at: f"(ARRAY{words})[1 + ({at})]",
)


def fill(url: URL, *, clients: int, entries: int, now: datetime) -> None:
    """Write everything, and have the engine gather what it knows of the tables.

    The database is at the migration before this one's tables, with an admin and some scopes.
    """
    if url.get_backend_name() == "sqlite":
        with sqlite3.connect(str(url.database), isolation_level=None) as database:
            database.execute("PRAGMA synchronous = OFF")
            database.execute("PRAGMA cache_size = -500000")
            _fill(database, SQLITE, clients, entries, int(now.timestamp()))
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.execute("SET synchronous_commit = off")
        connection.execute("SET maintenance_work_mem = '512MB'")
        _fill(connection, POSTGRESQL, clients, entries, int(now.timestamp()))
        for name in ("client", "client_secret"):
            connection.execute(f"SELECT setval('{name}_id_seq', max(id)) FROM {name}".encode())
        connection.execute("VACUUM ANALYZE")


def _fill(database: Any, dialect: Dialect, clients: int, entries: int, now: int) -> None:
    for statement in _statements(dialect, clients, entries, now):
        database.execute(statement)


def _numbers(count: int, name: str = "i") -> str:
    return (
        f"WITH RECURSIVE n({name}) AS (SELECT 1 UNION ALL SELECT {name} + 1 FROM n"
        f" WHERE {name} < {count})"
    )


def _statements(dialect: Dialect, clients: int, entries: int, now: int) -> list[str]:
    return [
        *_clients(dialect, clients, now),
        *_secrets(dialect, now),
        *_use(dialect, clients, now),
        *_requests(dialect, now),
        *_audit_log(dialect, clients, entries, now),
    ]


def _clients(dialect: Dialect, count: int, now: int) -> list[str]:
    step = max(1, 2 * 365 * 86_400 // count)
    first = dialect.word(_FIRST, f"i % {len(_FIRST)}")
    second = dialect.word(_SECOND, f"i / {len(_FIRST)} % {len(_SECOND)}")
    # One of ten thousand has a name that nobody else has.
    name = f"{first} || CASE WHEN i % 9973 = 7 THEN ' quartz ' ELSE ' ' END || {second} || ' ' || i"
    return [
        f"CREATE TABLE bench_name AS {_numbers(count)} SELECT i, {name} AS name FROM n",
        "INSERT INTO principal_name SELECT replace(lower(name), ' ', '-') FROM bench_name",
        f"""
        INSERT INTO client (id, client_id, folded_client_id, name, folded_name, description,
            contact, enabled, token_endpoint_auth_method, access_token_lifetime,
            allows_token_endpoint_audience, trusted_issuers, dpop_bound_access_tokens,
            tls_client_certificate_bound_access_tokens, token_format, claims,
            created_at, created_by, version)
        SELECT i, replace(lower(name), ' ', '-'), replace(lower(name), ' ', '-'), name, lower(name),
            'Of the shop', 'ops@example.org', i % 100 <> 3,
            CASE WHEN i % 20 = 11 THEN 'private_key_jwt' ELSE 'client_secret_basic' END, 3600,
            i < 0, '[]', i < 0, i < 0, 'jwt', '{{}}',
            {dialect.moment(f"{now} - ({count} - i) * {step} - 4000")}, 'ada@example.org', 1
        FROM bench_name ORDER BY i
        """,
        "INSERT INTO client_scope SELECT i, 1 + i % 6 FROM bench_name",
        # A scope that few have.
        "INSERT INTO client_scope SELECT i, 7 FROM bench_name WHERE i % 9973 = 8",
        "DROP TABLE bench_name",
    ]


def _secrets(dialect: Dialect, now: int) -> list[str]:
    """Most last; some have expired, end soon, or were revoked; a few are being replaced."""
    end = f"""
        CASE WHEN id % 50 = 0 THEN NULL
             WHEN id % 97 = 1 THEN {dialect.moment(f"{now} - id % 8000000 - 60")}
             WHEN id % 89 = 2 THEN {dialect.moment(f"{now} + id % 2500000 + 600")}
             ELSE {dialect.moment(f"{now} + 2700000 + id % 28000000")} END
    """
    return [
        f"""
        INSERT INTO client_secret (id, client_row_id, secret_id, description, digest, hint,
            created_at, created_by, expires_at, replaced_at, revoked_at, ends_when_quiet)
        SELECT id, id, 's' || id, '', 'v1$' || id || '$0123456789abcdef0123456789abcdef01234567',
            substr('0000' || id, length('0000' || id) - 3, 4), created_at, created_by, {end},
            CASE WHEN id % 4999 = 5 THEN created_at END,
            CASE WHEN id % 211 = 4 THEN created_at END, id < 0
        FROM client WHERE token_endpoint_auth_method = 'client_secret_basic' ORDER BY id
        """
    ]


def _use(dialect: Dialect, clients: int, now: int) -> list[str]:
    """Four of five clients were used, some of them every hour, one for a year."""
    hour, day = now // 3600 * 3600, now // 86_400 * 86_400
    busy = min(_BUSY, clients)
    # Busy ones are those that were made last.
    is_busy = f"id > {clients - busy} AND id % 5 <> 4"
    columns = "(client_id, span, begins_at, credential_id, outcome, count)"

    def counts(span: str, first: int, step: int, times: int, where: str, many: str) -> str:
        return f"""
            INSERT INTO use_count {columns} {_numbers(times)}
            SELECT client_id, '{span}', {dialect.moment(f"{first} - (i - 1) * {step}")},
                's' || id, 'token', {many}
            FROM client CROSS JOIN n WHERE {where}
        """

    return [
        # Of the tokens of the first starts.
        "DELETE FROM use_count",
        f"""
        INSERT INTO credential_use
        SELECT client_id, 's' || id, created_at,
            CASE WHEN {is_busy} THEN {dialect.moment(f"{now} - id % 600")}
                 ELSE {dialect.moment(f"{now} - ({clients} - id) % 17000000")} END,
            '10.0.' || id % 200 || '.7', 'python-requests/2.32.5'
        FROM client WHERE id % 5 <> 4 ORDER BY client_id
        """,
        # Once in an hour all of a client that was used for long.
        counts("hour", hour, 3600, 24, is_busy, "1 + id % 3"),
        counts("day", day, 86_400, 30, is_busy, "24 + id % 48"),
        f"""
        DELETE FROM use_count
        WHERE client_id IN (SELECT client_id FROM client WHERE id = {clients - 3})
        """,
        counts("hour", hour, 3600, 720, f"id = {clients - 3}", "90"),
        counts("day", day, 86_400, 396, f"id = {clients - 3}", "2000"),
        f"""
        INSERT INTO use_count {columns}
        SELECT ' everybody', span, begins_at, '', outcome, sum(count) FROM use_count
        GROUP BY span, begins_at, outcome
        """,
    ]


def _requests(dialect: Dialect, now: int) -> list[str]:
    return [
        f"""
        INSERT INTO refused_request (request_id, at, client_id, claimed_client_id, address,
            user_agent, endpoint, status, error, reason, text, facts)
        {_numbers(_REFUSED)}
        SELECT 'r' || i, {dialect.moment(f"{now} - ({_REFUSED} - i) * 60")},
            CASE WHEN i % 4 = 0 THEN '' ELSE client.client_id END, client.client_id,
            '203.0.113.' || i % 250, 'curl/8.14.1', 'token', 401, 'invalid_client',
            CASE WHEN i % 4 = 0 THEN 'unknown_client' ELSE 'wrong_secret' END, 'refused', '{{}}'
        FROM n JOIN client ON client.id = 1 + i % 60
        """
    ]


def _audit_log(dialect: Dialect, clients: int, count: int, now: int) -> list[str]:
    """Acts on all clients over three years, most by a few of the admins, and sign-ins."""
    step = max(1, 3 * 365 * 86_400 // count)
    actor = f"'admin-' || i * 7 % {_ACTORS} || '@example.org'"
    # By chance alone, each client comes about ten times.
    of_client = f"1 + CAST(i AS bigint) * 7919 % {clients}"
    return [
        "CREATE TABLE bench_last AS SELECT coalesce(max(number), 0) AS number FROM audit_entry",
        f"""
        INSERT INTO audit_entry (number, at, actor, address, user_agent, request_id, action,
            object_type, object_id, object_name, before, after, previous_hash, hash)
        {_numbers(count)}
        SELECT (SELECT number FROM bench_last) + i,
            {dialect.moment(f"{now} - ({count} - i) * {step} - 9")},
            CASE WHEN i % 3 = 0 THEN 'ada@example.org' WHEN i % 50021 = 17 THEN 'Signet'
                 ELSE {actor} END,
            '192.0.2.' || i % 200, 'Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0', 'q' || i,
            CASE WHEN i % 20 = 1 THEN 'admin.sign_in' WHEN i % 100003 = 2 THEN 'client.delete'
                 ELSE {dialect.word(_ACTS, f"i % {len(_ACTS)}")} END,
            CASE WHEN i % 20 = 1 THEN 'admin' ELSE 'client' END,
            CASE WHEN i % 20 = 1 THEN 'ada@example.org' ELSE client.client_id END,
            CASE WHEN i % 20 = 1 THEN 'ada@example.org' ELSE client.name END,
            '{{"version":1}}', '{{"version":2}}',
            substr('{_HASH}' || 10000000 + i, 5), substr('{_HASH}' || 10000001 + i, 5)
        FROM n JOIN client ON client.id = {of_client}
        """,
        "DROP TABLE bench_last",
    ]
