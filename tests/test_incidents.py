"""What has happened to others must not happen here: SECURITY C1 to C23, over a real gunicorn.

Each test is named for its row. What a row asks for in a room of its own is tested there as well;
here it is asked of the whole, from outside, with the log at its loudest.
"""

import ast
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc.jwk import import_key

from signet.models.audit import Actor
from signet.models.clients import find_client
from signet.oauth.client import digest_client_secret, generate_client_secret
from signet.operations import client_secrets, clients, scopes
from signet.operations.client_authentication import ClientAuthentication
from signet.operations.client_facts import ClientFacts
from signet.operations.token_options import TokenOptions
from tests.databases import Databases
from tests.oauth.signing import (
    Key,
    SharedSecret,
    Unsigned,
    encode,
    jwk_set,
    make_assertion,
    make_key,
    make_proof,
    private_jwk,
    public_jwk,
    public_pem,
    split,
)
from tests.running import ROOT, Server
from tests.views.wire import INVALID_CLIENT, INVALID_REQUEST, Answer, Wire

ACTOR = Actor(name="tests")
#: SIGNET_CACHE_SECONDS, as it is by default.
CACHE_SECONDS = 1.0
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
INTROSPECT, REVOKE = "/connect/introspect", "/connect/revocation"
GRANT = {"grant_type": "client_credentials"}
KEY, RSA_KEY, STRANGER = make_key("ES256"), make_key("PS256"), make_key("ES256")
SOURCES = sorted(path for path in (ROOT / "signet").rglob("*.py"))


