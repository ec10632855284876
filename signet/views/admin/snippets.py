"""Programs to copy: how a client asks for a token, and how an API checks one.

A program is a file in ``templates/snippets/``, filled in with what is true of this client or API,
and coloured here: browsers get classes, no script and no style.
"""

import json
import shlex
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple

from flask import render_template, url_for
from markupsafe import Markup, escape
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Keyword, String, _TokenType

from signet.models.clients import ClientDetails
from signet.models.resource_servers import ResourceServerDetails
from signet.oauth.client import (
    CLIENT_SECRET_BASIC,
    FEDERATED_JWT,
    PRIVATE_KEY_JWT,
    SELF_SIGNED_TLS_CLIENT_AUTH,
    TLS_CLIENT_AUTH,
)
from signet.oauth.server import JWKS_PATH, TOKEN_PATH
from signet.views.admin.client_keys import key_lines
from signet.views.admin.scope_choices import granted
from signet.wiring import wiring

#: Label, address, and whether it is the one that is shown.
Tabs = tuple[tuple[str, str, bool], ...]


class Language(NamedTuple):
    """A language or framework: what people call it, and how Pygments does."""

    label: str
    lexer: str


class Snippet(NamedTuple):
    """A program in one language."""

    language: str
    label: str
    #: Coloured; its text is what there is to copy.
    code: Markup


class ClientPrograms(NamedTuple):
    """What the page of a client offers to copy."""

    tabs: Tabs
    #: What sets the variables that the programs read.
    variables: Snippet
    #: In the chosen language; ``None``: no usual library can do what this client needs.
    once: Snippet | None
    caching: Snippet | None


class ApiPrograms(NamedTuple):
    """What the page of an API offers to copy."""

    tabs: Tabs
    check: Snippet


#: Where on their pages the programs are.
USE_IT, CHECK = "use-it", "check"

#: For clients, by the name in an address, in the order of the tabs.
LANGUAGES: Mapping[str, Language] = {
    "curl": Language("curl", "bash"),
    "python": Language("Python", "python"),
    "node": Language("Node", "javascript"),
    "csharp": Language("C#", "csharp"),
    "go": Language("Go", "go"),
}
#: For APIs.
FRAMEWORKS: Mapping[str, Language] = {
    "flask": Language("Flask", "python"),
    "fastapi": Language("FastAPI", "python"),
    "express": Language("Express", "javascript"),
    "aspnet": Language("ASP.NET", "csharp"),
    "spring": Language("Spring", "java"),
    "go": Language("Go", "go"),
}
#: Asks once; or keeps the token until shortly before its end.
TOKEN, CACHING = "token", "caching"

_METHODS = {
    CLIENT_SECRET_BASIC: "secret",
    PRIVATE_KEY_JWT: "private_key_jwt",
    FEDERATED_JWT: "federated_jwt",
    TLS_CLIENT_AUTH: "tls",
    SELF_SIGNED_TLS_CLIENT_AUTH: "tls",
}
_KEEP_CREDENTIAL = {
    "secret": "Keep the secret in a secret store, never in the code.",
    "private_key_jwt": "Keep the private key where only this program reads it, never in the code.",
    "federated_jwt": "Read the platform's token anew each time: it is replaced before it ends.",
    "tls": "Keep the key of the certificate where only this program reads it.",
}
#: What no library of theirs signs or checks.
_WITHOUT_EDDSA = ("aspnet", "spring")


def client_languages(client: ClientDetails) -> tuple[str, ...]:
    """The languages in which this client can ask, with what their usual libraries can do."""
    method = _METHODS[client.token_endpoint_auth_method]
    with_certificate = _needs_certificate(client)
    if client.dpop_bound_access_tokens:
        return ("node",) if method in ("secret", PRIVATE_KEY_JWT) and not with_certificate else ()
    if with_certificate:
        return ("curl", "python")
    return tuple(LANGUAGES) if method == "secret" else ("curl", "python", "node")


def client_snippet(client: ClientDetails, language: str, kind: str = TOKEN) -> Snippet:
    """How this client asks for a token in one of its languages.

    :param kind: ``TOKEN`` or ``CACHING``.
    """
    found = LANGUAGES[language]
    text = render_template(f"snippets/{language}.txt", kind=kind, **_client_facts(client))
    return Snippet(language, found.label, _colour(text, found.lexer))


