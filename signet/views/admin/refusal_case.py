"""A refused request with all that is known around it: whose it was, and whom it may mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from flask import url_for

from signet.models.audit_log import AuditEntry, list_entries
from signet.models.audit_query import AuditFilter
from signet.models.clients import ClientDetails, find_client, find_client_like
from signet.models.resource_servers import ResourceServerDetails, find_resource_server
from signet.models.scopes import list_scopes
from signet.models.secrets import SecretDetails
from signet.oauth.refusal import Reason
from signet.usage import RefusedRequest


class Party(NamedTuple):
    """A client or an API, by name and page."""

    identifier: str
    name: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What there is to explain."""

    request: RefusedRequest
    now: datetime
    #: Whose request it was, if they are still there.
    client: ClientDetails | None = None
    api: ResourceServerDetails | None = None
    #: Whose secret was sent, if another's.
    owner: Party | None = None
    #: Whom an unknown client ID may mean.
    meant: Party | None = None
    #: The entry of the audit log by which that client was deleted.
    deleted: AuditEntry | None = None
    #: Every scope there is, and whether it is enabled; of a refused scope only.
    scopes: Mapping[str, bool] = field(default_factory=dict)

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the request itself has said."""
        return self.request.facts

    @property
    def detail(self) -> str:
        """The text of the log without what it begins with (``assertion: …``)."""
        return self.request.text.rpartition(": ")[2]

    @property
    def secret(self) -> SecretDetails | None:
        """The secret that was sent or meant, if it is still kept."""
        secret_id = self.facts.get("secret_id")
        owner = self.client or self.api
        secrets = owner.secrets if owner else ()
        return next((secret for secret in secrets if secret.secret_id == secret_id), None)

    @property
    def party(self) -> Party | None:
        """Whose request it was."""
        return _party_of(self.client or self.api)

    def moment(self, name: str) -> datetime | None:
        """A fact that is a moment."""
        text = self.facts.get(name)
        return datetime.fromisoformat(text) if isinstance(text, str) else None


def case_of(request: RefusedRequest, *, now: datetime) -> Case:
    """A refused request with all that its explanation needs."""
    known, claimed = request.client_id, request.claimed_client_id
    is_unknown = request.reason == Reason.UNKNOWN_CLIENT
    client = find_client(known) if known else None
    owner = request.facts.get("owner")
    return Case(
        request=request,
        now=now,
        client=client,
        api=find_resource_server(known) if known and client is None else None,
        owner=find_party(owner) if isinstance(owner, str) else None,
        meant=_party_of(find_client_like(claimed)) if is_unknown and claimed else None,
        deleted=_deletion_of(claimed) if is_unknown and claimed else None,
        scopes=_scopes() if request.reason == Reason.SCOPE_NOT_ASSIGNED else {},
    )


def find_party(identifier: str) -> Party | None:
    """The client or API with exactly this identifier."""
    return _party_of(find_client(identifier) or find_resource_server(identifier))


def _party_of(found: ClientDetails | ResourceServerDetails | None) -> Party | None:
    if isinstance(found, ClientDetails):
        url = url_for("admin.clients.show", client_id=found.client_id)
        return Party(found.client_id, found.name, url)
    if isinstance(found, ResourceServerDetails):
        url = url_for("admin.apis.show", number=found.number)
        return Party(found.identifier, found.name, url)
    return None


def _deletion_of(client_id: str) -> AuditEntry | None:
    wanted = AuditFilter(action="client.delete", object=f"client:{client_id.strip()}")
    return next(iter(list_entries(wanted, limit=1).entries), None)


def _scopes() -> Mapping[str, bool]:
    return {scope.name: scope.enabled for scope in list_scopes()}
