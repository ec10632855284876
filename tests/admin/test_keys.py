"""The page of signing keys: what it says, how a key is rotated, how one is removed."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from signet.models.signing_keys import list_signing_keys
from signet.models.usage_batches import write_batch
from signet.oauth.jwks import SigningKey
from signet.operations import resource_servers
from signet.operations.clients import ClientFacts, register_client
from signet.operations.scopes import create_scope
from signet.operations.signing_keys import take_due_step
from signet.settings import Settings
from signet.usage import flush
from signet.wiring import Wiring, utc_now, wiring
from tests.admin.clock import Clock, moved_clock
from tests.admin.desk import Desk, sit_down, text_of
from tests.admin.pages import links_of, read
from tests.admin.signing_in import TEST, sign_in
from tests.cli.shell import Shell
from tests.conftest import MakeSettings

DAY = timedelta(days=1)
API = "https://api.example.org"

# Which engine it is on makes no difference to what the page says.
pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@pytest.fixture
def settings(make_settings: MakeSettings, database_url: str) -> Settings:
    """Elliptic keys: they are made in no time."""
    return make_settings(SIGNET_DATABASE_URL=database_url, SIGNET_SIGNING_ALG="ES256")


@pytest.fixture
def clock(app: Flask) -> Iterator[Clock]:
    with moved_clock(app, utc_now().replace(microsecond=0)) as clock:
        yield clock


@pytest.fixture
def desk(app: Flask, client: FlaskClient, clock: Clock) -> Desk:
    """An administrator, before one key that signs for one API and one client."""
    take_due_step("ES256", encryption=wiring().encryption, actor=TEST, now=clock.now)
    create_scope("external-api", apis=[API], actor=TEST, now=clock.now)
    register_client(ClientFacts(name="Billing"), scopes=["external-api"], actor=TEST, now=clock.now)
    return sit_down(app, client, "administrator")


def keys(state: str, clock: Clock) -> list[SigningKey]:
    return [key for key in list_signing_keys() if key.state(clock.now) == state]


def rotate(desk: Desk, **fields: str):
    """The answer to the form as its page gave it."""
    page = desk.open("/admin/keys/rotate").text
    number = re.search(r'name="form_number" value="([^"]+)"', page)
    assert number is not None
    return desk.send("/admin/keys/rotate", form_number=number[1], **fields)


def choose(signing_alg: str | None, clock: Clock) -> None:
    """Have the tokens of an API more signed with an algorithm of its own choice."""
    resource_servers.create_resource_server(
        "urn:stock",
        name="Stock API",
        signing_alg=signing_alg,
        encryption=wiring().encryption,
        actor=TEST,
        now=clock.now,
    )


# What the page says


def test_the_key_that_signs_is_shown_with_its_dates_and_who_needs_it(desk, clock):
    (key,) = keys("signing", clock)
    page = text_of(desk.open("/admin/keys"))
    assert f"The default of this server; it signs the tokens of {API} ." in page
    until = written(clock.now + 90 * DAY)
    assert f"Active {key.kid[:8]}… until {until} since {written(clock.now)} Remove now" in page


def test_next_active_and_retired_keys_are_told_apart_by_words(desk, clock):
    rotate(desk, how="now")
    rotate(desk, how="announce")
    page = text_of(desk.open("/admin/keys"))
    in_two_weeks = written(clock.now + 14 * DAY)
    (following,), (retired,) = keys("announced", clock), keys("retired", clock)
    assert f"Next {following.kid[:8]}… from {in_two_weeks} since {written(clock.now)}" in page
    assert f"Retired {retired.kid[:8]}… no until {in_two_weeks}" in page
    assert page.index("Next") < page.index("Active") < page.index("Retired")


def test_a_key_whose_time_is_over_signs_until_the_next_one_begins(desk, clock):
    clock.now += 100 * DAY
    desk = sit_again(desk)
    assert "until the next key begins" in text_of(desk.open("/admin/keys"))


def test_each_algorithm_says_which_apis_need_it(desk, clock):
    choose("EdDSA", clock)
    page = text_of(desk.open("/admin/keys"))
    assert "EdDSA Chosen by Stock API ." in page
    assert f"it signs the tokens of {API} ." in page


def test_an_algorithm_that_no_api_wants_any_more_says_so(desk, clock):
    choose("EdDSA", clock)
    resource_servers.delete_resource_server("urn:stock", actor=TEST, now=clock.now)
    page = text_of(desk.open("/admin/keys"))
    assert "EdDSA No API wants it any more: its last key ends by itself." in page


def test_u41_the_page_says_why_rs256_with_2048_bits_and_what_else_there_is(desk):
    page = text_of(desk.open("/admin/keys"))
    assert (
        "RS256 with 2,048 bits is what every library can check, and NIST allows it until 2030."
        in page
    )
    assert "PS256, ES256 and EdDSA are on offer: SIGNET_SIGNING_ALG" in page


def test_the_page_says_what_apis_must_do_and_where_the_key_set_is(desk):
    page = text_of(desk.open("/admin/keys"))
    assert (
        "What must my APIs do? Nothing, if they read the key set when they meet an unknown key"
        in page
    )
    assert "http://localhost:8000/.well-known/openid-configuration/jwks" in page


def test_a_key_that_was_removed_stands_among_those_that_have_left(desk, clock):
    (key,) = keys("signing", clock)
    desk.send(f"/admin/keys/{key.kid}/remove")
    page = text_of(desk.open("/admin/keys"))
    assert (
        f"{key.kid[:8]}… ES256 {written(clock.now)} {written(clock.now)} , removed at once" in page
    )


def test_without_a_key_the_page_says_when_there_will_be_one(app, client, clock):
    page = text_of(sit_down(app, client, "administrator").open("/admin/keys"))
    assert "There is no key yet: Signet makes one within two minutes." in page


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_whoever_may_not_change_keys_reads_them_without_a_button(app, client, clock, role):
    take_due_step("ES256", encryption=wiring().encryption, actor=TEST, now=clock.now)
    page = sit_down(app, client, role).open("/admin/keys")
    assert "Active" in text_of(page)
    assert read(page.text).all("form", within="main") == []
    assert not [link for link in links_of(page.text) if re.search("rotate|remove", link)]


def test_no_page_of_keys_holds_anything_private(desk, clock):
    (key,) = keys("signing", clock)
    for path in ("", "/rotate", f"/{key.kid}/remove"):
        assert '"d"' not in desk.open(f"/admin/keys{path}").text


# Rotation


def test_a_rotation_announces_the_next_key(desk, clock):
    answer = rotate(desk, how="announce")
    assert (answer.status_code, answer.location) == (303, "/admin/keys")
    (announced,) = keys("announced", clock)
    assert announced.signing_at == clock.now + 14 * DAY
    assert f"The key {announced.kid[:8]}… was announced." in text_of(desk.open("/admin/keys"))


def test_the_next_key_can_sign_at_once(desk, clock):
    (old,) = keys("signing", clock)
    assert rotate(desk, how="now").status_code == 303
    (key,) = keys("signing", clock)
    assert key.kid != old.kid
    assert f"The key {key.kid[:8]}… signs from now on." in text_of(desk.open("/admin/keys"))


def test_announcing_is_preselected_and_both_ways_say_what_apis_will_see(desk):
    page = desk.open("/admin/keys/rotate")
    assert re.search(r'<input[^>]*checked[^>]*value="announce"', page.text)
    text = text_of(page)
    assert "Nobody notices: APIs see the key 14 days before" in text
    assert "APIs refuse new tokens until they read the key set again." in text


def test_an_announced_key_is_not_announced_again(desk, clock):
    rotate(desk, how="announce")
    page = desk.open("/admin/keys/rotate")
    assert "The next key of ES256 is announced already." in text_of(page)
    assert 'value="announce"' not in page.text
    assert rotate(desk, how="announce").status_code == 422
    assert len(keys("announced", clock)) == 1


def test_of_several_keys_the_chosen_one_is_rotated(desk, clock):
    choose("EdDSA", clock)
    assert rotate(desk, alg="EdDSA", how="announce").status_code == 303
    assert [key.alg for key in keys("announced", clock)] == ["EdDSA"]


def test_what_is_announced_already_is_refused_where_another_is_not(desk, clock):
    choose("EdDSA", clock)
    rotate(desk, alg="EdDSA", how="announce")
    answer = rotate(desk, alg="EdDSA", how="announce")
    assert answer.status_code == 422
    assert "The next key is announced already" in text_of(answer)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"alg": "EdDSA"}, "Choose when the next key signs"),
        ({"alg": "EdDSA", "how": "later"}, "Choose when the next key signs"),
        ({"alg": "RS256", "how": "now"}, "Choose the key to replace"),
        ({"how": "now"}, "Choose the key to replace"),
    ],
)
def test_a_choice_that_was_not_offered_is_refused_at_its_field(desk, clock, fields, message):
    choose("EdDSA", clock)
    before = list_signing_keys()
    answer = rotate(desk, **fields)
    assert answer.status_code == 422
    assert text_of(answer).count(message) == 2
    assert list_signing_keys() == before


def test_a_form_that_is_sent_twice_rotates_once(desk, clock):
    page = desk.open("/admin/keys/rotate").text
    number = re.search(r'name="form_number" value="([^"]+)"', page)
    assert number is not None
    for _ in range(2):
        desk.send("/admin/keys/rotate", form_number=number[1], how="now")
    assert len(list_signing_keys()) == 2


# Removal


def test_removing_the_key_that_signs_brings_another_at_once(desk, clock):
    (old,) = keys("signing", clock)
    answer = desk.send(f"/admin/keys/{old.kid}/remove")
    assert (answer.status_code, answer.location) == (303, "/admin/keys")
    (key,) = keys("signing", clock)
    said = f"The key {old.kid[:8]}… was removed. {key.kid[:8]}… signs now."
    assert said in text_of(desk.open("/admin/keys"))


def test_before_it_is_removed_the_page_says_whom_it_hits_and_until_when(desk, clock):
    (key,) = keys("signing", clock)
    page = text_of(desk.open(f"/admin/keys/{key.kid}/remove"))
    assert (
        f"They would be valid until {written(clock.now + timedelta(hours=1))} at the latest."
        in page
    )
    assert "is refused for up to 1 hour." in page
    assert f"Refused by {API}" in page
    assert "Signs instead A new key from this moment. No API has seen it yet" in page


def test_before_it_is_removed_the_page_says_how_much_it_is_in_use(desk, clock):
    (key,) = keys("signing", clock)
    for outcome in ("token", "token", "introspection"):
        wiring().usage.note_use(
            "billing", "x", outcome, at=clock.now, address="192.0.2.1", user_agent="a test"
        )
    flush(wiring().usage, write_batch)
    page = text_of(desk.open(f"/admin/keys/{key.kid}/remove"))
    assert "In use 2 tokens issued in the last 24 hours." in page
    choose("EdDSA", clock)
    page = text_of(desk.open(f"/admin/keys/{key.kid}/remove"))
    assert "2 tokens issued in the last 24 hours, by all keys together." in page


def test_the_next_key_is_named_if_it_is_to_sign_instead(desk, clock):
    rotate(desk, how="announce")
    (old,), (following,) = keys("signing", clock), keys("announced", clock)
    page = text_of(desk.open(f"/admin/keys/{old.kid}/remove"))
    assert f"The next key {following.kid[:8]}… from this moment, and not only in 14 days." in page


def test_rotating_is_offered_as_the_safer_choice(desk, clock):
    (key,) = keys("signing", clock)
    page = desk.open(f"/admin/keys/{key.kid}/remove")
    assert "rotate instead : the next key is announced" in text_of(page)
    assert "/admin/keys/rotate" in links_of(page.text, within="main")


def test_of_a_retired_key_the_page_says_that_it_leaves_by_itself(desk, clock):
    rotate(desk, how="now")
    (old,) = keys("retired", clock)
    page = text_of(desk.open(f"/admin/keys/{old.kid}/remove"))
    assert "Tokens that this key signed may still be in use." in page
    assert f"it leaves the key set by itself on {written(clock.now + 14 * DAY)}" in page


def test_a_day_after_its_end_a_key_is_safe_to_remove(desk, clock):
    rotate(desk, how="now")
    (old,) = keys("retired", clock)
    clock.now += DAY
    page = text_of(sit_again(desk).open(f"/admin/keys/{old.kid}/remove"))
    assert "Safe to remove: no token that this key signed is valid any more." in page
    assert "Refused by" not in page


def test_a_minute_less_than_a_day_after_its_end_it_is_not_called_safe(desk, clock):
    """A token may live a day, whatever lifetimes are set to now."""
    rotate(desk, how="now")
    (old,) = keys("retired", clock)
    clock.now += DAY - timedelta(minutes=1)
    assert "Safe to remove" not in text_of(sit_again(desk).open(f"/admin/keys/{old.kid}/remove"))


def test_removing_the_next_key_refuses_nobody(desk, clock):
    rotate(desk, how="announce")
    (following,) = keys("announced", clock)
    page = text_of(desk.open(f"/admin/keys/{following.kid}/remove"))
    assert "No token has been signed by this key, so nobody is refused." in page


def test_of_a_key_of_another_algorithm_only_its_apis_are_named(desk, clock):
    choose("EdDSA", clock)
    key = next(key for key in keys("signing", clock) if key.alg == "EdDSA")
    page = text_of(desk.open(f"/admin/keys/{key.kid}/remove"))
    assert "Refused by Stock API In use" in page


def test_a_key_that_stands_in_for_the_default_names_the_apis_of_the_default(
    desk, clock, app, monkeypatch
):
    """After a change of the default the old key signs until the first of the new one may."""
    (old,) = keys("signing", clock)
    monkeypatch.setattr("signet.views.admin.keys.wiring", lambda: with_default("EdDSA"))
    take_due_step("EdDSA", encryption=wiring().encryption, actor=TEST, now=clock.now)
    page = text_of(desk.open(f"/admin/keys/{old.kid}/remove"))
    assert f"Refused by {API}" in page


@pytest.mark.parametrize("kid", ["nothing", "-abc", "%00", "a" * 400])
def test_a_key_that_is_not_there_is_not_found(desk, kid):
    assert desk.open(f"/admin/keys/{kid}/remove").status_code == 404
    assert desk.send(f"/admin/keys/{kid}/remove").status_code == 404


def test_a_key_that_has_left_the_key_set_is_not_removed_again(desk, clock):
    (old,) = keys("signing", clock)
    desk.send(f"/admin/keys/{old.kid}/remove")
    before = list_signing_keys()
    assert desk.send(f"/admin/keys/{old.kid}/remove").status_code == 404
    assert list_signing_keys() == before


# The same by command


def test_a_page_and_a_command_leave_the_same_entry(desk, clock, app):
    shell = Shell(app)
    rotate(desk, how="now")
    by_page = shell.entry()
    shell.json("key", "rotate", "--now")
    by_command = shell.entry()
    assert by_page["action"] == by_command["action"] == "key.rotate"
    assert by_page["after"].keys() == by_command["after"].keys()
    assert (by_page["actor"], by_command["actor"][:12]) == (
        "administrator@example.org",
        "command line",
    )


def with_default(alg: str) -> Wiring:
    parts = wiring()
    return replace(parts, settings=replace(parts.settings, signing_alg=alg))


def sit_again(desk: Desk) -> Desk:
    """The same administrator after so long a time that the session has ended."""
    sign_in(desk.client, "administrator@example.org")
    return desk


def written(moment) -> str:
    return f"{moment.day} {moment.strftime('%b %Y, %H:%M')} UTC"
