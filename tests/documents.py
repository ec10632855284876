"""What README and docs print, and a shell to run it in."""

import re
import subprocess
from pathlib import Path

from tests.running import ROOT, Server


def blocks(document: str, language: str) -> list[str]:
    """The fenced blocks of a language, in their order."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


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
