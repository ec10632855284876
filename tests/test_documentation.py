"""What README and docs print for operators runs as printed, and what they say of files is true."""

import re

import pytest

from signet.settings import load_settings
from tests.conftest import StartServer
from tests.documents import blocks, plain_commands, run_bash
from tests.running import ROOT, Server

DOCUMENTS = (
    "README.md",
    "docs/operators.md",
    "docs/api-consumers.md",
    "docs/api-owners.md",
    "docs/performance.md",
)


@pytest.fixture
def server(start_server: StartServer) -> Server:
    return start_server()


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize("document", ["README.md", "docs/operators.md"])
def test_the_commands_of_operators_run_as_printed(server: Server, document: str) -> None:
    for block in blocks(document, "bash"):
        if (commands := plain_commands(block)) is not None:
            for arguments in commands:
                server.text(*arguments)
            continue
        outcome = run_bash(server, block)
        assert outcome.returncode == 0, f"{block}\n{outcome.stderr}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_to_a_file_leads_somewhere(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    pictures = re.findall(r' (?:src|srcset)="([^"]+)"', text)
    for target in (*re.findall(r"\]\(([^)#:]+)\)", text), *pictures):
        assert (ROOT / document).parent.joinpath(target).exists(), target


def test_every_setting_stands_in_the_documentation_and_the_example() -> None:
    source = (ROOT / "signet/settings.py").read_text(encoding="utf-8")
    names = set(re.findall(r'"(SIGNET_[A-Z_]+)"', source))
    assert len(names) > 15
    for document in ("docs/operators.md", ".env.example"):
        text = (ROOT / document).read_text(encoding="utf-8")
        assert {name for name in names if name not in text} == set(), document


def test_the_example_of_settings_is_the_defaults() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    pairs = re.findall(r"^#(SIGNET_[A-Z_]+)=(.*)$", example, re.MULTILINE)
    assert load_settings(dict(pairs)) == load_settings({})
