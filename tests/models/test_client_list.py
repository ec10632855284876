"""The list of clients: states, search, pages."""

from datetime import timedelta
from itertools import combinations_with_replacement, product

import flask_migrate
import pytest
from sqlalchemy import select

from signet.models import client_list, narrowing
from signet.models.client_list import (
    IDLE,
    STATES,
    ClientFilter,
    client_state,
    count_clients,
    every_client,
    list_clients,
)
from signet.models.clients import ClientRow, ClientSecretRow, find_client
from signet.models.counted import Counted
from signet.models.database import read, write
from signet.models.principal_names import PrincipalNameRow
from signet.models.schema import bind_migrations, upgrade_schema
from signet.models.usage import BUSY_FROM, UseCountRow
from signet.oauth.client import CLIENT_SECRET_BASIC, PRIVATE_KEY_JWT, REGISTERED_METHODS
from signet.operations import client_secrets, clients
from signet.operations.client_facts import ClientFacts
from tests.operations.acting import ADA, NOON, make_scope, register
from tests.usage import used

DAY = timedelta(days=1)

#: When a secret ends and when it was revoked.
SECRETS = {
    "none": (),
    "lasts": (None, None),
    "31 days": (NOON + 31 * DAY, None),
    "30 days": (NOON + 30 * DAY, None),
    "a moment": (NOON + timedelta(microseconds=1), None),
    "ends now": (NOON, None),
    "expired": (NOON - DAY, None),
    "revoked": (None, NOON - DAY),
    "revoked, then expired": (NOON - DAY, NOON - 2 * DAY),
}


def add(
    client_id: str,
    *,
    name: str = "Name",
    enabled: bool = True,
    method: str = CLIENT_SECRET_BASIC,
    secrets=(),
) -> None:
    with write() as session:
        session.add(
            ClientRow(
                client_id=client_id,
                principal_name=PrincipalNameRow(folded=client_id.casefold()),
                name=name,
                folded_name=name.casefold(),
                description="",
                contact="",
                enabled=enabled,
                token_endpoint_auth_method=method,
                access_token_lifetime=3600,
                created_at=NOON,
                created_by="ada",
                secrets=[
                    ClientSecretRow(
                        secret_id=f"{client_id}-{number}"[:20],
                        description="",
                        digest="",
                        hint="",
                        created_at=NOON,
                        created_by="ada",
                        expires_at=expires_at,
                        revoked_at=revoked_at,
                    )
                    for number, (expires_at, revoked_at) in enumerate(secrets)
                ],
            )
        )


def ids(page) -> list[str]:
    return [client.client_id for client in page.clients]


def find(limit: int = 1_000, **wanted: str) -> list[str]:
    return ids(list_clients(ClientFilter(**wanted), now=NOON, limit=limit))


def counts_by_state() -> dict[str, int]:
    return {state: count_clients(ClientFilter(state=state), now=NOON).number for state in STATES}


# States


def test_a_list_by_state_holds_just_the_clients_of_that_state(app, monkeypatch):
    """The state is a rule over one client and a condition of a query: both must say the same."""
    for number, kinds in enumerate(combinations_with_replacement(SECRETS, 2)):
        secrets = [SECRETS[kind] for kind in kinds if SECRETS[kind]]
        for enabled in (True, False):
            add(f"client-{number}-{'on' if enabled else 'off'}", enabled=enabled, secrets=secrets)
        add(f"client-{number}-keys", method=PRIVATE_KEY_JWT, secrets=secrets)
        if number % 2:
            used(f"client-{number}-on", at=NOON)
            used(f"client-{number}-keys", at=NOON)
    everybody = list(every_client(ClientFilter(), now=NOON))
    assert len(everybody) == 135
    by_rule = {
        state: {client.client_id for client in everybody if client_state(client, NOON) == state}
        for state in STATES
    }
    assert all(by_rule.values())
    assert {state: set(find(state=state)) for state in STATES} == by_rule
    in_order = {state: find(state=state, sort="-used") for state in STATES}
    # As if these were very many.
    monkeypatch.setattr(narrowing, "MOST_GATHERED", 0)
    assert {state: find(state=state, sort="-used") for state in STATES} == in_order
    monkeypatch.undo()
    assert counts_by_state() == {state: len(by_rule[state]) for state in STATES}


@pytest.mark.parametrize(
    ("kinds", "state"),
    [
        (["none"], "no-secret"),
        (["revoked"], "no-secret"),
        (["revoked, then expired"], "no-secret"),
        (["ends now"], "expired"),
        (["revoked", "expired"], "expired"),
        (["30 days", "expired"], "expiring"),
        (["30 days", "31 days"], "active"),
        (["lasts"], "active"),
    ],
)
def test_a_client_is_in_the_state_an_operator_should_know_first(app, kinds, state):
    add("billing", secrets=[SECRETS[kind] for kind in kinds if SECRETS[kind]])
    used("billing", at=NOON)
    add("off", enabled=False, secrets=[SECRETS[kind] for kind in kinds if SECRETS[kind]])
    assert find(state=state) == ["billing"]
    assert find(state="disabled") == ["off"]


