"""POST /connect/token on the wire: who the client is (rows 6 to 10), and the limit on failures."""

import uuid
from datetime import timedelta

import pytest

from tests.oauth.memory_store import NOON, MemoryStore, make_client, make_scope, make_secret
from tests.views.memory_app import connect
from tests.views.wire import (
    INVALID_CLIENT,
    INVALID_CLIENT_BY_HEADER,
    INVALID_REQUEST,
    TOKEN,
    Answer,
    Signet,
    basic,
    basic_raw,
)

# Row 6: exactly one mechanism


def test_row_06_two_mechanisms_are_refused(signet: Signet):
    answer = signet.post(data=signet.form(), headers=basic("billing", signet.secrets["billing"]))
    assert answer.error == INVALID_REQUEST


@pytest.mark.parametrize("authorization", ["Bearer x", "Basic !", "Basic", "", "Digest a=b"])
def test_row_06_any_authorization_header_is_a_mechanism(signet: Signet, authorization: str):
    answer = signet.post(data=signet.form(), headers={"Authorization": authorization})
    assert answer.error == INVALID_REQUEST


def test_row_06_a_secret_and_an_assertion_are_refused(signet: Signet):
    assert signet.ask(client_assertion="x").error == INVALID_REQUEST
    assert signet.ask_by_basic(client_assertion="x").error == INVALID_REQUEST


def test_row_06_the_same_client_id_beside_basic_is_fine(signet: Signet):
    assert signet.ask_by_basic(client_id="billing").status == 200


def test_row_06_another_client_id_beside_basic_is_refused(signet: Signet):
    assert signet.ask_by_basic(client_id="reporting").error == INVALID_REQUEST
    assert signet.ask_by_basic(client_id="Billing").error == INVALID_REQUEST


@pytest.mark.parametrize("form", [{}, {"client_id": "billing"}, {"client_assertion": "x"}])
def test_row_06_no_credentials_are_refused(signet: Signet, form: dict[str, str]):
    answer = signet.post(data={"grant_type": "client_credentials"} | form)
    assert answer.error == INVALID_CLIENT
    assert "WWW-Authenticate" not in answer.headers


def test_row_06_a_secret_without_a_client_id_is_refused(signet: Signet):
    form = signet.form()
    del form["client_id"]
    assert signet.post(data=form).error == INVALID_CLIENT


# Row 7: the method is the registered one


def test_row_07_a_client_with_a_secret_may_send_it_either_way(signet: Signet):
    assert signet.ask().status == 200
    assert signet.ask_by_basic().status == 200


@pytest.mark.parametrize("by_header", [True, False])
def test_row_07_a_client_of_another_method_may_not_use_a_secret(by_header: bool):
    client = make_client("billing", "secret", token_endpoint_auth_method="private_key_jwt")
    form = {"grant_type": "client_credentials"}
    credentials = {} if by_header else {"client_id": "billing", "client_secret": "secret"}
    answer = connect(MemoryStore(client)).post(
        TOKEN, data=form | credentials, headers=basic("billing", "secret") if by_header else {}
    )
    assert answer.status_code == (401 if by_header else 400)
    assert answer.json["error"] == "invalid_client"


# Row 8: Basic


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_row_08_the_scheme_is_compared_without_case(signet: Signet, scheme: str):
    token = basic("billing", signet.secrets["billing"])["Authorization"].split(" ")[1]
    headers = {"Authorization": f"{scheme} {token}"}
    assert signet.post(data={"grant_type": "client_credentials"}, headers=headers).status == 200


def test_row_08_both_halves_are_form_decoded(signet: Signet):
    secret = signet.secrets["billing"].replace("_", "%5F")
    headers = basic_raw(f"b%69lling:{secret}".encode())
    assert signet.post(data={"grant_type": "client_credentials"}, headers=headers).status == 200


def test_row_08_plus_is_a_space_and_the_first_colon_splits():
    client = make_client("a b", "c:d e")
    headers = basic_raw(b"a+b:c:d+e")
    answer = connect(MemoryStore(client)).post(
        TOKEN, data={"grant_type": "client_credentials"}, headers=headers
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer abc",
        "Basicabc",
        "Basic",
        "",
        "Basic ####",
        "Basic YmlsbGluZw",
        "Basic YmlsbGluZw==YQ==",
        "Basic \xff",
        "Basic YmlsbGluZw==, Basic YmlsbGluZw==",
        basic_raw(b"billing")["Authorization"],
        basic_raw(b":secret")["Authorization"],
        basic_raw(b"billing:")["Authorization"],
        basic_raw(b"billing:\xff")["Authorization"],
        basic_raw(b"billing:%ff")["Authorization"],
        basic_raw(b"billing:%zz")["Authorization"],
        basic_raw(b"billing:\0")["Authorization"],
        basic_raw(b"bil%00ling:secret")["Authorization"],
        basic_raw(b"x" * 201 + b":secret")["Authorization"],
        basic_raw(b"billing:" + b"x" * 513)["Authorization"],
    ],
)
def test_row_08_broken_credentials_are_401(signet: Signet, authorization: str):
    answer = signet.post(
        data={"grant_type": "client_credentials"}, headers={"Authorization": authorization}
    )
    assert answer.error == INVALID_CLIENT_BY_HEADER
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="signet"'


