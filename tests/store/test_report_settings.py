"""Settings that reports depend on: recorded where set, left alone where not."""

import psycopg
import pytest

from exporter.model.errors import SchemaError
from exporter.store import report_settings


def test_what_is_set_is_recorded_and_what_is_not_set_stays(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        assert report_settings.business_zone(connection) == "UTC"
        report_settings.note(connection, {"business_zone": "Europe/Vienna"})
        report_settings.note(connection, {"api_taker_ratio_spot": "0.001"})
        assert report_settings.business_zone(connection) == "Europe/Vienna"
        report_settings.note(connection, {})
        report_settings.note(connection, {"business_zone": "UTC"})
        stored = connection.execute("SELECT name, value FROM onetrading_sync.settings").fetchall()
    assert dict(stored) == {"business_zone": "UTC", "api_taker_ratio_spot": "0.001"}


def test_an_unchanged_setting_writes_nothing(database_url: str) -> None:
    query = "SELECT xmin::text, ctid::text FROM onetrading_sync.settings"
    with psycopg.connect(database_url) as connection:
        report_settings.note(connection, {"business_zone": "Europe/Vienna"})
        connection.commit()
        before = connection.execute(query).fetchall()
        report_settings.note(connection, {"business_zone": "Europe/Vienna"})
        connection.commit()
        assert connection.execute(query).fetchall() == before


def test_a_zone_that_postgres_does_not_know_is_refused(database_url: str) -> None:
    with psycopg.connect(database_url) as connection, pytest.raises(SchemaError, match="Mars/Base"):
        report_settings.note(connection, {"business_zone": "Mars/Base"})


def test_months_are_those_of_the_business_zone(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO onetrading.accounts (account_id, name) VALUES"
            " ('11111111-1111-1111-1111-111111111111', 'main')"
        )
        connection.execute(
            "INSERT INTO onetrading.external_movements"
            " (account_id, reference, moved_at, currency_code, amount, kind) VALUES"
            " ('11111111-1111-1111-1111-111111111111', 'a', '2026-02-28 23:30Z', 'EUR', 1, 'other')"
        )
        query = (
            "SELECT month::text, to_char(starts_at AT TIME ZONE 'UTC', 'MM-DD HH24:MI')"
            " FROM reporting.months{} ORDER BY month LIMIT 2"
        )
        utc = connection.execute(query.format("")).fetchall()
        assert utc == [("2026-02-01", "02-01 00:00"), ("2026-03-01", "03-01 00:00")]
        vienna = connection.execute(query.format("('europe/vienna')")).fetchall()
        assert vienna == [("2026-03-01", "02-28 23:00"), ("2026-04-01", "03-31 22:00")]
        report_settings.note(connection, {"business_zone": "Europe/Vienna"})
        assert connection.execute(query.format("")).fetchall() == vienna
        connection.execute("CREATE ROLE months_reader; GRANT onetrading_reader TO months_reader")
        connection.execute("SET ROLE months_reader")
        assert connection.execute(query.format("('Europe/Vienna')")).fetchall() == vienna
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="Europe/Viena"):
            connection.execute(query.format("('Europe/Viena')"))
        connection.rollback()
