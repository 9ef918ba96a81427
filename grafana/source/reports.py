"""Panels that show SQL results. Each has a column or a series with the age of its data."""

from __future__ import annotations

from grafana_foundation_sdk.builders import common as build_common
from grafana_foundation_sdk.builders import stat as build_stat
from grafana_foundation_sdk.builders import table as build_table
from grafana_foundation_sdk.builders import timeseries as build_lines

from grafana.source import looks
from grafana.source.descriptions import of_views
from grafana.source.freshness import AGE, AGE_REF, Streams, looks_like_state
from grafana.source.panels import big, graph
from grafana.source.queries import POSTGRES, Sql
from grafana.source.tables import Column, grid, looks_of


def report(
    title: str,
    meaning: str,
    statement: str,
    *columns: Column,
    links: looks.Links = (),
    sort: str = "",
) -> build_table.Panel:
    """Rows of a statement. ``columns``: how those look that are not plain, by title alone.

    One column of the statement says of when the row is, or up to when it is known to be complete.
    """
    query = Sql(statement)
    panel = grid(title, sort=sort).datasource(POSTGRES).links(list(links))
    panel.description(of_views(meaning, [query.statement])).targets([query])
    for column in columns:
        panel.override_by_name(column.title, looks_of(column))
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
) -> build_lines.Panel:
    """A time series of a statement, with how far behind ``stream`` is in Postgres."""
    query = Sql(statement, time_series=True)
    age = Sql(f"age_of_{stream}", AGE_REF, time_series=True)
    panel = graph(
        title, unit, Streams(stream).calm_s, decimals=decimals, bars=bars, mixed=mixed
    ).datasource(POSTGRES)
    panel.description(of_views(meaning, [query.statement, age.statement]))
    return panel.targets([age, query])


def figures(
    title: str, meaning: str, statement: str, *columns: Column, links: looks.Links = ()
) -> build_stat.Panel:
    """One row of a statement as big values; its column `age` is how old they are, in seconds."""
    query = Sql(statement)
    sizes = build_common.VizTextDisplayOptions().title_size(14).value_size(30)
    panel = big(title, looks.COUNT).text(sizes).datasource(POSTGRES).links(list(links))
    panel.description(of_views(meaning, [query.statement])).targets([query])
    for column in columns:
        panel.override_by_name(column.title, looks_of(column, in_table=False))
    return panel.override_by_name(AGE, looks_like_state(looks.PLAIN))
