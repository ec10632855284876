"""Refused requests: found by reference, client or address, and each explained in words."""

import re
from typing import Any, NamedTuple

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import Form, SelectField, StringField
from wtforms.validators import Length, Regexp

from signet.models.clients import find_client
from signet.models.party_names import names_of
from signet.models.refused_requests import (
    RefusedRequestFilter,
    find_refused_request,
    list_refused_requests,
)
from signet.oauth.refusal import Reason
from signet.usage import RefusedRequest
from signet.views.admin.refusal_advice import advice_on
from signet.views.admin.refusal_case import Case, case_of
from signet.views.admin.refusal_sentences import SENTENCES, label_of, say
from signet.views.admin.trust_offer import offer_of
from signet.wiring import wiring

bp = Blueprint("requests", __name__, url_prefix="/requests")

_FILTERS = ("reference", "client", "address", "reason")
_LOOKED_UP = (Length(max=200), Regexp(r"[^\0]*\Z"))
#: The claims that an entry of trust is compared by, and what its members are called.
_COMPARED = (
    ("iss", "issuer", "Issuer"),
    ("sub", "subject", "Subject"),
    ("aud", "audience", "Audience"),
)


class Compared(NamedTuple):
    """One claim of a platform's token beside what an entry wants."""

    label: str
    claim: str
    said: str
    wanted: str
    fits: bool


class RefusedLine(NamedTuple):
    """A refused request as a row of a list."""

    request: RefusedRequest
    label: str
    #: Who it was or claimed to be; empty: that is not known.
    who: str


def _stripped(text: str | None) -> str:
    return (text or "").strip()


class RequestFilterForm(Form):
    """What is looked for; all of it stands in the address."""

    reference = StringField("Reference (X-Request-Id)", _LOOKED_UP, filters=[_stripped])
    client = StringField("Client ID", _LOOKED_UP, filters=[_stripped])
    address = StringField("Address", _LOOKED_UP, filters=[_stripped])
    reason = SelectField(
        "Reason",
        choices={"": "Any", **{str(reason): said.label for reason, said in SENTENCES.items()}},
        default="",
    )

    def wanted(self) -> RefusedRequestFilter:
        """The same for the query."""
        return RefusedRequestFilter(
            reference=self.reference.data or "",
            client_id=self.client.data or "",
            address=self.address.data or "",
            reason=self.reason.data,
        )


@bp.get("")
def index() -> ResponseReturnValue:
    """The requests that match, newest first; one that is found by its reference is shown."""
    form = RequestFilterForm(request.args)
    if not form.validate():
        abort(400)
    wanted = form.wanted()
    if wanted.reference and find_refused_request(wanted.reference) is not None:
        return redirect(url_for(".show", request_id=wanted.reference), 303)
    page = list_refused_requests(wanted, older_than=_cursor("after"), newer_than=_cursor("before"))
    return render_template(
        "admin/requests/index.html",
        form=form,
        lines=refused_lines(page.requests),
        is_filtered=wanted != RefusedRequestFilter(),
        client=find_client(wanted.client_id) if wanted.client_id else None,
        newer_url=_beside(page.newer, "before"),
        older_url=_beside(page.older, "after"),
    )


@bp.get("/<request_id>")
def show(request_id: str) -> ResponseReturnValue:
    """Why one request was refused, and what to do."""
    found = (
        find_refused_request(request_id) if re.fullmatch(r"[0-9a-f]{1,32}", request_id) else None
    )
    if found is None:
        abort(404)
    case = case_of(found, now=wiring().clock())
    return render_template(
        "admin/requests/show.html",
        request=found,
        case=case,
        label=label_of(found.reason),
        sentence=say(case),
        advice=advice_on(case),
        entries=_compare(case),
        offer=offer_of(found, case.client),
    )


def refused_lines(requests: tuple[RefusedRequest, ...]) -> list[RefusedLine]:
    """Refused requests as rows of a list."""
    names = names_of({refused.client_id for refused in requests} - {""})
    return [
        RefusedLine(
            refused,
            label_of(refused.reason),
            names.get(refused.client_id, refused.client_id or refused.claimed_client_id),
        )
        for refused in requests
    ]


def _compare(case: Case) -> list[list[Compared]]:
    """Claim by claim, what the token of a platform says and what each entry wants."""
    if case.request.reason != Reason.WORKLOAD_UNTRUSTED:
        return []
    return [
        [
            Compared(
                label=label,
                claim=claim,
                said=_said(case.facts.get(claim)),
                wanted=str(entry.get(member, "")),
                fits=bool(entry.get("fits", {}).get(claim)),
            )
            for claim, member, label in _COMPARED
        ]
        for entry in case.facts.get("entries", ())
    ]


def _said(value: Any) -> str:
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _beside(cursor: int | None, name: str) -> str | None:
    """The address of the next page in one direction, under the same filter."""
    if cursor is None:
        return None
    values: dict[str, Any] = {kept: request.args.get(kept) or None for kept in _FILTERS}
    return url_for("admin.requests.index", **values | {name: cursor})


def _cursor(name: str) -> int | None:
    text = request.args.get(name, "")
    if not text:
        return None
    if not re.fullmatch(r"\d{1,18}", text, re.ASCII):
        abort(400)
    return int(text)
