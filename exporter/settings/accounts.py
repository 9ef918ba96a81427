"""The accounts: one token, a list in one variable, or ``[[accounts]]`` in the TOML file."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from exporter.settings.model import AccountSettings
from exporter.settings.secret import Secret
from exporter.settings.sources import RawSetting, RawSettings
from exporter.settings.table import DEFAULT_ACCOUNT

Check = Callable[[str], object] | None

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_RESERVED = "public"


def accounts(sources: RawSettings) -> tuple[AccountSettings, ...]:
    """Build the accounts in the order written; what is wrong goes to ``sources.faults``."""
    several = sources.values.get("ONETRADING_ACCOUNTS")
    token = sources.values.get("ONETRADING_API_TOKEN")
    token_file = sources.values.get("ONETRADING_API_TOKEN_FILE")
    if _contradictory(sources):
        return ()
    if several:
        built = _from_list(several, sources.faults)
    elif sources.account_tables is not None:
        built = _from_tables(sources.account_tables, sources)
    elif token or token_file:
        built = [_single(sources, token or token_file)]
    else:
        _check_unused_name(sources)
        return ()
    found = [account for account in built if account is not None]
    _check_unique(found, sources.faults)
    return tuple(found)


def _contradictory(sources: RawSettings) -> bool:
    single = ("ONETRADING_API_TOKEN", "ONETRADING_API_TOKEN_FILE", "ONETRADING_ACCOUNT")
    clashes = [sources.both(single[0], single[1])]
    clashes += [sources.both(name, "ONETRADING_ACCOUNTS") for name in single]
    if sources.account_tables is not None:
        for given in (sources.values[name] for name in single if name in sources.values):
            sources.faults.append(
                f"{given.label} and [[accounts]] (in {sources.config}) are both set;"
                " remove one of them"
            )
            clashes.append(True)
    return any(clashes)


def _check_unused_name(sources: RawSettings) -> None:
    # A bad name is reported now, not on the day when somebody adds the token.
    given = sources.values.get("ONETRADING_ACCOUNT")
    if given:
        _checked_name(given.text, given.shown(), sources.faults)


def _single(sources: RawSettings, given: RawSetting | None) -> AccountSettings | None:
    name = sources.values.get("ONETRADING_ACCOUNT")
    text = name.text if name else DEFAULT_ACCOUNT
    label = name.shown() if name else "the account's name"
    good = _checked_name(text, label, sources.faults)
    token = secret(given, sources.faults) if given else None
    return AccountSettings(text, token) if good and token else None


def _from_list(given: RawSetting, faults: list[str]) -> list[AccountSettings | None]:
    """Read ``name=token_file,name=token_file``; no part of it is shown unless it is a path."""
    built: list[AccountSettings | None] = []
    for number, item in enumerate(given.text.split(","), start=1):
        name, equals, path = (part.strip() for part in item.partition("="))
        label = f"{given.label}, account {number}"
        if not equals or not path:
            faults.append(f"{label} is no name=token_file; write for example main=/run/main.token")
        elif _checked_name(name, label, faults):
            token = _file_secret(path, label, given.base, faults)
            built.append(AccountSettings(name, token) if token else None)
    return built


def _from_tables(tables: list[object], sources: RawSettings) -> list[AccountSettings | None]:
    built = []
    for number, table in enumerate(tables, start=1):
        label = f"[[accounts]] number {number} (in {sources.config})"
        built.append(_from_table(table, label, sources))
    return built


def _from_table(table: object, label: str, sources: RawSettings) -> AccountSettings | None:
    faults, keys = sources.faults, ("name", "token", "token_file")
    if not isinstance(table, dict) or not all(isinstance(value, str) for value in table.values()):
        faults.append(f"{label} is no table of texts; write [[accounts]] with name and token_file")
        return None
    unknown = sorted(set(table) - set(keys))
    faults += [f"{label}: {key} is unknown; write one of: {', '.join(keys)}" for key in unknown]
    name, text, path = (str(table.get(key, "")).strip() for key in keys)
    if bool(text) == bool(path):
        faults.append(f"{label} needs either token_file or token; write exactly one")
        return None
    base = sources.config.parent if sources.config else Path()
    token = _file_secret(path, label, base, faults) if path else _literal(text, label, faults)
    good = _checked_name(name, label, faults)
    return AccountSettings(name, token) if good and token and not unknown else None


def _checked_name(name: str, label: str, faults: list[str]) -> bool:
    if not _NAME.fullmatch(name):
        faults.append(f"{label}: no account name; use 1 to 64 letters, digits and _ . - only")
    elif name == _RESERVED:
        faults.append(f"{label}: the name {_RESERVED} means public streams; choose another")
    else:
        return True
    return False


def _check_unique(found: list[AccountSettings], faults: list[str]) -> None:
    names: set[str] = set()
    owners: dict[str, str] = {}
    for account in found:
        if account.name in names:
            faults.append(f"two accounts are named {account.name}; give each a name of its own")
        names.add(account.name)
        other = owners.setdefault(account.token.get(), account.name)
        if other != account.name:
            faults.append(
                f"the accounts {other} and {account.name} have the same token, and the token"
                " decides which account is read; give each its own"
            )


def secret(given: RawSetting, faults: list[str], check: Check = None) -> Secret | None:
    """Build the secret that a variable holds, or that its ``_FILE`` twin names."""
    if given.name.endswith("_FILE"):
        return _file_secret(given.text, given.label, given.base, faults, check)
    return _literal(given.text, given.label, faults, check)


def _literal(text: str, label: str, faults: list[str], check: Check = None) -> Secret | None:
    try:
        return Secret(text, check=check)
    except ValueError as error:
        faults.append(f"{label}: the secret (not shown) {error}")
        return None


def _file_secret(
    text: str, label: str, base: Path, faults: list[str], check: Check = None
) -> Secret | None:
    """Build a secret that lives in the file ``text``, seen from the directory ``base``."""
    path = base / Path(text).expanduser()
    # Somebody may have written the secret itself where its file's name belongs.
    shown = str(path) if text.startswith(("/", "./", "../", "~")) else "(name not shown)"
    try:
        return Secret(path=path, check=check)
    except OSError as error:
        faults.append(
            f"{label}: the file {shown} cannot be read: {error.strerror};"
            " create it or correct its path"
        )
    except ValueError as error:
        faults.append(f"{label}: the file {shown} {error}")
    return None
