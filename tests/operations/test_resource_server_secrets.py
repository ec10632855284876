"""The secrets of an API: what is special about them; their life is that of a client's secrets."""

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import func, select

from signet.models.database import read
from signet.models.resource_servers import find_resource_server, load_resource_server_snapshot
from signet.models.scopes import ResourceServerSecretRow
from signet.oauth.client import digest_client_secret, matching_secret
from signet.operations import resource_server_secrets, resource_servers
from signet.operations.errors import NotFoundError, OperationError
from signet.operations.secret_life import MOST_LIVE_SECRETS, IssuedSecret
from tests.operations.acting import ADA, ENCRYPTION, NOON, entries, register, unchanged

API = "https://api.example.org/"
DAY = timedelta(days=1)
LATER = NOON + DAY

create = partial(resource_server_secrets.create_secret, API, actor=ADA, now=NOON)
rotate = partial(resource_server_secrets.rotate_secret, API, actor=ADA, now=LATER)
revoke = partial(resource_server_secrets.revoke_secret, API, actor=ADA, now=LATER)


@pytest.fixture
def api(app) -> str:
    make_api()
    return API


def make_api(identifier: str = API) -> None:
    resource_servers.create_resource_server(
        identifier, name="Partner API", encryption=ENCRYPTION, actor=ADA, now=NOON
    )


def works(issued: IssuedSecret, now=LATER, *, identifier: str = API) -> bool:
    with read() as session:
        api = load_resource_server_snapshot(session, identifier)
    assert api is not None
    return bool(matching_secret(api.secrets, issued.client_secret, client_id=identifier, now=now))


def secrets():
    api = find_resource_server(API)
    assert api is not None
    return api.secrets


def test_an_api_has_no_secret_until_one_is_made(api):
    assert secrets() == ()
    issued = create(description="prod")
    assert works(issued)
    assert (issued.client_id, issued.scopes) == (API, ())
    (secret,) = secrets()
    assert (secret.secret_id, secret.description) == (issued.secret_id, "prod")
    assert secret.expires_at == NOON + 365 * DAY


def test_an_act_is_recorded_about_the_api(api):
    first = create()
    rotate()
    revoke(first.secret_id)
    acts = [(e.action, e.object.type, e.object.id, e.object.name) for e in entries()[1:]]
    assert acts == [
        (f"api_secret.{verb}", "api", API, "Partner API") for verb in ("create", "rotate", "revoke")
    ]
    assert first.client_secret not in str(entries())


def test_a_rotation_lets_the_old_secret_work_for_the_overlap(api):
    old, new = create(), rotate(overlap=7 * DAY)
    assert works(old, LATER + 7 * DAY - timedelta(seconds=1))
    assert not works(old, LATER + 7 * DAY)
    assert works(new, LATER + 7 * DAY)


def test_a_revoked_secret_is_refused_and_the_others_are_not(api):
    gone, kept = create(), create()
    revoke(gone.secret_id)
    assert not works(gone)
    assert works(kept)
    assert [secret.state(LATER) for secret in secrets()] == ["live", "revoked"]


def test_an_api_has_ten_live_secrets_and_not_one_more(api):
    for _ in range(MOST_LIVE_SECRETS):
        create()
    with pytest.raises(OperationError, match="This API has 10 live secrets"):
        create()


def test_the_stored_digest_is_bound_to_the_identifier(api):
    """SECURITY C15."""
    issued = create()
    with read() as session:
        (digest,) = session.scalars(select(ResourceServerSecretRow.digest))
    assert digest == digest_client_secret(issued.client_secret, client_id=API)


def test_the_secret_of_one_api_is_not_that_of_another(api):
    make_api("urn:stock")
    assert not works(create(), identifier="urn:stock")


def test_an_api_that_is_deleted_takes_its_secrets_along(api):
    create()
    resource_servers.delete_resource_server(API, actor=ADA, now=LATER)
    with read() as session:
        assert session.scalar(select(func.count()).select_from(ResourceServerSecretRow)) == 0


def test_what_is_not_there_is_not_found(api):
    of_client = register("billing")
    make_api("urn:stock")
    of_another = resource_server_secrets.create_secret("urn:stock", actor=ADA, now=NOON)
    for act in (
        partial(create.func, "billing"),
        partial(rotate.func, "nothing"),
        partial(revoke.func, API, of_client.secret_id),
        partial(revoke.func, API, of_another.secret_id),
    ):
        with unchanged(NotFoundError):
            act(actor=ADA, now=LATER)
