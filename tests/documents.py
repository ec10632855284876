"""What README and docs print, and a shell to run it in."""

import re
import shlex
import subprocess
from pathlib import Path

from tests.running import ROOT, Server


def blocks(document: str, language: str) -> list[str]:
    """The fenced blocks of a language, in their order."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def plain_commands(block: str) -> list[list[str]] | None:
    """The arguments of each ``flask …`` of a block; ``None`` if it asks more of a shell."""
    commands = []
    for line in block.replace("\\\n", "").splitlines():
        parser = shlex.shlex(line, posix=True, punctuation_chars=True)
        parser.whitespace_split = True
        words = list(parser)
        if words[:1] != [".venv/bin/flask"] or any(set(word) <= set("();<>|&") for word in words):
            return None
        if "$" in line or "`" in line:
            return None
        commands.append(words[1:])
    return commands


def run(
    server: Server, command: list[str], *, cwd: Path = ROOT, **variables: str
) -> subprocess.CompletedProcess[str]:
    """The outcome of a command with the settings of a server and these variables."""
    return subprocess.run(
        command,
        cwd=cwd,
        env=server.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def run_bash(server: Server, block: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The outcome of a block; the first command that fails ends it."""
    command = ["bash", "-euo", "pipefail", "-c", block]
    return run(server, command, cwd=_checkout(server), **variables)


def _checkout(server: Server) -> Path:
    """A folder like the one that people stand in, in which a command may leave files."""
    folder = server.folder / "checkout"
    if not folder.exists():
        folder.mkdir()
        for entry in ROOT.iterdir():
            folder.joinpath(entry.name).symlink_to(entry)
    return folder
