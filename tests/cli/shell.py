"""Types commands into an app without a process, and reads what they answer."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from click.testing import Result
from flask import Flask, current_app

from signet.wiring import wiring
from tests.running import Installation

#: For what no database has a part in.
on_one_engine = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


class Shell:
    """A command line of one app."""

    def __init__(self, app: Flask) -> None:
        self._runner = app.test_cli_runner()

    def run(self, *arguments: str, stdin: str | bytes = "") -> Result:
        """The outcome of ``flask …``; a traceback of it fails the test."""
        return self._runner.invoke(args=list(arguments), input=stdin, catch_exceptions=False)

    def text(self, *arguments: str, stdin: str | bytes = "") -> str:
        """What people read; a refusal fails the test."""
        result = self.run(*arguments, stdin=stdin)
        assert (result.exit_code, result.stderr) == (0, "")
        return result.stdout

    def json(self, *arguments: str, stdin: str | bytes = "") -> Any:
        """What scripts read; a refusal fails the test."""
        return json.loads(self.text(*arguments, "--json", stdin=stdin))

    def refusal(self, *arguments: str, stdin: str | bytes = "") -> str:
        """The one line of a refusal, without its ``Error:``."""
        result = self.run(*arguments, stdin=stdin)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith("Error: ")
        assert result.stderr.endswith("\n")
        assert result.stderr.count("\n") == 1
        return result.stderr[len("Error: ") : -1]

    def misuse(self, *arguments: str, stdin: str | bytes = "") -> str:
        """What is said of wrong usage."""
        result = self.run(*arguments, stdin=stdin)
        assert (result.exit_code, result.stdout) == (2, "")
        return result.stderr

    def entry(self) -> dict[str, Any]:
        """The newest entry of the audit log."""
        (entry,) = self.json("audit", "list", "--limit", "1")
        return dict(entry)

    def count(self) -> int:
        """How many entries the audit log has."""
        return int(self.json("audit", "verify")["count"])


@contextmanager
def typing_commands(installation: Installation) -> Iterator[Shell]:
    """The command line of an installation, for many commands: each process takes a second."""
    with installation.opened() as app:
        yield Shell(app)


def set_clock(moment: datetime) -> None:
    """Make it this moment for the app whose context is open."""
    replace(wiring(), clock=lambda: moment).install(current_app)
