"""Columns, lines and moments."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from signet.cli.output import facts, rfc3339, shown, table


def test_columns_are_as_wide_as_their_widest_cell_and_end_without_spaces():
    assert table(("a", "name"), [("1", "x"), ("200", None)], empty="").splitlines() == [
        "A    NAME",
        "1    x",
        "200  -",
    ]


def test_a_table_without_rows_says_so():
    assert table(("a",), [], empty="No things.") == "No things."


def test_values_stand_below_one_another_and_so_do_their_further_lines():
    assert facts({"a": "x", "longer": "y\nz", "none": ""}).splitlines() == [
        "a       x",
        "longer  y",
        "        z",
        "none    -",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        ("", "-"),
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        ([], "-"),
        (["a", "b"], "a b"),
    ],
)
def test_a_value_is_shown_as_people_read_it(value, text):
    assert shown(value) == text


def test_moments_are_in_utc_to_the_second():
    moment = datetime(2026, 3, 31, 12, 0, 0, 999_999, tzinfo=UTC)
    assert rfc3339(moment) == "2026-03-31T12:00:00Z"
    assert rfc3339(moment.astimezone(timezone(timedelta(hours=2)))) == "2026-03-31T12:00:00Z"
    assert rfc3339(None) is None
