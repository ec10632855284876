"""What operators do with APIs, for tests of the pages."""

from signet.models.resource_servers import ResourceServerDetails, find_resource_server
from signet.operations.resource_servers import create_resource_server, edit_resource_server
from signet.wiring import utc_now, wiring
from tests.admin.signing_in import TEST

API = "https://api.example.org"


def make_api(name: str = "", identifier: str = API) -> int:
    """The number of a new API."""
    create_resource_server(
        identifier, name=name, encryption=wiring().encryption, actor=TEST, now=utc_now()
    )
    return get_api(identifier).number


def edit_api(name: str, identifier: str = API, *, signing_alg: str | None = None) -> None:
    """An edit by somebody else."""
    edit_resource_server(
        identifier,
        name=name,
        signing_alg=signing_alg,
        encryption=wiring().encryption,
        actor=TEST,
        now=utc_now(),
    )


def get_api(identifier: str = API) -> ResourceServerDetails:
    api = find_resource_server(identifier)
    assert api is not None
    return api