def test_a_client_that_has_never_asked_for_a_token_is_known_as_that(app):
    add("billing", secrets=[SECRETS["lasts"]])
    assert find(state="never-used") == ["billing"]
    used("billing", at=NOON)
    assert find(state="active") == ["billing"]


def test_idle_is_who_was_not_used_for_90_days_and_is_not_disabled(app):
    for client_id in ("busy", "idle", "new", "off"):
        add(client_id, secrets=[SECRETS["lasts"]], enabled=client_id != "off")
    later = NOON + 90 * DAY
    second = timedelta(seconds=1)
    used("busy", at=later)
    used("idle", at=NOON + second)
    found = [
        ids(list_clients(ClientFilter(state=IDLE), now=now, limit=100))
        # Nobody who was never used is waited for longer than that.
        for now in (later, later + second, later + 2 * second)
    ]
    assert found == [[], ["new"], ["idle", "new"]]


@pytest.mark.parametrize("limit", [1, 2, 10])
def test_the_order_by_last_use_begins_with_those_never_used_and_leads_through_all(app, limit):
    for client_id in ("a", "b", "c", "d", "e"):
        add(client_id)
    for hours, client_id in enumerate(("d", "b", "a")):
        used(client_id, at=NOON + timedelta(hours=hours))
    expected = ["c", "e", "d", "b", "a"]
    for sort, order in (("used", expected), ("-used", expected[::-1])):
        wanted, found, after = ClientFilter(sort=sort), [], None
        while True:
            page = list_clients(wanted, now=NOON, after=after, limit=limit)
            found += ids(page)
            if page.next is None:
                break
            after = page.next
        assert found == order


def test_what_is_left_of_secrets_is_nothing_to_know_of_a_client_that_uses_none(app):
    others = [method for method in REGISTERED_METHODS if method != CLIENT_SECRET_BASIC]
    for number, (ends, method) in enumerate(product(SECRETS.values(), others)):
        add(f"on-{number}", method=method, secrets=[ends] if ends else [])
        add(f"off-{number}", method=method, enabled=False, secrets=[ends] if ends else [])
    assert counts_by_state() == dict.fromkeys(STATES, 0) | {
        "never-used": len(SECRETS) * len(others),
        "disabled": len(SECRETS) * len(others),
    }


# Search and filter


@pytest.fixture
def some(app):
    add("billing-export", name="Billing Export")
    add("100_percent", name="100 % Ökostrom")
    add("strasse", name="Maßstab")
    add("Back", name="back\\slash")


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("BILL", ["billing-export"]),
        ("export", ["billing-export"]),
        ("ökostrom", ["100_percent"]),
        ("ÖKO", ["100_percent"]),
        ("MASSSTAB", ["strasse"]),
        ("%", ["100_percent"]),
        ("_", ["100_percent"]),
        ("\\", ["Back"]),
        ("bACK", ["Back"]),
        ("'", []),
        ("nothing", []),
    ],
)
def test_a_search_finds_parts_of_names_and_ids_by_no_case(some, monkeypatch, search, found):
    assert find(search=search) == found
    monkeypatch.setattr(narrowing, "MOST_GATHERED", 0)
    assert find(search=search) == found
    assert [client.client_id for client in every_client(ClientFilter(search=search), now=NOON)] == (
        found
    )


def test_a_client_is_found_by_what_it_is_called_now(some):
    act = {"actor": ADA, "now": NOON}
    clients.edit_client("billing-export", ClientFacts(name="Invoices"), **act)
    clients.delete_client("strasse", **act)
    assert find(search="voic") == find(search="ing-e") == ["billing-export"]
    assert find(search="ing exp") == find(search="mass") == []


def test_a_client_whose_secret_is_revoked_or_brought_back_changes_its_state(app):
    register("billing")
    secret_id = find_client("billing").secrets[0].secret_id
    revocation = {"actor": ADA, "now": NOON}
    client_secrets.revoke_secret("billing", secret_id, **revocation)
    assert find(state="no-secret") == ["billing"]
    client_secrets.undo_revoke("billing", secret_id, **revocation)
    assert find(state="never-used") == ["billing"]


