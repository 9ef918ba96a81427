"""The accounts: one token, a list in one variable, or ``[[accounts]]`` in the TOML file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from exporter.settings.raw import RawSetting, RawSettings, Setting
from exporter.settings.secret import Secret, read_secret
from exporter.settings.values import stream_names

_TOKEN = Setting(
    name="ONETRADING_API_TOKEN",
    help="bearer token of the single account; without one, public streams only",
    group="exchange",
    secret=True,
    replaces=("ONETRADING_API_TOKEN_FILE", "ONETRADING_ACCOUNTS"),
)
_TOKEN_FILE = Setting(
    name="ONETRADING_API_TOKEN_FILE",
    metavar="FILE",
    help="file with the token; read again when it changes",
    group="exchange",
    replaces=("ONETRADING_API_TOKEN", "ONETRADING_ACCOUNTS"),
)
_NAME = Setting(
    name="ONETRADING_ACCOUNT",
    metavar="NAME",
    help="name of the single account, a metric label",
    group="exchange",
    option="--account-name",
    default="main",
)
_SEVERAL = Setting(
    name="ONETRADING_ACCOUNTS",
    help="several accounts: `name=token_file,name=token_file`; `[[accounts]]` in TOML",
    group="exchange",
    secret=True,
    # A name alone replaces nothing: it would leave the file's accounts without any token.
    replaces=("ONETRADING_API_TOKEN", "ONETRADING_API_TOKEN_FILE", "ONETRADING_ACCOUNT"),
    tables=True,
)
SETTINGS = (_TOKEN, _TOKEN_FILE, _NAME, _SEVERAL)

_VALID_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_RESERVED = "public"
_TEXTS = ("name", "token", "token_file")
_STREAMS = "streams"
_KEYS = (*_TEXTS, _STREAMS)


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """One account of the exchange: the name on its metrics, and its bearer token."""

    name: str
    token: Secret
    streams: frozenset[str] | None = None
    """Only these are read of it, as far as they are enabled at all; None: all that are."""

    def same_as(self, other: AccountSettings) -> bool:
        """Whether the same was written. What is in a token file may have changed meanwhile."""
        return (
            self.name == other.name
            and self.streams == other.streams
            and self.token.same_as(other.token)
        )


def read(raw: RawSettings) -> tuple[AccountSettings, ...]:
    """The accounts in the order written; what is wrong goes to ``raw.faults``."""
    several = raw.values.get(_SEVERAL.name)
    if several is None:
        accounts = tuple(_single(raw))
    elif several.tables is None:
        accounts = tuple(_from_list(several, raw.faults))
    else:
        accounts = tuple(_from_tables(several, several.tables, raw))
    _check_unique(accounts, raw.faults)
    return accounts


def in_file(raw: RawSettings) -> bool:
    """Whether a token stands in the TOML file itself."""
    token, several = raw.values.get(_TOKEN.name), raw.values.get(_SEVERAL.name)
    tables = (several and several.tables) or ()
    return (token is not None and token.in_file) or any(
        isinstance(table, dict) and "token" in table for table in tables
    )


def redacted(accounts: Iterable[AccountSettings]) -> Mapping[str, str]:
    """By environment variable, as text that may be logged."""
    shown = ",".join(
        f"{account.name}={account.token.path or '***'}"
        + ("" if account.streams is None else f" ({', '.join(sorted(account.streams))})")
        for account in accounts
    )
    return {_SEVERAL.name: shown or "none"}


def _single(raw: RawSettings) -> Iterator[AccountSettings]:
    # A bad name is reported even without a token, not on the day when somebody adds one.
    name = raw.values.get(_NAME.name)
    valid = name is None or _is_valid_name(name.text, name.shown(), raw.faults)
    token, file = raw.values.get(_TOKEN.name), raw.values.get(_TOKEN_FILE.name)
    given = token or file
    if given is not None:
        secret = read_secret(given, raw.faults, in_file=given is file)
        if valid and secret:
            yield AccountSettings(name.text if name else _NAME.default, secret)


def _from_list(given: RawSetting, faults: list[str]) -> Iterator[AccountSettings]:
    """Read ``name=token_file,name=token_file``; no part of it is shown unless it is a path."""
    for number, item in enumerate(given.text.split(","), start=1):
        name, _, path = (part.strip() for part in item.partition("="))
        account = replace(given, text=path, label=f"{given.label}, account {number}")
        if not path:
            faults.append(
                f"{account.label}: not of the form name=token_file; write for example"
                " main=/run/main.token"
            )
        elif _is_valid_name(name, account.label, faults):
            token = read_secret(account, faults, in_file=True)
            if token:
                yield AccountSettings(name, token)


def _from_tables(
    given: RawSetting, tables: list[object], raw: RawSettings
) -> Iterator[AccountSettings]:
    for number, table in enumerate(tables, start=1):
        label = f"{given.label}, account {number}"
        account = _from_table(table, replace(given, label=label), raw)
        if account:
            yield account


def _from_table(table: object, given: RawSetting, raw: RawSettings) -> AccountSettings | None:
    label, faults = given.label, raw.faults
    if not isinstance(table, dict) or not all(
        isinstance(value, str) for key, value in table.items() if key != _STREAMS
    ):
        faults.append(f"{label}: not a table of texts; write [[accounts]] with name and token_file")
        return None
    unknown = sorted(set(table) - set(_KEYS))
    faults += [f"{label}: {key} is unknown; write one of: {', '.join(_KEYS)}" for key in unknown]
    name, text, path = (str(table.get(key, "")).strip() for key in _TEXTS)
    streams = _chosen_streams(table.get(_STREAMS), label, raw)
    if bool(text) == bool(path):
        faults.append(f"{label}: needs either token_file or token; write exactly one")
        return None
    token = read_secret(replace(given, text=path or text), faults, in_file=bool(path))
    valid = _is_valid_name(name, label, faults)
    return AccountSettings(name, token, streams) if valid and token and not unknown else None


def _chosen_streams(given: object, label: str, raw: RawSettings) -> frozenset[str] | None:
    """What ``streams`` of an account says: a list of names, or a text with commas between them."""
    if given is None:
        return None
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raw.faults.append(
            f'{label}: streams is not a list of names; write for example ["balances", "trades"]'
        )
        return None
    try:
        names = stream_names(",".join(texts), raw.stream_names)
    except ValueError as error:
        raw.faults.append(f"{label}: streams {error}")
        return None
    for name in sorted(names.intersection(raw.public_streams)):
        raw.faults.append(
            f"{label}: streams names {name}, which is public and read for no account; leave it out"
        )
    return names


def _is_valid_name(name: str, label: str, faults: list[str]) -> bool:
    if not _VALID_NAME.fullmatch(name):
        faults.append(
            f"{label}: not a valid account name; use 1 to 64 letters, digits and _ . - only"
        )
    elif name == _RESERVED:
        faults.append(f"{label}: the name {_RESERVED} means public streams; choose another")
    else:
        return True
    return False


def _check_unique(accounts: Iterable[AccountSettings], faults: list[str]) -> None:
    names: set[str] = set()
    owners: dict[str, str] = {}
    for account in accounts:
        if account.name in names:
            faults.append(f"two accounts are named {account.name}; give each its own name")
        names.add(account.name)
        other = owners.setdefault(account.token.get(), account.name)
        if other != account.name:
            faults.append(
                f"the accounts {other} and {account.name} have the same token, and the token"
                " decides which account is read; give each its own"
            )
