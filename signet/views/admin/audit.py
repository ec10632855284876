"""The audit log: who did what, when, from where."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from flask import Blueprint, Flask, Response, abort, current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import DateField, SelectField, StringField
from wtforms.validators import AnyOf, ValidationError

from signet.models.audit import AuditedObject
from signet.models.audit_log import (
    count_entries,
    find_entry,
    find_neighbours,
    list_actors,
    list_entries,
)
from signet.models.audit_query import AuditFilter
from signet.models.clients import find_client
from signet.models.resource_servers import find_resource_server
from signet.models.scopes import find_scope
from signet.operations.audit_export import FORMATS, export_audit_log
from signet.operations.errors import OperationError
from signet.operations.text import check_line
from signet.views.admin.audit_facts import facts_of
from signet.views.admin.audit_sentences import ACTS, line_of, who
from signet.views.admin.forms import AdminForm
from signet.views.admin.identity import current_admin
from signet.views.admin.rights import LEAST_ROLE
from signet.views.admin.row_numbers import ROW_NUMBER

bp = Blueprint("audit", __name__, url_prefix="/audit")

_FILTERS = ("actor", "action", "object", "from", "to")
_KINDS = {
    "client": "Client",
    "scope": "Scope",
    "api": "API",
    "key": "Signing key",
    "encryption": "Key-encryption key",
    "admin": "Administrator",
}


class DayField(DateField):
    """A day, as browsers send it or as people type it."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the day; nothing typed is no day."""
        self.data = None
        if not valuelist or not valuelist[0].strip():
            return
        try:
            super().process_formdata([valuelist[0].strip()])
        except ValueError:
            raise ValueError("Enter a day such as 2026-11-29") from None


class AuditFilterForm(AdminForm):
    """Which entries are wanted; all of it stands in the address."""

    class Meta:
        """Looking changes nothing, so there is no token."""

        csrf = False

    actor = SelectField("Who", default="", validate_choice=False)
    action = SelectField("What", default="", validate_choice=False)
    object = StringField("Client or scope", default="")
    since = DayField("From", name="from")
    until = DayField("To", name="to")

    def offer(self, actors: tuple[str, ...]) -> None:
        """Give the form the people and the actions to choose from."""
        people = {"": "Any"} | {actor: who(actor) for actor in actors if actor}
        actions = {"": "Any"} | {action: act.label for action, act in ACTS.items()}
        self.actor.choices = list(people.items())
        self.actor.validators = [AnyOf(people, message="Choose who from the list")]
        self.action.choices = list(actions.items())
        self.action.validators = [AnyOf(actions, message="Choose what from the list")]

    def validate_object(self, field: StringField) -> None:
        """Refuse what cannot be a name."""
        try:
            field.data = check_line(
                field.data or "", field="object", what="a name", longest=400, required=False
            )
        except OperationError as error:
            raise ValidationError(str(error)) from None

    def validate_until(self, field: DateField) -> None:
        """Refuse a time that ends before it begins."""
        if field.data and self.since.data and field.data < self.since.data:
            raise ValidationError("Choose a day for To that is not before From")

    def wanted(self) -> AuditFilter:
        """The same for the query; the day of To is part of it."""
        until = self.until.data
        return AuditFilter(
            actor=self.actor.data,
            action=self.action.data,
            object=self.object.data or "",
            since=_midnight(self.since.data) if self.since.data else None,
            until=_midnight(until) + timedelta(days=1) if until and until < date.max else None,
        )


@bp.get("")
def index() -> ResponseReturnValue:
    """The log, filtered, newest first."""
    form = AuditFilterForm(request.args)
    form.offer(list_actors())
    if not form.validate():
        return render_template("admin/audit/index.html", form=form, page=None), 422
    wanted = form.wanted()
    page = list_entries(wanted, older_than=_cursor("after"), newer_than=_cursor("before"))
    is_filtered = wanted != AuditFilter()
    return render_template(
        "admin/audit/index.html",
        form=form,
        page=page,
        lines=[line_of(entry) for entry in page.entries],
        total=count_entries(),
        matching=count_entries(wanted) if is_filtered else None,
        newer_url=_beside(page.newer, "before"),
        older_url=_beside(page.older, "after"),
        export_urls=_export_urls(),
    )


@bp.get("/export.csv")
def export_csv() -> ResponseReturnValue:
    """What the page shows, all of it, for a spreadsheet."""
    return _export("csv")


@bp.get("/export.jsonl")
def export_jsonl() -> ResponseReturnValue:
    """What the page shows, all of it, for a program."""
    return _export("jsonl")


@bp.get(f"/{ROW_NUMBER}")
def show(number: int) -> ResponseReturnValue:
    """One entry with what changed, between its neighbours of the same object."""
    entry = find_entry(number)
    if entry is None:
        abort(404)
    previous, following = find_neighbours(entry) if entry.object.id else (None, None)
    return render_template(
        "admin/audit/show.html",
        entry=entry,
        line=line_of(entry),
        facts=facts_of(entry),
        kind=_KINDS.get(entry.object.type, "Object"),
        object_url=_address(entry.object),
        # An admin's identifier is the name in one case.
        shows_id=entry.object.type != "admin" and entry.object.id != entry.object.name,
        previous=previous,
        following=following,
    )


def _export(format: str) -> ResponseReturnValue:
    form = AuditFilterForm(request.args)
    form.offer(list_actors())
    if not form.validate():
        return render_template("admin/audit/index.html", form=form, page=None), 422
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    # Without a length: if it breaks off, the connection ends in the middle of a chunk.
    return Response(
        _within(app, export_audit_log(form.wanted(), format)),
        content_type=FORMATS[format].content_type,
        headers={"Content-Disposition": f'attachment; filename="{FORMATS[format].file_name}"'},
    )


def _within(app: Flask, pieces: Iterator[str]) -> Iterator[str]:
    """The same pieces, for a server that asks for them when the request is over."""
    while True:
        # For each piece anew: whoever reads may stop anywhere and never come back.
        with app.app_context():
            piece = next(pieces, None)
        if piece is None:
            return
        yield piece


def _export_urls() -> dict[str, str] | None:
    """The addresses of the same entries as files, for those who may have them."""
    admin = current_admin()
    if admin is None or not admin.may(LEAST_ROLE["admin.audit.export_csv"]):
        return None
    return {
        label: url_for(endpoint, **_filter_values())
        for label, endpoint in (
            ("CSV", "admin.audit.export_csv"),
            ("JSON Lines", "admin.audit.export_jsonl"),
        )
    }


def _address(about: AuditedObject) -> str | None:
    """The page of what an entry is about, if it is still there and has one."""
    if about.type == "client":
        found = find_client(about.id)
        return url_for("admin.clients.show", client_id=about.id) if found else None
    if about.type == "scope":
        scope = find_scope(about.id)
        return url_for("admin.scopes.show", number=scope.number) if scope else None
    if about.type == "api":
        api = find_resource_server(about.id)
        return url_for("admin.apis.show", number=api.number) if api else None
    return None


def _beside(number: int | None, cursor: str) -> str | None:
    """The address of the next page in one direction, under the same filter."""
    if number is None:
        return None
    return url_for("admin.audit.index", **_filter_values() | {cursor: number})


def _filter_values() -> dict[str, Any]:
    return {name: request.args.get(name) or None for name in _FILTERS}


def _cursor(name: str) -> int | None:
    text = request.args.get(name, "")
    if not text:
        return None
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        abort(400)
    return int(text)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)
