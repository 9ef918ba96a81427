"""Settings of the exporter that views depend on, kept in the database."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from exporter.model.errors import SchemaError
from exporter.store.database import Connection
from exporter.store.queries import QUERIES

_log = logging.getLogger(__name__)


def note(connection: Connection, settings: Mapping[str, str]) -> None:
    """Record what is set; what is not set stays as it is.

    A process that sets nothing (a command in a shell) must not change what the service has set.
    Raises SchemaError for a time zone that this Postgres does not know.
    """
    zone = settings.get("business_zone")
    if zone is not None:
        known = connection.execute(QUERIES["known_zone"], {"zone": zone}).fetchone()
        if known is None:
            raise SchemaError(
                f"ONETRADING_BUSINESS_ZONE: {zone} is no time zone that this Postgres knows: its"
                " pg_timezone_names lists those that there are"
            )
    for name, value in settings.items():
        before = connection.execute(QUERIES["report_setting"], {"name": name}).fetchone()
        if before is None or before[0] != value:
            connection.execute(QUERIES["set_report_setting"], {"name": name, "value": value})
            _log.info(
                "reports now use %s = %s (before: %s)", name, value, before[0] if before else "none"
            )


def business_zone(connection: Connection) -> str:
    """The time zone of days and months where none is asked for."""
    row = connection.execute(QUERIES["business_zone"]).fetchone()
    return str(row[0]) if row else "UTC"