@dataclass
class Signet(Wire):
    """A served Signet, its clients and what they know."""

    server: Server
    secrets: dict[str, str]

    def __post_init__(self) -> None:
        super().__init__(self.server.base_url)

    @property
    def issuer(self) -> str:
        return self.base_url

    def ask(self, assertion: str, path: str = "/connect/token", **more: str) -> Answer:
        """A request with this assertion."""
        form = GRANT | {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
        return self.post(path, form | more)

    def ask_by_secret(self, client_id: str, path: str = "/connect/token", **more: str) -> Answer:
        """A request with the client's secret in the body."""
        form = {"client_id": client_id, "client_secret": self.secrets[client_id]}
        return self.post(path, GRANT | form | more)

    def token(self, client_id: str = "secretive") -> str:
        """An access token of a client that has a secret."""
        return str(self.ask_by_secret(client_id).json["access_token"])


def register(server: Server) -> dict[str, str]:
    """The clients; gives the secrets of those that have one, and the one that ``signing`` had."""
    now = datetime.now(UTC)
    secrets = {}

    def with_secret(client_id: str, **tokens: Any) -> None:
        issued = clients.register_client(
            ClientFacts(name=client_id),
            tokens=TokenOptions(**tokens),
            client_id=client_id,
            scopes=["external-api"],
            actor=ACTOR,
            now=now,
        )
        secrets[client_id] = issued.client_secret

    def with_keys(client_id: str, *keys: Key) -> None:
        clients.register_client_without_secret(
            ClientFacts(name=client_id),
            ClientAuthentication(method="private_key_jwt", jwks=jwk_set(*keys)),
            client_id=client_id,
            scopes=["external-api"],
            actor=ACTOR,
            now=now,
        )

    with server.opened():
        scopes.create_scope("external-api", apis=["external-api"], actor=ACTOR, now=now)
        scopes.create_scope("other-api", apis=["other-api"], actor=ACTOR, now=now)
        for client_id in ("secretive", "stranger", "soon-disabled", "former"):
            with_secret(client_id)
        with_secret("referring", token_format="reference")
        with_keys("signing", KEY, RSA_KEY)
        with_keys("prefix", STRANGER)
        clients.edit_client(
            "former",
            ClientFacts(name="former"),
            authentication=ClientAuthentication(method="private_key_jwt", jwks=jwk_set(KEY)),
            actor=ACTOR,
            now=now,
        )
    return secrets


@pytest.fixture(scope="module")
def signet(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signet]:
    with databases.fresh("sqlite") as url:
        server = Server(
            tmp_path_factory.mktemp("incidents"), url, SIGNET_LOG_LEVEL="debug", SIGNET_WORKERS="2"
        )
        server.start()
        yield Signet(server, register(server))
        server.stop()


def test_the_clients_of_this_file_get_tokens_when_all_is_right(signet: Signet):
    """Without this, every refusal below would prove nothing."""
    assert signet.ask(make_assertion(KEY, "signing", signet.issuer)).status == 200
    assert signet.ask(make_assertion(RSA_KEY, "signing", signet.issuer)).status == 200
    assert signet.ask_by_secret("secretive").status == 200


def test_c1_a_public_key_is_no_shared_secret(signet: Signet):
    """C1: algorithm confusion; with the client's key in PEM and as JWK, and with ours."""
    ours = signet.get("/.well-known/openid-configuration/jwks").json["keys"][0]
    texts = [
        public_pem(RSA_KEY),
        public_pem(RSA_KEY).strip(),
        json.dumps(public_jwk(RSA_KEY)).encode(),
        json.dumps(ours).encode(),
    ]
    for text in texts:
        for kid in (RSA_KEY.kid, ours["kid"], None):
            assertion = make_assertion(
                SharedSecret(text), "signing", signet.issuer, header={"kid": kid}
            )
            assert signet.ask(assertion).error == INVALID_CLIENT


@pytest.mark.parametrize("alg", ["none", "None", "nOnE", "NONE", "ES256", "PS256"])
def test_c2_an_unsigned_assertion_is_refused(signet: Signet, alg: str):
    """C2: ``none`` in every spelling, and an empty signature under a real name."""
    unsigned = make_assertion(Unsigned(alg=alg, kid=KEY.kid), "signing", signet.issuer)
    assert signet.ask(unsigned).error == INVALID_CLIENT


def test_c2_a_key_in_the_header_is_not_trusted(signet: Signet):
    """C2: the sender's own ``jwk``, ``x5c``, ``jku`` and ``x5u``."""
    for header in (
        {"jwk": public_jwk(STRANGER)},
        {"jwk": public_jwk(STRANGER), "kid": None},
        {"jku": "https://stranger.example/jwks"},
        {"x5u": "https://stranger.example/certificate"},
        {"x5c": ["AAAA"]},
    ):
        assertion = make_assertion(STRANGER, "signing", signet.issuer, header=header)
        assert signet.ask(assertion).error == INVALID_CLIENT


@pytest.mark.parametrize("crit", [["b64"], ["x"], "x", [], [1], {}, None, True])
def test_c3_a_critical_extension_refuses(signet: Signet, crit: Any):
    """C3: none is understood, whatever form the list has; never a 500."""
    # NULL would be left out by None.
    header = {"crit": crit} if crit is not None else {"crit": False}
    assertion = make_assertion(KEY, "signing", signet.issuer, header=header)
    assert signet.ask(assertion).error == INVALID_CLIENT


def test_c4_size_is_limited_before_anything_is_parsed(signet: Signet):
    """C4: 60 KB are refused as they are, 1 MB without being read, encryption is no option."""
    large = make_assertion(KEY, "signing", signet.issuer, header={"x": "A" * 45_000})
    assert len(large) > 60_000
    assert signet.ask(large).error == INVALID_REQUEST
    assert signet.ask("A" * 1_000_000).status == 413
    encrypted = make_assertion(
        KEY, "signing", signet.issuer, header={"alg": "dir", "enc": "A256GCM", "zip": "DEF"}
    )
    assert signet.ask(encrypted).error == INVALID_CLIENT
    five_parts = ".".join([encode(b'{"alg":"dir","enc":"A256GCM"}'), "", "AAAA", "AAAA", "AAAA"])
    assert signet.ask(five_parts).error == INVALID_CLIENT


def test_c5_secrets_are_compared_in_constant_time():
    """C5: no ``==`` on what somebody might guess byte by byte."""
    guessable = {"secret", "client_secret", "digest", "signature", "seal", "password", "code"}
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq):
                sides = (node.left, *node.comparators)
                names = {getattr(side, "id", getattr(side, "attr", "")) for side in sides}
                # The column of a query is compared by the database, over an index of digests;
                # an error's code is its status.
                text = ast.unparse(node)
                if names & guessable and "Row." not in text and "error.code" not in text:
                    found.append((path.name, text))
    assert found == []


