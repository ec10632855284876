"""From a refused token of a platform to the entry that would have let it in: a form filled in.

Nobody has checked that token, so nothing is taken over that means more in an entry than it did in
the token, and a person saves it or does not.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import url_for

from signet.models.clients import ClientDetails
from signet.models.refused_requests import find_refused_request
from signet.oauth.client import FEDERATED_JWT
from signet.oauth.refusal import LONGEST_FACT, Reason
from signet.oauth.workload_identity import SEGMENT
from signet.usage import RefusedRequest

#: What the claims are called in the form.
_FIELDS = {"iss": "trust_issuer", "sub": "trust_subject", "aud": "trust_audience"}


@dataclass(frozen=True, slots=True)
class TrustOffer:
    """What a form can be filled in with."""

    request_id: str
    url: str
    #: By the name of the field.
    fields: Mapping[str, str]
    #: Claims that a person has to type.
    missing: tuple[str, ...]


def find_offer(request_id: str, client: ClientDetails) -> TrustOffer | None:
    """What a refused request has to offer to this client, if it was one of its."""
    found = find_refused_request(request_id) if request_id.isalnum() else None
    return offer_of(found, client) if found is not None else None


def offer_of(request: RefusedRequest, client: ClientDetails | None) -> TrustOffer | None:
    """What one refused request has to offer."""
    if (
        client is None
        or request.client_id != client.client_id
        or request.reason != Reason.WORKLOAD_UNTRUSTED
        or client.token_endpoint_auth_method != FEDERATED_JWT
    ):
        return None
    fields = {
        field: value
        for claim, field in _FIELDS.items()
        if (value := _taken_over(claim, request.facts.get(claim))) is not None
    }
    if not fields:
        return None
    return TrustOffer(
        request.request_id,
        url_for(
            "admin.clients.authentication",
            client_id=client.client_id,
            refused=request.request_id,
        ),
        fields,
        tuple(claim for claim, field in _FIELDS.items() if field not in fields),
    )


def _taken_over(claim: str, value: object) -> str | None:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    # A text that was cut short or left out is not what the token said.
    if not isinstance(value, str) or len(value) >= LONGEST_FACT or value.startswith("("):
        return None
    # In an entry it would stand for any.
    return None if claim == "sub" and SEGMENT in value else value
