"""POST /connect/revocation on the wire, and reference tokens: row 18 of the contract, RFC 7009.

On both engines, because what is revoked is known by the database alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from signet.models.database import write
from tests.models.outage import away
from tests.operations.acting import on_sqlite
from tests.views.cast import operating
from tests.views.keyed import ask, asserting, assertion_of
from tests.views.wire import (
    INVALID_CLIENT,
    INVALID_CLIENT_BY_HEADER,
    INVALID_REQUEST,
    Answer,
    Signet,
    basic,
)

PATH = "/connect/revocation"
INVALID_GRANT = (400, "invalid_grant")
UNAVAILABLE = (503, "temporarily_unavailable")
#: One of either form of token.
CLIENTS = ["billing", "by-reference"]


def token_of(signet: Signet, client_id: str) -> str:
    return str(signet.ask(client_id, scope="external-api").json["access_token"])


def revoke(signet: Signet, token: str, client_id: str, **parameters: str) -> Answer:
    form = {"token": token} | parameters
    return signet.post(PATH, form, basic(client_id, signet.secrets[client_id]))


def introspect(signet: Signet, token: str) -> Answer:
    headers = basic("external-api", signet.secrets["external-api"])
    return signet.post("/connect/introspect", {"token": token}, headers)


def is_active(signet: Signet, token: str) -> bool:
    """What every worker says of it; all say the same."""
    (active,) = {introspect(signet, token).json["active"] for _ in range(8)}
    return bool(active)


def assert_done(answer: Answer) -> None:
    """RFC 7009 §2.2."""
    assert (answer.status, answer.body) == (200, b"")


# --- Own tokens


@pytest.mark.parametrize("client_id", CLIENTS)
def test_a_revoked_token_ends_at_once_on_every_worker(signet: Signet, client_id: str):
    token = token_of(signet, client_id)
    assert is_active(signet, token)
    assert_done(revoke(signet, token, client_id))
    assert not is_active(signet, token)


@pytest.mark.parametrize("client_id", CLIENTS)
def test_no_other_token_of_the_client_ends(signet: Signet, client_id: str):
    token, other = token_of(signet, client_id), token_of(signet, client_id)
    assert_done(revoke(signet, token, client_id))
    assert is_active(signet, other)


@pytest.mark.parametrize("client_id", CLIENTS)
def test_once_more_is_done_as_well(signet: Signet, client_id: str):
    token = token_of(signet, client_id)
    for _ in range(3):
        assert_done(revoke(signet, token, client_id))


def test_a_client_revokes_by_the_method_that_it_is_registered_for(signet: Signet):
    token = str(ask(signet, assertion_of(signet)).json["access_token"])
    assert_done(signet.post(PATH, asserting(assertion_of(signet), token=token)))
    assert not is_active(signet, token)


@on_sqlite
@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "x"])
def test_a_hint_is_a_hint(signet: Signet, hint: str):
    token = token_of(signet, "billing")
    assert_done(revoke(signet, token, "billing", token_type_hint=hint))
    assert not is_active(signet, token)


# --- Tokens of others, and what is none


@pytest.mark.parametrize("client_id", CLIENTS)
def test_a_live_token_of_another_client_lives_on(signet: Signet, client_id: str):
    """§2.1, SECURITY C19."""
    token = token_of(signet, client_id)
    assert revoke(signet, token, "reporting").error == INVALID_GRANT
    assert is_active(signet, token)


@pytest.mark.parametrize("client_id", CLIENTS)
def test_of_a_dead_one_nobody_else_hears_that_it_was_there(signet: Signet, client_id: str):
    token = token_of(signet, client_id)
    assert_done(revoke(signet, token, client_id))
    assert_done(revoke(signet, token, "reporting"))


@on_sqlite
@pytest.mark.parametrize(
    "token", ["unknown", "signet_at_unknown", "A" * 60_000, "e30.e30.e30", "é", "a.b.c", "' --"]
)
def test_what_is_no_token_of_ours_is_done_already(signet: Signet, token: str):
    """§2.2."""
    assert_done(revoke(signet, token, "billing"))


@on_sqlite
def test_without_a_token_there_is_nothing_to_revoke(signet: Signet):
    headers = basic("billing", signet.secrets["billing"])
    for form in ({}, {"token": ""}, {"token_type_hint": "access_token"}):
        assert signet.post(PATH, form, headers).error == INVALID_REQUEST


@on_sqlite
def test_whoever_proves_nothing_is_refused_as_at_the_token_endpoint(signet: Signet):
    token = token_of(signet, "billing")
    for form, headers, refusal in (
        ({}, {}, INVALID_CLIENT),
        ({"client_id": "billing"}, {}, INVALID_CLIENT),
        ({"client_id": "billing", "client_secret": "wrong"}, {}, INVALID_CLIENT),
        ({}, basic("billing", "wrong"), INVALID_CLIENT_BY_HEADER),
        ({}, basic("disabled", signet.secrets["disabled"]), INVALID_CLIENT_BY_HEADER),
        (asserting(assertion_of(signet, aud="https://x.example")), {}, INVALID_CLIENT),
    ):
        assert signet.post(PATH, form | {"token": token}, headers).error == refusal
    assert is_active(signet, token)


# --- A store that fails (SECURITY C8): neither yes nor no, and so never 200


@contextmanager
def written_no_more(signet: Signet) -> Iterator[None]:
    """What was revoked can still be read, but nothing more can be noted."""
    rename = "ALTER TABLE revoked_token RENAME COLUMN {} TO {}"
    with operating(signet.environ):
        with write() as session:
            session.execute(text(rename.format("until", "until_away")))
        try:
            yield
        finally:
            with write() as session:
                session.execute(text(rename.format("until_away", "until")))


def assert_unavailable(answer: Answer) -> None:
    assert answer.error == UNAVAILABLE
    assert answer.headers["Retry-After"] == "5"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("client_id", CLIENTS)
def test_c8_a_revocation_that_cannot_be_noted_is_503(signet: Signet, client_id: str):
    token = token_of(signet, client_id)
    with written_no_more(signet):
        assert_unavailable(revoke(signet, token, client_id))
        assert is_active(signet, token)
    assert_done(revoke(signet, token, client_id))
    assert not is_active(signet, token)


def test_c8_while_nobody_can_tell_what_is_revoked_no_token_is_active_or_not(signet: Signet):
    token = token_of(signet, "billing")
    with operating(signet.environ), away("revoked_token"):
        assert_unavailable(introspect(signet, token))
        assert_unavailable(revoke(signet, token, "billing"))
    assert is_active(signet, token)


def test_c8_without_its_table_a_reference_token_is_neither_issued_nor_judged(signet: Signet):
    token = token_of(signet, "by-reference")
    with operating(signet.environ), away("reference_token"):
        assert_unavailable(signet.ask("by-reference"))
        assert_unavailable(introspect(signet, token))
        # A signed one needs none of it.
        assert signet.ask("billing").status == 200
    assert is_active(signet, token)