@pytest.mark.parametrize("iss", ["signin", "igning", "sign", "signing2", "SIGNING", ["signing"]])
def test_c6_the_issuer_of_an_assertion_is_the_whole_client_id(signet: Signet, iss: Any):
    """C6: no prefix, no part, no list."""
    for claims in ({"iss": iss}, {"sub": iss, "iss": "signing"}):
        assertion = make_assertion(KEY, "signing", signet.issuer, **claims)
        assert signet.ask(assertion, client_id="signing").error == INVALID_CLIENT


def test_c7_an_assertion_counts_once(signet: Signet):
    """C7."""
    assertion = make_assertion(KEY, "signing", signet.issuer)
    assert signet.ask(assertion).status == 200
    assert signet.ask(assertion).error == INVALID_CLIENT


def test_c7_a_stranger_cannot_use_up_somebody_elses_jti(signet: Signet):
    """C7: the note is last of all checks."""
    for spoilt in (
        make_assertion(STRANGER, "signing", signet.issuer, jti="dear"),
        make_assertion(KEY, "signing", "https://other.example", jti="dear"),
    ):
        assert signet.ask(spoilt).error == INVALID_CLIENT
    good = make_assertion(KEY, "signing", signet.issuer, jti="dear")
    assert signet.ask(good, scope="nothing").error == (400, "invalid_scope")
    assert signet.ask(good).status == 200


def test_c8_one_jti_of_two_clients_is_two(signet: Signet):
    """C8: and of one client it is one, whatever else the assertion says."""
    for key, client_id in ((KEY, "signing"), (STRANGER, "prefix")):
        assertion = make_assertion(key, client_id, signet.issuer, jti="shared")
        assert signet.ask(assertion).status == 200
    again = make_assertion(RSA_KEY, "signing", signet.issuer, jti="shared")
    assert signet.ask(again).error == INVALID_CLIENT


def test_c10_a_token_is_told_to_those_it_is_for_and_to_nobody_else(signet: Signet):
    """C10: each form of token and of answer, each foreign caller."""
    foreign = signet.server.flask("api", "secret", "create", "other-api")["client_secret"]
    own = signet.server.flask("api", "secret", "create", "external-api")["client_secret"]
    for token in (signet.token(), signet.token("referring")):
        for accept in ("application/json", "application/token-introspection+jwt"):
            for client_id, client_secret in (
                ("other-api", foreign),
                ("stranger", signet.secrets["stranger"]),
            ):
                answer = signet.post(
                    INTROSPECT,
                    {"client_id": client_id, "client_secret": client_secret, "token": token},
                    {"Accept": accept},
                )
                assert introspected(answer) == {"active": False}
            form = {"client_id": "external-api", "client_secret": own, "token": token}
            answer = signet.post(INTROSPECT, form, {"Accept": accept})
            assert introspected(answer)["active"] is True


def introspected(answer: Answer) -> dict[str, Any]:
    if answer.headers["Content-Type"] == "application/json":
        return dict(answer.json)
    return dict(split(answer.body.decode())[1]["token_introspection"])


def test_c11_no_method_falls_back_to_another(signet: Signet):
    """C11: not to a secret of before, and junk beside a good secret is refused."""
    assert signet.ask_by_secret("former").error == INVALID_CLIENT
    assert signet.ask(make_assertion(KEY, "former", signet.issuer)).status == 200
    for junk in ("junk", make_assertion(Unsigned(), "secretive", signet.issuer)):
        answer = signet.ask_by_secret(
            "secretive", client_assertion_type=ASSERTION_TYPE, client_assertion=junk
        )
        assert answer.error == INVALID_REQUEST
    assert signet.ask(make_assertion(KEY, "secretive", signet.issuer)).error == INVALID_CLIENT


