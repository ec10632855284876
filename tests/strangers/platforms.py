"""Tokens of the shape that Kubernetes and GitHub Actions document, signed by a key of the test's.

Kubernetes: "Configure Service Accounts for Pods", a projected token, whose header has ``alg`` and
``kid`` alone. GitHub: "OpenID Connect reference". What a test wants otherwise is given as in
``signing.py``.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.oauth.signing import Signer, make_key, sign

KEY = make_key("RS256")
#: A cluster that its owner runs, one of Amazon's and one of Google's.
CLUSTER = "https://kubernetes.default.svc.cluster.local"
EKS = "https://oidc.eks.eu-central-1.amazonaws.com/id/0F1E2D3C4B5A69788796A5B4C3D2E1F0"
GKE = "https://container.googleapis.com/v1/projects/example/locations/europe-west3/clusters/prod"
GITHUB = "https://token.actions.githubusercontent.com"


def kubernetes_token(
    audience: object,
    *,
    namespace: str = "payments",
    account: str = "billing",
    iss: str = CLUSTER,
    key: Signer = KEY,
    header: Mapping[str, Any] | None = None,
    **claims: Any,
) -> str:
    """What the kubelet writes for ``serviceAccountToken: {audience: …}``; good for an hour."""
    now = _seconds()
    said: dict[str, Any] = {
        "aud": [audience] if isinstance(audience, str) else audience,
        "exp": now + 3_607,
        "iat": now,
        "iss": iss,
        "jti": secrets.token_hex(16),
        "kubernetes.io": {
            "namespace": namespace,
            "node": {"name": "node-1", "uid": "f7cdb99c-bb49-447c-9481-c36c13a5e753"},
            "pod": {"name": f"{account}-7b94444f8d-hws2b", "uid": "da2a9517-e352-47de-bb01"},
            "serviceaccount": {"name": account, "uid": "02266182-74ea-45dc-b0d7-6f7449f9ae11"},
        },
        "nbf": now,
        "sub": f"system:serviceaccount:{namespace}:{account}",
    }
    return _sign(key, {"alg": key.alg, "kid": key.kid}, header, said, claims)


def github_token(
    audience: object,
    *,
    repository: str = "octo-org/octo-repo",
    ref: str = "refs/heads/main",
    sub: str | None = None,
    iss: str = GITHUB,
    key: Signer = KEY,
    header: Mapping[str, Any] | None = None,
    **claims: Any,
) -> str:
    """What a job with ``id-token: write`` is given by ``core.getIDToken(audience)``, for 5 minutes.

    :param sub: of this branch unless said.
    """
    now = _seconds()
    owner = repository.partition("/")[0]
    said: dict[str, Any] = {
        "jti": secrets.token_hex(16),
        "sub": sub or f"repo:{repository}:ref:{ref}",
        "aud": audience,
        "ref": ref,
        "sha": secrets.token_hex(20),
        "repository": repository,
        "repository_owner": owner,
        "repository_owner_id": "65",
        "run_id": "1234567890",
        "run_number": "10",
        "run_attempt": "1",
        "repository_visibility": "private",
        "repository_id": "74",
        "actor_id": "12",
        "actor": "octocat",
        "workflow": "deploy",
        "head_ref": "",
        "base_ref": "",
        "event_name": "push",
        "ref_protected": "true",
        "ref_type": "branch",
        "workflow_ref": f"{repository}/.github/workflows/deploy.yml@{ref}",
        "job_workflow_ref": f"{owner}/octo-automation/.github/workflows/oidc.yml@{ref}",
        "runner_environment": "github-hosted",
        "iss": iss,
        "nbf": now - 600,
        "exp": now + 300,
        "iat": now,
    }
    head = {"typ": "JWT", "alg": key.alg, "x5t": "hBlbG9uZyB0aHVtYnByaW50IQ", "kid": key.kid}
    return _sign(key, head, header, said, claims)


@dataclass(frozen=True)
class Platform:
    """Who issues, and to whom a test's client is to be given."""

    make_token: Callable[..., str]
    issuer: str
    subject: str


PLATFORMS = {
    "Kubernetes": Platform(kubernetes_token, CLUSTER, "system:serviceaccount:payments:billing"),
    "GitHub": Platform(github_token, GITHUB, "repo:octo-org/octo-repo:ref:refs/heads/main"),
}


def _seconds() -> int:
    return int(datetime.now(UTC).timestamp())


def _sign(
    key: Signer,
    header: dict[str, Any],
    header_changes: Mapping[str, Any] | None,
    claims: dict[str, Any],
    claim_changes: Mapping[str, Any],
) -> str:
    parts = (header | dict(header_changes or {}), claims | dict(claim_changes))
    head, said = (
        {name: value for name, value in part.items() if value is not None} for part in parts
    )
    return sign(key, head, said)
