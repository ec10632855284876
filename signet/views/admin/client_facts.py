"""What is said of a client: found for a page, and the fields in which an operator types it."""

from datetime import timedelta

from flask import abort
from wtforms import IntegerField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, NumberRange, Optional, Regexp

from signet.models.clients import ClientDetails, find_client
from signet.oauth.client import DEFAULT_LIFETIME, LONGEST_LIFETIME, SHORTEST_LIFETIME
from signet.operations.client_facts import ClientFacts
from signet.views.admin.forms import AdminForm

_LIFETIME_RANGE = "Choose a token lifetime from 60 to 86,400 seconds"
_MORE_THAN_ANY = 10**9


class LifetimeField(IntegerField):
    """Seconds, as in ``expires_in``."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the number; separators are taken as they are written beside the field."""
        try:
            super().process_formdata([value.replace(",", "").strip() for value in valuelist])
        except ValueError:
            raise ValueError("Enter the token lifetime as a number of seconds") from None
        if self.data is not None and abs(self.data) > _MORE_THAN_ANY:
            # The check of the range makes a float of it, which hundreds of digits do not fit.
            self.data = None
            raise ValueError(_LIFETIME_RANGE)


def _stripped(text: str | None) -> str:
    return (text or "").strip()


def client_name_field() -> StringField:
    """What people call the client."""
    return StringField(
        "Name",
        [
            DataRequired("Enter a name for the client"),
            Length(max=100, message="Use at most 100 characters for the name"),
        ],
    )


def client_id_field() -> StringField:
    """The ID of a new client; empty: one is made."""
    return StringField(
        "Client ID",
        [
            Optional(),
            Regexp(
                r"[A-Za-z0-9._-]{3,100}\Z",
                message="Use 3 to 100 letters, digits, “.”, “_” and “-” for the client ID",
            ),
        ],
        filters=[_stripped],
    )


class ClientFactsForm(AdminForm):
    """The fields that registering and editing have in common."""

    name = client_name_field()
    description = TextAreaField(
        "Description",
        [Length(max=2_000, message="Use at most 2,000 characters for the description")],
    )
    contact = StringField(
        "Contact", [Length(max=200, message="Use at most 200 characters for the contact")]
    )
    access_token_lifetime = LifetimeField(
        "Token lifetime",
        [
            NumberRange(
                int(SHORTEST_LIFETIME.total_seconds()),
                int(LONGEST_LIFETIME.total_seconds()),
                message=_LIFETIME_RANGE,
            )
        ],
        default=int(DEFAULT_LIFETIME.total_seconds()),
    )

    def facts(self) -> ClientFacts:
        """What was typed, for the operation."""
        return ClientFacts(
            name=self.name.data or "",
            description=self.description.data or "",
            contact=self.contact.data or "",
            access_token_lifetime=timedelta(seconds=self.access_token_lifetime.data or 0),
        )


def get_client(client_id: str) -> ClientDetails:
    """The client that an address names, else the page for what is not there."""
    # What is no client ID is not looked up: PostgreSQL takes no NUL.
    client = find_client(client_id) if "\0" not in client_id else None
    if client is None:
        abort(404)
    return client
