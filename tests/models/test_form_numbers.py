"""One-time numbers of forms: the same form sent twice acts once."""

from datetime import timedelta
from functools import partial

from sqlalchemy import select

from signet.models.database import read
from signet.models.form_numbers import (
    KEPT_FOR,
    FormNumberRow,
    prune_form_numbers,
    release_form_number,
    use_form_number,
)
from tests.operations.acting import NOON, at_once

use = partial(use_form_number, now=NOON)


def test_a_number_is_new_once(app):
    assert use("one")
    assert not use("one")
    assert use("two")


def test_of_many_who_use_a_number_at_once_one_does(app):
    assert sorted(at_once(app, *[partial(use, "one")] * 20)) == [False] * 19 + [True]


def test_a_released_number_is_new_again(app):
    use("one")
    release_form_number("one")
    assert use("one")


def test_a_number_is_kept_as_a_digest(app):
    use("one")
    with read() as session:
        assert len(session.scalars(select(FormNumberRow.digest)).one()) == 64


def test_numbers_are_forgotten_when_no_session_can_send_them_any_more(app):
    use("one")
    prune_form_numbers(now=NOON + KEPT_FOR)
    assert not use("one")
    prune_form_numbers(now=NOON + KEPT_FOR + timedelta(seconds=1))
    assert use("one")
