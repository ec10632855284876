"""Signing keys: which sign, which come next, and how one is replaced or removed at once."""

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import RadioField
from wtforms.validators import AnyOf, InputRequired

from signet.oauth.jwks import ANNOUNCED_FOR, PUBLISHED_AFTERWARDS, SIGNS_FOR
from signet.oauth.server import JWKS_PATH
from signet.operations import signing_keys
from signet.operations.errors import NotFoundError, OperationError
from signet.views.admin.forms import (
    AdminForm,
    claim_form_number,
    new_form_number,
    release_form_number,
)
from signet.views.admin.identity import acting
from signet.views.admin.key_lines import (
    AlgorithmKeys,
    Removal,
    find_removal,
    list_algorithms,
    list_former_keys,
    short_kid,
)
from signet.wiring import wiring

bp = Blueprint("keys", __name__, url_prefix="/keys")

_ANNOUNCE, _NOW = "announce", "now"
_FORMER_KEYS = 20


class RotateForm(AdminForm):
    """Which key is replaced, and how soon."""

    alg = RadioField("Which key?", validate_choice=False)
    how = RadioField("When does the next key sign?", validate_choice=False)

    def offer(self, algorithms: tuple[AlgorithmKeys, ...]) -> None:
        """Give the form its choices: what has one answer is not asked."""
        names = [keys.alg for keys in algorithms]
        self.alg.choices = [(alg, alg) for alg in names]
        self.alg.validators = _required(names, "Choose the key to replace")
        choices = {_NOW: "At once"}
        if any(keys.announced is None for keys in algorithms):
            choices = {_ANNOUNCE: "When APIs have had the time to see it"} | choices
        self.how.choices = list(choices.items())
        self.how.validators = _required(list(choices), "Choose when the next key signs")
        if len(names) == 1:
            del self.alg

    def chosen(self, algorithms: tuple[AlgorithmKeys, ...]) -> str:
        """The algorithm of the key to replace."""
        return str(self.alg.data) if "alg" in self else algorithms[0].alg


def _required(choices: list[str], message: str) -> list[InputRequired | AnyOf]:
    return [InputRequired(message), AnyOf(choices, message=message)]


@bp.get("")
def index() -> ResponseReturnValue:
    """All keys of the key set, and the latest that have left it."""
    now, settings = wiring().clock(), wiring().settings
    return render_template(
        "admin/keys/index.html",
        algorithms=list_algorithms(settings.signing_alg, now),
        former=list_former_keys(now, limit=_FORMER_KEYS),
        jwks_uri=settings.issuer + JWKS_PATH,
        signs_for=SIGNS_FOR,
        announced_for=ANNOUNCED_FOR,
        published_afterwards=PUBLISHED_AFTERWARDS,
        now=now,
    )


@bp.get("/rotate")
def ask_rotate() -> ResponseReturnValue:
    """Ask how soon the next key is to sign."""
    algorithms = _algorithms_in_use()
    form = RotateForm(alg=algorithms[0].alg, how=_ANNOUNCE)
    form.offer(algorithms)
    return _rotate_page(form, algorithms)


@bp.post("/rotate")
def rotate() -> ResponseReturnValue:
    """Announce the next key, or sign with it from now on."""
    algorithms, parts, now = _algorithms_in_use(), wiring(), wiring().clock()
    form = RotateForm()
    form.offer(algorithms)
    if form.validate_on_submit():
        if not claim_form_number():
            flash("This form was sent before: nothing more was changed.", "error")
            return redirect(url_for("admin.keys.index"), 303)
        at_once = form.how.data == _NOW
        try:
            kid = signing_keys.rotate_key(
                form.chosen(algorithms),
                default_alg=parts.settings.signing_alg,
                at_once=at_once,
                rsa_bits=parts.settings.rsa_bits,
                encryption=parts.encryption,
                actor=acting(),
                now=now,
            )
        except OperationError as error:
            release_form_number()
            form.refuse(error)
        else:
            did = "signs from now on" if at_once else "was announced"
            flash(f"The key {short_kid(kid)} {did}.", "success")
            return redirect(url_for("admin.keys.index"), 303)
    return _rotate_page(form, algorithms), 422


@bp.get("/<kid>/remove")
def ask_remove(kid: str) -> ResponseReturnValue:
    """Say what removing the key does, and ask."""
    removal, now = _get_removal(kid), wiring().clock()
    return render_template(
        "admin/keys/remove.html", removal=removal, is_safe=removal.is_safe(now), now=now
    )


@bp.post("/<kid>/remove")
def remove(kid: str) -> ResponseReturnValue:
    """Take the key out of the key set from now on."""
    _get_removal(kid)
    parts = wiring()
    try:
        successor = signing_keys.revoke_key(
            kid,
            default_alg=parts.settings.signing_alg,
            rsa_bits=parts.settings.rsa_bits,
            encryption=parts.encryption,
            actor=acting(),
            now=parts.clock(),
        )
    except NotFoundError:
        abort(404)
    except OperationError as error:
        flash(f"{error}.", "error")
    else:
        signs = f" {short_kid(successor)} signs now." if successor else ""
        flash(f"The key {short_kid(kid)} was removed.{signs}", "success")
    return redirect(url_for("admin.keys.index"), 303)


def _rotate_page(form: RotateForm, algorithms: tuple[AlgorithmKeys, ...]) -> str:
    now = wiring().clock()
    return render_template(
        "admin/keys/rotate.html",
        form=form,
        algorithms=algorithms,
        signs_from=now + ANNOUNCED_FOR,
        announced_for=ANNOUNCED_FOR,
        published_afterwards=PUBLISHED_AFTERWARDS,
        form_number=new_form_number(),
        now=now,
    )


def _algorithms_in_use() -> tuple[AlgorithmKeys, ...]:
    found = list_algorithms(wiring().settings.signing_alg, wiring().clock())
    return tuple(keys for keys in found if keys.is_in_use)


def _get_removal(kid: str) -> Removal:
    removal = find_removal(kid, wiring().settings.signing_alg, wiring().clock())
    if removal is None:
        abort(404)
    return removal
