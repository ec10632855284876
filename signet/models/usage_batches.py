"""Writing down how credentials are used: a batch is a statement for each table that it concerns."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, String, and_, case, update
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Session

from signet.models.clients import ClientRow
from signet.models.columns import UtcDateTime, storable
from signet.models.database import DatabaseUnavailableError, write
from signet.models.many_rows import insert_many, select_many
from signet.models.refused_requests import keep_refused_requests
from signet.models.usage import (
    BUSY_FROM,
    DAY,
    EVERYBODY,
    HOUR,
    TOKEN,
    CredentialUseRow,
    UseCountRow,
    begin_of,
)
from signet.usage import Batch, RefusedRequest

log = logging.getLogger(__name__)

#: The client itself says when it was last used, to the minute: not every batch changes its row.
_LAST_USE_EVERY = timedelta(minutes=1)


def write_batch(batch: Batch) -> None:
    """Add a batch to what is kept: counts and uses in one transaction, refusals in another."""
    if batch.counts:
        with write(durable=False) as session:
            # In one order, so that workers that write at once wait for each other only once.
            session.execute(_add_counts(session, sorted(_count_rows(batch), key=_key_of_count)))
            if batch.uses:
                session.execute(_note_uses(session, _use_rows(batch)))
                session.execute(_note_last_use(session, batch))
    if batch.refused:
        _write_refused(batch.refused_requests())


def _write_refused(requests: Sequence[RefusedRequest]) -> None:
    try:
        with write(durable=False) as session:
            keep_refused_requests(session, requests)
    except Exception as error:
        is_waiting = isinstance(error, DatabaseUnavailableError)
        # A value that the database does not take is refused the next time as well.
        if is_waiting and not isinstance(error.__cause__, DataError):
            raise
        # What cannot be written now never can be: tried again, it would stay in the way.
        log.exception("refused requests cannot be written", extra={"lost": len(requests)})


def _count_rows(batch: Batch) -> list[dict[str, Any]]:
    counts: Counter[tuple[str, str, datetime, str, str]] = Counter()
    # There are one or two hours in a batch, and thousands of counts.
    begins = {
        hour: [(span, begin_of(span, datetime.fromtimestamp(hour, UTC))) for span in (HOUR, DAY)]
        for hour in {hour for *_, hour in batch.counts}
    }
    for (client_id, credential_id, outcome, hour), count in batch.counts.items():
        for span, begins_at in begins[hour]:
            counts[client_id, span, begins_at, credential_id, outcome] += count
            counts[EVERYBODY, span, begins_at, "", outcome] += count
    names = ("client_id", "span", "begins_at", "credential_id", "outcome")
    return [
        dict(zip(names, key, strict=True), count=count, is_busy=_begins_busy(key, count))
        for key, count in counts.items()
    ]


def _begins_busy(key: tuple[str, str, datetime, str, str], count: int) -> bool:
    client_id, span, _, _, outcome = key
    return (span, outcome) == (HOUR, TOKEN) and client_id != EVERYBODY and count >= BUSY_FROM


def _key_of_count(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row.values())[:5]


def _use_rows(batch: Batch) -> list[dict[str, Any]]:
    return [
        {
            "client_id": client_id,
            "credential_id": credential_id,
            "first_used_at": use.first_at,
            "last_used_at": use.last_at,
            "last_address": storable(use.address, 64),
            "last_user_agent": storable(use.user_agent, 400),
        }
        for (client_id, credential_id), use in sorted(batch.uses.items())
    ]


def _add_counts(session: Session, rows: Sequence[Mapping[str, Any]]) -> Any:
    insert = insert_many(session, UseCountRow, rows)
    count = UseCountRow.count + insert.excluded.count
    return insert.on_conflict_do_update(
        index_elements=["client_id", "span", "begins_at", "credential_id", "outcome"],
        set_={"count": count, "is_busy": _is_busy(count)},
    )


def _is_busy(count: ColumnElement[int]) -> ColumnElement[bool]:
    return and_(
        UseCountRow.span == HOUR,
        UseCountRow.outcome == TOKEN,
        UseCountRow.client_id != EVERYBODY,
        count >= BUSY_FROM,
    )


def _note_last_use(session: Session, batch: Batch) -> Any:
    latest: dict[str, datetime] = {}
    for (client_id, _), use in batch.uses.items():
        latest[client_id] = max(use.last_at, latest.get(client_id, use.last_at))
    rows = [
        {"client_id": client_id, "at": at, "before": at - _LAST_USE_EVERY}
        for client_id, at in sorted(latest.items())
    ]
    columns = {"client_id": String(), "at": UtcDateTime(), "before": UtcDateTime()}
    new = select_many(session, columns, rows).subquery()
    return (
        update(ClientRow)
        .values(last_used_at=new.c.at)
        .where(
            ClientRow.client_id == new.c.client_id,
            # What was used before belonged to another of the same id, which is deleted.
            ClientRow.created_at <= new.c.at,
            ClientRow.last_used_at <= new.c.before,
        )
        .execution_options(synchronize_session=False)
    )


def _note_uses(session: Session, rows: Sequence[Mapping[str, Any]]) -> Any:
    insert = insert_many(session, CredentialUseRow, rows)
    new = insert.excluded
    # Another worker may have written a later use already.
    is_later = new.last_used_at >= CredentialUseRow.last_used_at
    is_earlier = new.first_used_at < CredentialUseRow.first_used_at
    latest = {
        name: case((is_later, new[name]), else_=getattr(CredentialUseRow, name))
        for name in ("last_used_at", "last_address", "last_user_agent")
    }
    first = case((is_earlier, new.first_used_at), else_=CredentialUseRow.first_used_at)
    return insert.on_conflict_do_update(
        index_elements=["client_id", "credential_id"], set_={"first_used_at": first, **latest}
    )
