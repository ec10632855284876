"""Kubernetes and GitHub Actions vouch for a workload (PROTOCOL 22), or they do not."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.oauth.signing import SharedSecret, Unsigned, jwk_set, make_key, public_pem
from tests.running import Server
from tests.strangers.asking import REFUSED, Answer, ask
from tests.strangers.conftest import House, write_json
from tests.strangers.platforms import (
    CLUSTER,
    EKS,
    GITHUB,
    GKE,
    KEY,
    PLATFORMS,
    github_token,
    kubernetes_token,
)

AUDIENCE = "https://id.example.org"
GRANTED = (200, "external-api")
NO_ENTRY = "no trusted issuer of that iss, sub and aud"
#: One client that two platforms vouch for, each in its own words.
CLIENT = "billing-workload"
#: Another that trusts managed clusters and other places of a forge, each with its own audience.
ELSEWHERE = "elsewhere"
OTHER_AUDIENCE = "https://id.example.org/elsewhere"
ENTRIES = {
    CLIENT: [
        (CLUSTER, PLATFORMS["Kubernetes"].subject, AUDIENCE),
        (GITHUB, PLATFORMS["GitHub"].subject, AUDIENCE),
    ],
    ELSEWHERE: [
        (EKS, "system:serviceaccount:payments:billing", AUDIENCE),
        (GKE, "system:serviceaccount:shop:cart", OTHER_AUDIENCE),
        (GITHUB, "repo:octo-org/octo-repo:environment:prod", OTHER_AUDIENCE),
        (GITHUB, "repo:octo-org@65/octo-repo@74:ref:refs/heads/main", AUDIENCE),
    ],
}
#: Subjects that a pattern is of, and subjects that it is not.
PATTERNS = {
    "repo:octo-org/*:ref:refs/heads/main": (
        ["repo:octo-org/octo-repo:ref:refs/heads/main"],
        [
            "repo:octo-org/:ref:refs/heads/main",
            "repo:octo-org/a/b:ref:refs/heads/main",
            "repo:octo-org/a:environment:b:ref:refs/heads/main",
            "repo:octo-org-2/octo-repo:ref:refs/heads/main",
            "repo:octo-org/octo-repo:ref:refs/heads/main-2",
        ],
    ),
    "repo:octo-org/octo-repo:**": (
        [
            "repo:octo-org/octo-repo:environment:prod",
            "repo:octo-org/octo-repo:pull_request",
            "repo:octo-org/octo-repo:ref:refs/heads/feature/a/b",
        ],
        [
            "repo:octo-org/octo-repo:",
            "repo:octo-org/octo-repo-2:pull_request",
            "x:repo:octo-org/octo-repo:pull_request",
        ],
    ),
    "system:serviceaccount:payments:*": (
        ["system:serviceaccount:payments:billing"],
        ["system:serviceaccount:staging:billing", "system:serviceaccount:payments:"],
    ),
    "system:serviceaccount:*": ([], ["system:serviceaccount:payments:billing"]),
    "repo:octo.org/[a-z]+:pull_request": (
        ["repo:octo.org/[a-z]+:pull_request"],
        ["repo:octo.org/abc:pull_request", "repo:octoXorg/[a-z]+:pull_request"],
    ),
}
SUBJECTS = [
    (pattern, subject, outcome)
    for pattern, (right, wrong) in PATTERNS.items()
    for subjects, outcome in ((right, GRANTED), (wrong, REFUSED))
    for subject in subjects
]


@pytest.fixture(scope="module")
def server(house: House, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """The house, with clients that trust the platforms of ``platforms.py``."""
    file = write_json(tmp_path_factory.mktemp("platforms"), "jwks.json", jwk_set(KEY))
    with house.commands() as shell:

        def register(client_id: str, issuer: str, subject: str, audience: str) -> None:
            trust = (
                "--trust-issuer", issuer, "--trust-subject", subject,
                "--trust-audience", audience, "--trust-jwks", file,
            )  # fmt: skip
            known = {client["client_id"] for client in shell.json("client", "list")}
            if client_id in known:
                shell.json("client", "trust", client_id, *trust)
                return
            shell.json(
                "client", "create", client_id, "--client-id", client_id, "--scope", "external-api",
                "--token-endpoint-auth-method", "federated_jwt", *trust,
            )  # fmt: skip

        for client_id, entries in ENTRIES.items():
            for entry in entries:
                register(client_id, *entry)
        for number, pattern in enumerate(PATTERNS):
            register(f"pattern-{number}", GITHUB, pattern, AUDIENCE)
    return house.server


@pytest.fixture(params=PLATFORMS)
def platform(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def in_seconds(seconds: int) -> int:
    """That moment, from now, as claims have it."""
    return int(datetime.now(UTC).timestamp()) + seconds


def refusal_of(answer: Answer) -> str | None:
    """The reason in the log; the answer must not tell it."""
    assert answer.outcome == REFUSED
    return (answer.reason or "").removeprefix("workload token: ")


def test_its_token_lets_the_workload_in_again_and_again(server: Server, platform: str):
    """It is a file that is read again until it rotates: its ``jti`` is not noted."""
    token = PLATFORMS[platform].make_token(AUDIENCE)
    answers = [ask(server, token, CLIENT) for _ in range(3)]
    assert [answer.outcome for answer in answers] == [GRANTED] * 3


@pytest.mark.parametrize(
    ("make_token", "claims", "audience"),
    [
        (kubernetes_token, {"iss": EKS}, AUDIENCE),
        (kubernetes_token, {"iss": GKE, "namespace": "shop", "account": "cart"}, OTHER_AUDIENCE),
        (github_token, {"sub": "repo:octo-org/octo-repo:environment:prod"}, OTHER_AUDIENCE),
        (github_token, {"sub": "repo:octo-org@65/octo-repo@74:ref:refs/heads/main"}, AUDIENCE),
    ],
    ids=["EKS", "GKE", "an environment", "an immutable subject"],
)
def test_a_client_may_trust_several(
    server: Server, make_token: Any, claims: dict[str, Any], audience: str
):
    assert ask(server, make_token(audience, **claims), ELSEWHERE).outcome == GRANTED


@pytest.mark.parametrize(
    ("make_token", "claims"),
    [
        (kubernetes_token, {"namespace": "staging"}),
        (kubernetes_token, {"account": "default"}),
        (kubernetes_token, {"namespace": "payments:billing", "account": "x"}),
        (github_token, {"ref": "refs/heads/feature"}),
        (github_token, {"ref": "refs/heads/main/x"}),
        (github_token, {"ref": "refs/tags/main"}),
        (github_token, {"repository": "octo-org/octo-repo-2"}),
        (github_token, {"repository": "mallory/octo-repo"}),
        (github_token, {"sub": "repo:octo-org/octo-repo:pull_request"}),
        (github_token, {"sub": "repo:octo-org/octo-repo:environment:prod"}),
        (github_token, {"sub": "repo:Octo-Org/octo-repo:ref:refs/heads/main"}),
        (kubernetes_token, {"iss": EKS}),
        (kubernetes_token, {"iss": CLUSTER + "/"}),
        (github_token, {"iss": "https://github.example.org/_services/token"}),
        # Each of the two vouches for its own subjects alone.
        (kubernetes_token, {"iss": GITHUB}),
        (github_token, {"iss": CLUSTER}),
    ],
)
def test_a_workload_that_is_another_is_refused(
    server: Server, make_token: Any, claims: dict[str, Any]
):
    assert refusal_of(ask(server, make_token(AUDIENCE, **claims), CLIENT)) == NO_ENTRY


@pytest.mark.parametrize(
    "audience",
    [
        "https://kubernetes.default.svc.cluster.local",
        "https://github.com/octo-org",
        AUDIENCE + "/",
        [AUDIENCE, "https://other.example.org"],
        [AUDIENCE, AUDIENCE],
        [[AUDIENCE]],
        [],
        None,
    ],
    ids=["cluster", "forge", "slash", "two", "twice", "nested", "empty", "none"],
)
def test_a_token_that_is_not_for_signet_alone_is_refused(
    server: Server, platform: str, audience: object
):
    token = PLATFORMS[platform].make_token(audience)
    assert refusal_of(ask(server, token, CLIENT)) == NO_ENTRY


@pytest.mark.parametrize(
    ("make_token", "claims", "audience"),
    [
        (kubernetes_token, {"iss": EKS}, OTHER_AUDIENCE),
        (kubernetes_token, {"iss": EKS, "namespace": "shop", "account": "cart"}, AUDIENCE),
        (kubernetes_token, {"iss": GKE, "namespace": "shop", "account": "cart"}, AUDIENCE),
        (github_token, {"sub": "repo:octo-org/octo-repo:environment:prod"}, AUDIENCE),
        (
            github_token,
            {"sub": "repo:octo-org@65/octo-repo@74:ref:refs/heads/main"},
            OTHER_AUDIENCE,
        ),
    ],
)
def test_parts_of_two_entries_make_no_third(
    server: Server, make_token: Any, claims: dict[str, Any], audience: str
):
    token = make_token(audience, **claims)
    assert refusal_of(ask(server, token, ELSEWHERE)) == NO_ENTRY


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        ({"exp": -1, "iat": -3_600}, "expired"),
        ({"exp": None}, "exp is missing"),
        ({"exp": 25 * 3_600}, "it lives longer than 24 hours"),
        # As Kubernetes gives every pod without being asked for another.
        ({"exp": 365 * 24 * 3_600}, "it lives longer than 24 hours"),
        ({"exp": 25 * 3_600, "iat": None}, "it lives longer than 24 hours"),
        ({"iat": 60}, "iat is in the future"),
        ({"nbf": 60}, "nbf is in the future"),
    ],
)
def test_a_token_out_of_its_time_is_refused(
    server: Server, platform: str, times: dict[str, int | None], reason: str
):
    claims = {name: at if at is None else in_seconds(at) for name, at in times.items()}
    token = PLATFORMS[platform].make_token(AUDIENCE, **claims)
    assert refusal_of(ask(server, token, CLIENT)) == reason


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"key": Unsigned(kid=KEY.kid)}, "alg is not allowed"),
        ({"key": SharedSecret(public_pem(KEY), kid=KEY.kid)}, "alg is not allowed"),
        ({"header": {"kid": "another"}}, "no key of that kid and alg"),
        ({"key": make_key("ES256"), "header": {"kid": KEY.kid}}, "no key of that kid and alg"),
        ({"header": {"typ": "dpop+jwt"}}, "typ is not allowed"),
    ],
    ids=["none", "HS256 with the public key", "unknown kid", "another key", "another kind"],
)
def test_a_token_that_nobody_vouches_for_is_refused(
    server: Server, platform: str, options: dict[str, Any], reason: str
):
    token = PLATFORMS[platform].make_token(AUDIENCE, **options)
    assert refusal_of(ask(server, token, CLIENT)) == reason


def test_a_changed_token_is_refused(server: Server, platform: str):
    make_token = PLATFORMS[platform].make_token
    signature = make_token(AUDIENCE).rpartition(".")[2]
    signing_input = make_token(AUDIENCE).rpartition(".")[0]
    assert refusal_of(ask(server, f"{signing_input}.{signature}", CLIENT)) == "bad signature"


def test_the_client_must_be_named(server: Server, platform: str):
    """Its ``sub`` says who it is over there, not which client it means here."""
    answer = ask(server, PLATFORMS[platform].make_token(AUDIENCE))
    assert (answer.outcome, answer.reason) == (REFUSED, "unknown client")


def test_the_trust_of_one_client_lets_no_other_in(server: Server, platform: str):
    token = PLATFORMS[platform].make_token(AUDIENCE)
    assert refusal_of(ask(server, token, ELSEWHERE)) == NO_ENTRY


@pytest.mark.parametrize(("pattern", "subject", "outcome"), SUBJECTS)
def test_a_pattern_is_of_the_whole_subject(
    server: Server, pattern: str, subject: str, outcome: tuple[int, Any]
):
    """``*`` is one or more characters but ``:`` and ``/``, ``**`` any, the rest literal."""
    client_id = f"pattern-{list(PATTERNS).index(pattern)}"
    token = github_token(AUDIENCE, sub=subject)
    assert ask(server, token, client_id).outcome == outcome
