"""The state of the service: one report, shown to people at `/` and as JSON at `/api/status`.

Read `report` for its contents, `build` for where they come from, `findings` for what counts as a
problem, `segments` for the timelines of coverage, `coverage_cache` for what is read from Postgres,
and how rarely, `page` for the HTML.
"""

from exporter.status.build import AccountReports, Reporter, StreamReports
from exporter.status.report import Report, to_json

__all__ = ["AccountReports", "Report", "Reporter", "StreamReports", "to_json"]
