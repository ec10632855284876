"""What wants somebody to act, worst first: for the top of the overview."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import url_for

from signet.models.client_list import (
    EXPIRED,
    EXPIRING,
    NO_SECRET,
    ClientFilter,
    count_clients,
    first_to_end,
)
from signet.models.clients import ClientDetails
from signet.models.counted import Counted
from signet.models.credential_activity import refusals_of
from signet.models.ending_secrets import EndingSecret, find_ending_secrets
from signet.models.party_names import names_of
from signet.models.token_demand import ChattyClient, find_chatty_clients
from signet.models.usage import refusals_by_client
from signet.oauth.refusal import Reason
from signet.usage import NOBODY
from signet.views.admin.client_status import ClientStatus, status_of
from signet.views.admin.refusal_sentences import label_of
from signet.views.admin.secret_lines import secret_name

#: Clients of one state that are named, the most urgent; the others are behind a link.
_NAMED_CLIENTS = 5
#: So many refusals of one reason in a day are worth a look; fewer happen.
MANY_REFUSALS = 10
_NAMED_REFUSALS = 5
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)

#: Worst first.
_TAGS = {EXPIRED: "Expired", NO_SECRET: "No secret", EXPIRING: ""}


@dataclass(frozen=True, slots=True)
class Worry:
    """The clients in a state that wants somebody to act: the first by name, and how many more."""

    state: str
    #: The tag; empty where the time that is left says more.
    tag: str
    clients: tuple[tuple[ClientDetails, ClientStatus], ...]
    more: Counted
    #: How often each was refused for it in 7 days, by client id.
    refused: dict[str, int]


@dataclass(frozen=True, slots=True)
class Refused:
    """Refusals of one reason, of one client or of nobody, many in a day."""

    #: ``None``: of clients that there are not.
    name: str | None
    #: The page of the requests.
    url: str
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Attention:
    """All of it."""

    worries: tuple[Worry, ...]
    ending: tuple[tuple[EndingSecret, str], ...]
    refused: tuple[Refused, ...]
    chatty: tuple[ChattyClient, ...]

    @property
    def is_needed(self) -> bool:
        """Whether there is anything."""
        return bool(self.worries or self.ending or self.refused or self.chatty)


def find_attention(now: datetime) -> Attention:
    """What needs attention at this moment."""
    worries = (_worry(state, now) for state in _TAGS)
    return Attention(
        worries=tuple(worry for worry in worries if worry.clients),
        ending=tuple(
            (ending, secret_name(ending.secret)) for ending in find_ending_secrets(now=now)
        ),
        refused=tuple(_refused(now)),
        chatty=find_chatty_clients(since=now - _DAY),
    )


def _worry(state: str, now: datetime) -> Worry:
    found = first_to_end(state, now=now, limit=_NAMED_CLIENTS + 1)
    named = tuple((client, status_of(client, now)) for client in found[:_NAMED_CLIENTS])
    more = Counted(0)
    if len(found) > len(named):
        count = count_clients(ClientFilter(state=state), now=now)
        more = Counted(count.number - len(named), count.is_all)
    refused = {}
    if state == EXPIRED:
        clients = [client.client_id for client, _ in named]
        refused = refusals_of(clients, Reason.EXPIRED_SECRET, since=now - _WEEK)
    return Worry(state, _TAGS[state], named, more, refused)


def _refused(now: datetime) -> Iterator[Refused]:
    often = [
        (client_id, reason, count)
        for client_id, reason, count in refusals_by_client(since=now - _DAY)
        # What is said of an expired secret already need not be said twice.
        if count >= MANY_REFUSALS and reason != Reason.EXPIRED_SECRET
    ][:_NAMED_REFUSALS]
    names = names_of([client_id for client_id, _, _ in often])
    for client_id, reason, count in often:
        if client_id != NOBODY and client_id not in names:
            continue
        url = url_for("admin.requests.index", client=client_id or None, reason=reason)
        yield Refused(names.get(client_id), url, label_of(reason), count)
