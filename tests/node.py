"""Node, where this machine has it, for programs of its world that talk to Signet."""

import shutil
import subprocess

import pytest

from tests.running import ROOT

#: Scripts, and the packages that ``install_node_packages.sh`` puts beside them.
FOLDER = ROOT / "tests/strangers/node"
OLDEST = 20


def find_node() -> str:
    """Where Node is; without it the test is skipped and says what to install."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip(
            f"Node is missing: install Node {OLDEST} or later with npm, then 'make packages'"
        )
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.removeprefix("v").partition(".")[0]) < OLDEST:
        pytest.skip(f"Node is too old: install Node {OLDEST} or later, then 'make packages'")
    return node
