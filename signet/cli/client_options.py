"""The options by which a command says how a client proves itself and what its tokens are like.

Named by the RFC's words. Each is ``None`` where it was not given, so that an edit changes what was
named and nothing else.
"""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from signet.models.clients import ClientDetails, TrustDetails
from signet.oauth.client import JWT, REFERENCE, REGISTERED_METHODS
from signet.operations.client_authentication import (
    SIGNING_ALGORITHMS,
    ClientAuthentication,
    authentication_of,
)
from signet.operations.public_key_text import read_public_keys
from signet.operations.token_options import TokenOptions, token_options_of

ANY = "any"
_LONGEST_FILE = 64 * 1024

Command = Callable[..., None]


class _TextFile(click.ParamType[str]):
    """A file's text; ``-`` is standard input."""

    name = "file"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            if value == "-":
                return sys.stdin.read(_LONGEST_FILE)
            with Path(value).open(encoding="utf-8") as file:
                return file.read(_LONGEST_FILE)
        except OSError as error:
            self.fail(f"{value}: {error.strerror}.", param, ctx)
        except UnicodeDecodeError:
            self.fail(f"{value}: is not text.", param, ctx)


class _Claim(click.ParamType[tuple[str, Any]]):
    """A name and a value in JSON, such as ``tenant="blue"``."""

    name = "name=json"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Any]:
        claim, equals, text = value.partition("=")
        try:
            if not (claim and equals):
                raise ValueError
            return claim, json.loads(text)
        except (ValueError, RecursionError):
            self.fail("write a name and JSON: tenant='\"blue\"', level=3.", param, ctx)


_AUTHENTICATION = (
    click.option(
        "--token-endpoint-auth-method",
        "method",
        type=click.Choice(REGISTERED_METHODS),
        help="How the client proves itself; without it, by a secret.",
    ),
    click.option(
        "--token-endpoint-auth-signing-alg",
        "signing_alg",
        type=click.Choice((*SIGNING_ALGORITHMS, ANY)),
        help="The only algorithm of its assertions; any: all but RS256.",
    ),
    click.option("--jwks", type=_TextFile(), help="Its public keys: JWK set or PEM; - reads them."),
    click.option("--jwks-uri", metavar="URL", help="Where it publishes them."),
    click.option(
        "--allow-token-endpoint-audience/--no-allow-token-endpoint-audience",
        "allows_token_endpoint_audience",
        default=None,
        help="Take assertions that name the token endpoint as aud.",
    ),
    click.option(
        "--tls-client-auth-subject-dn",
        "subject_dn",
        metavar="DN",
        help="Subject of its certificate, as in RFC 4514.",
    ),
)
_TRUST = (
    click.option("--trust-issuer", metavar="URL", help="Issuer whose tokens let the client in."),
    click.option(
        "--trust-subject",
        metavar="PATTERN",
        help="Its sub there; * is a part without : and /, ** any.",
    ),
    click.option("--trust-audience", metavar="AUD", help="Its aud there."),
    click.option(
        "--trust-jwks", type=_TextFile(), help="The issuer's keys, where it publishes none."
    ),
    click.option(
        "--trust-jwks-uri", metavar="URL", help="Where they are; without it, by discovery."
    ),
)
_TOKENS = (
    click.option(
        "--token-format",
        type=click.Choice((JWT, REFERENCE)),
        help="Readable by every API, or by introspection alone.  [default: jwt]",
    ),
    click.option(
        "--dpop-bound-access-tokens/--no-dpop-bound-access-tokens",
        default=None,
        help="Only tokens bound to a key that the client proves to hold (RFC 9449).",
    ),
    click.option(
        "--tls-client-certificate-bound-access-tokens"
        "/--no-tls-client-certificate-bound-access-tokens",
        default=None,
        help="Only tokens bound to its TLS certificate (RFC 8705).",
    ),
    click.option(
        "--claim",
        "claims",
        type=_Claim(),
        multiple=True,
        help="Claim of its own in every token; may be repeated.",
    ),
)


def client_options(command: Command) -> Command:
    """Give a command all of these options."""
    for option in reversed((*_AUTHENTICATION, *_TRUST, *_TOKENS)):
        command = option(command)
    return command


def trust_options(command: Command) -> Command:
    """Give a command the options that name one issuer."""
    for option in reversed(_TRUST):
        command = option(command)
    return command


def authentication_from(
    options: Mapping[str, Any], client: ClientDetails | None = None
) -> ClientAuthentication | None:
    """What the options say of authentication; ``None`` if they say nothing.

    :param client: whose other decisions stay as they are.
    """
    names = ("signing_alg", "jwks", "jwks_uri", "allows_token_endpoint_audience", "subject_dn")
    given = {name: options[name] for name in names if options[name] is not None}
    if "jwks" in given:
        given["jwks"] = read_public_keys(given["jwks"])
    if given.get("signing_alg") == ANY:
        given["signing_alg"] = None
    if trust := trust_from(options):
        given["trusted_issuers"] = (trust,)
    if not given and options["method"] is None:
        return None
    base = authentication_of(client) if client else ClientAuthentication()
    if options["method"] is not None:
        base = base.of_method(options["method"])
    # Keys given in one way take the place of those given in the other.
    if "jwks" in given and "jwks_uri" not in given:
        base = replace(base, jwks_uri="")
    if "jwks_uri" in given and "jwks" not in given:
        base = replace(base, jwks=None)
    return replace(base, **given)


def trust_from(options: Mapping[str, Any]) -> TrustDetails | None:
    """The issuer that the options name; ``None`` if they name none."""
    trust = {name: options[f"trust_{name}"] for name in ("issuer", "subject", "audience")}
    keys = {name: options[f"trust_{name}"] for name in ("jwks", "jwks_uri")}
    if all(value is None for value in (trust | keys).values()):
        return None
    if missing := [name for name, value in trust.items() if not value]:
        raise click.UsageError(f"Missing option '--trust-{missing[0]}'.")
    if keys["jwks"] is not None:
        keys["jwks"] = read_public_keys(keys["jwks"], field="trust_jwks")
    return TrustDetails(**trust, **keys)


def tokens_from(
    options: Mapping[str, Any], client: ClientDetails | None = None
) -> TokenOptions | None:
    """What the options say of tokens; ``None`` if they say nothing.

    :param client: whose other decisions stay as they are.
    """
    names = (
        "token_format",
        "dpop_bound_access_tokens",
        "tls_client_certificate_bound_access_tokens",
    )
    given = {name: options[name] for name in names if options[name] is not None}
    if options["claims"]:
        given["claims"] = dict(options["claims"])
    if not given:
        return None
    return replace(token_options_of(client) if client else TokenOptions(), **given)
