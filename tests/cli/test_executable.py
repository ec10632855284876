"""The real ``flask``, as a script calls it: exit codes, stderr, JSON."""

import json
import os
import subprocess

import pytest

from tests.databases import Databases
from tests.running import BIN, ROOT, Installation


@pytest.fixture(scope="module")
def installation(databases: Databases, tmp_path_factory: pytest.TempPathFactory):
    """A prepared installation that the tests of this file share."""
    with databases.fresh("sqlite") as url:
        installation = Installation(tmp_path_factory.mktemp("installation"), url)
        installation.prepare()
        yield installation


def test_a_script_registers_a_client_and_reads_its_secret(installation):
    installation.flask("scope", "create", "external-api", "--api", "external-api")
    created = installation.command(
        *("client", "create", "Billing", "--client-id", "billing", "--scope", "external-api"),
        "--json",
    )
    assert created.returncode == 0
    assert json.loads(created.stdout)["client_secret"].startswith("signet_")
    assert installation.flask("client", "show", "billing")["scope"] == "external-api"


def test_a_refusal_is_one_line_on_stderr_and_exit_code_1(installation):
    outcome = installation.command("client", "show", "nobody", "--json")
    assert (outcome.returncode, outcome.stdout) == (1, "")
    assert outcome.stderr == "Error: There is no client “nobody”\n"


def test_wrong_usage_is_exit_code_2(installation):
    outcome = installation.command("secret", "rotate", "billing", "--overlap", "soon")
    assert (outcome.returncode, outcome.stdout) == (2, "")
    assert "--overlap" in outcome.stderr


def test_a_wrong_setting_is_one_line_that_names_it_and_exit_code_1(installation, tmp_path):
    wrong = Installation(tmp_path, "sqlite:///nothing", SIGNET_ISSUER="ftp://id.example.org")
    outcome = wrong.command("client", "list")
    assert (outcome.returncode, outcome.stdout) == (1, "")
    assert outcome.stderr.startswith("Error: SIGNET_ISSUER: ")
    assert outcome.stderr.count("\n") == 1


def test_bytes_that_are_no_utf_8_are_wrong_usage(installation):
    outcome = run(installation, "client", "show", b"a\xff")
    assert (outcome.returncode, outcome.stdout) == (2, b"")
    assert b"Traceback" not in outcome.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_of_another_encoding_breaks_no_answer(installation, encoding):
    environ = installation.environ | {"PYTHONIOENCODING": encoding}
    for arguments in (
        ("client", "create", "Zürich “€”"),
        ("client", "list"),
        ("client", "list", "--json"),
    ):
        outcome = run(installation, *arguments, env=environ)
        assert (outcome.returncode, outcome.stderr) == (0, b"")


def test_a_reader_that_goes_away_is_no_traceback(installation):
    reader, end = os.pipe()
    os.close(reader)
    process = subprocess.run(
        [BIN / "flask", "api", "list"],
        cwd=ROOT,
        env=installation.environ,
        stdout=end,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(end)
    assert b"Traceback" not in process.stderr


def test_a_password_with_stdin_closed_is_wrong_usage(installation):
    outcome = subprocess.run(
        ["sh", "-c", "flask admin create ann --role viewer --password-stdin <&-"],
        cwd=ROOT,
        env=installation.environ,
        capture_output=True,
        check=False,
    )
    assert outcome.returncode == 2
    assert b"Traceback" not in outcome.stderr


def run(installation: Installation, *arguments: str | bytes, env: dict[str, str] | None = None):
    return subprocess.run(
        [BIN / "flask", *arguments],
        cwd=ROOT,
        env=env or installation.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
