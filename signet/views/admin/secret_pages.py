"""What the pages of secrets do, whether a client or an API owns them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from signet.models.clients import ClientDetails
from signet.models.credential_activity import OwnerActivity, activity_of
from signet.models.resource_servers import ResourceServerDetails
from signet.models.secrets import SecretDetails, live_secrets
from signet.operations.errors import NotFoundError, OperationError
from signet.operations.secret_life import MOST_LIVE_SECRETS, IssuedSecret, SecretLife
from signet.views.admin.forms import claim_form_number, new_form_number, release_form_number
from signet.views.admin.identity import acting
from signet.views.admin.impact import Impact, last_use
from signet.views.admin.save_secret import Leave, OldSecret, already_shown
from signet.views.admin.secret_form import OVERLAPS, NewSecretForm
from signet.views.admin.secret_lines import secret_hint, secret_name
from signet.wiring import wiring

#: Shows a new secret, with everything around it read beforehand.
Show = Callable[[IssuedSecret], ResponseReturnValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretOwner:
    """Whose secrets a page is about."""

    #: The file of the routes, and the folder of the templates that say what is special here.
    page: str
    #: What its addresses are made of.
    address: Mapping[str, Any]
    noun: str
    #: What is sent beside a secret.
    owner_id: str
    details: ClientDetails | ResourceServerDetails
    life: SecretLife
    #: What revoking one of them would do.
    impact: Callable[[str, OwnerActivity, datetime], Impact]
    #: The way out of a page that shows no secret a second time.
    leave: Leave
    #: Reads what stands around a new secret; nothing may fail once the secret is made.
    prepare: Callable[[tuple[OldSecret, ...]], Show]

    def url(self, view: str, **more: Any) -> str:
        """The address of one of the pages."""
        return url_for(f"admin.{self.page}.{view}", **self.address, **more)

    def live_secrets(self, now: datetime) -> tuple[SecretDetails, ...]:
        """Those that work at this moment."""
        return live_secrets(self.details.secrets, now)

    def get_secret(self, secret_id: str) -> SecretDetails:
        """The secret that an address names, else the page for what is not there."""
        for secret in self.details.secrets:
            if secret.secret_id == secret_id:
                return secret
        abort(404)


def ask_for_new(owner: SecretOwner) -> ResponseReturnValue:
    """Ask for what a new secret needs; all that work now are to be replaced."""
    now = wiring().clock()
    live = owner.live_secrets(now)
    form = NewSecretForm(replaces=[secret.secret_id for secret in live])
    form.offer(live, now)
    return _render(form, owner, now)


def make(owner: SecretOwner) -> ResponseReturnValue:
    """Make the secret and show it, this once."""
    now = wiring().clock()
    live = owner.live_secrets(now)
    form = NewSecretForm()
    form.offer(live, now)
    if form.validate_on_submit():
        if not claim_form_number():
            return already_shown(owner.leave)
        try:
            # Read before: nothing may fail between the operation and the answer.
            show = owner.prepare(tuple(form.old_secrets(live, now)))
            return show(form.issue(owner.life, owner.owner_id, now))
        except OperationError as error:
            release_form_number()
            form.refuse(error)
    return _render(form, owner, now), 422


def ask_revoke(owner: SecretOwner, secret_id: str) -> ResponseReturnValue:
    """Say what revoking does, and ask."""
    now = wiring().clock()
    secret = owner.get_secret(secret_id)
    if secret.state(now) != "live":
        return redirect(owner.url("index"), 303)
    impact = owner.impact(secret_id, activity_of(owner.owner_id, now=now), now)
    return render_template(
        f"admin/{owner.page}/revoke.html",
        owner=owner,
        impact=impact,
        secret=secret,
        name=secret_name(secret),
        is_last=len(owner.live_secrets(now)) == 1,
    )


def revoke(owner: SecretOwner, secret_id: str) -> ResponseReturnValue:
    """Refuse the secret from now on."""
    secret = owner.get_secret(secret_id)
    try:
        owner.life.revoke(owner.owner_id, secret_id, actor=acting(), now=wiring().clock())
    except NotFoundError:
        abort(404)
    except OperationError as error:
        flash(f"{error}.", "error")
    else:
        flash(f"Secret “{secret_name(secret)}” was revoked.", "success")
    return redirect(owner.url("index"), 303)


def undo_revoke(owner: SecretOwner, secret_id: str) -> ResponseReturnValue:
    """Let the secret work again, if it was revoked a short time ago."""
    secret = owner.get_secret(secret_id)
    try:
        owner.life.undo_revoke(owner.owner_id, secret_id, actor=acting(), now=wiring().clock())
    except NotFoundError:
        abort(404)
    except OperationError as error:
        flash(f"{error}.", "error")
    else:
        flash(f"Secret “{secret_name(secret)}” works again.", "success")
    return redirect(owner.url("index"), 303)


def _render(form: NewSecretForm, owner: SecretOwner, now: datetime) -> str:
    live = owner.live_secrets(now)
    longest = now + max(OVERLAPS.values())
    activity = activity_of(owner.owner_id, now=now)
    return render_template(
        "admin/secret_pages/new.html",
        form=form,
        owner=owner,
        live=[(s.secret_id, secret_name(s), secret_hint(s) if s.description else "") for s in live],
        last_use=last_use(activity.last_use([s.secret_id for s in live]), now),
        earlier_end=next(
            (s.expires_at for s in live if s.expires_at and s.expires_at < longest), None
        ),
        most_live_secrets=MOST_LIVE_SECRETS,
        form_number=new_form_number(),
    )
