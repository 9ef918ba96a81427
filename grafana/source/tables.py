"""Tables: of metrics, a row for each series, and what their columns look like."""

from __future__ import annotations

from collections.abc import Mapping
from string import ascii_uppercase
from typing import NamedTuple

from grafana_foundation_sdk.builders import common as build_common
from grafana_foundation_sdk.builders import table as build_table
from grafana_foundation_sdk.models import common, dashboard

from grafana.source import looks
from grafana.source.descriptions import of_metrics
from grafana.source.freshness import AGE_REF, Source
from grafana.source.queries import PROMETHEUS, cells

_WIDTHS = {looks.AGO: 140, looks.INSTANT: 160}
"""Pixels. What is too wide loses its first characters, and a negative number its sign."""


_LABEL_WIDTHS = {"stream": 145, "instrument": 125}
"""Pixels, of labels whose values are longer than an equal share."""


class Column(NamedTuple):
    """A column of numbers in a table of metrics."""

    title: str
    expression: str = ""
    """Every column of a table has the same labels; one may have more than the others."""
    unit: str = looks.COUNT
    decimals: int | None = None
    words: Mapping[str, tuple[str, str]] | None = None
    steps: tuple[str, looks.Steps] | None = None
    """Colors the number: the color below the first step, and the steps."""
    width: int | None = None
    """In pixels; None: what such values need, or an equal share of what is left."""
    long: bool = False
    """Whether a cell may be opened to read all of it."""


def table(
    title: str,
    meaning: str,
    source: Source,
    labels: Mapping[str, str],
    *columns: Column,
    links: looks.Links = (),
    sort: str = "",
) -> build_table.Panel:
    """A row for each series of the first column, as of now, with when it was read.

    ``labels``: label to column title, in order.
    """
    updated = source.updated(f"({columns[0].expression})", by_account="account" in labels)
    shown = [*columns, Column("updated", updated, looks.AGO)]
    refs = [*ascii_uppercase[: len(columns)], AGE_REF]
    panel = grid(title, sort=sort).datasource(PROMETHEUS).links(list(links))
    panel.description(of_metrics(meaning, (one.expression for one in columns), source.caption))
    panel.targets([cells(one.expression, ref) for ref, one in zip(refs, shown, strict=True)])
    values = {f"Value #{ref}": one.title for ref, one in zip(refs, shown, strict=True)}
    named = dict(labels) | values
    panel.with_transformation(dashboard.DataTransformerConfig(id_val="merge", options={}))
    panel.with_transformation(
        dashboard.DataTransformerConfig(
            id_val="organize",
            options={
                "excludeByName": {"Time": True},
                "indexByName": {name: place for place, name in enumerate(named)},
                "renameByName": named,
            },
        )
    )
    for label, name in labels.items():
        if label in _LABEL_WIDTHS:
            width = dashboard.DynamicConfigValue("custom.width", _LABEL_WIDTHS[label])
            panel.override_by_name(name, [width])
    for column in shown:
        panel.override_by_name(column.title, looks_of(column))
    return panel


def looks_of(
    column: Column, *, in_table: bool = True, dashes: bool = False
) -> list[dashboard.DynamicConfigValue]:
    """How the values of a column look. ``dashes``: a null is a dash."""
    of = dashboard.DynamicConfigValue
    found = [of("unit", column.unit)]
    if column.decimals is not None:
        found.append(of("decimals", column.decimals))
    mappings = [] if column.words is None else looks.words(column.words)
    if dashes and column.steps is not None:
        mappings.append(looks.nothing())
    if mappings:
        found.append(of("mappings", mappings))
    if in_table and (width := column.width or _WIDTHS.get(column.unit)):
        found.append(of("custom.width", width))
    if in_table and column.long:
        found.append(of("custom.inspect", True))
    if column.steps is not None:
        found.append(of("thresholds", looks.thresholds(column.steps[0], *column.steps[1]).build()))
    if in_table and (column.words is not None or column.steps is not None):
        found.append(of("custom.cellOptions", {"type": "color-text"}))
    return found


def grid(title: str, *, sort: str = "") -> build_table.Panel:
    """A table panel without queries. ``sort``: the title of a column, largest first."""
    panel = build_table.Panel().title(title).show_header(True).unit(looks.COUNT)
    panel.cell_height(common.TableCellHeight.SM).filterable(True).no_value("").min_width(95)
    panel.thresholds(looks.thresholds(looks.PLAIN))
    if sort:
        by = build_common.TableSortByFieldState().display_name(sort.removeprefix("-"))
        panel.sort_by([by.desc(sort.startswith("-"))])
    return panel
