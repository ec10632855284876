"""Moments keep their meaning whatever the engine makes of zones."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select
from sqlalchemy.exc import StatementError

from signet.models.database import read, write
from signet.models.form_numbers import FormNumberRow

MOMENT = datetime(2026, 7, 1, 12, 0, 0, 123_456, tzinfo=UTC)


def store(moment: datetime) -> None:
    with write() as session:
        session.add(FormNumberRow(digest="1", used_at=moment))


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=-9, minutes=-30))])
def test_a_moment_of_any_zone_comes_back_in_utc_to_the_microsecond(app, zone):
    store(MOMENT.astimezone(zone))
    with read() as session:
        (found,) = session.scalars(select(FormNumberRow.used_at))
    assert found == MOMENT
    assert found.utcoffset() == timedelta()


def test_moments_are_compared_as_moments(app):
    store(MOMENT)
    earlier_by_its_looks = (MOMENT + timedelta(hours=1)).astimezone(timezone(timedelta(hours=-9)))
    with read() as session:
        query = select(FormNumberRow).where(FormNumberRow.used_at < earlier_by_its_looks)
        assert len(session.scalars(query).all()) == 1


def test_a_moment_without_zone_is_refused(app):
    with pytest.raises(StatementError, match="time zone"):
        store(MOMENT.replace(tzinfo=None))
