"""What is left to do for answered requests: in order, for many at once, and whatever fails."""

from signet.bookkeeping import MOST_WAITING, Bookkeeping


def failing(_: object) -> None:
    raise RuntimeError("the disk is full")


def test_without_anybody_who_comes_back_for_it_everything_is_written_at_once():
    books, written = Bookkeeping(), []
    books.add_writer(written.append)
    books.note("first")
    books.note("second")
    assert written == [["first"], ["second"]]


def test_what_waits_is_written_together_in_its_order():
    books, written = Bookkeeping(), []
    books.add_writer(written.append)
    books.defer()
    books.note("first")
    books.note("second")
    assert written == []
    books.write_down()
    books.write_down()
    assert written == [["first", "second"]]


def test_it_never_waits_in_any_number():
    books, written = Bookkeeping(), []
    books.add_writer(written.append)
    books.defer()
    for number in range(MOST_WAITING + 1):
        books.note(number)
    assert [len(batch) for batch in written] == [MOST_WAITING]


def test_a_writer_that_fails_keeps_nothing_from_the_others(caplog):
    books, written = Bookkeeping(), []
    books.add_writer(failing)
    books.add_writer(written.append)
    books.note("a request")
    assert written == [["a request"]]
    assert "requests could not be written down" in caplog.text
    books.note("the next")
    assert written[1:] == [["the next"]]