def client_programs(client: ClientDetails, language: str) -> ClientPrograms:
    """How this client asks for a token, in the language that was chosen or the first there is."""
    names = client_languages(client)
    chosen = language if language in names else next(iter(names), "")
    url = partial(url_for, "admin.clients.show", client_id=client.client_id, _anchor=USE_IT)
    return ClientPrograms(
        tabs=_tabs({name: LANGUAGES[name] for name in names}, chosen, url),
        variables=client_variables(client),
        once=client_snippet(client, chosen) if chosen else None,
        caching=client_snippet(client, chosen, CACHING) if chosen else None,
    )


def client_variables(client: ClientDetails) -> Snippet:
    """The lines of a shell that set what the programs read."""
    text = render_template("snippets/variables.txt", **_client_facts(client))
    return Snippet("curl", "Variables", _colour(text, "bash"))


def api_frameworks(signing_alg: str) -> tuple[str, ...]:
    """The frameworks whose libraries check tokens of this algorithm."""
    return tuple(
        name for name in FRAMEWORKS if signing_alg != "EdDSA" or name not in _WITHOUT_EDDSA
    )


def api_programs(api: ResourceServerDetails, framework: str, *, scope: str) -> ApiPrograms:
    """How this API checks a token, in the framework that was chosen or the first."""
    names = api_frameworks(api.signing_alg or wiring().settings.signing_alg)
    chosen = framework if framework in names else names[0]
    url = partial(url_for, "admin.apis.show", number=api.number, _anchor=CHECK)
    tabs = _tabs({name: FRAMEWORKS[name] for name in names}, chosen, url)
    return ApiPrograms(tabs, api_snippet(api, chosen, scope=scope))


def api_snippet(api: ResourceServerDetails, framework: str, *, scope: str) -> Snippet:
    """How this API checks a token in a framework.

    :param scope: what a call needs.
    """
    found, settings = FRAMEWORKS[framework], wiring().settings
    text = render_template(
        f"snippets/check/{framework}.txt",
        issuer=settings.issuer,
        jwks_uri=settings.issuer + JWKS_PATH,
        audience=api.identifier,
        alg=api.signing_alg or settings.signing_alg,
        scope=scope,
        scope_is_array=settings.scope_claim == "array",
        literal=_literal,
    )
    return Snippet(framework, found.label, _colour(text, found.lexer))


def _tabs(languages: Mapping[str, Language], chosen: str, url: Callable[..., str]) -> Tabs:
    return tuple(
        (language.label, url(language=name), name == chosen) for name, language in languages.items()
    )


def _client_facts(client: ClientDetails) -> dict[str, Any]:
    method, issuer = _METHODS[client.token_endpoint_auth_method], wiring().settings.issuer
    return {
        "method": method,
        "certificate": _needs_certificate(client),
        "dpop": client.dpop_bound_access_tokens,
        "alg": _assertion_algorithm(client),
        "issuer": issuer,
        "token_url": issuer + TOKEN_PATH,
        "client_id": client.client_id,
        "scope": " ".join(scope.name for scope in granted(client.scopes)),
        "keep_credential": _KEEP_CREDENTIAL[method],
        "literal": _literal,
        "shell": shlex.quote,
    }


def _needs_certificate(client: ClientDetails) -> bool:
    return (
        client.tls_client_certificate_bound_access_tokens
        or _METHODS[client.token_endpoint_auth_method] == "tls"
    )


def _assertion_algorithm(client: ClientDetails) -> str:
    if client.token_endpoint_auth_signing_alg:
        return client.token_endpoint_auth_signing_alg
    keys = key_lines(client.jwks)
    return keys[0].algorithms.partition(",")[0] if keys else "ES256"


def _literal(text: str) -> str:
    """A text in double quotes, as all of these languages write it; nothing of it is code."""
    return json.dumps(text, ensure_ascii=False)


def _colour(text: str, lexer: str) -> Markup:
    tokens = get_lexer_by_name(lexer, stripnl=False, ensurenl=False).get_tokens(text)
    return Markup("").join(_spans(tokens))


def _spans(tokens: Iterator[tuple[_TokenType, str]]) -> Iterator[Markup]:
    named = ((_class_of(kind), value) for kind, value in tokens)
    for name, run in groupby(named, key=lambda token: token[0]):
        value = "".join(text for _, text in run)
        # Space has no colour, so it needs no element.
        yield Markup('<span class="{}">{}</span>').format(name, value) if name else escape(value)


def _class_of(kind: _TokenType) -> str:
    """``c``, ``k`` or ``s`` of the style sheet; most of a program has no colour."""
    for name, of in (("c", Comment), ("k", Keyword), ("s", String)):
        if kind[: len(of)] == of and kind is not Keyword.Constant:
            return name
    return ""
