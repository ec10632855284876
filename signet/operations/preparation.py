"""All that must be there before Signet serves: folders, key files, tables, the first signing key.

May be repeated, and by several nodes at once. What cannot be used is a ``SettingsError`` that
names the variable.
"""

import base64
import os
import secrets
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from signet.models.audit import Actor
from signet.models.database import DatabaseUnavailableError, read
from signet.models.key_encryption import KeyEncryption, KeyEncryptionError
from signet.models.schema import alone, has_unknown_migration, is_schema_current, upgrade_schema
from signet.models.signing_keys import load_private_key_ring, load_signing_key_rows
from signet.operations.signing_keys import take_due_step
from signet.settings import KeyEncryptionKey, Settings, SettingsError, read_key_files

_KEKS = "SIGNET_KEY_ENCRYPTION_KEYS"


def prepare(settings: Settings, *, actor: Actor, now: datetime) -> Settings:
    """Make what is missing; returns the settings with the keys that now exist."""
    if settings.uses_sqlite:
        _make_folder(settings.data_dir, "SIGNET_DATA_DIR")
    try:
        with alone(settings.data_dir):
            # Another preparation may have made them while this one waited.
            settings = read_key_files(settings)
            if settings.uses_sqlite:
                _make_database_file(settings.sqlite_file)
            if has_unknown_migration():
                raise SettingsError(
                    "SIGNET_DATABASE_URL", "the tables are of a newer version than this one"
                )
            if not is_schema_current():
                upgrade_schema()
            settings = _make_key_files(settings)
            encryption = KeyEncryption(settings.key_encryption_keys)
            _check_keys_open(encryption, now=now)
            take_due_step(
                settings.signing_alg,
                rsa_bits=settings.rsa_bits,
                encryption=encryption,
                actor=actor,
                now=now,
            )
    except DatabaseUnavailableError as error:
        raise _unreachable(error) from None
    return settings


def check(settings: Settings, *, now: datetime) -> None:
    """Refuse what a worker could not serve with; changes nothing."""
    if settings.uses_sqlite:
        _check_writable(settings.data_dir, "SIGNET_DATA_DIR")
    if not settings.secret_key:
        raise SettingsError("SIGNET_SECRET_KEY", "missing: run flask prepare")
    try:
        if not is_schema_current():
            raise SettingsError(
                "SIGNET_DATABASE_URL", "the tables are of another version: run flask prepare"
            )
        if not settings.key_encryption_keys:
            raise SettingsError(_KEKS, "missing: run flask prepare")
        _check_keys_open(KeyEncryption(settings.key_encryption_keys), now=now)
        with read() as session:
            if not load_signing_key_rows(session):
                raise SettingsError("SIGNET_DATABASE_URL", "no signing key: run flask prepare")
    except DatabaseUnavailableError as error:
        raise _unreachable(error) from None


def _make_key_files(settings: Settings) -> Settings:
    keys = settings.key_encryption_keys
    if not (keys and settings.secret_key):
        _make_folder(settings.secrets_dir, "SIGNET_SECRETS_DIR")
    if not keys:
        with read() as session:
            if load_signing_key_rows(session):
                raise SettingsError(
                    _KEKS, "missing, and the database holds keys encrypted under it: bring it back"
                )
        key = KeyEncryptionKey(f"k{secrets.token_hex(4)}", secrets.token_bytes(32))
        line = f"{key.kek_id}:{base64.b64encode(key.key).decode()}\n"
        _write_private_file(settings.key_encryption_keys_file, line)
        keys = (key,)
    secret_key = settings.secret_key
    if not secret_key:
        secret_key = secrets.token_urlsafe(32)
        _write_private_file(settings.secret_key_file, secret_key + "\n")
    return replace(settings, key_encryption_keys=keys, secret_key=secret_key)


def _check_keys_open(encryption: KeyEncryption, *, now: datetime) -> None:
    try:
        with read() as session:
            load_private_key_ring(session, encryption, now=now)
    except KeyEncryptionError as error:
        raise SettingsError(_KEKS, str(error)) from None


def _make_folder(folder: Path, variable: str) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(variable, f"cannot make {folder}: {error.strerror}") from None
    _check_writable(folder, variable)


def _check_writable(folder: Path, variable: str) -> None:
    if not folder.is_dir():
        raise SettingsError(variable, f"{folder} is missing: run flask prepare")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SettingsError(variable, f"cannot write to {folder}")


def _make_database_file(path: Path) -> None:
    # By SQLite's own hand it would be open to whom the umask lets in; its log takes after it.
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    except OSError as error:
        raise SettingsError("SIGNET_DATABASE_URL", f"{path}: {error.strerror}") from None


def _write_private_file(path: Path, text: str) -> None:
    # Renamed when it is whole: whatever stops this half way leaves no half of a key behind.
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        unfinished.rename(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise SettingsError("SIGNET_SECRETS_DIR", f"{path}: {error.strerror}") from None


def _sync_folder(folder: Path) -> None:
    # Rows are about to be encrypted under a key: its name must be on the disk before them.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unreachable(error: DatabaseUnavailableError) -> SettingsError:
    return SettingsError("SIGNET_DATABASE_URL", f"the database cannot be used ({error})")