def test_c12_a_disabled_client_is_refused_everywhere(signet: Signet):
    """C12: token, introspection, revocation; and its tokens count no more."""
    token = signet.token("soon-disabled")
    with signet.server.opened():
        clients.disable_client("soon-disabled", actor=ACTOR, now=datetime.now(UTC))
    own = signet.server.flask("api", "secret", "create", "external-api")["client_secret"]
    # From then on no worker may serve what it knew before; earlier, any of them still might.
    time.sleep(CACHE_SECONDS)
    assert signet.ask_by_secret("soon-disabled").error == INVALID_CLIENT
    assert signet.ask_by_secret("soon-disabled", REVOKE, token=token).error == INVALID_CLIENT
    assert signet.ask_by_secret("soon-disabled", INTROSPECT, token=token).status == 401
    form = {"client_id": "external-api", "client_secret": own, "token": token}
    assert signet.post(INTROSPECT, form).json == {"active": False}


def test_c13_a_rotation_ends_the_old_secret_at_one_time_however_it_is_done(signet: Signet):
    """C13: the page and the command end in one operation; here the command and the operation."""
    for overlap, expected in (("24h", timedelta(hours=24)), ("7d", timedelta(days=7))):
        ends = []
        for by_command in (True, False):
            client_id = f"rotating-{overlap}-{by_command}"
            with signet.server.opened():
                clients.register_client(
                    ClientFacts(name=client_id), client_id=client_id, actor=ACTOR, now=_now()
                )
                began = _now()
                if by_command:
                    signet.server.flask("secret", "rotate", client_id, "--overlap", overlap)
                else:
                    client_secrets.rotate_secret(
                        client_id, overlap=expected, actor=ACTOR, now=_now()
                    )
                old = find_client(client_id).secrets[-1]
            ends.append(old.expires_at - began)
        assert all(expected <= end < expected + timedelta(minutes=1) for end in ends)


def test_c15_the_stored_digest_is_no_secret(signet: Signet):
    """C15: with its version, without, and in the place of an API's."""
    digest = digest_client_secret(signet.secrets["secretive"], client_id="secretive")
    for stolen in (digest, digest.removeprefix("v1:")):
        answer = signet.post("/connect/token", GRANT | credentials("secretive", stolen))
        assert answer.error == INVALID_CLIENT


def test_c16_what_is_secret_is_in_no_log_and_no_other_answer(signet: Signet):
    """C16: tokens, assertions, proofs and secrets, right and wrong, with the log at debug."""
    assertion = make_assertion(KEY, "signing", signet.issuer)
    proof = make_proof(KEY, "POST", signet.issuer + "/connect/token")
    wrong = generate_client_secret()
    bound = signet.post(
        "/connect/token",
        GRANT | {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion},
        {"DPoP": proof},
    ).json["access_token"]
    tokens = [bound, signet.token(), signet.token("referring")]
    api_secret = signet.server.flask("api", "secret", "create", "external-api")["client_secret"]
    answers = []
    for token in tokens:
        answers += [
            signet.post(INTROSPECT, credentials("external-api", api_secret) | {"token": token}),
            signet.post(INTROSPECT, credentials("external-api", wrong) | {"token": token}),
            signet.ask_by_secret("stranger", REVOKE, token=token),
            signet.post("/connect/token", GRANT | credentials("secretive", token)),
            signet.post("/connect/token", GRANT | credentials(token[:200], wrong)),
            signet.post("/connect/token", GRANT, {"Authorization": f"Bearer {token}"}),
            signet.post("/connect/token?token=" + token, GRANT),
            signet.get("/connect/" + token),
        ]
    private = private_jwk(make_key())
    answers.append(
        signet.post("/connect/token", GRANT, {"DPoP": make_proof(KEY, "GET", "x", header=private)})
    )
    canaries = [assertion, proof, wrong, api_secret, *tokens, *signet.secrets.values()]
    canaries.append(private["d"])
    said = signet.server.log + "".join(answer.body.decode() for answer in answers)
    # The part that is worth stealing, however the rest is cut.
    for canary in canaries:
        secret_part = canary.rpartition(".")[2].removeprefix("signet_")
        assert secret_part[:20] not in said