@pytest.mark.parametrize("most_gathered", [20_000, 0])
def test_several_filters_hold_together(app, monkeypatch, most_gathered):
    make_scope("one")
    for client_id in ("aaa-1", "aab-1", "aab-2", "bbb-1"):
        register(client_id, scopes=["one"] if client_id.endswith("1") else [])
    used("bbb-1", at=NOON)
    monkeypatch.setattr(narrowing, "MOST_GATHERED", most_gathered)
    wanted = ClientFilter(search="b-", scope="one", sort="-name")
    page = list_clients(wanted, now=NOON, limit=1)
    assert (ids(page), page.matching, page.total) == (["bbb-1"], Counted(2), Counted(4))
    assert ids(list_clients(wanted, now=NOON, after=page.next)) == ["aab-1"]
    assert find(search="b-", scope="one", state="never-used") == ["aab-1"]


def test_nobody_goes_on_counting_beyond_what_is_counted(some, monkeypatch):
    monkeypatch.setattr(narrowing, "MOST_GATHERED", 1)
    page = list_clients(ClientFilter(search="a"), now=NOON)
    assert (len(page.clients), page.matching.is_all) == (2, False)


def test_a_list_by_scope_holds_whoever_has_it(app):
    make_scope("one")
    make_scope("two")
    register("aaa", scopes=["one"])
    register("bbb", scopes=["one", "two"])
    register("ccc")
    assert find(scope="one") == ["aaa", "bbb"]
    assert find(scope="two", search="b") == ["bbb"]
    assert find(scope="nothing") == []


# Migration


def test_a_migration_works_out_what_is_kept_for_lists_afterwards(app):
    for number, ends in enumerate(SECRETS.values()):
        add(f"client-{number}", name=f"Straße {number}", secrets=[ends] if ends else [])
    add("keys", method=PRIVATE_KEY_JWT)
    used("client-1", at=NOON + DAY, times=BUSY_FROM)
    used("client-2", at=NOON - DAY)

    def seen() -> list[list[str]]:
        lists = [find(state=state, sort="-used") for state in STATES]
        with read() as session:
            busy = list(session.scalars(select(UseCountRow.client_id).where(UseCountRow.is_busy)))
        return [*lists, find(search="asse 1"), find(search="t-1"), busy]

    before = seen()
    assert before[-3:] == [["client-1"], ["client-1"], ["client-1"]]
    bind_migrations(app)
    flask_migrate.downgrade(revision="0016")
    upgrade_schema()
    assert seen() == before


# Pages


@pytest.fixture
def seven(app):
    """In the order of the list; three have the same name."""
    for client_id, name in (
        ("c6", "delta"), ("c1", "Alpha"), ("c3", "Beta"), ("c4", "beta"),
        ("c5", "BETA"), ("c2", "alpha beta"), ("c7", "Epsilon"),
    ):  # fmt: skip
        add(client_id, name=name)


SEVEN = ["c1", "c2", "c3", "c4", "c5", "c6", "c7"]


@pytest.mark.parametrize("sort", ["name", "-name"])
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_pages_lead_through_all_clients_once_and_back(seven, sort, limit):
    wanted = ClientFilter(sort=sort)
    page = list_clients(wanted, now=NOON, limit=limit)
    assert page.previous is None
    pages = [ids(page)]
    while page.next is not None:
        page = list_clients(wanted, now=NOON, after=page.next, limit=limit)
        pages.append(ids(page))
    assert sum(pages, []) == (SEVEN if sort == "name" else SEVEN[::-1])
    back = [ids(page)]
    while page.previous is not None:
        page = list_clients(wanted, now=NOON, before=page.previous, limit=limit)
        back.insert(0, ids(page))
    assert back == pages


def test_a_page_says_how_many_match_and_how_many_there_are(seven):
    page = list_clients(ClientFilter(search="beta"), now=NOON, limit=2)
    assert (ids(page), page.matching, page.total) == (["c2", "c3"], Counted(4), Counted(7))
    page = list_clients(ClientFilter(), now=NOON, limit=2)
    assert (page.matching, page.total) == (Counted(7), Counted(7))


def test_a_filter_holds_on_every_page(seven):
    wanted = ClientFilter(search="beta")
    page = list_clients(wanted, now=NOON, limit=3)
    assert ids(list_clients(wanted, now=NOON, after=page.next, limit=3)) == ["c5"]


def test_a_page_behind_a_client_that_is_gone_is_empty_and_no_error(seven):
    clients.delete_client("c3", actor=ADA, now=NOON)
    for cursor in ({"after": "c3"}, {"before": "c3"}, {"after": "' OR 1=1 --"}):
        page = list_clients(ClientFilter(), now=NOON, limit=2, **cursor)
        assert (ids(page), page.previous, page.next) == ([], None, None)


def test_a_stream_of_clients_holds_each_once_across_batches(seven, monkeypatch):
    monkeypatch.setattr(client_list, "_BATCH", 2)
    streamed = [client.client_id for client in every_client(ClientFilter(), now=NOON)]
    assert streamed == SEVEN
