"""Settings: what this server was told and by which variable, to read; and the export."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flask import Blueprint, Response, render_template
from flask.typing import ResponseReturnValue

from signet import __version__
from signet.models.encrypted_columns import UNREADABLE, KeyUse, count_key_uses
from signet.models.schema import schema_version
from signet.operations.configuration import Setting, effective_settings
from signet.operations.export import FILE_NAME, export_configuration
from signet.views.admin.presentation import format_number
from signet.wiring import wiring

bp = Blueprint("settings", __name__, url_prefix="/settings")

#: Heading → variable → what people call it. One that is missing comes last, under its variable.
GROUPS: Mapping[str, Mapping[str, str]] = {
    "Server": {
        "SIGNET_ISSUER": "Issuer",
        "SIGNET_ENVIRONMENT": "Environment",
        "SIGNET_BIND": "Listens on",
        "SIGNET_ADMIN_BIND": "Admin pages listen on",
        "SIGNET_WORKERS": "Worker processes",
        "SIGNET_LOG_LEVEL": "Log level",
        "SIGNET_METRICS_ALLOW": "May read the metrics",
    },
    "Tokens": {
        "SIGNET_SIGNING_ALG": "Signing algorithm",
        "SIGNET_RSA_BITS": "Bits of new RSA keys",
        "SIGNET_SCOPE_CLAIM": "Scope claim",
        "SIGNET_DPOP_NONCE": "DPoP nonces",
        "SIGNET_FAILURES_PER_MINUTE": "Failures in a minute",
        "SIGNET_CACHE_SECONDS": "Seconds until a change counts",
        "SIGNET_STALE_SECONDS": "Seconds without the database",
    },
    "Admin pages": {
        "SIGNET_SESSION_IDLE": "Signed out when idle for",
        "SIGNET_SESSION_MAX": "Signed out after",
        "SIGNET_CONFIRM": "Confirmation lasts",
    },
    "Database and keys": {
        "SIGNET_DATABASE_URL": "Database",
        "SIGNET_DATA_DIR": "Data folder",
        "SIGNET_SECRETS_DIR": "Folder of key files",
        "SIGNET_KEY_ENCRYPTION_KEYS": "Key-encryption keys",
        "SIGNET_SECRET_KEY": "Key of cookies",
    },
    "Network": {
        "SIGNET_TRUSTED_PROXIES": "Proxies in front",
        "SIGNET_CLIENT_CERT_PROXIES": "Proxies with client certificates",
        "SIGNET_CLIENT_CERT_HEADER": "Header of client certificates",
        "SIGNET_CLIENT_CERT_CA_FILE": "Authorities of client certificates",
        "SIGNET_OUTBOUND_ALLOW": "Private networks it may ask",
        "SIGNET_OUTBOUND_CA_FILE": "Authorities trusted there",
    },
}
_OTHERS = "Others"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEncryptionLine:
    """A key-encryption key: what has it closed, and whether that is as it should be."""

    kek_id: str
    tag: str
    kind: str
    rows: str


@bp.get("")
def index() -> ResponseReturnValue:
    """All settings, and how what is at rest is encrypted."""
    lines = _key_encryption_lines(wiring().encryption.kek_ids, count_key_uses())
    return render_template(
        "admin/settings/index.html",
        groups=_grouped(effective_settings(wiring().settings)),
        signet_version=__version__,
        schema=schema_version(),
        key_lines=lines,
        needs_rewrap=any(line.kind == "warn" for line in lines),
        has_lost_rows=any(line.kind == "danger" for line in lines),
    )


@bp.get("/export")
def export() -> ResponseReturnValue:
    """The configuration as a file."""
    # Whole, so that a database that goes away is answered as on any other page.
    document = "".join(export_configuration(wiring().settings, now=wiring().clock()))
    return Response(
        document,
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{FILE_NAME}"'},
    )


def _grouped(settings: Iterable[Setting]) -> list[tuple[str, list[tuple[str, Setting]]]]:
    left = {setting.variable: setting for setting in settings}
    groups = [
        (
            heading,
            [(label, left.pop(variable)) for variable, label in labels.items() if variable in left],
        )
        for heading, labels in GROUPS.items()
    ]
    others = [(setting.variable, setting) for setting in left.values()]
    return groups + ([(_OTHERS, others)] if others else [])


def _key_encryption_lines(
    known: tuple[str, ...], uses: tuple[KeyUse, ...]
) -> list[KeyEncryptionLine]:
    used = {use.kek_id for use in uses}
    return [
        _key_encryption_line(kek_id, known, [use for use in uses if use.kek_id == kek_id])
        for kek_id in (*known, *sorted(used - set(known)))
    ]


def _key_encryption_line(
    kek_id: str, known: tuple[str, ...], uses: list[KeyUse]
) -> KeyEncryptionLine:
    if kek_id not in known:
        tag, kind = ("Damaged", "danger") if kek_id == UNREADABLE else ("Missing", "danger")
    elif kek_id == known[0]:
        tag, kind = "Encrypts", "ok"
    else:
        tag, kind = ("Still needed", "warn") if uses else ("Not needed", "off")
    rows = ", ".join(
        f"{format_number(use.rows)} {use.what}{'' if use.rows == 1 else 's'}" for use in uses
    )
    return KeyEncryptionLine(kek_id=kek_id, tag=tag, kind=kind, rows=rows or "Nothing")
