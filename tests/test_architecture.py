"""The first five rules of the house, read from the source; each can be broken, as shown below."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import architecture

ROOT = Path(__file__).resolve().parent.parent
SOURCES = architecture.read_sources(ROOT)


def test_imports_only_go_down():
    assert architecture.upward_imports(SOURCES) == []


def test_no_modules_import_each_other_in_a_circle():
    assert architecture.import_circles(SOURCES) == []


def test_imports_stand_at_the_top_of_the_file():
    assert architecture.late_imports(SOURCES) == []


def test_imports_are_absolute():
    assert architecture.relative_imports(SOURCES) == []


def test_the_protocol_knows_no_web_no_database_and_no_clock():
    assert architecture.impurities_of_oauth(SOURCES) == []


def test_views_and_commands_reach_the_database_through_operations_and_models_only():
    assert architecture.direct_database_access(SOURCES) == []


def test_every_file_of_the_protocol_stands_in_its_table():
    assert architecture.files_missing_in_the_table(SOURCES) == []


def test_only_the_settings_read_the_environment():
    assert architecture.readers_of_the_environment(SOURCES) == []


def test_the_master_process_imports_nothing_that_imports_a_database_driver():
    tree = ast.parse((ROOT / "gunicorn.conf.py").read_text("utf-8"))
    top = {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert {name for name in top if name.startswith("signet")} == {
        "signet.json_log",
        "signet.settings",
        "signet.worker",
    }


@pytest.mark.parametrize(
    ("check", "module", "line"),
    [
        ("upward_imports", "signet.oauth.scope", "from signet.models import clients"),
        ("upward_imports", "signet.oauth.scope", "from signet.settings import Settings"),
        ("upward_imports", "signet.models.clients", "import signet.operations.clients"),
        ("upward_imports", "signet.operations.clients", "from signet.wiring import wiring"),
        ("upward_imports", "signet.views.connect", "from signet.cli import actor"),
        ("upward_imports", "signet.views.connect", "from app import create_app"),
        ("import_circles", "signet.oauth.client", "import signet.oauth.token"),
        ("late_imports", "signet.models.clients", "def late():\n    import json"),
        (
            "late_imports",
            "signet.models.clients",
            "class A:\n    async def b(c):\n        import d",
        ),
        ("late_imports", "app", "def one():\n    import json\ndef two():\n    import json"),
        ("relative_imports", "signet.models.clients", "from . import scopes"),
        ("relative_imports", "signet.models.clients", "from .scopes import ScopeRow"),
        ("impurities_of_oauth", "signet.oauth.scope", "from flask import request"),
        ("impurities_of_oauth", "signet.oauth.scope", "import sqlalchemy.orm"),
        ("impurities_of_oauth", "signet.oauth.scope", "from werkzeug.http import http_date"),
        ("impurities_of_oauth", "signet.oauth.scope", "import authlib.integrations.flask_oauth2"),
        ("impurities_of_oauth", "signet.oauth.scope", "from authlib import integrations"),
        ("impurities_of_oauth", "signet.oauth.scope", "from urllib import request"),
        ("impurities_of_oauth", "signet.oauth.scope", "from time import time"),
        ("impurities_of_oauth", "signet.oauth.scope", "import os.path"),
        ("impurities_of_oauth", "signet.oauth.scope", "NOW = datetime.now(UTC)"),
        ("impurities_of_oauth", "signet.oauth.scope", "NOW = datetime.datetime.utcnow()"),
        (
            "impurities_of_oauth",
            "signet.oauth.scope",
            "def read():\n    return open('/etc/passwd')",
        ),
        ("direct_database_access", "signet.views.connect", "from signet.extensions import db"),
        ("direct_database_access", "signet.views.connect", "from signet import extensions"),
        ("direct_database_access", "signet.cli.actor", "from sqlalchemy import select"),
        ("direct_database_access", "signet.cli.actor", "from signet.models.database import write"),
        ("direct_database_access", "signet.cli.actor", "from signet.models import database"),
        ("files_missing_in_the_table", "signet.oauth.unheard_of", "pass"),
        ("readers_of_the_environment", "signet.cli.actor", "import os\nNAME = os.environ['USER']"),
        ("readers_of_the_environment", "signet.cli.actor", "import os\nNAME = os.getenv('USER')"),
        ("readers_of_the_environment", "signet.cli.actor", "from os import environ"),
        ("readers_of_the_environment", "signet.cli.actor", "import dotenv"),
        ("readers_of_the_environment", "signet.cli.actor", "OPTION = option('--a', envvar='A')"),
    ],
)
def test_a_planted_fault_is_found(check, module, line):
    planted = SOURCES | {module: f"{SOURCES.get(module, '')}\n{line}\n"}
    assert getattr(architecture, check)(planted) != getattr(architecture, check)(SOURCES)


def test_a_module_without_a_place_in_the_plan_is_found():
    with pytest.raises(LookupError, match=r"signet\.utils"):
        architecture.upward_imports(SOURCES | {"signet.utils.text": "import signet.settings"})


def test_u42_the_linter_refuses_a_source_of_chance_that_can_be_guessed():
    """SECURITY U42; that nothing imports one, or takes a UUID for one, is C17."""
    found = subprocess.run(
        [
            Path(sys.executable).with_name("ruff"),
            "check",
            "--stdin-filename",
            "signet/dice.py",
            "-",
        ],
        input='"""Dice."""\n\nimport random\n\nNUMBER = random.random()\n',
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert found.returncode == 1
    assert "Guessable. Take `secrets`." in found.stdout


def test_u43_no_secret_stands_in_the_code():
    """SECURITY U43: keys come from files or from the environment, and none is a default."""
    sources = [*ROOT.glob("*.py"), *(ROOT / "signet").rglob("*.py"), ROOT / ".env.example"]
    for path in sources:
        text = path.read_text("utf-8")
        assert not re.search(r"BEGIN [A-Z ]*PRIVATE KEY|\bsignet_[0-9A-Za-z]{49}\b", text), path
    example = (ROOT / ".env.example").read_text("utf-8")
    keys = re.findall(
        r"^#? *SIGNET_(?:SECRET_KEY|KEY_ENCRYPTION_KEYS)=(.*)$", example, re.MULTILINE
    )
    assert keys == ["", ""]
