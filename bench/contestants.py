"""What is measured: Signet in its settings, and the peers, each as a server of two processes."""

import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from bench.load import Target
from tests.databases import PostgresqlDatabases
from tests.running import BIN, PATIENCE, Server, free_port

PEERS = Path(__file__).parent / "peers"
CLIENT_ID, SCOPE = "bench", "external-api"
#: Of the peers; Signet makes its own.
CLIENT_SECRET = "a-secret-of-the-bench"

SIGNET, SIGNET_ES256 = "Signet", "Signet, ES256"
SIGNET_POSTGRESQL = "Signet on PostgreSQL"
BARE, NODE, DJANGO = "bare Flask view", "node-oidc-provider", "django-oauth-toolkit"


class AbsentError(Exception):
    """A contestant cannot run here; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """A server that runs."""

    name: str
    #: What it signs with, or that it signs nothing.
    alg: str
    target: Target
    #: The process that leads its session.
    leader: int


@contextmanager
def signet(
    folder: Path, name: str, database_url: str = "", **variables: str
) -> Iterator[Contestant]:
    """Signet under its own ``gunicorn.conf.py``, with one client, one secret and one scope."""
    with signet_server(folder, database_url, **variables) as server:
        target = target_of(server, folder / "bodies", token_body(*register(server)))
        server.start()
        yield Contestant(name, variables.get("SIGNET_SIGNING_ALG", "RS256"), target, server.pid)


@contextmanager
def signet_server(folder: Path, database_url: str = "", **variables: str) -> Iterator[Server]:
    """A prepared installation, by default with two workers, to be started; it is stopped anyway."""
    folder.mkdir()
    url = database_url or f"sqlite:///{folder / 'signet.db'}"
    server = Server(folder, url, **{"SIGNET_WORKERS": "2", **variables})
    server.prepare()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def signet_on_postgresql(folder: Path) -> Iterator[Contestant]:
    """Signet, and a PostgreSQL of its own beside it."""
    with postgresql() as url, signet(folder, SIGNET_POSTGRESQL, url) as contestant:
        yield contestant


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of a database of a PostgreSQL that is started for it."""
    # It asks for the runtime folder of a desktop session and does without.
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
    databases = PostgresqlDatabases()
    try:
        yield databases.create(migrated=True)
    finally:
        databases.close()


def target_of(server: Server, path: Path, *bodies: str) -> Target:
    """The token endpoint of a Signet, and these forms, which are kept in a file."""
    path.write_text("".join(f"{body}\n" for body in bodies), encoding="ascii")
    return Target(f"{server.base_url}/connect/token", path)


def register(server: Server) -> tuple[str, str]:
    """Id and secret of the one client, made as an operator makes it."""
    server.flask("scope", "create", SCOPE, "--api", SCOPE)
    made = server.flask("client", "create", "Bench", "--client-id", CLIENT_ID, "--scope", SCOPE)
    return made["client_id"], made["client_secret"]


@contextmanager
def bare(folder: Path) -> Iterator[Contestant]:
    """The view that only checks a secret and signs, under gunicorn with gevent."""
    port = free_port()
    # Loaded before the fork: both workers have one key.
    command = [str(BIN / "gunicorn"), "--preload", *_gunicorn("gevent", port), "view:app"]
    with _peer(folder, command, PEERS / "bare") as process:
        yield _contestant(BARE, "RS256", f"http://127.0.0.1:{port}/token", folder, process)


@contextmanager
def django(folder: Path) -> Iterator[Contestant]:
    """django-oauth-toolkit under gunicorn, on SQLite."""
    home = PEERS / "django-oauth-toolkit"
    bin_folder = home / ".venv/bin"
    if not (bin_folder / "gunicorn").exists():
        raise AbsentError("it could not be installed")
    variables = {
        "DJANGO_SETTINGS_MODULE": "project_settings",
        "BENCH_DATABASE": str(folder / "db.sqlite3"),
    }
    folder.mkdir()
    for arguments in (
        ["migrate", "--verbosity", "0"],
        ["createapplication", "confidential", "client-credentials"]
        + ["--client-id", CLIENT_ID, "--client-secret", CLIENT_SECRET],
    ):
        subprocess.run(
            [bin_folder / "python", "-m", "django", *arguments],
            cwd=home,
            env=_environ(folder) | variables,
            stdout=subprocess.DEVNULL,
            check=True,
        )
    port = free_port()
    command = [str(bin_folder / "gunicorn"), *_gunicorn("gthread", port)]
    command.append("django.core.wsgi:get_wsgi_application()")
    with _peer(folder, command, home, **variables) as process:
        yield _contestant(DJANGO, "opaque", f"http://127.0.0.1:{port}/o/token/", folder, process)


@contextmanager
def node(folder: Path) -> Iterator[Contestant]:
    """node-oidc-provider as a cluster of two."""
    home = PEERS / "node-oidc-provider"
    program = shutil.which("node")
    if program is None or not (home / "node_modules/oidc-provider").exists():
        raise AbsentError("Node 20 or later with npm is missing, or it could not be installed")
    port = free_port()
    command = [program, "server.js", str(port), CLIENT_ID, CLIENT_SECRET, SCOPE]
    with _peer(folder, command, home, NODE_ENV="production") as process:
        yield _contestant(NODE, "RS256", f"http://127.0.0.1:{port}/token", folder, process)


def token_body(client_id: str, client_secret: str) -> str:
    """The form that asks for a token."""
    return urlencode(
        {
            "client_id": client_id,
            "client_secret": client_secret,
            "grant_type": "client_credentials",
            "scope": SCOPE,
        }
    )


@contextmanager
def _peer(
    folder: Path, command: list[str], home: Path, **variables: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A peer's server, in a session of its own; all of it has ended afterwards."""
    folder.mkdir(exist_ok=True)
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=home,
            env=_environ(folder) | variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _environ(folder: Path) -> dict[str, str]:
    """Nothing of whoever runs the bench."""
    # Python finds the files of a peer in the folder it stands in.
    return {"PATH": os.defpath, "HOME": str(folder), "PYTHONPATH": "."}


def _contestant(
    name: str, alg: str, url: str, folder: Path, process: subprocess.Popen[bytes]
) -> Contestant:
    body = token_body(CLIENT_ID, CLIENT_SECRET)
    _wait_until_answered(url, body, process, folder / "server.log")
    bodies = folder / "bodies"
    bodies.write_text(f"{body}\n", encoding="ascii")
    return Contestant(name, alg, Target(url, bodies), process.pid)


def _wait_until_answered(url: str, body: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(url, body.encode(), timeout=PATIENCE):
                return
        except urllib.error.HTTPError as error:
            raise AbsentError(f"it answers {error.code} {error.read()!r}") from None
        except OSError:
            if time.monotonic() > deadline or process.poll() is not None:
                raise AbsentError(f"it does not start: {log.read_text()[-500:]}") from None
            time.sleep(0.05)


def _gunicorn(worker_class: str, port: int) -> list[str]:
    arguments = ["--workers", "2", "--worker-class", worker_class, "--bind", f"127.0.0.1:{port}"]
    return [*arguments, "--log-level", "warning", "--no-control-socket"]
