"""``flask key``: the keys that sign access tokens."""

from datetime import datetime
from typing import Any

import click

from signet.cli.actor import command_line
from signet.cli.error_edge import Group, Refusal
from signet.cli.output import answer, json_option, rfc3339, table
from signet.models.signing_keys import list_signing_keys
from signet.oauth.jwks import SigningKey
from signet.operations import rewrap, signing_keys
from signet.settings import SIGNING_ALGORITHMS
from signet.wiring import wiring

group = Group("key", help="The keys that sign access tokens; they rotate by themselves.")


@group.command("list")
@json_option
def list_keys(as_json: bool) -> None:
    """List all keys there ever were, the newest last."""
    now = wiring().clock()
    documents = [key_document(key, now=now) for key in list_signing_keys()]
    columns = ("kid", "alg", "state", "announced_at", "signing_at", "retired_at", "removed_at")
    answer(
        documents,
        table(
            [column.removesuffix("_at") for column in columns],
            [[document[column] for column in columns] for document in documents],
            empty="No keys: flask prepare makes the first one.",
        ),
        as_json=as_json,
    )


@group.command("rotate")
@click.option("--now", "at_once", is_flag=True, help="Sign with it at once, unannounced.")
@click.option(
    "--alg",
    type=click.Choice(SIGNING_ALGORITHMS),
    help="The key of this algorithm; without it, of the server's default.",
)
@json_option
def rotate_key(at_once: bool, alg: str | None, as_json: bool) -> None:
    """Announce the next key. It signs when APIs have had the time to see it."""
    parts = wiring()
    now = parts.clock()
    kid = signing_keys.rotate_key(
        alg or parts.settings.signing_alg,
        default_alg=parts.settings.signing_alg,
        at_once=at_once,
        rsa_bits=parts.settings.rsa_bits,
        encryption=parts.encryption,
        actor=command_line(),
        now=now,
    )
    document = _document_of(kid, now=now)
    begins = "now" if at_once else f"from {document['signing_at']}"
    answer(document, f"{kid} signs {begins}.", as_json=as_json)


# A thumbprint may begin with a hyphen; an emergency is no time to learn of "--".
@group.command("revoke", context_settings={"ignore_unknown_options": True})
@click.argument("kid")
@json_option
def revoke_key(kid: str, as_json: bool) -> None:
    """Take a key out of the key set, in an emergency. APIs then refuse its tokens."""
    parts = wiring()
    now = parts.clock()
    successor = signing_keys.revoke_key(
        kid,
        default_alg=parts.settings.signing_alg,
        rsa_bits=parts.settings.rsa_bits,
        encryption=parts.encryption,
        actor=command_line(),
        now=now,
    )
    answer(
        _document_of(kid, now=now) | {"successor": successor},
        f"Revoked {kid}." + (f" {successor} signs now." if successor else ""),
        as_json=as_json,
    )


@group.command("rewrap")
@json_option
def rewrap_keys(as_json: bool) -> None:
    """Encrypt everything at rest with the first of SIGNET_KEY_ENCRYPTION_KEYS.

    May be repeated, and interrupted; nothing stops working meanwhile.
    """
    parts = wiring()
    done = rewrap.rewrap(encryption=parts.encryption, actor=command_line(), now=parts.clock())
    answer(
        {"kek_id": done.kek_id, "rewrapped": done.rewrapped, "left": list(done.left)},
        f"Encrypted {done.rewrapped} anew with the key-encryption key {done.kek_id}.",
        as_json=as_json,
    )
    if done.left:
        more = f" (and {len(done.left) - 1} more)" if len(done.left) > 1 else ""
        raise Refusal(f"Left as it is: {done.left[0]}{more}")


def key_document(key: SigningKey, *, now: datetime) -> dict[str, Any]:
    """What scripts read of a key: nothing private."""
    return {
        "kid": key.kid,
        "alg": key.alg,
        "state": key.state(now),
        "announced_at": rfc3339(key.announced_at),
        "signing_at": rfc3339(key.signing_at),
        "retired_at": rfc3339(key.retired_at),
        "removed_at": rfc3339(key.removed_at),
        "revoked_at": rfc3339(key.revoked_at),
    }


def _document_of(kid: str, *, now: datetime) -> dict[str, Any]:
    return next(key_document(key, now=now) for key in list_signing_keys() if key.kid == kid)
