"""A new client that is like another one in everything but its name, its ID and its secrets."""

from dataclasses import replace
from datetime import datetime, timedelta

from signet.models.audit import Actor
from signet.models.clients import find_client
from signet.operations.client_authentication import authentication_of
from signet.operations.client_facts import facts_of
from signet.operations.clients import register_client, register_client_without_secret
from signet.operations.errors import NotFoundError
from signet.operations.secret_life import DEFAULT_EXPIRES_IN, IssuedSecret
from signet.operations.token_options import token_options_of


def clone_client(
    source_id: str,
    name: str,
    *,
    client_id: str = "",
    secret_expires_in: timedelta | None = DEFAULT_EXPIRES_IN,
    actor: Actor,
    now: datetime,
) -> IssuedSecret | str:
    """Register a client like this one: with a first secret, if such clients have one, else its id.

    :param client_id: empty: one is generated.
    :param secret_expires_in: ``None``: the secret does not expire.
    """
    source = find_client(source_id)
    if source is None:
        raise NotFoundError(f"There is no client “{source_id[:100]}”")
    facts = replace(facts_of(source), name=name)
    tokens = token_options_of(source)
    if source.uses_secrets:
        return register_client(
            facts,
            tokens=tokens,
            client_id=client_id,
            scopes=source.scopes,
            secret_expires_in=secret_expires_in,
            actor=actor,
            now=now,
        )
    return register_client_without_secret(
        facts,
        authentication_of(source),
        tokens=tokens,
        client_id=client_id,
        scopes=source.scopes,
        actor=actor,
        now=now,
    )
