"""Panels that show SQL results. Each has a column or a series with the age of its data."""

from __future__ import annotations

from grafana_foundation_sdk.builders import stat as build_stat
from grafana_foundation_sdk.builders import table as build_table
from grafana_foundation_sdk.builders import timeseries as build_lines
from grafana_foundation_sdk.models import dashboard

from grafana.source import looks
from grafana.source.descriptions import of_views
from grafana.source.freshness import AGE, AGE_REF, Streams, looks_like_state
from grafana.source.panels import big, graph
from grafana.source.queries import POSTGRES, Sql
from grafana.source.tables import Column, grid, looks_of

_DASH = dashboard.DynamicConfigValue("noValue", looks.NOTHING)


def report(
    title: str,
    meaning: str,
    statement: str,
    *columns: Column,
    links: looks.Links = (),
    sort: str = "",
    empty: str = "",
) -> build_table.Panel:
    """Rows of a statement. ``columns``: how those look that are not plain, by title alone.

    One column of the statement says of when the row is, or up to when it is known to be complete.
    ``empty``: what it means that there is no row; a null is a dash then.
    """
    query = Sql(statement)
    panel = grid(title, sort=sort).datasource(POSTGRES).links(list(links))
    panel.description(of_views(meaning, [query.statement])).targets([query])
    if empty:
        panel.no_value(empty).override_by_regexp("/.*/", [_DASH])
    for column in columns:
        panel.override_by_name(column.title, looks_of(column, dashes=bool(empty)))
    return panel


def history(
    title: str,
    meaning: str,
    statement: str,
    *,
    stream: str,
    unit: str,
    decimals: int | None = None,
    bars: bool = False,
    mixed: bool = False,
    age: str = "",
) -> build_lines.Panel:
    """A time series of a statement, with how far behind ``stream`` is in Postgres.

    ``age``: the statement that tells it, if another one than ``stream`` has.
    """
    query = Sql(statement, time_series=True)
    behind = Sql(age or f"age_of_{stream}", AGE_REF, time_series=True)
    panel = graph(
        title, unit, Streams(stream).calm_s, decimals=decimals, bars=bars, mixed=mixed
    ).datasource(POSTGRES)
    panel.description(of_views(meaning, [query.statement, behind.statement]))
    return panel.targets([behind, query])


def figures(
    title: str, meaning: str, statement: str, *columns: Column, links: looks.Links = ()
) -> build_stat.Panel:
    """One row of a statement as big values, words among them; null is a dash.

    Its column `age` is how old they are, in seconds.
    """
    query = Sql(statement)
    panel = big(title, looks.COUNT, fields="/.*/").datasource(POSTGRES)
    panel.links(list(links)).override_by_regexp("/.*/", [_DASH])
    panel.description(of_views(meaning, [query.statement])).targets([query])
    for column in columns:
        panel.override_by_name(column.title, looks_of(column, in_table=False))
    return panel.override_by_name(AGE, looks_like_state(looks.PLAIN))