def test_c17_random_numbers_are_for_secrets_and_no_hmac_signs_a_token():
    """C17."""
    for path in SOURCES:
        tree = ast.parse(path.read_text("utf-8"))
        imported = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        } | {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not imported & {"random", "uuid"}, path
        assert not re.search(r"[\"']HS(256|384|512)[\"']", path.read_text("utf-8")), path


def test_c18_no_slow_hash_stands_in_the_way_of_a_token():
    """C18: the room of the protocol and its view know none."""
    for path in (*(ROOT / "signet/oauth").glob("*.py"), ROOT / "signet/views/connect.py"):
        text = path.read_text("utf-8")
        assert not re.search(r"argon2|pbkdf2|scrypt|bcrypt|passwords", text), path


def test_c19_a_client_revokes_its_own_tokens_only(signet: Signet):
    """C19: a live token of another lives on, a dead one is no oracle."""
    for owner in ("secretive", "referring"):
        token = signet.token(owner)
        answer = signet.ask_by_secret("stranger", REVOKE, token=token)
        assert answer.error == (400, "invalid_grant")
        asked = signet.ask_by_secret(owner, INTROSPECT, token=token)
        assert asked.json["active"] is True
        assert signet.ask_by_secret(owner, REVOKE, token=token).status == 200
        assert signet.ask_by_secret(owner, INTROSPECT, token=token).json == {"active": False}
        assert signet.ask_by_secret("stranger", REVOKE, token=token).status == 200


def test_c20_an_assertion_is_for_this_server_alone(signet: Signet):
    """C20: ``aud`` is one text and the issuer, at every endpoint; no list, no other address."""
    token = signet.token()
    for audience in (
        "https://other.example",
        signet.issuer + "/",
        signet.issuer + "/connect/token",
        [signet.issuer],
        [signet.issuer, "https://other.example"],
        None,
    ):
        for path in ("/connect/token", INTROSPECT, REVOKE):
            answer = signet.ask(make_assertion(KEY, "signing", audience), path, token=token)
            assert answer.json["error"] == "invalid_client"


def test_c22_an_access_token_is_no_key_to_anything_else(signet: Signet):
    """C22: keys by purpose; a token is neither an assertion nor a signed answer."""
    token = signet.token()
    assert signet.ask(token).error == INVALID_CLIENT
    own = signet.server.flask("api", "secret", "create", "external-api")["client_secret"]
    form = credentials("external-api", own)
    answer = signet.post(
        INTROSPECT,
        form | {"token": token},
        {"Accept": "application/token-introspection+jwt"},
    )
    signed = answer.body.decode()
    assert split(signed)[0]["typ"] == "token-introspection+jwt"
    assert signet.post(INTROSPECT, form | {"token": signed}).json == {"active": False}


def test_c23_a_kid_can_never_name_another_key(signet: Signet):
    """C23: it is the thumbprint of its key."""
    for jwk in signet.get("/.well-known/openid-configuration/jwks").json["keys"]:
        assert jwk["kid"] == import_key(jwk).thumbprint()


def test_no_request_of_this_file_was_a_500(signet: Signet):
    """After all the others."""
    statuses = re.findall(r'"status": (\d+)', signet.server.log)
    assert statuses
    assert not [status for status in statuses if status.startswith("5")]
    assert "Traceback" not in signet.server.log


def credentials(client_id: str, client_secret: str) -> dict[str, str]:
    return {"client_id": client_id, "client_secret": client_secret}


def _now() -> datetime:
    return datetime.now(UTC)
