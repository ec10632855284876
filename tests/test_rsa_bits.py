"""U41: an operator who wants RSA keys of 128-bit strength gets them wherever a key is made."""

import base64
import json

import pytest
from flask import Flask

from signet import background
from signet.cli.key import group as key_commands
from signet.models.signing_keys import list_signing_keys
from signet.settings import Settings
from signet.wiring import wiring
from tests.conftest import MakeSettings

pytestmark = pytest.mark.parametrize("engine", ["sqlite"])


@pytest.fixture
def settings(make_settings: MakeSettings, database_url: str) -> Settings:
    return make_settings(SIGNET_DATABASE_URL=database_url, SIGNET_RSA_BITS="3072")


def sizes() -> list[int]:
    numbers = (key.public_jwk["n"] + "==" for key in list_signing_keys())
    return sorted(8 * len(base64.urlsafe_b64decode(number)) for number in numbers)


def test_u41_the_first_key_and_the_next_have_the_bits_that_were_set(app: Flask):
    background.take_turn(wiring())
    assert sizes() == [3072]
    outcome = app.test_cli_runner().invoke(key_commands, ["rotate", "--now", "--json"])
    assert outcome.exit_code == 0, outcome.output
    kid = json.loads(outcome.output)["kid"]
    assert sizes() == [3072, 3072]
    outcome = app.test_cli_runner().invoke(key_commands, ["revoke", kid])
    assert outcome.exit_code == 0, outcome.output
    assert sizes() == [3072, 3072, 3072]
