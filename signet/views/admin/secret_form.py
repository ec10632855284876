"""The form of a new secret: what becomes of the old ones, its name, how long it lives."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from markupsafe import Markup
from wtforms import RadioField, SelectMultipleField, StringField, ValidationError
from wtforms.validators import AnyOf, InputRequired, Length

from signet.models.secrets import SecretDetails
from signet.operations.secret_end import LATEST_QUIET_END
from signet.operations.secret_life import IssuedSecret, SecretLife
from signet.views.admin.forms import AdminForm
from signet.views.admin.identity import acting
from signet.views.admin.presentation import format_datetime
from signet.views.admin.save_secret import OldSecret
from signet.views.admin.secret_lines import secret_name

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
OVERLAPS = {
    "7d": timedelta(days=7),
    "24h": timedelta(hours=24),
    "quiet": LATEST_QUIET_END,
    "0s": timedelta(),
}
QUIET = "quiet"
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
            QUIET: _when_quiet(now + LATEST_QUIET_END),
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

    def old_secrets(self, live: tuple[SecretDetails, ...], now: datetime) -> Iterator[OldSecret]:
        """Those of the live secrets that end, and when."""
        for secret in live:
            if not self.rotates or secret.secret_id not in (self.replaces.data or ()):
                continue
            overlap = OVERLAPS[self.overlap.data]
            end = min(now + overlap, secret.expires_at or now + overlap)
            yield OldSecret(
                name=secret_name(secret),
                ends_at=end if overlap else None,
                ends_when_quiet=self.overlap.data == QUIET,
            )

    def issue(self, life: SecretLife, owner_id: str, now: datetime) -> IssuedSecret:
        """Make the secret that was asked for."""
        description = self.description.data or ""
        expires_in = EXPIRES_IN[self.expires_in.data]
        if not self.rotates:
            return life.create(
                owner_id, description=description, expires_in=expires_in, actor=acting(), now=now
            )
        return life.rotate(
            owner_id,
            overlap=OVERLAPS[self.overlap.data],
            ends_when_quiet=self.overlap.data == QUIET,
            description=description,
            expires_in=expires_in,
            replaces=self.replaces.data,
            actor=acting(),
            now=now,
        )


def _with_date(text: str, moment: datetime) -> str:
    return f"{text} ({moment:%a} " + format_datetime(moment) + ")"


def _when_quiet(latest: datetime) -> str:
    text = "When it falls quiet (no use for 48 hours, at the latest on {})"
    return Markup(text).format(format_datetime(latest))
