"""A real gunicorn for tests, started as an operator starts it, and the commands beside it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from click.testing import Result
from dotenv import dotenv_values
from flask import Flask

from app import create_app
from signet.extensions import db
from signet.settings import load_settings

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent

#: Seconds until a server that does not start or stop fails the test.
PATIENCE = 60


@contextmanager
def opened(app: Flask) -> Iterator[Flask]:
    """An app within its context; its connections are closed afterwards."""
    with app.app_context():
        try:
            yield app
        finally:
            db.session.remove()
            for database in db.engines.values():
                database.dispose()


class Installation:
    """A folder with data, keys and settings of its own, and the commands that work on it.

    Nothing of the environment of whoever runs the tests reaches it.

    :param variables: settings (``SIGNET_…``) other than the defaults.
    """

    def __init__(self, folder: Path, database_url: str, **variables: str) -> None:
        self.folder = folder
        self.environ = {
            # An empty value is the default: it covers what a developer's .env may say.
            **dict.fromkeys(dotenv_values(ROOT / ".env"), ""),
            "PATH": f"{BIN}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(folder),
            "SIGNET_DATABASE_URL": database_url,
            "SIGNET_DATA_DIR": str(folder / "data"),
            "SIGNET_SECRETS_DIR": str(folder / "secrets"),
            **variables,
        }

    def command(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """The outcome of a process ``flask …``, whatever it is."""
        return subprocess.run(
            [BIN / "flask", *arguments],
            cwd=ROOT,
            env=self.environ,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )

    @contextmanager
    def opened(self) -> Iterator[Flask]:
        """An app of these settings in this process, within its context."""
        with opened(create_app(load_settings(self.environ))) as app:
            yield app

    def flask(self, *arguments: str, stdin: str = "") -> Any:
        """What ``flask … --json`` says; a refusal fails the test."""
        return json.loads(self.text(*arguments, "--json", stdin=stdin))

    def prepare(self) -> str:
        """Do what ``make run`` does before it serves, and give what it prints."""
        return self.text("prepare")

    def text(self, *arguments: str, stdin: str = "") -> str:
        """What ``flask …`` says to people; a refusal fails the test."""
        # In this process: one of its own takes two seconds, and says the same.
        with opened(create_app(load_settings(self.environ), rest_later=True)) as app:
            outcome: Result = app.test_cli_runner().invoke(
                args=list(arguments), input=stdin, catch_exceptions=False
            )
        assert outcome.exit_code == 0, outcome.stderr
        return outcome.stdout


class Server(Installation):
    """An installation that is served on a free port of the loopback address.

    By one worker, unless a test asks for more of them: each takes a second to start.
    """

    def __init__(self, folder: Path, database_url: str, **variables: str) -> None:
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        super().__init__(
            folder,
            database_url,
            **{
                "SIGNET_BIND": f"127.0.0.1:{self.port}",
                "SIGNET_ISSUER": self.base_url,
                "SIGNET_WORKERS": "1",
                **variables,
            },
        )
        #: One-time code for ``/admin/setup``, while there is no admin.
        self.setup_code = ""
        self.log_file = folder / f"server-{self.port}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def with_settings(self, **variables: str) -> "Server":
        """The same installation with other settings, not started."""
        url = self.environ["SIGNET_DATABASE_URL"]
        return Server(self.folder, url, **variables)

    @property
    def pid(self) -> int:
        """The process id of gunicorn's master."""
        assert self._process is not None, "the server was not started"
        return self._process.pid

    @property
    def log(self) -> str:
        """All that the server has written of the requests so far."""
        self._wait_for_lines()
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    def _wait_for_lines(self) -> None:
        # A worker writes the lines of its requests a moment later, in their order: those of a
        # request that comes now are the last ones.
        if self._process is None or self._process.poll() is not None:
            return
        for _ in range(int(self.environ.get("SIGNET_WORKERS", "1"))):
            try:
                with urllib.request.urlopen(f"{self.base_url}/healthz", timeout=PATIENCE) as answer:
                    request_id = answer.headers["X-Request-Id"]
            except OSError:
                return
            deadline = time.monotonic() + PATIENCE
            while request_id not in self.log_file.read_text(encoding="utf-8", errors="replace"):
                assert time.monotonic() < deadline, "the line of a request is missing"
                time.sleep(0.01)

    def start(self) -> "Server":
        """Prepare, serve, and come back as soon as requests are answered."""
        for line in self.prepare().splitlines():
            if line.startswith("Setup code: "):
                self.setup_code = line.removeprefix("Setup code: ")
        self.launch()
        self.wait_until_ready()
        return self

    def launch(self) -> subprocess.Popen[bytes]:
        """Start gunicorn, in a process group of its own, and do not wait for it."""
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [BIN / "gunicorn", "wsgi:app"],
                cwd=ROOT,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self._process

    def wait_until_ready(self) -> None:
        """Come back when ``/readyz`` says 200."""
        assert self._process is not None, "the server was not started"
        deadline = time.monotonic() + PATIENCE
        while not self._is_ready():
            assert self._process.poll() is None, f"the server has ended:\n{self.log}"
            assert time.monotonic() < deadline, f"the server does not get ready:\n{self.log}"
            time.sleep(0.02)

    def stop(self) -> int:
        """End the server as an orchestrator does, and give its exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.terminate()
        try:
            return process.wait(PATIENCE)
        finally:
            # Its own group, which is empty unless it left a worker behind or did not end.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.base_url}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError as error:
            error.close()
            return False
        except OSError:
            return False


def free_port() -> int:
    """A port of the loopback address on which nobody listens at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
