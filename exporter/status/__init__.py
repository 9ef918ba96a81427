"""How the service stands: one report, which `/` shows to people and `/api/status` gives as JSON.

Read `report` for what it says, `build` for where that comes from, `findings` for what counts as
wrong, `segments` for coverage, `coverage_cache` for what is asked of Postgres, and how rarely.
"""

from exporter.status.build import AccountReports, Reporter, StreamReports
from exporter.status.report import Report, to_json

__all__ = ["AccountReports", "Report", "Reporter", "StreamReports", "to_json"]
