"""Confirm it is you: grave acts ask again who acts, unless that was proved a short while ago.

A page is come back to by a redirect. A form does nothing; what was typed goes along in the question
and stands in the form again afterwards, not sent.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException
from wtforms import PasswordField
from wtforms.validators import InputRequired

from signet.models.admin_sessions import AdminSession
from signet.models.clients import find_client
from signet.models.resource_servers import find_resource_server_by_number
from signet.views.admin.forms import AdminForm
from signet.views.admin.grave_acts import CONFIRMED
from signet.views.admin.passkey_ceremony import ask_for_passkey
from signet.wiring import wiring

#: Names of fields that never go along: what is secret, and what belongs to the form that was sent.
_LEFT_BEHIND = re.compile(
    r"(.*_)?(password|secret|token|code|credential|challenge|sealed)|form_number|next|confirm_\w+"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What is to be confirmed."""

    #: Of the view that does it.
    endpoint: str
    arguments: Mapping[str, Any]

    @property
    def form_url(self) -> str:
        """The page with its form."""
        return self._url(CONFIRMED[self.endpoint].form)

    @property
    def back_url(self) -> str:
        """The way out."""
        return self._url(CONFIRMED[self.endpoint].back)

    def words(self) -> str:
        """What the admin is about to do."""
        return CONFIRMED[self.endpoint].what.format(client=self._client(), api=self._api())

    def _url(self, endpoint: str) -> str:
        wanted = next(current_app.url_map.iter_rules(endpoint)).arguments
        values = {name: value for name, value in self.arguments.items() if name in wanted}
        return url_for(endpoint, **values)

    def _client(self) -> str:
        client = find_client(str(self.arguments.get("client_id", "")))
        return client.name if client else "a client"

    def _api(self) -> str:
        number = self.arguments.get("number")
        api = find_resource_server_by_number(number) if isinstance(number, int) else None
        return api.identifier if api else "an API"


class ConfirmForm(AdminForm):
    """The password once more."""

    confirm_password = PasswordField("Password", [InputRequired("Enter your password")])


def is_confirmed(found: AdminSession) -> bool:
    """Whether the admin has proved a short while ago who they are."""
    parts = wiring()
    # The clocks of two nodes, and of one that was set, may say that it will be.
    return found.confirmed_at is not None and (
        abs(parts.clock() - found.confirmed_at) < parts.settings.confirm
    )


def ask_to_confirm(here: str | None) -> ResponseReturnValue:
    """Lead away from a page, or answer a form with the question instead of doing what it says.

    :param here: the address of the page.
    """
    if request.method in ("GET", "HEAD"):
        return redirect(url_for("admin.confirm.show", next=here), 303)
    act = Act(endpoint=request.endpoint or "", arguments=request.view_args or {})
    return confirm_page(act, ConfirmForm(formdata=None), fields=kept_fields(), sent=True), 403


def kept_fields() -> tuple[tuple[str, str], ...]:
    """What was typed into the form that was sent, but nothing secret."""
    return tuple(
        (name, value)
        for name, values in request.form.lists()
        if not _LEFT_BEHIND.fullmatch(name)
        for value in values
    )


def confirm_page(
    act: Act, form: ConfirmForm, *, fields: Iterable[tuple[str, str]] = (), sent: bool
) -> str:
    """The question.

    :param sent: whether a form was sent, which is to come back filled in.
    """
    hidden = [*fields, ("confirm_for", act.endpoint), ("confirm_next", act.form_url)]
    if sent:
        hidden.append(("confirm_sent", "y"))
    return render_template(
        "admin/confirm/show.html",
        act=act,
        form=form,
        sent=sent,
        hidden=hidden,
        passkey=ask_for_passkey("confirm", of_session=True),
    )


def act_at(path: str, endpoint: str = "") -> Act | None:
    """The act whose form is at this address of ours.

    :param endpoint: which act, where a page has several.
    """
    try:
        found, arguments = current_app.url_map.bind("").match(path.partition("?")[0], method="GET")
    except HTTPException:
        return None
    act = Act(endpoint=endpoint or str(found), arguments=arguments)
    confirmed = CONFIRMED.get(act.endpoint)
    return act if confirmed is not None and found in (confirmed.form, act.endpoint) else None