@pytest.mark.parametrize("client_id", ["mixed.case", "MIXED.CASE", "Mixed.Case ", " Mixed.Case"])
def test_row_08_client_ids_match_exactly(signet: Signet, client_id: str):
    assert signet.ask("Mixed.Case").status == 200
    assert signet.ask("Mixed.Case", client_id=client_id).error == INVALID_CLIENT


# Row 9: one and the same answer


@pytest.mark.parametrize("by_header", [True, False])
@pytest.mark.parametrize("who", ["unknown", "wrong", "expired", "revoked", "disabled"])
def test_row_09_every_refusal_is_the_same_answer(signet: Signet, who: str, by_header: bool):
    client_id = {"unknown": "nobody", "wrong": "billing"}.get(who, who)
    secret = signet.secrets.get(who, "signet_wrong")
    if by_header:
        answer = signet.post(
            data={"grant_type": "client_credentials"}, headers=basic(client_id, secret)
        )
    else:
        answer = signet.post(
            data=signet.form(client_id="billing")
            | {"client_id": client_id, "client_secret": secret}
        )
    assert answer.status == (401 if by_header else 400)
    assert answer.body == (
        b'{"error":"invalid_client","error_description":"Client authentication failed."}'
    )
    challenge = 'Basic realm="signet"' if by_header else None
    assert answer.headers["WWW-Authenticate"] == challenge


def test_row_09_a_secret_counts_for_its_own_client_only(signet: Signet):
    assert signet.ask(client_secret=signet.secrets["reporting"]).error == INVALID_CLIENT


# Row 10: secrets and digests


def test_row_10_a_stored_digest_is_never_accepted():
    client = make_client("billing")
    form = {
        "grant_type": "client_credentials",
        "client_id": "billing",
        "client_secret": client.secrets[0].digest,
    }
    answer = connect(MemoryStore(client)).post(TOKEN, data=form)
    assert (answer.status_code, answer.json["error"]) == INVALID_CLIENT


def test_row_10_each_live_secret_works(signet: Signet):
    assert signet.ask("rotated").status == 200
    assert signet.ask("rotated", client_secret=signet.secrets["rotated-old"]).status == 200


# 429


def fail_until_limited(signet: Signet, client_id: str) -> Answer:
    """The first 429; workers count for themselves, so it comes within their number of limits."""
    for _ in range(1_000):
        answer = signet.post(data=signet.form() | {"client_id": client_id, "client_secret": "x"})
        if answer.status == 429:
            return answer
        assert answer.error == INVALID_CLIENT
    pytest.fail("no limit")


def test_429_too_many_failures_of_a_pair(signet: Signet):
    answer = fail_until_limited(signet, f"nobody-{uuid.uuid4()}")
    assert answer.error == (429, "temporarily_unavailable")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert answer.headers["Cache-Control"] == "no-store"


def test_429_is_never_the_answer_to_a_right_secret(signet: Signet):
    fail_until_limited(signet, "attacked")
    assert signet.ask("attacked").status == 200


def test_429_begins_after_the_set_number_of_failures():
    client = connect(MemoryStore(), failures_per_minute=3)
    form = {"grant_type": "client_credentials", "client_id": "nobody", "client_secret": "x"}
    statuses = [client.post(TOKEN, data=form).status_code for _ in range(5)]
    assert statuses == [400, 400, 400, 429, 429]
    assert client.post(TOKEN, data=form | {"client_id": "other"}).status_code == 400
    elsewhere = {"REMOTE_ADDR": "192.0.2.1"}
    assert client.post(TOKEN, data=form, environ_base=elsewhere).status_code == 400


# Changes count at once


@pytest.mark.parametrize(
    "stale",
    [
        None,
        make_client("billing", "old"),
        make_client("billing", "new", scopes=()),
        make_client("billing", "new", enabled=False),
        make_client("billing", "new", grant_types=frozenset()),
    ],
)
def test_what_a_snapshot_does_not_know_yet_works_at_once(stale):
    store = MemoryStore(make_client("billing", "new"))
    store.snapshots["billing"] = stale
    answer = connect(store).post(
        TOKEN, data={"grant_type": "client_credentials"}, headers=basic("billing", "new")
    )
    assert answer.status_code == 200


def test_a_secret_that_has_a_year_and_one_that_has_a_second_left_work_alike():
    secret = make_secret("secret", expires_at=NOON + timedelta(seconds=1))
    store = MemoryStore(make_client("billing", secrets=(secret,), scopes=(make_scope(),)))
    form = {"grant_type": "client_credentials"}
    headers = basic("billing", "secret")
    assert (
        connect(store, clock=lambda: NOON).post(TOKEN, data=form, headers=headers).status_code
        == 200
    )
    later = NOON + timedelta(seconds=1)
    assert (
        connect(store, clock=lambda: later).post(TOKEN, data=form, headers=headers).status_code
        == 401
    )
