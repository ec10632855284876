"""Workload identity — RFC 7523 §3, with the token of another issuer as the assertion.

The platform that runs a workload (a Kubernetes cluster, a CI system) already vouches for it, by a
token that it puts into a file there. A client that trusts such an issuer has no secret at all.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from signet.oauth.client import Client, KeySource, TrustedIssuer
from signet.oauth.client_assertion import TYPES, AssertionCredentials
from signet.oauth.credential import Credential
from signet.oauth.errors import RefusedCredentialsError
from signet.oauth.jws import (
    ALGORITHMS,
    Jwt,
    check_signature,
    check_times,
    check_typ,
    moment,
    required_moment,
    required_text,
)
from signet.oauth.public_keys import PublicKey
from signet.oauth.refusal import Reason, Refusal, presented, refusal_of_token
from signet.oauth.server import ProtocolServer
from signet.oauth.store import KeysUnavailableError

#: Most platforms sign with RS256 and nothing else.
ISSUER_ALGORITHMS = (*ALGORITHMS, "RS256")
LONGEST_LIFE = timedelta(hours=24)
ANY, SEGMENT = "**", "*"
#: So many entries a refusal compares.
MOST_ENTRIES = 10


def check_workload_token(
    credentials: AssertionCredentials, client: Client, *, server: ProtocolServer, now: datetime
) -> Credential:
    """The trust entry by which an issuer vouches for the client, to this client's audience.

    The token's ``jti`` is not noted: it is a file that is read again until it rotates.

    :raises RefusedCredentialsError: if none does, with the reason of each entry that came near.
    """
    token = credentials.assertion
    try:
        # Its ``sub`` says who it is over there, not which client it means here.
        if not credentials.names_client:
            raise ValueError("client_id is missing")
        check_typ(token, (*TYPES, "at+jwt"))
        _check_life(token, now)
        entry = _check_trust(token, client, server=server)
    except (ValueError, KeysUnavailableError) as error:
        refusal = refusal_of_token(
            error, token, otherwise=Reason.WORKLOAD, what="workload token", now=now
        )
        raise RefusedCredentialsError(refusal) from None
    return Credential(entry.entry_id)


def subject_matches(pattern: str, subject: str) -> bool:
    """Whether the whole subject is of this pattern; the time it takes grows with their lengths.

    ``*`` is one or more characters but ``:`` and ``/``, ``**`` one or more of any.
    """
    ends = {0}
    for part in _parts(pattern):
        if part == ANY:
            ends = set(range(min(ends) + 1, len(subject) + 1)) if ends else ends
        elif part == SEGMENT:
            ends = set(_ends_of_segment(subject, ends))
        else:
            ends = {end + len(part) for end in ends if subject.startswith(part, end)}
    return len(subject) in ends


def _check_life(token: Jwt, now: datetime) -> None:
    expires_at = required_moment(token.claims, "exp")
    check_times(token.claims, now)
    issued_at = moment(token.claims, "iat") or now
    if expires_at - issued_at > LONGEST_LIFE:
        raise ValueError("it lives longer than 24 hours")


def _check_trust(token: Jwt, client: Client, *, server: ProtocolServer) -> TrustedIssuer:
    issuer, subject = required_text(token.claims, "iss"), required_text(token.claims, "sub")
    audience = token.claims.get("aud")
    if isinstance(audience, list) and len(audience) == 1:
        audience = audience[0]
    # As a whole: the subject of one entry proves nothing with the audience of another.
    trusted = [
        entry
        for entry in client.trusted_issuers
        if entry.issuer == issuer
        and entry.audience == audience
        and subject_matches(entry.subject, subject)
    ]
    if not trusted:
        raise RefusedCredentialsError(_untrusted(issuer, subject, audience, client))
    errors: list[Exception] = []
    for entry in trusted:
        try:
            keys = _keys_of(entry, token, server=server)
            check_signature(token, keys, algorithms=ISSUER_ALGORITHMS)
        except (ValueError, KeysUnavailableError) as error:
            errors.append(error)
        else:
            return entry
    if len({str(error) for error in errors}) == 1:
        raise errors[0]
    raise ValueError(", ".join(dict.fromkeys(map(str, errors))))


def _untrusted(issuer: str, subject: str, audience: object, client: Client) -> Refusal:
    """What the token says, and of each entry which of the three fit."""
    entries = [
        {
            "issuer": entry.issuer,
            "subject": entry.subject,
            "audience": entry.audience,
            "fits": {
                "iss": entry.issuer == issuer,
                "sub": subject_matches(entry.subject, subject),
                "aud": entry.audience == audience,
            },
        }
        for entry in client.trusted_issuers[:MOST_ENTRIES]
    ]
    facts = {
        "iss": presented(issuer),
        "sub": presented(subject),
        "aud": _presented_audience(audience),
        "entries": entries,
    }
    text = "workload token: no trusted issuer of that iss, sub and aud"
    return Refusal(Reason.WORKLOAD_UNTRUSTED, text, facts)


def _presented_audience(audience: object) -> str | list[str] | None:
    if isinstance(audience, list):
        return [presented(one) for one in audience[:MOST_ENTRIES]]
    return None if audience is None else presented(audience)


def _keys_of(entry: TrustedIssuer, token: Jwt, *, server: ProtocolServer) -> tuple[PublicKey, ...]:
    if entry.jwks is not None:
        return entry.jwks
    if entry.jwks_uri is not None:
        source = KeySource(jwks_uri=entry.jwks_uri)
    else:
        source = KeySource(issuer=entry.issuer)
    return server.store.keys_of(source, kid=token.kid)


def _parts(pattern: str) -> Iterator[str]:
    for index, text in enumerate(pattern.split(ANY)):
        if index:
            yield ANY
        for inner, literal in enumerate(text.split(SEGMENT)):
            if inner:
                yield SEGMENT
            if literal:
                yield literal


def _ends_of_segment(subject: str, begins: set[int]) -> Iterator[int]:
    is_inside = False
    for index, character in enumerate(subject):
        is_inside = (is_inside or index in begins) and character not in ":/"
        if is_inside:
            yield index + 1
