"""The close of a month: what its checks say, the lock on its figures, and taking the lock off.

`reporting.month_close` alone judges; here its verdict is read, noted, and asked before a month is
locked. Each function runs in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from exporter.model.errors import ChecksFailing, CloseRefused, SettingsError
from exporter.store.database import Connection
from exporter.store.queries import QUERIES


class Lock(NamedTuple):
    """A month that was locked."""

    month: date
    zone: str
    closed_at: datetime
    rows: int
    checksum: str
    """SHA-256 of the stored rows, as hexadecimal digits."""


class Locked(NamedTuple):
    """A lock that is in force."""

    close_id: int
    month: date
    closed_at: datetime


class Months(NamedTuple):
    """How far the months are from being closed, by account name."""

    differences: dict[tuple[str, str, str], Decimal]
    """By account, check, and month with currency (`2026-10 EUR`), when it was last asked."""
    unclosed: dict[str, datetime]
    """The end of the oldest month that is over and cannot be closed."""
    late: dict[str, int]
    """Facts that became known after their month was locked."""


def zone_of(connection: Connection, asked: str | None) -> str:
    """The time zone as reports write it; the business zone when none is asked for.

    Raises SettingsError for an unknown one.
    """
    try:
        row = connection.execute(QUERIES["zone_of_reports"], {"zone": asked}).fetchone()
    except psycopg.errors.InvalidParameterValue as error:
        hint = error.diag.message_hint or ""
        raise SettingsError([f"--zone {asked}: {error.diag.message_primary}. {hint}"]) from error
    return str(row[0]) if row else "UTC"


def checks(connection: Connection, zone: str, month: date) -> list[dict[str, Any]]:
    """What `reporting.month_close` says of a month, by column."""
    with connection.cursor(row_factory=dict_row) as cursor:
        parameters = {"zone": zone, "month": month}
        return cursor.execute(QUERIES["checks_of_month"], parameters).fetchall()


def judged_months(connection: Connection, zone: str) -> list[date]:
    """The months that `reporting.month_close` has, the oldest first."""
    return [row[0] for row in connection.execute(QUERIES["months_of_checks"], {"zone": zone})]


def due_months(connection: Connection, zone: str) -> list[date]:
    """The months that are due to be judged again, the newest first."""
    return [row[0] for row in connection.execute(QUERIES["months_to_judge"], {"zone": zone})]


def judge(connection: Connection, zone: str, month: date) -> list[dict[str, Any]]:
    """Ask every check of a month, and note what it says and since when it fails."""
    found = checks(connection, zone, month)
    with connection.cursor() as cursor:
        cursor.executemany(QUERIES["judge_month"], found)
    connection.execute(QUERIES["forget_judgements"], {"zone": zone, "month": month})
    return found


def months(connection: Connection) -> Months:
    """How far the months are from being closed, as their checks said when they were last asked."""
    found = connection.execute(QUERIES["reconciliation"])
    differences = {(account, check, key): off for account, check, key, off in found}
    return Months(
        differences,
        dict(connection.execute(QUERIES["unclosed"]).fetchall()),
        dict(connection.execute(QUERIES["late_in_locked"]).fetchall()),
    )


def close(
    connection: Connection,
    month: date,
    zone: str,
    *,
    version: str,
    acknowledged: Mapping[str, str],
) -> Lock:
    """Lock the figures of a month of all accounts.

    ``acknowledged``: the checks that may fail, of all accounts or of one (``main/positions``), with
    the reason why that is accepted.

    Raises CloseRefused when the month is not over, is locked, or does not follow the newest lock,
    and ChecksFailing.
    """
    connection.execute(QUERIES["one_close_at_a_time"])
    starts_at, ends_at, to_at = _due(connection, month, zone)
    _check_order(month, zone, locks(connection, zone))
    place = {"month": month, "zone": zone, "starts_at": starts_at, "ends_at": ends_at}
    connection.execute(QUERIES["carry_month"], place)
    row = connection.execute(QUERIES["begin_close"]).fetchone()
    close_id, unseen_from = row or (0, None)
    _check_verdict(connection, month, zone, acknowledged)
    if "instruments" not in acknowledged:
        _check_instruments(connection, month, place)
    place |= {"close_id": close_id, "unseen_from": unseen_from, "to_at": to_at, "version": version}
    place["acknowledged"] = Jsonb(dict(acknowledged))
    connection.execute(QUERIES["store_reports"], place)
    stored = connection.execute(QUERIES["finish_close"], place).fetchone()
    connection.execute(QUERIES["lock_carried"], place)
    closed_at, rows, checksum = stored or (None, 0, "")
    return Lock(month, zone, closed_at, rows, checksum)


def locks(connection: Connection, zone: str) -> list[Locked]:
    """The locks of a zone that are in force, the newest month first."""
    found = connection.execute(QUERIES["locks_in_force"], {"zone": zone})
    return [Locked._make(row) for row in found]


def reopen(connection: Connection, month: date, zone: str, reason: str) -> None:
    """Take the newest lock off. What was locked is kept, marked as reopened.

    Raises CloseRefused when the month is not the newest that is locked.
    """
    connection.execute(QUERIES["one_close_at_a_time"])
    found = locks(connection, zone)
    if not any(lock.month == month for lock in found):
        named = ", ".join(f"{lock.month:%Y-%m}" for lock in found[:3]) or "none"
        raise CloseRefused(f"{month:%Y-%m} ({zone}) is not locked; locked, newest first: {named}")
    newest = found[0]
    if newest.month != month:
        raise CloseRefused(
            f"{month:%Y-%m} ({zone}) is not the newest lock: later months stand on it;"
            f" reopen {newest.month:%Y-%m} first"
        )
    place = {"close_id": newest.close_id, "reason": reason, "zone": zone, "month": month}
    for name in ("hand_over_carried", "unlock_carried", "reopen", "unjudge"):
        connection.execute(QUERIES[name], place)


def _due(connection: Connection, month: date, zone: str) -> tuple[datetime, datetime, datetime]:
    parameters = {"month": month, "zone": zone}
    row = connection.execute(QUERIES["month_in_zone"], parameters).fetchone()
    if row is None or not row[3]:
        both = "" if zone == "UTC" else f" {zone} and in"
        raise CloseRefused(
            f"{month:%Y-%m} is not over, in{both} UTC (in which the monthly views of fees, funding"
            " and turnover are)"
        )
    starts_at, ends_at, to_at, _ = row
    return starts_at, ends_at, to_at


def _check_instruments(connection: Connection, month: date, place: Mapping[str, Any]) -> None:
    """Their trades would never get into the locked pools."""
    found = connection.execute(QUERIES["unknown_instruments"], place)
    if codes := ", ".join(code for (code,) in found):
        raise CloseRefused(
            f"trades before the end of {month:%Y-%m} are of unknown instruments ({codes}): no pool"
            " has them. Wait until they are listed, or close with"
            " --acknowledge instruments=REASON"
        )


def _check_order(month: date, zone: str, found: list[Locked]) -> None:
    """Months are locked one after the other: each begins with what the one before ended with."""
    if not found:
        return
    newest = found[0].month
    following = date(newest.year + newest.month // 12, newest.month % 12 + 1, 1)
    if month <= newest:
        locked = any(lock.month == month for lock in found)
        raise CloseRefused(
            f"{month:%Y-%m} ({zone}) is locked already; reopen takes the lock off"
            if locked
            else f"{month:%Y-%m} ({zone}) lies before the newest lock, {newest:%Y-%m}, which stands"
            " on it; reopen the later months first"
        )
    if month != following:
        raise CloseRefused(
            f"the newest lock ({zone}) is {newest:%Y-%m}: close {following:%Y-%m} first"
        )


def _check_verdict(
    connection: Connection, month: date, zone: str, acknowledged: Mapping[str, str]
) -> None:
    found = checks(connection, zone, month)
    if not found:
        raise CloseRefused(f"nothing is known of {month:%Y-%m}: reporting.months lists what is")
    known = {name for check in found for name in _names(check)}
    if unknown := sorted(set(acknowledged) - known):
        named = ", ".join(sorted({check["check_name"] for check in found}))
        raise SettingsError(
            [
                f"--acknowledge {name} is no check of the month; write one of: {named}; or of one"
                " account: ACCOUNT/CHECK"
                for name in unknown
            ]
        )
    failing = [
        check
        for check in found
        if check["state"] in ("failing", "open") and not _names(check) & set(acknowledged)
    ]
    if failing:
        names = ", ".join(
            sorted({f"{check['account']} {check['check_name']}" for check in failing})
        )
        raise ChecksFailing(f"{month:%Y-%m} ({zone}) is not complete: {names}", failing)


def _names(check: Mapping[str, Any]) -> set[str]:
    """The names under which a check of an account can be acknowledged."""
    return {check["check_name"], f"{check['account']}/{check['check_name']}"}
