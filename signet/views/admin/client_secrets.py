"""The secrets of a client: the list, a new one, the end of one."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import RadioField, SelectMultipleField, StringField, ValidationError
from wtforms.validators import AnyOf, InputRequired, Length

from signet.models.clients import ClientDetails, SecretDetails
from signet.operations.client_secrets import (
    MOST_LIVE_SECRETS,
    IssuedSecret,
    create_secret,
    revoke_secret,
    rotate_secret,
)
from signet.operations.errors import NotFoundError, OperationError
from signet.views.admin.client_facts import get_client
from signet.views.admin.client_status import secret_hint, secret_lines, secret_name, status_of
from signet.views.admin.forms import (
    AdminForm,
    claim_form_number,
    new_form_number,
    release_form_number,
)
from signet.views.admin.identity import acting
from signet.views.admin.presentation import format_datetime
from signet.views.admin.save_secret import NewSecretPage, OldSecret, already_shown, show_secret
from signet.views.admin.scope_choices import audiences, granted
from signet.wiring import wiring

bp = Blueprint("client_secrets", __name__, url_prefix="/clients/<client_id>/secrets")

#: How long a new secret lives, by what the form sends; ``None``: it does not expire.
EXPIRES_IN = {
    "90d": timedelta(days=90),
    "180d": timedelta(days=180),
    "365d": timedelta(days=365),
    "never": None,
}
_EXPIRES_IN_LABELS = {
    "90d": "In 90 days",
    "180d": "In 180 days",
    "365d": "In 1 year",
    "never": "Never",
}
#: When the old secrets stop working, by what the form sends.
OVERLAPS = {"7d": timedelta(days=7), "24h": timedelta(hours=24), "0s": timedelta()}
#: They do not: the new secret is one more.
KEEP = "keep"


def expires_in_field(label: str) -> RadioField:
    """The choice of how long a new secret lives."""
    return RadioField(
        label,
        [AnyOf(EXPIRES_IN, message="Choose when the secret expires")],
        choices=_EXPIRES_IN_LABELS,
        default="365d",
        validate_choice=False,
    )


class NewSecretForm(AdminForm):
    """A new secret, and what becomes of those that work now."""

    overlap = RadioField(
        validators=[
            InputRequired("Choose when the old secret stops working"),
            AnyOf([*OVERLAPS, KEEP], message="Choose when the old secret stops working"),
        ],
        default="7d",
        validate_choice=False,
    )
    replaces = SelectMultipleField("Secrets that stop working", choices=[], validate_choice=False)
    description = StringField(
        "Name of the new secret",
        [Length(max=100, message="Use at most 100 characters for the name")],
    )
    expires_in = expires_in_field("New secret expires")

    def offer(self, live: tuple[SecretDetails, ...], now: datetime) -> None:
        """Ask what becomes of these secrets; of none, there is nothing to ask."""
        if not live:
            del self.overlap, self.replaces
            return
        names = f"secret “{secret_name(live[0])}” stops" if len(live) == 1 else "secrets stop"
        self.overlap.label.text = f"Old {names} working"
        self.overlap.choices = {
            "7d": _with_date("In 7 days", now + OVERLAPS["7d"]),
            "24h": _with_date("In 24 hours", now + OVERLAPS["24h"]),
            "0s": "Now",
            KEEP: "Not yet: make one more secret",
        }

    @property
    def rotates(self) -> bool:
        """Whether old secrets end."""
        return "overlap" in self and self.overlap.data != KEEP

    def validate_replaces(self, field: SelectMultipleField) -> None:
        """A rotation replaces something."""
        if self.rotates and not field.data:
            raise ValidationError("Choose at least one secret that stops working")


@bp.get("")
def index(client_id: str) -> ResponseReturnValue:
    """All secrets of a client, those that have ended too."""
    client, now = get_client(client_id), wiring().clock()
    return render_template(
        "admin/client_secrets/index.html",
        client=client,
        status=status_of(client, now),
        secrets=secret_lines(client.secrets, now),
    )


@bp.get("/new")
def new(client_id: str) -> ResponseReturnValue:
    """Ask for what a new secret needs; all that work now are to be replaced."""
    client, now = get_client(client_id), wiring().clock()
    live = client.live_secrets(now)
    form = NewSecretForm(replaces=[secret.secret_id for secret in live])
    form.offer(live, now)
    return _render(form, client, now)


@bp.post("")
def create(client_id: str) -> ResponseReturnValue:
    """Make the secret and show it, this once."""
    client, now = get_client(client_id), wiring().clock()
    form = NewSecretForm()
    form.offer(client.live_secrets(now), now)
    if form.validate_on_submit():
        if not claim_form_number():
            return already_shown(client)
        try:
            return _make_secret(form, client, now)
        except OperationError as error:
            release_form_number()
            form.refuse(error)
    return _render(form, client, now), 422


@bp.get("/<secret_id>/revoke")
def ask_revoke(client_id: str, secret_id: str) -> ResponseReturnValue:
    """Say what revoking does, and ask."""
    client, now = get_client(client_id), wiring().clock()
    secret = _get_secret(client, secret_id)
    if secret.state(now) != "live":
        return redirect(url_for("admin.client_secrets.index", client_id=client_id), 303)
    return render_template(
        "admin/client_secrets/revoke.html",
        client=client,
        secret=secret,
        name=secret_name(secret),
        hint=secret_hint(secret),
        is_last=len(client.live_secrets(now)) == 1,
    )


@bp.post("/<secret_id>/revoke")
def revoke(client_id: str, secret_id: str) -> ResponseReturnValue:
    """Refuse the secret from now on."""
    secret = _get_secret(get_client(client_id), secret_id)
    try:
        revoke_secret(client_id, secret_id, actor=acting(), now=wiring().clock())
    except NotFoundError:
        abort(404)
    except OperationError as error:
        flash(f"{error}.", "error")
    else:
        flash(f"Secret “{secret_name(secret)}” was revoked.", "success")
    return redirect(url_for("admin.client_secrets.index", client_id=client_id), 303)


def _make_secret(form: NewSecretForm, client: ClientDetails, now: datetime) -> ResponseReturnValue:
    # Read before: nothing may fail between the operation and the answer that shows the secret.
    scopes = granted(client.scopes)
    page = NewSecretPage(
        heading="New secret: save it now",
        client_name=client.name,
        scopes=tuple(scope.name for scope in scopes),
        audiences=audiences(scopes),
        old_secrets=tuple(_old_secrets(form, client, now)) if form.rotates else (),
    )
    return show_secret(_issue(form, client.client_id, now), page)


def _issue(form: NewSecretForm, client_id: str, now: datetime) -> IssuedSecret:
    description = form.description.data or ""
    expires_in = EXPIRES_IN[form.expires_in.data]
    if not form.rotates:
        return create_secret(
            client_id, description=description, expires_in=expires_in, actor=acting(), now=now
        )
    return rotate_secret(
        client_id,
        overlap=OVERLAPS[form.overlap.data],
        description=description,
        expires_in=expires_in,
        replaces=form.replaces.data,
        actor=acting(),
        now=now,
    )


def _with_date(text: str, moment: datetime) -> str:
    return f"{text} ({moment:%a} " + format_datetime(moment) + ")"


def _old_secrets(form: NewSecretForm, client: ClientDetails, now: datetime) -> Iterator[OldSecret]:
    for secret in client.live_secrets(now):
        if secret.secret_id not in (form.replaces.data or ()):
            continue
        overlap = OVERLAPS[form.overlap.data]
        end = min(now + overlap, secret.expires_at or now + overlap)
        yield OldSecret(name=secret_name(secret), ends_at=end if overlap else None)


def _get_secret(client: ClientDetails, secret_id: str) -> SecretDetails:
    for secret in client.secrets:
        if secret.secret_id == secret_id:
            return secret
    abort(404)


def _render(form: NewSecretForm, client: ClientDetails, now: datetime) -> str:
    live = client.live_secrets(now)
    longest = now + max(OVERLAPS.values())
    return render_template(
        "admin/client_secrets/new.html",
        form=form,
        client=client,
        live=[(s.secret_id, secret_name(s), secret_hint(s) if s.description else "") for s in live],
        earlier_end=next(
            (s.expires_at for s in live if s.expires_at and s.expires_at < longest), None
        ),
        most_live_secrets=MOST_LIVE_SECRETS,
        form_number=new_form_number(),
    )
