"""Charts: every hour or day has its point, and the drawing says what the table says."""

from datetime import UTC, datetime, timedelta

import pytest

from signet.models.usage import UseCount
from signet.views.admin.chart import HEIGHT, WIDTH, Chart, draw_chart

NOON = datetime(2026, 7, 1, 12, 30, tzinfo=UTC)
DAYS = timedelta(days=1)


def counted(outcome: str, count: int, days_ago: int = 0, credential_id: str = "") -> UseCount:
    begins_at = NOON.replace(hour=0, minute=0) - days_ago * DAYS
    return UseCount(begins_at=begins_at, credential_id=credential_id, outcome=outcome, count=count)


def draw(*counts: UseCount, days: int = 2) -> Chart:
    return draw_chart(counts, chart_id="x", span="day", since=NOON - days * DAYS, now=NOON)


def test_a_day_on_which_nothing_was_has_its_place():
    chart = draw(counted("token", 5, days_ago=2), counted("token", 3))
    assert [(row.label, row.issued) for row in chart.rows] == [
        ("29 Jun", 5),
        ("30 Jun", 0),
        ("1 Jul", 3),
    ]


def test_credentials_and_reasons_are_added_up_and_introspection_is_neither():
    chart = draw(
        counted("token", 1, credential_id="a"),
        counted("token", 2, credential_id="b"),
        counted("wrong_secret", 4),
        counted("expired_secret", 5),
        counted("introspection", 100),
    )
    assert (chart.issued, chart.refused) == (3, 9)


@pytest.mark.parametrize(
    ("count", "most"), [(0, 1), (1, 1), (3, 5), (6, 10), (11, 20), (212, 500), (43_200, 50_000)]
)
def test_the_upper_edge_is_a_round_number(count: int, most: int):
    assert draw(counted("token", count)).most == most


def test_the_lines_go_from_edge_to_edge_and_stay_inside():
    chart = draw(counted("token", 10, days_ago=2), counted("wrong_secret", 5))
    assert chart.issued_points == f"0.0,0.0 300.0,{HEIGHT}.0 600.0,{HEIGHT}.0"
    assert chart.refused_points.endswith(f"{WIDTH}.0,{HEIGHT / 2:.1f}")


def test_a_single_day_can_be_drawn():
    assert draw(counted("token", 1), days=0).issued_points == "0.0,0.0"


def test_what_the_eye_sees_is_said_in_a_sentence():
    chart = draw(counted("token", 1_200, days_ago=1), counted("wrong_secret", 2))
    assert chart.description == (
        "From 29 Jun to 1 Jul (UTC): 1,200 issued, 2 refused. "
        "Most were issued in the day of 30 Jun: 1,200."
    )


def test_hours_are_told_with_their_day():
    chart = draw_chart([], chart_id="x", span="hour", since=NOON - timedelta(hours=1), now=NOON)
    assert [row.label for row in chart.rows] == ["1 Jul, 11:00", "1 Jul, 12:00"]
    assert chart.is_empty and chart.title == "Tokens per hour"
