"""What the tokens of a client are like: their form, what they are bound to, claims of its own."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, RadioField, ValidationError

from signet.models.clients import ClientDetails
from signet.oauth.client import JWT
from signet.operations.client_facts import facts_of
from signet.operations.clients import edit_client
from signet.operations.errors import EditConflictError, OperationError
from signet.operations.token_options import TokenOptions, token_options_of
from signet.views.admin.client_claims import ClaimsField, claim_lines
from signet.views.admin.client_facts import get_client
from signet.views.admin.client_methods import TOKEN_FORMATS
from signet.views.admin.client_versions import differences, version_field
from signet.views.admin.forms import AdminForm
from signet.views.admin.identity import acting
from signet.wiring import wiring


class TokenFields(AdminForm):
    """The fields that registering a client and editing it have in common."""

    token_format = RadioField(
        "Token format", choices=dict(TOKEN_FORMATS), default=JWT, validate_choice=False
    )
    dpop_bound_access_tokens = BooleanField("Require DPoP")
    tls_client_certificate_bound_access_tokens = BooleanField(
        "Bind tokens to the client's TLS certificate"
    )
    claims = ClaimsField("Claims")

    #: Whether a client that has this may keep it, whatever this server takes.
    had_certificate_bound_tokens = False

    @property
    def offers_certificate_bound_tokens(self) -> bool:
        """Whether a client with such tokens could ever get one."""
        proxies = wiring().settings.client_cert_proxies
        return bool(proxies) or self.had_certificate_bound_tokens

    def validate_tls_client_certificate_bound_access_tokens(self, field: BooleanField) -> None:
        """Bind no tokens to what this server never sees."""
        if field.data and not self.offers_certificate_bound_tokens:
            raise ValidationError(
                "Take the tick away: this server needs SIGNET_CLIENT_CERT_PROXIES for it"
            )

    def tokens(self) -> TokenOptions:
        """What was chosen, for the operation."""
        return TokenOptions(
            token_format=self.token_format.data,
            dpop_bound_access_tokens=self.dpop_bound_access_tokens.data,
            tls_client_certificate_bound_access_tokens=(
                self.tls_client_certificate_bound_access_tokens.data
            ),
            claims=self.claims.claims,
        )


class EditTokensForm(TokenFields):
    """What is decided of a client's tokens, and the version that the editor saw."""

    version = version_field()


def tokens(client_id: str) -> ResponseReturnValue:
    """The form with what is decided now."""
    client = get_client(client_id)
    now = token_options_of(client)
    form = EditTokensForm(
        token_format=now.token_format,
        dpop_bound_access_tokens=now.dpop_bound_access_tokens,
        tls_client_certificate_bound_access_tokens=(now.tls_client_certificate_bound_access_tokens),
        claims="\n".join(claim_lines(now.claims)),
        version=str(client.version),
    )
    return _render(form, client)


def set_tokens(client_id: str) -> ResponseReturnValue:
    """Save it, unless the client has changed since the form was opened."""
    client = get_client(client_id)
    form = EditTokensForm()
    form.had_certificate_bound_tokens = client.tls_client_certificate_bound_access_tokens
    if form.validate_on_submit():
        try:
            edit_client(
                client_id,
                facts_of(client),
                tokens=form.tokens(),
                version=int(form.version.data or ""),
                actor=acting(),
                now=wiring().clock(),
            )
        except EditConflictError:
            return _show_both_versions(form, get_client(client_id)), 409
        except OperationError as error:
            form.refuse(error)
        else:
            flash(f"Tokens of “{client.name}” were saved.", "success")
            return redirect(url_for("admin.clients.show", client_id=client_id), 303)
    return _render(form, client), 422


def _show_both_versions(form: EditTokensForm, client: ClientDetails) -> str:
    # Whoever sends it again has seen what is overwritten then.
    form.version.data = str(client.version)
    found = differences(_labelled(token_options_of(client)), _labelled(form.tokens()))
    return _render(form, client, differences=found, has_errors=True)


def _render(form: EditTokensForm, client: ClientDetails, **more: object) -> str:
    form.had_certificate_bound_tokens = client.tls_client_certificate_bound_access_tokens
    return render_template("admin/clients/tokens.html", form=form, client=client, **more)


def _labelled(tokens: TokenOptions) -> dict[str, str]:
    certificate_bound = tokens.tls_client_certificate_bound_access_tokens
    return {
        "Token format": TOKEN_FORMATS[tokens.token_format],
        "DPoP": "Required" if tokens.dpop_bound_access_tokens else "Not required",
        "Bound to the client's TLS certificate": "Yes" if certificate_bound else "No",
        "Claims": "\n".join(claim_lines(tokens.claims)),
    }
