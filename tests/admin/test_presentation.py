"""How pages write moments, durations and numbers."""

from datetime import UTC, datetime, timedelta

import pytest

from app import create_app
from signet.models.counted import counted
from signet.views.admin.presentation import (
    ago_or_in,
    format_datetime,
    format_duration,
    format_number,
)
from tests.admin.house import House
from tests.admin.pages import read
from tests.conftest import MakeSettings
from tests.databases import Databases
from tests.running import opened

NOON = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def test_a_moment_is_written_in_utc_for_people_and_for_programs():
    moment = datetime(2026, 11, 5, 6, 10, 4, tzinfo=UTC)
    assert format_datetime(moment) == (
        '<time datetime="2026-11-05T06:10:04Z" title="Thursday, 05 November 2026, 06:10:04 UTC">'
        "5 Nov 2026, 06:10 UTC</time>"
    )


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(), "0 seconds"),
        (timedelta(seconds=1), "1 second"),
        (timedelta(seconds=90), "90 seconds"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(hours=24), "1 day"),
        (timedelta(hours=36), "36 hours"),
        (timedelta(days=365), "365 days"),
        (timedelta(days=36_500), "36,500 days"),
        (timedelta(seconds=86_399), "86,399 seconds"),
    ],
)
def test_a_duration_is_written_in_its_largest_whole_unit(duration: timedelta, text: str):
    assert format_duration(duration) == text


@pytest.mark.parametrize(
    ("away", "text"),
    [
        (timedelta(), "now"),
        (timedelta(milliseconds=900), "now"),
        (timedelta(milliseconds=-900), "now"),
        (timedelta(seconds=1), "in 1 second"),
        (timedelta(seconds=-59), "59 seconds ago"),
        (timedelta(seconds=-60), "1 minute ago"),
        (timedelta(minutes=-4), "4 minutes ago"),
        (timedelta(hours=23, minutes=59), "in 23 hours"),
        (timedelta(days=6, hours=5), "in 6 days"),
        (timedelta(days=-1), "1 day ago"),
        (timedelta(days=-1_000), "1,000 days ago"),
    ],
)
def test_how_far_away_a_moment_is_never_promises_more_time_than_there_is(
    away: timedelta, text: str
):
    assert ago_or_in(NOON + away, NOON) == text


@pytest.mark.parametrize(("number", "text"), [(0, "0"), (999, "999"), (38_112, "38,112")])
def test_a_number_has_separators(number: int, text: str):
    assert format_number(number) == text


def test_of_very_many_no_more_is_said_than_was_counted():
    assert format_number(counted(10_000)) == "10,000"
    assert format_number(counted(10_001)) == "10,000+"


def test_every_asset_of_a_page_is_there_under_the_hash_of_its_content(sqlite_house: House):
    client = sqlite_house.app.test_client()
    page = read(client.get("/admin/sign-in").text)
    assets = {
        element.attributes.get("href") or element.attributes.get("src") or ""
        for element in [*page.all("link"), *page.all("script")]
    }
    assert len(assets) == 4
    for address in assets:
        assert "?v=" in address
        with client.get(address) as answer:
            assert answer.status_code == 200


def test_a_page_says_which_installation_it_is(make_settings: MakeSettings, databases: Databases):
    with databases.fresh("sqlite") as url:
        settings = make_settings(SIGNET_DATABASE_URL=url, SIGNET_ENVIRONMENT="staging <eu>")
        with opened(create_app(settings)) as app:
            page = app.test_client().get("/admin/setup").text
    assert "staging &lt;eu&gt;" in page
